package bitrix24

import (
	"slices"
	"time"
)

// The portal adds up the seconds that a method has run in the last ten minutes and blocks
// the method when the sum is over its limit. It shows the sum with each answer.
const (
	operatingWindow = 10 * time.Minute
	operatingLimit  = 480 * time.Second // in the cloud
	selfHostedLimit = 420 * time.Second
	// A call may not begin that is expected to cross this part of the limit.
	operatingShare = 0.97
)

// A ledger is our picture of the portal's sum for one method: what it showed last, and what of
// that will leave the window when. The portal counts by the minute and drops a whole minute
// ten minutes after the minute's first call, so what was added at one time never leaves
// later than ten minutes after it.
//
// All times of a ledger are by the portal's clock.
type ledger struct {
	spent []spending // oldest first
	// untold is what was probably spent after the portal counted the sum that it showed last.
	untold float64
	// cost is the expected seconds of one command.
	cost float64
}

// A spending is the seconds that one request took.
type spending struct {
	at      time.Time
	seconds float64
}

// expire forgets what has left the window by now.
func (l *ledger) expire(now time.Time) {
	l.spent = slices.DeleteFunc(l.spent, func(s spending) bool {
		return !now.Before(s.at.Add(operatingWindow))
	})
	if len(l.spent) == 0 {
		l.untold = 0
	}
}

func (l *ledger) used() float64 {
	sum := l.untold
	for _, s := range l.spent {
		sum += s.seconds
	}
	return sum
}

// add notes seconds spent at a time. Each request stands for itself: it is not known which
// of them share a minute of the portal's, and where they do it drops the later ones earlier
// than we think, which its next sum shows.
func (l *ledger) add(at time.Time, seconds float64) {
	l.spent = append(l.spent, spending{at, seconds})
}

// A report is what one answer says of a method.
type report struct {
	sum      float64 // the seconds in the window as the portal showed last, 0: not shown
	resetAt  time.Time
	at       time.Time // when the last of the commands ended, as far as it is known
	commands int
	estimate float64 // the seconds that the commands took
	after    float64 // those of them that ran behind the command that showed the sum
}

// endedBy is when the commands ended: by now, or earlier if that is known.
func (r report) endedBy(now time.Time) time.Time {
	if r.at.IsZero() || r.at.After(now) {
		return now
	}
	return r.at
}

// observe takes over a report that holds a sum.
func (l *ledger) observe(now time.Time, r report) {
	// The sum is of when the commands ran, which may be half a minute ago.
	at := r.endedBy(now)
	l.expire(at)
	before := l.used()
	l.untold = 0
	spent := r.sum - l.used()
	if spent >= 0 {
		l.add(at, spent)
	} else {
		l.forget(-spent)
	}
	if !r.resetAt.IsZero() && len(l.spent) > 0 {
		l.spent[0].at = r.resetAt.Add(-operatingWindow)
	}
	// A sum that has grown by all that the commands took holds also what ran behind.
	if r.sum-before < r.estimate*0.75 {
		l.untold = r.after
	}
	// A sum may hold what others have spent, and what we thought had left the window.
	if r.estimate > 0 {
		spent = min(spent, r.estimate)
	}
	l.cost = max(spent/float64(r.commands), l.cost/2)
}

// forget takes seconds off the oldest requests: the portal has dropped them earlier than we
// thought.
func (l *ledger) forget(seconds float64) {
	for seconds > 0 && len(l.spent) > 0 {
		if l.spent[0].seconds > seconds {
			l.spent[0].seconds -= seconds
			return
		}
		seconds -= l.spent[0].seconds
		l.spent = l.spent[1:]
	}
}

// roomAt is when so many more seconds fit under the limit: now, or a second after enough has
// left the window.
func (l *ledger) roomAt(now time.Time, seconds, limit float64) time.Time {
	l.expire(now)
	at, used := now, l.used()
	for _, s := range l.spent {
		if used+seconds <= limit {
			break
		}
		at, used = s.at.Add(operatingWindow+time.Second), used-s.seconds
	}
	return at
}

// resetAt is when the oldest request leaves the window; zero if nothing is known.
func (l *ledger) resetAt() time.Time {
	if len(l.spent) == 0 {
		return time.Time{}
	}
	return l.spent[0].at.Add(operatingWindow)
}

// ledgers holds one ledger for each method, and one for the name batch, under which some
// portals charge all that a batch does.
type ledgers struct {
	limit    float64 // seconds
	byMethod map[string]*ledger
}

func newLedgers(limits Limits) *ledgers {
	limit := operatingLimit
	if limits == Unlimited {
		limit = selfHostedLimit
	}
	return &ledgers{limit: limit.Seconds(), byMethod: map[string]*ledger{}}
}

func (ls *ledgers) of(method string) *ledger {
	l := ls.byMethod[method]
	if l == nil {
		l = &ledger{}
		ls.byMethod[method] = l
	}
	return l
}

// roomAt is when commands fit under the limits of all their methods and of batch.
func (ls *ledgers) roomAt(now time.Time, commands []Command) time.Time {
	count := map[string]int{batchMethod: len(commands)}
	for _, command := range commands {
		count[command.Method]++
	}
	at := now
	for method, n := range count {
		l := ls.of(method)
		if room := l.roomAt(now, float64(n)*l.cost, ls.limit*operatingShare); room.After(at) {
			at = room
		}
	}
	return at
}

// observe takes over what a batch's answer says about operating time. Portals differ in
// whom they charge, and this is right for each of them:
//
//   - each command is charged to its method, and shows the sum so far;
//   - everything is charged to batch, and each command shows the same sum;
//   - only the first command shows a sum, and the answer as a whole shows the same.
//
// Sums that are absent or zero mean nothing.
func (ls *ledgers) observe(now time.Time, commands []Command, answers []Answer, whole timing) {
	byMethod := map[string]*report{}
	total := report{commands: len(commands), resetAt: whole.resetAt()}
	var told, equal int // commands that showed a sum, and the same one as the first of them
	var first float64   // the first sum shown
	for i, command := range commands {
		r := byMethod[command.Method]
		if r == nil {
			r = &report{}
			byMethod[command.Method] = r
		}
		t := answers[i].timing
		if ended := t.endedAt(); ended.After(r.at) {
			r.at = ended
		}
		if r.at.After(total.at) {
			total.at = r.at
		}
		r.commands++
		r.estimate += t.Duration
		r.after += t.Duration
		total.estimate += t.Duration
		total.after += t.Duration
		if t.Operating == 0 {
			continue
		}
		r.sum, r.resetAt, r.after = max(r.sum, t.Operating), t.resetAt(), 0
		if told++; told == 1 {
			first, total.after = t.Operating, 0
		}
		if t.Operating == first {
			equal++
		}
		if total.resetAt.IsZero() {
			total.resetAt = t.resetAt()
		}
	}
	switch {
	case whole.Operating > 0:
		total.sum = whole.Operating
	case told > 1 && equal == told:
		total.sum = first
	}
	if told != 1 {
		total.after = 0
	}
	if told == 0 && total.sum == 0 {
		return // the portal keeps no such limit
	}
	for method, r := range byMethod {
		if r.sum > 0 {
			ls.of(method).observe(now, *r)
		} else {
			l := ls.of(method)
			l.add(r.endedBy(now), r.after)
			l.cost = max(r.estimate/float64(r.commands), l.cost/2)
		}
	}
	if total.sum > 0 {
		ls.of(batchMethod).observe(now, total)
	}
}

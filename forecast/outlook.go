package forecast

import (
	"cmp"
	"slices"
	"sort"

	"stagelag/transform"
)

// A Stay is visits to a stage that were entered on one date and left on one date.
type Stay struct {
	Entered transform.Day
	Left    transform.Day // NoDay while they are open
	Visits  int64
}

// A Move is where deals moved to from a stage.
type Move struct {
	From, To transform.StageKey
	IsClosed bool // To is a final stage
	// Visits are those that were left in each of the Periods.
	Visits [len(periods)]int64
}

// Periods are the first dates of the periods that the forecasts of an as-of date are computed from. They end on the day
// before it. The last one has all dates.
func Periods(asOf transform.Day) (first [len(periods)]transform.Day) {
	for i, period := range periods {
		first[i] = max(asOf-period, transform.FirstDay)
	}
	return first
}

// ModelAt is what is known of a stage when a date begins. It is what NewStage(visits).At(asOf) returns for the visits of
// the stays, without a walk over all dates.
func ModelAt(stays []Stay, asOf transform.Day) Model {
	h := newHistory(stays)
	m := h.modelAt(asOf)
	monday := lastMonday(asOf)
	for then := monday - recorded/7*7; then < monday; then += 7 {
		h.compare(&m.Record, then, monday)
	}
	return m
}

// A history is the stays of a stage.
type history struct {
	stays []Stay // by the date of leaving, open ones last
	dates []leaving
}

// A leaving is a date on which visits were left, and how many days the longest of them had lasted.
type leaving struct {
	date    transform.Day
	longest int32
}

func newHistory(stays []Stay) *history {
	h := &history{stays: slices.Clone(stays)}
	slices.SortFunc(h.stays, func(a, b Stay) int {
		return cmp.Or(cmp.Compare(leftOrLast(&a), leftOrLast(&b)), cmp.Compare(a.Entered, b.Entered))
	})
	n := 0
	for i := range h.stays {
		s := h.stays[i]
		if n > 0 && h.stays[n-1].Left == s.Left && h.stays[n-1].Entered == s.Entered {
			h.stays[n-1].Visits += s.Visits
			continue
		}
		h.stays[n] = s
		n++
		if s.Left != transform.NoDay && (len(h.dates) == 0 || h.dates[len(h.dates)-1].date != s.Left) {
			h.dates = append(h.dates, leaving{s.Left, int32(s.Left - s.Entered)}) // the first of a date is the longest
		}
	}
	h.stays = h.stays[:n]
	return h
}

// leftOrLast is the date of leaving, of an open visit one after all dates.
func leftOrLast(s *Stay) transform.Day {
	if s.Left == transform.NoDay {
		return transform.LastDay + 1
	}
	return s.Left
}

// since are the stays that were not over when a date began.
func (h *history) since(date transform.Day) []Stay {
	first := sort.Search(len(h.stays), func(i int) bool { return leftOrLast(&h.stays[i]) >= date })
	return h.stays[first:]
}

// modelAt is a model without a record.
func (h *history) modelAt(asOf transform.Day) Model {
	var tables [len(periods)]table
	for i, period := range periods {
		tables[i] = h.table(asOf-period, asOf)
	}
	return newModel(&tables, asOf, Record{})
}

// compare adds to a record the forecasts that a Monday would have had, by what was known on a later one.
func (h *history) compare(r *Record, then, monday transform.Day) {
	type made struct {
		pledge
		isMade bool
	}
	pledges := map[transform.Day]made{} // by the date of entry
	var m Model
	stays := h.since(then)
	for i := range stays {
		s := &stays[i]
		if s.Entered >= then {
			continue
		}
		if len(pledges) == 0 {
			m = h.modelAt(then)
		}
		p, isSeen := pledges[s.Entered]
		if !isSeen {
			p.pledge, p.isMade = m.pledge(s.Entered)
			pledges[s.Entered] = p
		}
		if p.isMade {
			r.add(&p.pledge, s.Left, s.Visits, monday)
		}
	}
}

// table is the life table of the dates from one to the day before another.
func (h *history) table(from, asOf transform.Day) table {
	var t table
	stays := h.since(from)
	for i := range stays {
		s := &stays[i]
		if s.Entered >= asOf {
			continue
		}
		last := asOf - 1
		isEnded := s.Left != transform.NoDay && s.Left < asOf
		if isEnded {
			last = s.Left
		}
		first, end, visits := int32(max(0, from-s.Entered)), int32(last-s.Entered), int32(s.Visits)
		// Differences for now: the visits stand there from one day on, and no longer after another.
		t.standing = reaching(t.standing, end+1)
		t.standing[first] += visits
		t.standing[end+1] -= visits
		if isEnded {
			t.ended = reaching(t.ended, end)
			t.ended[end] += visits
			t.total += int(visits)
		}
	}
	for days := 1; days < len(t.standing); days++ {
		t.standing[days] += t.standing[days-1]
	}
	for i := sort.Search(len(h.dates), func(i int) bool { return h.dates[i].date >= from }); i < len(h.dates) && h.dates[i].date < asOf; i++ {
		t.longest = reaching(t.longest, h.dates[i].longest)
		t.longest[h.dates[i].longest]++
	}
	return t
}

// An Outlook is all that is forecast of the open visits to one stage on a date.
type Outlook struct {
	Key transform.StageKey
	// Days are the forecasts of visits by the days that they have lasted, from 0 on. They reach as far as the longest
	// open visit and the longest curve.
	Days []Lasting
	// Closing is how many days the usual way from the stage to the closing takes after it was left, by the medians of
	// the stages on it. It is -1 for the ClosingReason.
	Closing       int32
	ClosingReason Reason
}

// A Lasting is what is forecast of visits that have lasted so many days, counted from their entry.
type Lasting struct {
	Expected, Likely int32 // days by which half and four in five of such visits had ended; -1 for none
	Naive            int32 // days of the naive forecast
	Basis            uint32
	Reason           Reason
	// Curve is the number of the curve, from 1, by which a visit is late that is not late yet, 0 for none. Before is the
	// share of it that lasts longer than one day less, Last the share that lasts longer than all that have ended.
	Curve        uint8
	Before, Last float64
	// Open is the share of each curve that lasts longer than so many days.
	Open [len(periods)]float64
}

// A Night makes the outlooks of an as-of date.
type Night struct {
	asOf     transform.Day
	outlooks []Outlook
	ways     map[transform.StageKey]*way
}

// NewNight is a night without stages.
func NewNight(asOf transform.Day) *Night {
	return &Night{asOf: asOf, ways: map[transform.StageKey]*way{}}
}

// Add adds a stage with all visits to it, in any order. A stage is added once.
func (n *Night) Add(key transform.StageKey, stays []Stay) {
	m := ModelAt(stays, n.asOf)
	longest := int32(0)
	for i := range stays {
		if stays[i].Left == transform.NoDay || stays[i].Left >= n.asOf {
			longest = max(longest, m.lasted(stays[i].Entered))
		}
	}
	n.outlooks = append(n.outlooks, Outlook{Key: key, Days: m.days(longest)})
	n.ways[key] = m.way()
}

// Outlooks are those of the stages that were added, by funnel and stage. The moves tell the ways to the closing.
func (n *Night) Outlooks(moves []Move) []Outlook {
	for i := range moves {
		if w := n.ways[moves[i].From]; w != nil && moves[i].Visits[w.period] > 0 {
			w.moves = append(w.moves, moves[i])
		}
	}
	for _, w := range n.ways {
		slices.SortFunc(w.moves, func(a, b Move) int {
			return cmp.Or(cmp.Compare(b.Visits[w.period], a.Visits[w.period]), compareKeys(a.To, b.To))
		})
	}
	slices.SortFunc(n.outlooks, func(a, b Outlook) int { return compareKeys(a.Key, b.Key) })
	for i := range n.outlooks {
		o := &n.outlooks[i]
		o.Closing, o.ClosingReason = closing(n.ways, o.Key)
	}
	return n.outlooks
}

// days are the forecasts of the model, at least for visits that have lasted so long.
func (m *Model) days(longest int32) []Lasting {
	for i := range m.curves {
		longest = max(longest, int32(len(m.curves[i].open))-1)
	}
	list := make([]Lasting, longest+1)
	for lasted := range int32(len(list)) {
		entered := m.AsOf - transform.Day(lasted)
		f := m.Forecast(entered, transform.NoDay)
		l := Lasting{Expected: -1, Likely: -1, Naive: int32(m.naive(entered) - entered), Basis: uint32(f.Basis), Reason: f.Reason}
		if f.ExpectedEnd != transform.NoDay {
			l.Expected = int32(f.ExpectedEnd - entered)
		}
		if f.LikelyEnd != transform.NoDay {
			l.Likely = int32(f.LikelyEnd - entered)
		}
		for i := range m.curves {
			l.Open[i] = m.curves[i].lasting(lasted)
		}
		if f.HasTail() {
			i := m.curveNo(lasted)
			c := &m.curves[i]
			l.Curve, l.Before, l.Last = uint8(i)+1, c.lasting(lasted-1), c.lasting(int32(len(c.open)))
		}
		list[lasted] = l
	}
	return list
}

// A way is where the deals of a stage move to.
type way struct {
	period int    // that the moves are counted in
	median int32  // days of the stage itself, -1 for none
	moves  []Move // the most frequent first
}

// way is without its moves. They count in the period that the forecast of a visit that begins is computed from.
func (m *Model) way() *way {
	w := &way{period: m.curveNo(0), median: -1}
	if w.period == len(periods) {
		w.period--
		return w
	}
	if days, isReached := m.curves[w.period].within(0.5, 0); isReached {
		w.median = days
	}
	return w
}

// closing adds up the medians of the stages from the one after a stage to the last before the closing. The way leads to
// the stage that most deals moved to and that is not on it yet.
func closing(ways map[transform.StageKey]*way, from transform.StageKey) (days int32, reason Reason) {
	passed := map[transform.StageKey]bool{}
	for at := from; ; {
		passed[at] = true
		w := ways[at]
		if w == nil {
			return -1, NoWay
		}
		if at != from {
			if w.median < 0 {
				return -1, LaterStage
			}
			days += w.median
		}
		i := slices.IndexFunc(w.moves, func(m Move) bool { return m.IsClosed || !passed[m.To] })
		switch {
		case i < 0:
			return -1, NoWay
		case w.moves[i].IsClosed:
			return days, NoReason
		}
		at = w.moves[i].To
	}
}

func compareKeys(a, b transform.StageKey) int {
	return cmp.Or(cmp.Compare(a.Funnel, b.Funnel), cmp.Compare(a.Stage, b.Stage))
}

package simulator

import (
	"strconv"
	"strings"
	"time"
)

// A leakyBucket counts requests of one address. Its counter falls once a second.
type leakyBucket struct {
	count   int
	drained time.Time // up to when
}

// take counts a request, unless the counter is above the burst already.
func (b *leakyBucket) take(now time.Time, burst, drain int) bool {
	if b.drained.IsZero() {
		b.drained = now
	}
	if seconds := int(now.Sub(b.drained) / time.Second); seconds > 0 {
		b.count = max(0, b.count-seconds*drain)
		b.drained = b.drained.Add(time.Duration(seconds) * time.Second)
	}
	if b.count > burst {
		return false
	}
	b.count++
	return true
}

const (
	meterWindow = 10 * time.Minute
	meterBucket = time.Minute
)

// A meter is the operating time of one method in the last ten minutes, kept by the
// minute. The minutes begin with a call, not with the clock.
type meter struct {
	buckets []meterMinute
}

type meterMinute struct {
	first time.Time
	spent time.Duration
}

// spent is the sum in the window that ends now.
func (m *meter) spent(now time.Time) time.Duration {
	for len(m.buckets) > 0 && !now.Before(m.buckets[0].first.Add(meterWindow)) {
		m.buckets = m.buckets[1:]
	}
	var sum time.Duration
	for _, b := range m.buckets {
		sum += b.spent
	}
	return sum
}

func (m *meter) add(now time.Time, cost time.Duration) {
	if n := len(m.buckets); n > 0 && now.Before(m.buckets[n-1].first.Add(meterBucket)) {
		m.buckets[n-1].spent += cost
		return
	}
	m.buckets = append(m.buckets, meterMinute{now, cost})
}

// resetAt is when the oldest minute leaves the window.
func (m *meter) resetAt(now time.Time) time.Time {
	if len(m.buckets) == 0 {
		return now.Add(meterWindow)
	}
	return m.buckets[0].first.Add(meterWindow)
}

// isBlocked is whether the method's time is spent already. The call that spends the rest of
// it is let through, however long it takes.
func (p *Portal) isBlocked(method string, now time.Time) bool {
	if p.options.Limits == NoLimits {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.meter(method).spent(now) > p.options.OperatingLimit
}

func (p *Portal) charge(method string, now time.Time, cost time.Duration) {
	if p.options.Limits == NoLimits {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.meter(method).add(now, cost)
}

// meter is the method's meter. The lock is held.
func (p *Portal) meter(method string) *meter {
	m := p.meters[method]
	if m == nil {
		m = new(meter)
		p.meters[method] = m
	}
	return m
}

// usage is what an answer tells of a method's operating time.
type usage struct {
	isShown bool
	spent   time.Duration
	resetAt time.Time
}

func (p *Portal) usage(method string, now time.Time) usage {
	if p.options.Limits == NoLimits || p.options.Quirks.HidesOperating {
		return usage{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.meter(method)
	return usage{isShown: true, spent: m.spent(now), resetAt: m.resetAt(now)}
}

// Costs of calls, from the documentation's own samples: a page takes little, counting
// more, a write seconds.
const (
	costOfCall  = 10 * time.Millisecond
	costOfPage  = 50 * time.Millisecond
	costOfCount = 30 * time.Millisecond
	costOfWrite = 3 * time.Second
)

// cost is the operating time that a call takes.
func (p *Portal) cost(method string, params value) time.Duration {
	if cost, isSet := p.options.Costs[method]; isSet {
		return cost
	}
	switch {
	case strings.HasSuffix(method, ".update"), strings.HasSuffix(method, ".batchimport"):
		return costOfWrite
	case !strings.HasSuffix(method, ".list"):
		return costOfCall
	case params.either("start", "START").integer() < 0:
		return costOfPage
	default:
		return costOfPage + costOfCount
	}
}

// appendTime appends the time member of an answer, as if the cost had passed.
func (p *Portal) appendTime(b []byte, start time.Time, cost time.Duration, u usage) []byte {
	finish := start.Add(cost)
	seconds := func(b []byte, t time.Time) []byte {
		if p.options.Quirks.WritesIntegerTimes {
			return strconv.AppendInt(b, t.Unix(), 10)
		}
		return appendSeconds(b, float64(t.UnixMicro())/1e6)
	}
	b = seconds(append(b, `{"start":`...), start)
	b = seconds(append(b, `,"finish":`...), finish)
	b = appendSeconds(append(b, `,"duration":`...), cost.Seconds())
	b = appendSeconds(append(b, `,"processing":`...), cost.Seconds())
	b = appendInstant(append(b, `,"date_start":`...), start.Unix(), p.options.Zone)
	b = appendInstant(append(b, `,"date_finish":`...), finish.Unix(), p.options.Zone)
	if u.isShown && !p.options.Quirks.HidesOperatingReset {
		b = strconv.AppendInt(append(b, `,"operating_reset_at":`...), u.resetAt.Unix(), 10)
	}
	if u.isShown {
		b = appendSeconds(append(b, `,"operating":`...), u.spent.Seconds())
	}
	return append(b, '}')
}

package bitrix24

import "time"

// Limits names the portal's limit on requests: how many at once, then how many a second.
type Limits string

// The limits that Bitrix24 knows. A self-hosted portal has none.
const (
	Standard   Limits = "standard"   // 2 requests/s, burst 50
	Enterprise Limits = "enterprise" // 5 requests/s, burst 250
	Unlimited  Limits = "none"
)

// The portal counts by the whole second and counts what others ask from the same address, so
// a part of the burst stays unused.
const bucketReserve = 0.08

// After a refusal the bucket drains more slowly for a while: somebody else is filling it.
const (
	slowFor    = time.Minute
	slowFactor = 0.5
)

// A bucket is our picture of the portal's counter of requests: each adds one, and it falls
// by drain a second.
type bucket struct {
	capacity, drain float64 // capacity 0: no limit
	level           float64
	at              time.Time // when level was right
	slowUntil       time.Time
}

func newBucket(limits Limits) *bucket {
	switch limits {
	case Unlimited:
		return &bucket{}
	case Enterprise:
		return &bucket{capacity: 250 * (1 - bucketReserve), drain: 5}
	default:
		return &bucket{capacity: 50 * (1 - bucketReserve), drain: 2}
	}
}

// delay is how long to wait at now until one more request fits.
func (b *bucket) delay(now time.Time) time.Duration {
	if b.capacity == 0 {
		return 0
	}
	b.leak(now)
	over := b.level + 1 - b.capacity
	if over <= 0 {
		return 0
	}
	return time.Duration(over / b.rate(now) * float64(time.Second))
}

// take counts one request.
func (b *bucket) take(now time.Time) {
	b.leak(now)
	b.level++
}

// refused notes that the portal's counter is over its threshold, whatever ours says.
func (b *bucket) refused(now time.Time) {
	b.leak(now)
	b.level = max(b.level, b.capacity)
	b.slowUntil = now.Add(slowFor)
}

func (b *bucket) leak(now time.Time) {
	if elapsed := now.Sub(b.at); elapsed > 0 {
		b.level = max(0, b.level-elapsed.Seconds()*b.rate(now))
		b.at = now
	}
}

func (b *bucket) rate(now time.Time) float64 {
	if now.Before(b.slowUntil) {
		return b.drain * slowFactor
	}
	return b.drain
}

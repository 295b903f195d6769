package bitrix24

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The portal's side: a counter that falls by the whole second, and refuses above the threshold.
type counter struct {
	threshold, drain, level int
	fell                    time.Time
}

func (c *counter) accepts(now time.Time) bool {
	seconds := int(now.Sub(c.fell) / time.Second)
	c.level, c.fell = max(0, c.level-seconds*c.drain), c.fell.Add(time.Duration(seconds)*time.Second)
	if c.level > c.threshold {
		return false
	}
	c.level++
	return true
}

// However requests come, none is refused.
func TestARequestThatTheBucketLetsThroughIsNotRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, portal, now := newBucket(Standard), counter{threshold: 50, drain: 2, fell: noon}, noon
		for i, pause := range rapid.SliceOfN(rapid.IntRange(0, 900), 1, 400).Draw(t, "pauses in ms") {
			now = now.Add(time.Duration(pause) * time.Millisecond)
			now = now.Add(b.delay(now))
			b.take(now)
			if !portal.accepts(now) {
				t.Fatalf("request %d, %v after the first, was refused", i, now.Sub(noon))
			}
		}
	})
}

func TestAfterARefusalTheBucketIsFullAndSlow(t *testing.T) {
	b := newBucket(Standard)
	b.take(noon)
	b.refused(noon)
	if delay := b.delay(noon); delay != time.Second {
		t.Errorf("the next request in %v, want 1 s at half the rate", delay)
	}
	later := noon.Add(2 * time.Minute)
	b.level = b.capacity
	b.at = later
	if delay := b.delay(later); delay != 500*time.Millisecond {
		t.Errorf("two minutes later the next request in %v, want 0.5 s", delay)
	}
}

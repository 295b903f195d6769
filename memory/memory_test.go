package memory_test

import (
	"math"
	"runtime/debug"
	"testing"

	"stagelag/memory"
)

func expect(t *testing.T, when string, want int64) {
	t.Helper()
	if got := debug.SetMemoryLimit(-1); got != want {
		t.Errorf("%s the limit is %d, want %d", when, got, want)
	}
}

func TestLimitsAddUpUntilTheyAreReleased(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(math.MaxInt64))
	releaseLarge := memory.Limit(400 << 20)
	expect(t, "with one", 400<<20)
	releaseSmall := memory.Limit(300 << 20)
	expect(t, "with two", 700<<20)
	releaseSame := memory.Limit(300 << 20)
	releaseSmall()
	releaseSmall() // does nothing any more
	expect(t, "with two again", 700<<20)
	releaseSame()
	expect(t, "with the first alone", 400<<20)
	releaseLarge()
	expect(t, "without any", math.MaxInt64)
}

func TestALimitFromOutsideStays(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(500 << 20))
	release := memory.Limit(300 << 20)
	expect(t, "with one from outside", 500<<20)
	release()
	expect(t, "after the release", 500<<20)
}

// While a limit bounds the memory, the garbage collector rests longer.
func TestTheCollectorRestsUnderALimit(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(math.MaxInt64))
	percent := func() int {
		now := debug.SetGCPercent(100)
		debug.SetGCPercent(now)
		return now
	}
	usual := percent()
	releaseOne, releaseOther := memory.Limit(300<<20), memory.Limit(300<<20)
	releaseOne()
	if got := percent(); got <= usual {
		t.Errorf("under a limit the collector lets the heap grow by %d %%, want more than %d", got, usual)
	}
	releaseOther()
	if got := percent(); got != usual {
		t.Errorf("without a limit the collector lets the heap grow by %d %%, want %d", got, usual)
	}
}

func TestGOGCStays(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(math.MaxInt64))
	t.Setenv("GOGC", "77")
	defer debug.SetGCPercent(debug.SetGCPercent(77))
	release := memory.Limit(300 << 20)
	if got := debug.SetGCPercent(77); got != 77 {
		t.Errorf("with GOGC=77 the collector lets the heap grow by %d %%, want 77", got)
	}
	release()
	if got := debug.SetGCPercent(77); got != 77 {
		t.Errorf("after the release it is %d %%, want 77", got)
	}
}

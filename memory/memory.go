// Package memory bounds the heap of the process while something is at work that is known to
// need little.
package memory

import (
	"math"
	"runtime/debug"
	"slices"
	"sync"
)

var (
	mu     sync.Mutex
	limits []int64 // that are in force
)

// Limit has memory given back sooner than speed asks for, above so many bytes, until release is
// called. The lowest of several limits counts. One that was there before, which GOMEMLIMIT sets,
// stays the only one.
func Limit(bytes int64) (release func()) {
	mu.Lock()
	defer mu.Unlock()
	if len(limits) == 0 && debug.SetMemoryLimit(-1) != math.MaxInt64 {
		return func() {}
	}
	limits = append(limits, bytes)
	debug.SetMemoryLimit(lowest())
	return sync.OnceFunc(func() {
		mu.Lock()
		defer mu.Unlock()
		i := slices.Index(limits, bytes)
		limits = slices.Delete(limits, i, i+1)
		debug.SetMemoryLimit(lowest())
	})
}

// lowest is the limit that counts.
func lowest() int64 {
	if len(limits) == 0 {
		return math.MaxInt64 // the runtime's word for none
	}
	return slices.Min(limits)
}

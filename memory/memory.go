// Package memory limits the memory of the process during work that is known to need little.
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

// Limit makes the garbage collector work harder above so many bytes, until release is called. The
// lowest of several limits counts. Where GOMEMLIMIT has set a limit, that one stays and others have
// no effect.
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

// Package memory limits the memory of the process during work that is known to need little.
package memory

import (
	"math"
	"runtime/debug"
	"sync"
)

var (
	mu    sync.Mutex
	total int64 // of the limits in force, in bytes; 0 for none
)

// Limit makes the garbage collector work harder above so many bytes, until release is called. The
// limits of several works under way add up: each may take its own. Where GOMEMLIMIT has set a limit,
// that one stays and others have no effect.
func Limit(bytes int64) (release func()) {
	mu.Lock()
	defer mu.Unlock()
	if total == 0 && debug.SetMemoryLimit(-1) != math.MaxInt64 {
		return func() {}
	}
	add(bytes)
	return sync.OnceFunc(func() {
		mu.Lock()
		defer mu.Unlock()
		add(-bytes)
	})
}

// add changes the limit in force. The caller holds the lock.
func add(bytes int64) {
	total += bytes
	limit := total
	if limit == 0 {
		limit = math.MaxInt64 // the runtime's word for none
	}
	debug.SetMemoryLimit(limit)
}

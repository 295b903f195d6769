// Package memory limits the memory of the process during work that is known to need little.
package memory

import (
	"math"
	"os"
	"runtime/debug"
	"sync"
)

var (
	mu    sync.Mutex
	total int64 // of the limits in force, in bytes; 0 for none
	usual int   // the garbage collector's percent without a limit
)

// restful is how much the heap may grow between two collections, in percent of what is in use, while a limit is in
// force: what bounds the memory is the limit. Go's own is 100.
const restful = 400

// Limit makes the garbage collector work harder above so many bytes, and less below, until release is called. The
// limits of several works under way add up: each may take its own. Where GOMEMLIMIT has set a limit,
// that one stays and others have no effect. GOGC stays, where it is set.
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
	if _, isSet := os.LookupEnv("GOGC"); !isSet {
		switch {
		case total == 0:
			usual = debug.SetGCPercent(restful)
		case total+bytes == 0:
			debug.SetGCPercent(usual)
		}
	}
	total += bytes
	limit := total
	if limit == 0 {
		limit = math.MaxInt64 // the runtime's word for none
	}
	debug.SetMemoryLimit(limit)
}

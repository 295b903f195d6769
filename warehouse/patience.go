package warehouse

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/warehouse/exception"
)

// What the engine may use in all is limited by its configuration, and since 26.6 by the memory that is free on the
// machine: then a statement that needs little is refused because others, in the engine or beside it, need much.
// Such a refusal is waited out.

// pauses are those between the tries of a statement.
var pauses = []time.Duration{
	time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, time.Minute,
}

// A MemoryError is a statement that the engine has refused, for as long as it was waited for, because of the memory
// that it may use in all.
type MemoryError struct {
	Limit  string // as the engine wrote it, empty where it did not
	Free   string // of the machine's memory, empty where that is not known
	Waited time.Duration
	Err    error
}

func (e *MemoryError) Error() string {
	text := fmt.Sprintf("the engine refused for want of memory for %s", e.Waited)
	if e.Limit != "" {
		text += ", its limit in all is " + e.Limit
	}
	if e.Free != "" {
		text += ", and " + e.Free + " of the machine's memory are free"
	}
	return text + ": " + e.Err.Error()
}

func (e *MemoryError) Unwrap() error { return e.Err }

// isOverTotal is whether the engine refused for the memory of all its work, rather than of one statement or user.
func isOverTotal(err error) bool {
	return exception.Code(err) == memoryLimit && strings.Contains(err.Error(), "(total)")
}

// Retry does something that asks the warehouse, again and again while the engine has not enough memory in all. What
// is done must come to the same when it is done again.
func Retry(ctx context.Context, conn driver.Conn, do func() error) error {
	waited := time.Duration(0)
	for _, pause := range pauses {
		err := do()
		if !isOverTotal(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
			waited += pause
		}
	}
	err := do()
	if isOverTotal(err) {
		return &MemoryError{Limit: limitOf(err), Free: freeMemory(ctx, conn), Waited: waited, Err: exception.Plain(err)}
	}
	return err
}

var totalLimit = regexp.MustCompile(`maximum: ([0-9.]+ \w+)`)

func limitOf(err error) string {
	if found := totalLimit.FindStringSubmatch(err.Error()); found != nil {
		return found[1]
	}
	return ""
}

// freeMemory is how much of the machine's memory is free, as the engine tells it. The embedded one has no such table,
// and is on this machine.
func freeMemory(ctx context.Context, conn driver.Conn) string {
	var free uint64
	row := conn.QueryRow(ctx, "SELECT toUInt64(value) FROM system.asynchronous_metrics WHERE metric = 'OSMemoryAvailable'")
	switch err := row.Scan(&free); {
	case exception.Code(err) == unknownTable:
		free = freeHere()
	case err != nil:
		return ""
	}
	if free == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f GiB", float64(free)/(1<<30))
}

// freeHere is 0 where the system does not tell.
func freeHere() uint64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	var kilobytes uint64
	_, rest, _ := strings.Cut(string(text), "MemAvailable:")
	_, _ = fmt.Sscan(rest, &kilobytes)
	return kilobytes << 10
}

package warehouse

import (
	"bytes"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestAnEngineThatEndsIsReplaced kills the engine under an open warehouse, which goes on
// with the next one, on the same addresses.
func TestAnEngineThatEndsIsReplaced(t *testing.T) {
	path := newPath(t)
	w := mustOpen(t, path)
	mustExec(t, w, "CREATE TABLE days (day Date) ENGINE = MergeTree ORDER BY day",
		"INSERT INTO days SELECT toDate('2026-03-02') + number FROM numbers(1000)")
	time.Sleep(shortLife) // an engine that ends sooner is not replaced
	if err := unix.Kill(w.seat.endpoint.Engine, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for !isGone(w.seat.endpoint.Engine) {
		if err := pause(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := w.Query(t.Context(), &out, "SELECT 1", "TSV"); err != nil || out.String() != "1\n" {
		t.Errorf("Query after the engine was killed: %q, %v", out.String(), err)
	}
	var rows uint64
	// A connection that was open has ended with the engine; the next one is a new one.
	err := w.DB().QueryRow(t.Context(), "SELECT count() FROM days").Scan(&rows)
	if err != nil {
		err = w.DB().QueryRow(t.Context(), "SELECT count() FROM days").Scan(&rows)
	}
	if err != nil || rows != 1000 {
		t.Errorf("after the engine was killed the table has %d rows (%v), want 1000", rows, err)
	}
}

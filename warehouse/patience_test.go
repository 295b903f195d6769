package warehouse

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"stagelag/warehouse/embedded"
)

// TestWantOfMemoryIsWaitedOut: a statement that the engine refuses because of all its work is made again when there is
// room, and fails with the limit and what is free where there stays none. Any other refusal is one.
func TestWantOfMemoryIsWaitedOut(t *testing.T) {
	ctx := context.Background()
	t.Setenv(embedded.MemoryVariable, "900000000")
	path := newPath(t)
	grant(t, path, "TABLE ENGINE ON Memory")
	db := mustOpen(t, Config{URL: Embedded, Path: path}).DB()
	exec := func(statement string) {
		t.Helper()
		if err := db.Exec(ctx, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	const large = "SELECT length(groupArray(repeat('x', 1000000))) FROM numbers(250) SETTINGS max_block_size = 10"
	exec("CREATE TABLE room_taken (text String) ENGINE = Memory")
	for range 5 {
		exec("INSERT INTO room_taken SELECT repeat('y', 1000000) FROM numbers(100) SETTINGS max_block_size = 10")
	}
	tried := 0
	err := Retry(ctx, db, func() error {
		tried++
		if tried == 2 {
			exec("DROP TABLE room_taken SYNC")
		}
		return db.Exec(ctx, large)
	})
	if err != nil || tried != 2 {
		t.Errorf("after %d tries: %v, want success with the second, when there is room", tried, err)
	}

	usual := pauses
	pauses = []time.Duration{time.Millisecond, time.Millisecond}
	defer func() { pauses = usual }()
	err = Retry(ctx, db, func() error { return db.Exec(ctx, strings.Replace(large, "250", "2500", 1)) })
	if short, ok := errors.AsType[*MemoryError](err); !ok || short.Limit == "" || short.Free == "" || !strings.Contains(err.Error(), short.Limit) {
		t.Errorf("a statement that needs more than there is: %v, want a *MemoryError with the limit and what is free", err)
	}
	tried = 0
	err = Retry(ctx, db, func() error { tried++; return db.Exec(ctx, large+", max_memory_usage = 1000000") })
	if err == nil || tried != 1 {
		t.Errorf("a statement that needs more than it may: %v after %d tries, want an error with the first", err, tried)
	}
}

package warehouse

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"stagelag/warehouse/exception"
)

// A deadline as far away as that of a scheduled run.
const farAway = 12 * time.Hour

// The profile of the analyst lets max_execution_time be 600 at most. What the program asks under
// a deadline is asked of such a user too.
func TestADeadlineIsNotSentToAUserWithAConstraint(t *testing.T) {
	w := newWarehouse(t)
	withViews(t, w)
	e, _ := w.Endpoints()
	for name, url := range map[string]string{
		"native": "clickhouse://" + e.User + ":" + e.Password + "@" + e.Native + "/" + e.Database,
		"HTTP":   "http://" + e.User + ":" + e.Password + "@" + w.seat.HTTP + "/" + e.Database,
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), farAway)
			defer cancel()
			// The constraint is one, and the client would run into it.
			sent := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{"max_execution_time": 601}))
			server, err := Open(ctx, Config{URL: url})
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			if err := server.Views().Exec(sent, "SELECT 1"); exception.Code(err) != constraintViolation {
				t.Fatalf("max_execution_time = 601: %v, want code %d", err, constraintViolation)
			}
			db := server.OpenDB()
			defer db.Close()
			const query = "SELECT count() AS days FROM deal_stage_days"
			var days uint64
			var rows []struct {
				Days uint64 `ch:"days"`
			}
			asked := map[string]error{
				"Ping":               server.Views().Ping(ctx),
				"Exec":               server.Views().Exec(ctx, query),
				"QueryRow":           server.Views().QueryRow(ctx, query).Scan(&days),
				"Select":             server.Views().Select(ctx, &rows, query),
				"Ping of OpenDB":     db.PingContext(ctx),
				"QueryRow of OpenDB": db.QueryRowContext(ctx, "SELECT count() FROM system.one").Scan(&days),
			}
			_, asked["Exec of OpenDB"] = db.ExecContext(ctx, "SELECT 1")
			for what, err := range asked {
				if err != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
			// It may not write, which is said only to who sends no setting that is refused.
			_, err = server.Views().PrepareBatch(ctx, "INSERT INTO "+w.Names().Internal+".facts (day)")
			if exception.Code(err) == constraintViolation || err == nil {
				t.Errorf("PrepareBatch: %v, want that the analyst may not write", err)
			}
		})
	}
}

// Whatever the deadline, a statement has the limit of its user's profile, for the program none.
func TestADeadlineIsSentWithNoStatement(t *testing.T) {
	overEachProtocol(t, func(t *testing.T, _ *Warehouse, config Config) {
		ctx, cancel := context.WithTimeout(t.Context(), farAway)
		defer cancel()
		w, err := Open(ctx, config)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		lease, err := w.Lease(ctx, "run", "a test")
		if err != nil {
			t.Fatal(err)
		}
		defer lease.Release()
		const column = "sent Float64 DEFAULT toFloat64(getSetting('max_execution_time'))"
		if err := w.DB().Exec(ctx, "CREATE TABLE sent (n Int32, "+column+") ENGINE = MergeTree ORDER BY n"); err != nil {
			t.Fatal(err)
		}
		if err := w.DB().Exec(ctx, "INSERT INTO sent (n) SELECT 1"); err != nil {
			t.Fatal(err)
		}
		batch, err := w.DB().PrepareBatch(ctx, "INSERT INTO sent (n)")
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(batch.Append(int32(2)), batch.Send()); err != nil {
			t.Fatal(err)
		}
		rows, err := w.DB().Query(ctx, "SELECT n, sent FROM sent UNION ALL SELECT 3, toFloat64(getSetting('max_execution_time'))")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		seen := 0
		for ; rows.Next(); seen++ {
			var n int32
			var sent float64
			if err := rows.Scan(&n, &sent); err != nil || sent != 0 {
				t.Errorf("statement %d has max_execution_time %v, %v, want 0", n, sent, err)
			}
		}
		if err := rows.Err(); err != nil || seen != 3 {
			t.Errorf("%d statements seen, %v, want 3", seen, err)
		}
	})
}

func TestADeadlineEndsAStatement(t *testing.T) {
	overEachProtocol(t, func(t *testing.T, _ *Warehouse, config Config) {
		w := mustOpen(t, config)
		const slow = "SELECT sleepEachRow(1) AS slept FROM numbers(60) SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 0"
		db := w.OpenDB()
		defer db.Close()
		for what, ask := range map[string]func(context.Context) error{
			"Exec": func(ctx context.Context) error { return w.DB().Exec(ctx, slow+" FORMAT Null") },
			"QueryRow": func(ctx context.Context) error {
				return w.DB().QueryRow(ctx, "SELECT sum(slept) FROM ("+slow+")").Scan(new(uint64))
			},
			"database/sql": func(ctx context.Context) error { _, err := db.ExecContext(ctx, slow+" FORMAT Null"); return err },
		} {
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
			err := ask(ctx)
			cancel()
			if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took > 20*time.Second {
				t.Errorf("%s ended after %s with %v, want %v soon", what, took, err, context.DeadlineExceeded)
			}
		}
	})
}

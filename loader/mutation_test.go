package loader

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/warehouse/warehousetest"
)

// An idle connection says that it has changed tables and merged them, and does not do it.
type idle struct{ driver.Conn }

func (c idle) Exec(ctx context.Context, query string, args ...any) error {
	if query = strings.TrimSpace(query); strings.HasPrefix(query, "ALTER") || strings.HasPrefix(query, "OPTIMIZE") {
		return nil
	}
	return c.Conn.Exec(ctx, query, args...)
}

// Whatever the engine says of a change, what is not changed is noticed.
func TestAChangeThatDoesNothingIsNoticed(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := warehousetest.Migrated(t)
	if err := warehousetest.Set(ctx, w.DB(), "landing_deals", warehousetest.NoMerges, warehousetest.NoMergesValue); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"INSERT INTO visits (run_id, deal_id, visit_no) VALUES (1, 7, 1), (2, 7, 1)",
		"INSERT INTO deals (run_id, deal_id) VALUES (1, 7), (2, 7)",
		"INSERT INTO managers (run_id, manager_id, name) VALUES (1, 5, 'Ann Lee')",
		"INSERT INTO landing_deals (deal_id, version, run_id) VALUES (7, 1, 1)",
		"INSERT INTO landing_deals (deal_id, version, run_id) VALUES (7, 2, 2)",
	} {
		if err := w.DB().Exec(ctx, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	shard := func(conn driver.Conn) *Shard {
		return &Shard{conn: conn, run: 2, before: State{RunID: 1}, shown: "run_id = 1 AND until_run_id != 1"}
	}
	tests := []struct {
		change string
		do     func(driver.Conn) error
		table  string
	}{
		{"which visits are replaced", func(c driver.Conn) error { return shard(c).markReplaced(ctx, "visits") }, "visits"},
		{"which deals are replaced", func(c driver.Conn) error { return shard(c).markReplaced(ctx, "deals") }, "deals"},
		{"the rows of dead runs", func(c driver.Conn) error { return removeAfter(ctx, c, []string{"visits"}, 1) }, "visits"},
		{"a name", func(c driver.Conn) error { return KeepForgotten(ctx, c, 5, time.Now()) }, "managers"},
	}
	for _, test := range tests {
		err := test.do(idle{w.DB()})
		unchanged, ok := errors.AsType[*UnchangedError](err)
		if !ok || unchanged.Table != test.table || unchanged.Rows != 1 || !strings.Contains(err.Error(), w.Names().Internal+"."+test.table) {
			t.Errorf("%s, by an engine that changes nothing: %v, want an *UnchangedError about one row of %s", test.change, err, test.table)
		}
		if err := test.do(w.DB()); err != nil {
			t.Errorf("%s: %v", test.change, err)
		}
	}
	if _, err := removeReplaced(ctx, idle{w.DB()}, "landing_deals", "deal_id", 2); err == nil || !strings.Contains(err.Error(), "1 rows that are due are still there") {
		t.Errorf("replaced rows, by an engine that merges nothing: %v, want that one is still there", err)
	}
	if removed, err := removeReplaced(ctx, w.DB(), "landing_deals", "deal_id", 2); err != nil || removed != 1 {
		t.Errorf("replaced rows: %d removed, %v, want one", removed, err)
	}
}

// A table that the engine's RESTORE has brought in by itself, as on a cluster, is one that mutations pass
// over. That is noticed, and the error says what helps.
func TestATableThatMutationsPassOver(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := warehousetest.Migrated(t)
	execute := func(statements ...string) {
		t.Helper()
		for _, statement := range statements {
			if err := w.DB().Exec(ctx, statement); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
	}
	execute("INSERT INTO managers (run_id, manager_id, name) VALUES (1, 5, 'Ann Lee')")
	for run := range 4 {
		execute(fmt.Sprintf("ALTER TABLE managers UPDATE is_active = %d WHERE 1 SETTINGS mutations_sync = 2", run%2))
	}
	backup := "Memory('" + w.Names().Internal + "')"
	execute("BACKUP TABLE managers TO "+backup, "DROP TABLE managers SYNC", "RESTORE TABLE managers FROM "+backup)
	err := KeepForgotten(ctx, w.DB(), 5, time.Now())
	unchanged, ok := errors.AsType[*UnchangedError](err)
	if !ok || unchanged.Rows != 1 {
		t.Fatalf("a person is forgotten in a table that mutations pass over: %v, want an *UnchangedError about one row", err)
	}
	table := w.Names().Internal + ".managers"
	for _, statement := range []string{"DETACH TABLE " + table + " SYNC", "ATTACH TABLE " + table} {
		if !strings.Contains(err.Error(), statement) {
			t.Errorf("%v: it does not say %s", err, statement)
		}
		execute(statement)
	}
	if err := KeepForgotten(ctx, w.DB(), 5, time.Now()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

package warehousetest_test

import (
	"context"
	"testing"

	"stagelag/warehouse/warehousetest"
)

func TestMain(m *testing.M) { warehousetest.Main(m) }

func tables(t *testing.T) uint64 {
	t.Helper()
	w := warehousetest.New(t)
	ctx := context.Background()
	var n uint64
	if err := w.DB().QueryRow(ctx, "SELECT count() FROM system.tables WHERE database = 'stagelag'").Scan(&n); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"CREATE TABLE days (day Date) ENGINE = MergeTree ORDER BY day",
		"CREATE VIEW last_days DEFINER = CURRENT_USER SQL SECURITY DEFINER AS SELECT max(day) AS day FROM days",
	} {
		if err := w.DB().Exec(ctx, statement); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

func TestEveryTestHasAnEmptyDatabase(t *testing.T) {
	for _, name := range []string{"the first", "one after another", "once more"} {
		t.Run(name, func(t *testing.T) {
			if n := tables(t); n != 0 {
				t.Errorf("a new warehouse has %d tables, want 0", n)
			}
		})
	}
}

func TestATestCanHaveTwo(t *testing.T) {
	if a, b := tables(t), tables(t); a+b != 0 {
		t.Errorf("two new warehouses have %d and %d tables, want 0", a, b)
	}
}

// A test binary that needs more warehouses at a time than an engine has gets another engine.
func TestMoreThanAnEngineHas(t *testing.T) {
	engines := map[string]int{}
	for range 20 {
		engines[warehousetest.Config(t).Path]++
	}
	if len(engines) != 2 {
		t.Errorf("20 warehouses are on the engines %v, want two engines", engines)
	}
}

// Rows are the same in another warehouse, also where they were before.
func TestRows(t *testing.T) {
	from, to := warehousetest.Migrated(t), warehousetest.Migrated(t)
	exec := func(statement string) {
		t.Helper()
		if err := to.DB().Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	const fact = "INSERT INTO facts (run_id, sign, day, deal_id, visit_no, stage_id) SELECT 1, 1, '2026-03-02', 7, 1, 'NEW'"
	if err := from.DB().Exec(t.Context(), fact); err != nil {
		t.Fatal(err)
	}
	rows := warehousetest.RowsOf(t, from)
	for range 2 {
		exec("TRUNCATE TABLE facts")
		rows.Into(t, to)
		var n, deal uint64
		if err := to.DB().QueryRow(t.Context(), "SELECT count(), any(deal_id) FROM facts").Scan(&n, &deal); err != nil || n != 1 || deal != 7 || len(rows) != 1 {
			t.Errorf("%d facts of deal %d and %d tables, %v, want the one fact of deal 7", n, deal, len(rows), err)
		}
	}
}

package loader

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/warehouse"
)

// TidyLanding removes what newer versions have replaced of the landed deals and stage changes, once any of
// it was replaced by the time. The newest version of each stays, of those that have vanished
// from the portal too: the extraction and every later run rely on it. It tells how many rows are
// gone. No run may be under way.
func TidyLanding(ctx context.Context, w *warehouse.Warehouse, before time.Time) (removed uint64, err error) {
	var last uint32
	row := w.DB().QueryRow(ctx, `
		SELECT max(run_id) FROM (SELECT run_id FROM run_events GROUP BY run_id HAVING max(recorded_at) <= toDateTime64(?, 3, 'UTC'))`, exact(before))
	if err := row.Scan(&last); err != nil {
		return 0, fmt.Errorf("look for old runs: %w", err)
	}
	if last == 0 { // none is old yet
		return 0, nil
	}
	for _, shard := range w.Shards() {
		for _, landed := range []struct{ table, key string }{{landedDealTable.name, "deal_id"}, {landedChangeTable.name, "deal_id, change_id"}} {
			gone, err := removeReplaced(ctx, shard, landed.table, landed.key, RunID(last))
			if err != nil {
				return removed, fmt.Errorf("remove replaced rows from %s: %w", landed.table, err)
			}
			removed += gone
		}
	}
	gone, err := removeReplaced(ctx, w.DB(), companyTable.name, "company_id", RunID(last))
	if err != nil {
		return removed, fmt.Errorf("remove replaced rows from %s: %w", companyTable.name, err)
	}
	return removed + gone, nil
}

// removeReplaced removes all rows of a table that newer ones have replaced, if runs up to the last one have
// replaced any. It writes the whole table anew, and so it takes the rows that were replaced since along:
// whatever is due next is replaced later than this, and as much time passes before the table is
// written anew again.
func removeReplaced(ctx context.Context, conn driver.Conn, table, key string, last RunID) (removed uint64, err error) {
	due, err := countReplaced(ctx, conn, table, key, last)
	if err != nil || due == 0 {
		return 0, err
	}
	var before, after uint64
	count := "SELECT count() FROM " + table
	if err := conn.QueryRow(ctx, count).Scan(&before); err != nil {
		return 0, err
	}
	if err := conn.Exec(ctx, "OPTIMIZE TABLE "+table+" FINAL SETTINGS optimize_throw_if_noop = 1"); err != nil {
		return 0, err
	}
	if err := conn.QueryRow(ctx, count).Scan(&after); err != nil {
		return 0, err
	}
	left, err := countReplaced(ctx, conn, table, key, last)
	switch {
	case err != nil:
		return 0, err
	case left > 0:
		return before - after, fmt.Errorf("the engine says that it has merged %s, and %d rows that are due are still there", table, left)
	}
	return before - after, nil
}

// countReplaced counts the rows that runs up to the last one have replaced: among those that these runs
// have landed, all but the newest of each key.
func countReplaced(ctx context.Context, conn driver.Conn, table, key string, last RunID) (due int64, err error) {
	row := conn.QueryRow(ctx, "SELECT sum(versions) - count() FROM (SELECT count() AS versions FROM "+table+" WHERE run_id <= ? GROUP BY "+key+")"+
		" SETTINGS optimize_aggregation_in_order = 1", uint32(last))
	err = row.Scan(&due)
	return due, err
}

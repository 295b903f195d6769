package loader

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/warehouse"
)

// TidyLanding removes what newer versions have replaced of the landed deals and stage changes,
// once any of it was landed before the time. The newest version of each stays, of those that have
// vanished from the portal too: the extraction and every later run rely on it. It tells how many
// rows are gone. No run may be under way.
func TidyLanding(ctx context.Context, w *warehouse.Warehouse, before time.Time) (removed uint64, err error) {
	var last uint32
	row := w.DB().QueryRow(ctx, `
		SELECT max(run_id) FROM (SELECT run_id FROM run_events GROUP BY run_id HAVING max(recorded_at) < toDateTime64(?, 3, 'UTC'))`, exact(before))
	if err := row.Scan(&last); err != nil {
		return 0, fmt.Errorf("look for old runs: %w", err)
	}
	for _, shard := range w.Shards() {
		gone, err := tidyLanding(ctx, shard, last)
		removed += gone
		if err != nil {
			return removed, err
		}
	}
	return removed, nil
}

// tidyLanding is TidyLanding in one shard, with the last run that is old enough.
func tidyLanding(ctx context.Context, conn driver.Conn, last uint32) (removed uint64, err error) {
	for _, landed := range []struct{ table, key string }{{"landing_deals", "deal_id"}, {"landing_stage_changes", "(deal_id, change_id)"}} {
		var old, replaced uint64
		row := conn.QueryRow(ctx, fmt.Sprintf(`
			SELECT countIf(run_id <= ? AND version < newest), countIf(version < newest)
			FROM (SELECT run_id, version, max(version) OVER (PARTITION BY %s) AS newest FROM %s)`, landed.key, landed.table), last)
		if err := row.Scan(&old, &replaced); err != nil {
			return removed, fmt.Errorf("look for replaced rows in %s: %w", landed.table, err)
		}
		if old == 0 {
			continue
		}
		// The engine does so by itself, when it likes. It is asked for all of them, so that a
		// large table is not written anew every night.
		if err := conn.Exec(ctx, "OPTIMIZE TABLE "+landed.table+" FINAL SETTINGS optimize_throw_if_noop = 1"); err != nil {
			return removed, fmt.Errorf("remove replaced rows from %s: %w", landed.table, err)
		}
		removed += replaced
	}
	return removed, nil
}

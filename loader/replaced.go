package loader

import (
	"context"
	"fmt"
	"math"
)

// keys tell apart the things that a table holds a row for each change of.
var keys = map[string]string{"visits": "deal_id, visit_no", "deals": "deal_id"}

// markReplaced tells the published rows of visits or deals which run replaces them. As long as the
// run is not published, and if it never is, the mark counts for nothing: a later run may overwrite
// it. It can be called again.
func (s *Shard) markReplaced(ctx context.Context, table string) error {
	if s.before.RunID == 0 {
		return nil
	}
	// The last condition keeps out a run that another one has overtaken: its mark would take the
	// place of the other's. The subquery gives the same on every server: the run's own rows.
	err := mutate(ctx, s.conn, table, fmt.Sprintf("UPDATE until_run_id = %d", s.run), fmt.Sprintf(
		"%[3]s AND (%[4]s) IN (SELECT %[4]s FROM %[1]s WHERE run_id = %[2]d) AND (until_run_id < %[2]d OR until_run_id = %[5]d)",
		table, s.run, s.shown, keys[table], uint32(math.MaxUint32)))
	if err != nil {
		return fmt.Errorf("mark what is replaced in %s: %w", table, err)
	}
	return nil
}

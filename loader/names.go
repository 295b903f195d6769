package loader

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/extractor"
)

type funnelRow struct {
	RunID    uint32 `ch:"run_id"`
	FunnelID uint32 `ch:"funnel_id"`
	Name     string `ch:"name"`
}

type stageRow struct {
	RunID     uint32 `ch:"run_id"`
	FunnelID  uint32 `ch:"funnel_id"`
	StageID   string `ch:"stage_id"`
	Name      string `ch:"name"`
	Semantics string `ch:"semantics"`
	Sort      int32  `ch:"sort"`
}

type managerRow struct {
	RunID     uint32 `ch:"run_id"`
	ManagerID uint64 `ch:"manager_id"`
	Name      string `ch:"name"`
	IsActive  bool   `ch:"is_active"`
}

// AppendNames appends the names of funnels and stages, and of managers, where they are
// other than published. With managers nil, those published stay: the portal could not
// be asked for them. Who is forgotten has no name.
func (r *Run) AppendNames(ctx context.Context, funnels []extractor.Funnel, managers []extractor.Manager) error {
	run := uint32(r.row.RunID)
	var funnelRows []funnelRow
	var stageRows []stageRow
	for _, f := range funnels {
		funnelRows = append(funnelRows, funnelRow{run, uint32(f.ID), f.Name})
		for _, s := range f.Stages {
			stageRows = append(stageRows, stageRow{run, uint32(s.FunnelID), string(s.ID), s.Name, s.Semantics.String(), s.Sort})
		}
	}
	if err := appendSet(ctx, r, "funnels", "funnel_id, name", funnelRows); err != nil {
		return err
	}
	if err := appendSet(ctx, r, "stages", "funnel_id, stage_id, name, semantics, sort", stageRows); err != nil {
		return err
	}
	if managers == nil {
		return nil
	}
	forgotten, err := Forgotten(ctx, r.conn)
	if err != nil {
		return err
	}
	var managerRows []managerRow
	for _, m := range managers {
		if forgotten[m.ID] {
			m.Name = ""
		}
		managerRows = append(managerRows, managerRow{run, uint64(m.ID), m.Name, m.IsActive})
	}
	return appendSet(ctx, r, "managers", "manager_id, name, is_active", managerRows)
}

// FunnelsOf are the funnels and stages, without their names, that a run derives under: its own, or
// those published where it has found no others.
func FunnelsOf(ctx context.Context, conn driver.Conn, run RunID) ([]extractor.Funnel, error) {
	rows, err := conn.Query(ctx, `
		SELECT funnel_id, stage_id, toInt8(semantics) FROM stages
		WHERE run_id = (SELECT max(run_id) FROM stages WHERE run_id = ? OR run_id IN (`+publishedRuns+`)) ORDER BY funnel_id, stage_id`, uint32(run))
	if err != nil {
		return nil, fmt.Errorf("read the stages: %w", err)
	}
	defer rows.Close()
	var funnels []extractor.Funnel
	for rows.Next() {
		var funnel uint32
		var stage string
		var semantics int8
		if err := rows.Scan(&funnel, &stage, &semantics); err != nil {
			return nil, fmt.Errorf("read the stages: %w", err)
		}
		id := extractor.FunnelID(funnel)
		if len(funnels) == 0 || funnels[len(funnels)-1].ID != id {
			funnels = append(funnels, extractor.Funnel{ID: id})
		}
		last := &funnels[len(funnels)-1]
		last.Stages = append(last.Stages, extractor.Stage{ID: extractor.StageID(stage), FunnelID: id, Semantics: extractor.Semantics(semantics)})
	}
	return funnels, rows.Err()
}

// appendSet appends a whole set of rows unless it is the one published.
func appendSet[T comparable](ctx context.Context, r *Run, table, columns string, set []T) error {
	var published []T
	// Under the number of this run, so that only what has changed differs.
	err := r.conn.Select(ctx, &published, `
		SELECT toUInt32(?) AS run_id, `+columns+` FROM `+table+`
		WHERE `+table+`.run_id = (SELECT max(run_id) FROM `+table+` WHERE run_id IN (`+publishedRuns+`))`,
		uint32(r.row.RunID))
	if err != nil {
		return fmt.Errorf("read the published %s: %w", table, err)
	}
	if isSameSet(published, set) {
		return nil
	}
	batch, err := r.conn.PrepareBatch(ctx, "INSERT INTO "+table+" (run_id, "+columns+")")
	if err != nil {
		return fmt.Errorf("append to %s: %w", table, err)
	}
	defer batch.Close()
	for i := range set {
		if err := batch.AppendStruct(&set[i]); err != nil {
			return fmt.Errorf("append to %s: %w", table, err)
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("append to %s: %w", table, err)
	}
	return nil
}

// isSameSet is whether two lists hold the same rows, in whatever order.
func isSameSet[T comparable](a, b []T) bool {
	count := map[T]int{}
	for _, row := range a {
		count[row]++
	}
	for _, row := range b {
		count[row]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

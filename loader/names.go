package loader

import (
	"context"
	"fmt"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/extractor"
	"stagelag/transform"
)

// A funnelName is a funnel without its stages.
type funnelName struct {
	id   extractor.FunnelID
	name string
}

var funnelTable = table[funnelName]{"funnels", []column[funnelName]{
	id32("funnel_id", func(f *funnelName) *extractor.FunnelID { return &f.id }),
	plain("name", func(f *funnelName) *string { return &f.name }),
}}

var stageTable = table[extractor.Stage]{"stages", []column[extractor.Stage]{
	id32("funnel_id", func(s *extractor.Stage) *extractor.FunnelID { return &s.FunnelID }),
	text("stage_id", func(s *extractor.Stage) *extractor.StageID { return &s.ID }),
	plain("name", func(s *extractor.Stage) *string { return &s.Name }),
	enum("semantics", func(s *extractor.Stage) *extractor.Semantics { return &s.Semantics }),
	plain("sort", func(s *extractor.Stage) *int32 { return &s.Sort }),
	plain("is_gone", func(s *extractor.Stage) *bool { return &s.IsGone }),
}}

var managerTable = table[extractor.Manager]{"managers", []column[extractor.Manager]{
	id64("manager_id", func(m *extractor.Manager) *extractor.ManagerID { return &m.ID }),
	plain("name", func(m *extractor.Manager) *string { return &m.Name }),
	plain("is_active", func(m *extractor.Manager) *bool { return &m.IsActive }),
	id64("department_id", func(m *extractor.Manager) *extractor.DepartmentID { return &m.DepartmentID }),
}}

// NamesOf are the names of things that a run has found; those of managers and departments are nil where the portal could
// not be asked for them.
type NamesOf struct {
	Funnels     []extractor.Funnel // with their stages
	Managers    []extractor.Manager
	Departments []extractor.Department
}

// AppendNames appends the names that are other than published. Those of managers and departments that are nil stay as
// they were published. Who is forgotten has no name, and who is not among the managers is not known.
func (r *Run) AppendNames(ctx context.Context, found NamesOf) error {
	funnels, managers := found.Funnels, found.Managers
	var names []funnelName
	var stages []extractor.Stage
	for _, f := range funnels {
		names = append(names, funnelName{f.ID, f.Name})
		stages = append(stages, f.Stages...)
	}
	if err := appendSet(ctx, r, &funnelTable, names); err != nil {
		return err
	}
	if err := appendSet(ctx, r, &stageTable, stages); err != nil {
		return err
	}
	if found.Departments != nil {
		// None is among them, so that a set without any is one as well.
		if err := appendSet(ctx, r, &departmentTable, append(slices.Clone(found.Departments), extractor.Department{})); err != nil {
			return err
		}
	}
	if managers != nil {
		forgotten := r.forgotten()
		// Nobody is among them, so that a set of none is one as well.
		managers = append(slices.Clone(managers), extractor.Manager{})
		for i := range managers {
			if forgotten.Managers[managers[i].ID] {
				managers[i].Name = ""
			}
		}
		if err := r.keepDepartments(ctx, managers); err != nil {
			return err
		}
		if err := appendSet(ctx, r, &managerTable, managers); err != nil {
			return err
		}
	}
	return r.appendLabels(ctx, funnels, managers, found.Departments)
}

// keepDepartments leaves people where the published run of the same date has them: a date keeps what was seen first.
func (r *Run) keepDepartments(ctx context.Context, managers []extractor.Manager) error {
	if r.start.AsOf != r.before.AsOf || r.before.RunID == 0 {
		return nil
	}
	published, err := DepartmentsOf(ctx, r.conn, 0, transform.NoDay)
	if err != nil {
		return err
	}
	for i := range managers {
		if id := published.Of(managers[i].ID, r.before.AsOf); id > 0 {
			managers[i].DepartmentID = id
		}
	}
	return nil
}

// FunnelsOf are the funnels with their stages that a run derives under: its own, or those published where it has
// found no others. With the run 0 they are those published. Funnels and stages that the portal has no more are
// among them.
func FunnelsOf(ctx context.Context, conn driver.Conn, run RunID) ([]extractor.Funnel, error) {
	var funnels []extractor.Funnel
	err := funnelTable.read(ctx, conn, setOf(funnelTable.name)+" ORDER BY funnel_id", func(f *funnelName) {
		funnels = append(funnels, extractor.Funnel{ID: f.id, Name: f.name})
	}, uint32(run))
	if err != nil {
		return nil, fmt.Errorf("read the funnels: %w", err)
	}
	err = stageTable.read(ctx, conn, setOf(stageTable.name)+" ORDER BY funnel_id, stage_id", func(s *extractor.Stage) {
		if i := slices.IndexFunc(funnels, func(f extractor.Funnel) bool { return f.ID == s.FunnelID }); i >= 0 {
			funnels[i].Stages = append(funnels[i].Stages, *s)
		}
	}, uint32(run))
	if err != nil {
		return nil, fmt.Errorf("read the stages: %w", err)
	}
	return funnels, nil
}

// ManagersOf are the people whom the portal showed to a run, or to the newest published one that found a change; with
// the run 0 those published. There are none where the portal could never be asked for them.
func ManagersOf(ctx context.Context, conn driver.Conn, run RunID) ([]extractor.Manager, error) {
	var managers []extractor.Manager
	err := managerTable.read(ctx, conn, setOf(managerTable.name)+" AND manager_id > 0 ORDER BY manager_id", func(m *extractor.Manager) {
		managers = append(managers, *m)
	}, uint32(run))
	if err != nil {
		return nil, fmt.Errorf("read the people: %w", err)
	}
	return managers, nil
}

// setOf is the condition for the rows of a run, which is to be bound, in a table of whole sets: its own, or those
// published where it has written none.
func setOf(table string) string {
	return "WHERE run_id = (SELECT max(run_id) FROM " + table + " WHERE run_id = ? OR run_id IN (" + publishedRuns + "))"
}

// HistoricStages are those of the stages into which a landed change led, or in which a landed deal stands.
func HistoricStages(ctx context.Context, conn driver.Conn, stages []extractor.StageID) ([]extractor.StageID, error) {
	names := make([]string, len(stages))
	for i, id := range stages {
		names[i] = string(id)
	}
	rows, err := conn.Query(ctx, `
		SELECT DISTINCT toString(stage_id) FROM (SELECT stage_id FROM landing_stage_changes UNION ALL SELECT stage_id FROM landing_deals)
		WHERE stage_id IN (?)`, names)
	if err != nil {
		return nil, fmt.Errorf("look for stages of the past: %w", err)
	}
	defer rows.Close()
	var known []extractor.StageID
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("look for stages of the past: %w", err)
		}
		known = append(known, extractor.StageID(name))
	}
	return known, rows.Err()
}

// appendSet appends a whole set of rows unless it is the one published.
func appendSet[R comparable](ctx context.Context, r *Run, t *table[R], set []R) error {
	var published []R
	if err := readPublished(ctx, r, t, func(row *R) { published = append(published, *row) }); err != nil {
		return err
	}
	if isSameSet(published, set) {
		return nil
	}
	return insertSet(ctx, r, t, set)
}

// readPublished gives the rows of the published set of a table.
func readPublished[R any](ctx context.Context, r *Run, t *table[R], give func(*R)) error {
	if r.before.RunID == 0 {
		return nil
	}
	err := t.read(ctx, r.conn, "WHERE run_id = (SELECT max(run_id) FROM "+t.name+" WHERE "+r.shards[0].published+")", give)
	if err != nil {
		return fmt.Errorf("read the published %s: %w", t.name, err)
	}
	return nil
}

// insertSet appends a whole set of rows.
func insertSet[R any](ctx context.Context, r *Run, t *table[R], set []R) error {
	if err := t.insert(ctx, r.conn, r.row.RunID, set); err != nil {
		return fmt.Errorf("append to %s: %w", t.name, err)
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

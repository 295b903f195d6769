package loader

import (
	"slices"
	"testing"
	"time"

	"stagelag/extractor"
	"stagelag/warehouse/warehousetest"
)

// No two things of a kind have the same label, whatever their names are.
func TestLabelsDiffer(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := warehousetest.Migrated(t)
	stage := func(funnel extractor.FunnelID, id extractor.StageID, name string) extractor.Stage {
		return extractor.Stage{FunnelID: funnel, ID: id, Name: name}
	}
	found := NamesOf{
		Funnels: []extractor.Funnel{
			{ID: 0, Name: "Flats", Stages: []extractor.Stage{stage(0, "NEW", "New"), stage(0, "DOCS", "Documents")}},
			{ID: 1, Name: "Houses", Stages: []extractor.Stage{stage(1, "C1:NEW", "New"), stage(1, "C1:OLD", "new")}},
			{ID: 2, Name: "houses ", Stages: []extractor.Stage{stage(2, "C2:NEW", "New")}},
			{ID: 3, Stages: []extractor.Stage{stage(3, "C3:NEW", "New")}},
		},
		Managers: []extractor.Manager{{ID: 1, Name: "Ivan Petrov"}, {ID: 12, Name: "Ivan Petrov"}, {ID: 3, Name: "Ivan Petrova"}, {ID: 4}, {ID: 5, Name: "ivan  petrova"}},
	}
	night := func(found NamesOf) {
		t.Helper()
		run := begin(t, w, lastDay)
		if err := run.AppendNames(ctx, found); err != nil {
			t.Fatal(err)
		}
		if err := run.Publish(ctx); err != nil {
			t.Fatal(err)
		}
	}
	labels := func(kind string) (labels []string) {
		t.Helper()
		if err := w.Views().QueryRow(ctx, "SELECT groupArray(label) FROM (SELECT label FROM labels WHERE kind = ? ORDER BY id)", kind).Scan(&labels); err != nil {
			t.Fatal(err)
		}
		return labels
	}
	check := func(kind string, want ...string) {
		t.Helper()
		if got := labels(kind); !slices.Equal(got, want) {
			t.Errorf("the labels of each %s are %q, want %q", kind, got, want)
		}
	}
	night(found)
	check("funnel", "Flats", "Houses (#1)", "houses  (#2)", "#3")
	check("stage", "Documents", "New · Flats", "New · Houses (#1) (C1:NEW)", "new · Houses (#1) (C1:OLD)", "New · houses  (#2)", "New · #3")
	check("manager", "Ivan Petrov (#1)", "Ivan Petrov (#12)", "Ivan Petrova (#3)", "ivan  petrova (#5)")

	// Who is forgotten is not among them, and the namesake is told apart from nobody with the next run.
	if err := Forget(ctx, w.DB(), 12, time.Now()); err != nil {
		t.Fatal(err)
	}
	check("manager", "Ivan Petrov (#1)", "Ivan Petrova (#3)", "ivan  petrova (#5)")
	night(found)
	check("manager", "Ivan Petrov", "Ivan Petrova (#3)", "ivan  petrova (#5)")

	// What the portal could not be asked for stays.
	found.Managers, found.Funnels[1].Name = nil, "Cottages"
	night(found)
	check("funnel", "Flats", "Cottages", "houses ", "#3")
	check("manager", "Ivan Petrov", "Ivan Petrova (#3)", "ivan  petrova (#5)")
}

package dashboards_test

import (
	"slices"
	"strings"
	"testing"

	"stagelag/dashboards"
	"stagelag/warehouse/warehousetest"
)

// The demo's portal has two funnels with a stage of one name, and two people of one name.
func TestNoTwoThingsLookAlike(t *testing.T) {
	t.Parallel()
	w := demo(t)
	v := views(t, "1", "", "")[0]
	for _, tt := range []struct {
		board, title, column string
		want                 []string
	}{
		{"portfolio", "Where it is lost: managers", "manager_name", nil},
		{"portfolio", "Lost ${days}: stages by weeks ago", "stage_name", nil},
		{"quality", "By manager", "manager_name", []string{"Борис Кузнецов (#3)", "Борис Кузнецов (#9)"}},
		{"quality", "By stage", "stage_name", []string{"Новая · Продажи", "Новая · Сервис"}},
		{"stages", "Time in stage", "stage_name", []string{"Новая · Продажи", "Новая · Сервис"}},
		{"trust", "Step 1: facts", "stage_name", []string{"Новая · Продажи", "Новая · Сервис"}},
	} {
		statement := panelOf(t, tt.board, tt.title)
		lines, err := ask(t, w, v.expand("SELECT "+tt.column+", count() AS rows FROM ("+statement+") GROUP BY ALL"))
		if err != nil {
			t.Fatalf("%s, %s: %v", tt.board, tt.title, err)
		}
		var shown []string
		for _, line := range lines[2:] {
			shown = append(shown, line[0])
			if line[1] != "1" && tt.title != "Lost ${days}: stages by weeks ago" {
				t.Errorf("%s, %s: %s rows are called %s", tt.board, tt.title, line[1], line[0])
			}
		}
		for _, want := range tt.want {
			if !slices.Contains(shown, want) {
				t.Errorf("%s, %s: %v, want %s among them", tt.board, tt.title, shown, want)
			}
		}
	}
	for _, variable := range []string{"stage", "manager"} {
		seen := map[string]bool{}
		for _, row := range asked(t, w, dashboards.English, "quality", variable, "") {
			text := row[strings.Index(row, "\t")+1:]
			if seen[text] {
				t.Errorf("two choices of %s read %s", variable, text)
			}
			seen[text] = true
		}
	}
}

func TestLabelsDiffer(t *testing.T) {
	t.Parallel()
	w := warehousetest.Migrated(t)
	for _, sql := range []string{
		"INSERT INTO funnels (run_id, funnel_id, name) VALUES (1, 0, 'Flats'), (1, 1, 'Houses'), (1, 2, 'houses '), (1, 3, '')",
		"INSERT INTO stages (run_id, funnel_id, stage_id, name) VALUES (1, 0, 'NEW', 'New'), (1, 1, 'C1:NEW', 'New'), (1, 1, 'C1:OLD', 'new'), (1, 2, 'C2:NEW', 'New'), (1, 3, 'C3:NEW', 'New'), (1, 0, 'DOCS', 'Documents')",
		"INSERT INTO managers (run_id, manager_id, name) VALUES (1, 1, 'Ivan Petrov'), (1, 12, 'Ivan Petrov'), (1, 3, 'Ivan Petrova'), (1, 4, '')",
		"INSERT INTO run_events (run_id, status, recorded_at, as_of, started_at) VALUES (1, 'published', now64(3), '2026-03-10', now64(3))",
	} {
		if err := w.DB().Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	got := number(t, w, "SELECT arrayStringConcat(groupArray(label), ', ') FROM (SELECT label FROM labels ORDER BY kind, id)")
	const want = "Flats, Houses (#1), houses  (#2), #3, Ivan Petrov (#1), Ivan Petrov (#12), Ivan Petrova, " +
		"Documents, New · Flats, New · Houses (#1) (C1:NEW), new · Houses (#1) (C1:OLD), New · houses  (#2), New · #3"
	if got != want {
		t.Errorf("labels are\n%s, want\n%s", got, want)
	}
}

package dashboards_test

import (
	"slices"
	"strings"
	"testing"

	"stagelag/dashboards"
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

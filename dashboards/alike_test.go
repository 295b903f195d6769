package dashboards_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"stagelag/dashboards"
	"stagelag/extractor"
	"stagelag/loader/loadertest"
	"stagelag/transform"
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

// The heads of managers by stages are short, no two of them are alike, and the stage that lost most comes first.
func TestHeadsOfAMatrixAreShort(t *testing.T) {
	t.Parallel()
	const long, longToo, unlike, short = "Documents for the approval by the state", "Documents for the approval by the customer", "Construction and commissioning works", "Handover"
	want := []string{short, long, "Construction and commiss…", longToo}
	day := func(of int) time.Time { return time.Date(2026, 3, of, 12, 0, 0, 0, time.UTC) }
	rules := &transform.Rules{
		Zone: time.UTC, Calendars: transform.Calendars{Default: transform.CalendarDays{}},
		Stages: map[transform.StageKey]extractor.Stage{}, Norms: map[extractor.StageID][]transform.Norm{},
	}
	var histories []transform.History
	for i, id := range []extractor.StageID{short, long, unlike, longToo} { // IDs are shown where no name is known
		entered := day(1 + i)
		rules.Stages[transform.StageKey{Stage: id}] = extractor.Stage{ID: id}
		rules.Norms[id] = []transform.Norm{{Days: 0, From: transform.NoDay}}
		deal := extractor.DealID(i + 1)
		histories = append(histories, transform.History{
			Deal:    extractor.Deal{ID: deal, Title: "A deal", StageID: id, CreatedAt: entered, MovedAt: entered},
			Changes: []transform.Change{{StageChange: extractor.StageChange{ID: extractor.ChangeID(i + 1), DealID: deal, ChangedAt: entered, StageID: id, TypeID: 2}}},
		})
	}
	w := warehousetest.Migrated(t)
	loadertest.Publish(t, w, rules, transform.DayOf(day(9), time.UTC), histories)
	lines, err := ask(t, w, view{from: day(1), to: day(9)}.expand(panelOf(t, "quality", "Managers × stages")))
	if err != nil || len(lines) < 2 {
		t.Fatalf("%q, %v", lines, err)
	}
	at := slices.Index(lines[0], "stage_name")
	var got []string
	for _, line := range lines[2:] {
		got = append(got, line[at])
	}
	if !slices.Equal(got, want) {
		t.Errorf("the heads are %q, want %q", got, want)
	}
}

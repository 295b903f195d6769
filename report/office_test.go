package report_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stagelag/loader/loadertest"
	"stagelag/report"
	"stagelag/views"
	"stagelag/warehouse/warehousetest"
)

// office is the report of March of loadertest's office, by stage.
func office(t *testing.T, works bool) report.Report {
	t.Helper()
	w := warehousetest.Migrated(t)
	loadertest.Office(t, w, works)
	r, err := report.Read(context.Background(), views.In(w), report.Query{
		By: report.ByStage, Period: report.Period{From: day(t, "2026-03-01"), To: day(t, "2026-03-31")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return steady(r)
}

func TestWaitingAndPausedStandApart(t *testing.T) {
	t.Parallel()
	r := office(t, true)
	var rows []string
	for _, row := range r.Level().Rows {
		rows = append(rows, fmt.Sprintf("%s: closed %d, late %d, lost %d, open %d, overdue %d, no plan %d, waiting %d",
			row.Name, row.Closed, row.Late, row.DaysLost, row.Now.Open, row.Now.Overdue, row.Now.NoPlan, row.Now.Waiting))
	}
	if diff := cmp.Diff([]string{
		"Draft: closed 2, late 0, lost 5, open 1, overdue 1, no plan 0, waiting 0",
		"Approval: closed 0, late 0, lost 5, open 3, overdue 1, no plan 0, waiting 0",
		"Client: closed 0, late 0, lost 0, open 0, overdue 0, no plan 0, waiting 1",
		"Other: closed 0, late 0, lost 0, open 1, overdue 0, no plan 1, waiting 0",
	}, rows); diff != "" {
		t.Errorf("the rows by stage (-want +got):\n%s", diff)
	}
	for _, v := range r.Visits {
		if v.StageID == loadertest.Client {
			t.Errorf("a waiting visit is behind the numbers: %+v", v)
		}
		if want := map[bool]int64{true: 2}[v.DealID == 1]; v.PausedDays != want {
			t.Errorf("deal %d was paused for %d days, want %d", v.DealID, v.PausedDays, want)
		}
	}
}

// The forms say which days they count, and name what is paused and what waits.
func TestFormsSayWhichDays(t *testing.T) {
	t.Parallel()
	tests := []struct {
		works    bool
		language report.Language
		want     []string
		not      []string
	}{
		{true, report.English, []string{"Working days lost", "overdue, +5 working days, paused 2 working days", "Waiting now  1", `"days_are": "working"`}, []string{"Days lost"}},
		{true, report.Russian, []string{"Потеряно рабочих дней", "просрочена, +5 рабочих дней, на паузе 2 рабочих дня", "Ожидают сейчас  1", `"visits_waiting": 1`}, []string{"Потеряно дней"}},
		{false, report.English, []string{"Days lost", "overdue, +11 days, paused 2 days", `"days_are": "calendar"`, `"paused_days": 2`}, []string{"Working days l"}},
		{false, report.Russian, []string{"Потеряно дней", "просрочена, +11 дней, на паузе 2 дня"}, []string{"Потеряно рабочих"}},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%s, working days: %t", test.language, test.works), func(t *testing.T) {
			t.Parallel()
			r := office(t, test.works)
			var text, page, json strings.Builder
			if err := report.WriteText(&text, &r, test.language); err != nil {
				t.Fatal(err)
			}
			if err := report.WriteHTML(&page, &r, test.language); err != nil {
				t.Fatal(err)
			}
			if err := report.WriteJSON(&json, &r); err != nil {
				t.Fatal(err)
			}
			for _, want := range test.want {
				if !strings.Contains(single(text.String())+json.String(), want) {
					t.Errorf("the text and the JSON do not say %q:\n%s", want, text.String())
				}
			}
			for _, not := range test.not {
				if strings.Contains(page.String(), not) {
					t.Errorf("the page says %q", not)
				}
			}
			if first := test.want[0]; !strings.Contains(page.String(), first) {
				t.Errorf("the page does not say %q", first)
			}
		})
	}
}

// single is a text with two blanks at most between its columns.
func single(text string) string {
	for strings.Contains(text, "   ") {
		text = strings.ReplaceAll(text, "   ", "  ")
	}
	return text
}

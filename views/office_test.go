package views_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stagelag/loader/loadertest"
	"stagelag/views"
	"stagelag/warehouse/warehousetest"
)

// What waits is apart from what is open otherwise, and days are those that count.
func TestTheOfficeWithWorkingDays(t *testing.T) {
	t.Parallel()
	w := warehousetest.Migrated(t)
	loadertest.Office(t, w, true)
	shown, ctx := views.In(w), t.Context()

	totals, err := shown.Totals(ctx)
	if want := (views.Totals{Deals: 6, Open: 6, Waiting: 1, Overdue: 2, DaysLost: 10, PausedDays: 4}); err != nil || totals != want {
		t.Errorf("Totals = %+v, %v, want %+v", totals, err, want)
	}
	uncovered, err := shown.Uncovered(ctx, 10)
	if diff := cmp.Diff([]views.Coverage{{StageID: "Other", Stage: "Other", Open: 1, NoPlan: 1}}, uncovered); err != nil || diff != "" {
		t.Errorf("Uncovered, %v (-want +got):\n%s", err, diff)
	}
	results, err := shown.Results(ctx, 0, 10, false)
	var lines []string
	for _, r := range results {
		left := "none"
		if r.DaysLeft != nil {
			left = fmt.Sprint(*r.DaysLeft)
		}
		lines = append(lines, fmt.Sprintf("%d %s, due %s, left %s, late %d, working %t", r.DealID, r.Status, r.PlannedEnd, left, r.DaysLate, r.CountsWorkingDays))
	}
	if diff := cmp.Diff([]string{
		"1 overdue, due 2026-03-19, left 0, late 5, working true",
		"2 waiting, due , left none, late 0, working true",
		"3 overdue, due 2026-03-19, left 0, late 5, working true",
		"4 no_plan, due , left none, late 0, working true",
		"5 on_time, due 2026-03-27, left 2, late 0, working true",
		"6 on_time, due 2026-04-08, left 6, late 0, working true",
	}, lines); err != nil || diff != "" {
		t.Errorf("Results, %v (-want +got):\n%s", err, diff)
	}
	var stages []string
	for stage, err := range shown.StageHistories(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range stage.Visits {
			stages = append(stages, fmt.Sprintf("%d %s, %s %s: %s to %s, due %s", stage.FunnelID, stage.Funnel, stage.StageID, stage.Stage, v.Entered, v.Left, v.Planned))
		}
	}
	slices.Sort(stages)
	if diff := cmp.Diff([]string{
		"5 #5, Approval Approval: 2026-03-02 to , due 2026-03-19",
		"5 #5, Approval Approval: 2026-03-16 to , due 2026-03-27",
		"5 #5, Approval Approval: 2026-03-18 to , due 2026-04-08",
		"5 #5, Client Client: 2026-03-02 to , due ",
		"5 #5, Client Client: 2026-03-05 to 2026-03-16, due ",
		"5 #5, Draft Draft: 2026-02-27 to 2026-03-02, due 2026-03-04",
		"5 #5, Draft Draft: 2026-03-02 to 2026-03-05, due 2026-03-05",
		"5 #5, Draft Draft: 2026-03-16 to , due 2026-03-19",
		"5 #5, Other Other: 2026-03-02 to , due ",
	}, stages); diff != "" {
		t.Errorf("StageHistories (-want +got):\n%s", diff)
	}
	for _, test := range []struct {
		in   views.Funnels
		want bool
	}{{nil, true}, {views.Funnels{5}, true}, {views.Funnels{7, 5}, true}, {views.Funnels{7}, false}} {
		if works, err := shown.CountsWorkingDays(ctx, test.in); err != nil || works != test.want {
			t.Errorf("CountsWorkingDays(%v) = %t, %v, want %t", test.in, works, err, test.want)
		}
	}
}

func TestTheOfficeWhereEveryDayCounts(t *testing.T) {
	t.Parallel()
	w := warehousetest.Migrated(t)
	loadertest.Office(t, w, false)
	shown, ctx := views.In(w), t.Context()
	if works, err := shown.CountsWorkingDays(ctx, nil); err != nil || works {
		t.Errorf("CountsWorkingDays = %t, %v, want false", works, err)
	}
	results, err := shown.Results(ctx, 0, 1, false)
	if err != nil || len(results) != 1 || results[0].CountsWorkingDays || results[0].DaysLate != 11 {
		t.Errorf("Results = %+v, %v, want deal 1, 11 days late, no working days", results, err)
	}
}

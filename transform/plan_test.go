package transform

import "testing"

func TestPlan(t *testing.T) {
	tests := []struct {
		name   string
		due    string
		days   string
		source PlanSource
		want   int32
		isBad  bool
	}{
		{"the planned end of the deal comes first", "2026-02-05", "9", PlanDealDate, 4, false},
		{"an instant counts with its date in the portal's zone", "2026-02-04T22:00:00Z", "", PlanDealDate, 4, false},
		{"a date as people type it", "05.02.2026", "", PlanDealDate, 4, false},
		{"then the days of the deal", "", "9", PlanDealDays, 9, false},
		{"zero is a plan", "", "0", PlanDealDays, 0, false},
		{"a whole number with a fraction of zero", "", "4.0", PlanDealDays, 4, false},
		{"then the norm", "", "", PlanStageNorm, 10, false},
		{"a negative number is no plan", "", "-1", PlanStageNorm, 10, true},
		{"text is no plan", "", "abc", PlanStageNorm, 10, true},
		{"half a day is no plan", "", "1.5", PlanStageNorm, 10, true},
		{"a number beyond all dates is no plan", "", "1e9", PlanStageNorm, 10, true},
		{"a number that nobody could write out is no plan", "", "1e999999999", PlanStageNorm, 10, true},
		{"a date that is none", "2026-02-31", "", PlanStageNorm, 10, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := testRules().plan(Carried{Date: test.due, Days: test.days}, "C5:DOCS", day("2026-02-01"), &counting{calendar: CalendarDays{}})
			if got.Source != test.source || got.Days != test.want || got.End != day("2026-02-01")+Day(test.want) || (got.Problem != "") != test.isBad {
				t.Errorf("plan(due %q, days %q) = %+v, want %s of %d days, bad %v", test.due, test.days, got, test.source, test.want, test.isBad)
			}
		})
	}
}

func TestClosedVisitKeepsItsPlan(t *testing.T) {
	rules := testRules()
	h := history(step{1, "2026-02-01 10:00", "C5:DOCS", false})
	h.Deal.Fields["UF_CRM_DAYS"] = "4"
	open := rules.Derive(h, on("2026-02-02"))

	closed := history(step{1, "2026-02-01 10:00", "C5:DOCS", false}, step{2, "2026-02-04 10:00", "C5:DESIGN", false})
	closed.Deal.Fields["UF_CRM_DAYS"] = "8"
	later := on("2026-02-05")
	later.PublishedAsOf = day("2026-02-02")

	fresh, _ := visitsOf(rules, closed, later)
	if got := fresh[0].Plan.Days; got != 8 {
		t.Errorf("a visit that was never seen open has a plan of %d days, want the 8 of today", got)
	}
	closed.Published, closed.Knowledge = open.Visits, open.Knowledge
	kept, _ := visitsOf(rules, closed, later)
	if got := kept[0].Plan.Days; got != 4 {
		t.Errorf("a visit that was seen open has a plan of %d days, want the 4 of then", got)
	}
}

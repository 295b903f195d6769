package writeback

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stagelag/config"
	"stagelag/extractor"
	"stagelag/transform"
	"stagelag/views"
)

// planned is a plan for the fields of all roles with deals that hold nothing; the odd ones are open.
func planned(isDry bool, ids ...extractor.DealID) *plan {
	var fields []Field
	for _, k := range kinds {
		fields = append(fields, Field{Role: k.role, Name: string(k.role)})
	}
	p := newPlan(config.English, fields, isDry)
	for _, id := range ids {
		t := p.todo(views.Result{DealID: id, IsOpen: id%2 == 1, Status: "no_plan", PlannedEnd: transform.NoDay})
		if p.compare(&t, nil) {
			p.add(t, nil)
		}
	}
	return &p
}

func TestTheOrderOfWriting(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		limit int
		want  []extractor.DealID
	}{
		{"open deals first, then by id", -1, []extractor.DealID{1, 3, 5, 9, 2, 4, 8}},
		{"a limit within the open deals", 3, []extractor.DealID{1, 3, 5}},
		{"a limit beyond them", 5, []extractor.DealID{1, 3, 5, 9, 2}},
		{"a limit above all", 100, []extractor.DealID{1, 3, 5, 9, 2, 4, 8}},
		{"a limit that is reached", 0, []extractor.DealID{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := planned(false, 2, 5, 9, 8, 1, 4, 3) // those of other funnels come last
			p.settle(test.limit)
			if got := p.len(); got != len(test.want) {
				t.Errorf("%d deals are left, want %d", got, len(test.want))
			}
			if diff := cmp.Diff(test.want, idsOfTodo(p.take(100))); diff != "" {
				t.Errorf("with the limit %d the deals come in another order (-want +got):\n%s", test.limit, diff)
			}
		})
	}
}

// What is tried again comes before all others, however many are asked for at a time.
func TestWhatIsTriedAgainComesFirst(t *testing.T) {
	t.Parallel()
	p := planned(false, 1, 2, 3, 4, 5, 6)
	p.settle(-1)
	p.putBack(p.take(4)) // the portal gave no answer
	var got [][]extractor.DealID
	for p.len() > 0 {
		group := p.take(2)
		got = append(got, idsOfTodo(group))
		if len(got) == 1 {
			p.putBack(group[1:])
		}
	}
	if want := [][]extractor.DealID{{1, 3}, {3, 5}, {2, 4}, {6}}; !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("the deals were taken as %v, want %v", got, want)
	}
}

func TestWhatADryRunShows(t *testing.T) {
	t.Parallel()
	p := planned(true)
	left, likely := int32(0), 0.449
	results := []views.Result{
		{DealID: 1, IsOpen: true, Status: "overdue", PlannedEnd: 20522, DaysLeft: &left, DaysLate: 3, DaysLost: 7, ExpectedEnd: 20530, LateProbability: &likely},
		{DealID: 2, Status: "final", PlannedEnd: transform.NoDay, DaysLost: 7, ExpectedEnd: transform.NoDay},
		{DealID: 3, IsOpen: true, Status: "no_plan", PlannedEnd: transform.NoDay, ExpectedEnd: transform.NoDay},
	}
	for _, r := range results {
		todo := p.todo(r)
		shown := map[string]string{"days_late": "2", "planned_end": "2026-03-10", "days_lost": "7", "late_probability": "40"}
		if p.compare(&todo, shown) {
			p.add(todo, shown)
		}
	}
	p.settle(-1)
	var got []string
	for c := range (Summary{plan: p}).Changes() {
		got = append(got, fmt.Sprintf("%d %s %q %q", c.DealID, c.Field, c.From, c.To))
	}
	want := []string{
		`1 state "" "3 days late"`, `1 days_late "2" "3"`, `1 days_left "" "0"`, `1 expected_end "" "2026-03-18"`,
		`3 state "" "no plan"`, `3 days_late "2" ""`, `3 planned_end "2026-03-10" ""`, `3 days_lost "7" "0"`, `3 late_probability "40" ""`,
		`2 state "" "closed"`, `2 days_late "2" ""`, `2 planned_end "2026-03-10" ""`, `2 late_probability "40" ""`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the changes (-want +got):\n%s", diff)
	}
}

// A portal that gives each deal a reason of its own has them counted all the same.
func TestReasonsWithoutEnd(t *testing.T) {
	t.Parallel()
	var r refusals
	for id := range extractor.DealID(2 * keptReasons) {
		r.add(id+1, fmt.Sprintf("deal %d is locked", id+1))
		r.add(id+1, "no right")
	}
	list, sum := r.list(), 0
	for _, refusal := range list {
		sum += refusal.Count
	}
	if len(list) != maxReasons || sum != 4*keptReasons || list[0] != (Refusal{Reason: "no right", Count: 2 * keptReasons, Deal: 1}) {
		t.Errorf("%d reasons for %d refusals, the first %+v, want %d for %d, and the one that all deals share first", len(list), sum, list[0], maxReasons, 4*keptReasons)
	}
	if last := list[len(list)-1]; last.Reason != "other reasons" {
		t.Errorf("the last reason is %q, want those that are not told one by one", last.Reason)
	}
}

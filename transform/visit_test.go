package transform

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stagelag/extractor"
)

var moscow = func() *time.Location {
	zone, err := time.LoadLocation("Europe/Moscow")
	if err != nil {
		panic(err)
	}
	return zone
}()

// at is an instant given as the portal's users would read it off a clock.
func at(text string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04", text, moscow)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

func day(text string) Day {
	d, err := ParseDay(text)
	if err != nil {
		panic(err)
	}
	return d
}

// testRules knows funnel 5 with the stages NEW, DOCS, DESIGN, WON and LOSE, a norm for
// two of them, fields for DOCS, and where the old stage OLD_DOCS went.
func testRules() *Rules {
	stages := map[StageKey]extractor.Stage{}
	for id, semantics := range map[extractor.StageID]extractor.Semantics{
		"C5:NEW": extractor.Process, "C5:DOCS": extractor.Process, "C5:DESIGN": extractor.Process,
		"C5:WON": extractor.Success, "C5:LOSE": extractor.Failure,
	} {
		stages[StageKey{5, id}] = extractor.Stage{ID: id, FunnelID: 5, Semantics: semantics}
	}
	stages[StageKey{7, "C7:NEW"}] = extractor.Stage{ID: "C7:NEW", FunnelID: 7}
	return &Rules{
		Zone: moscow, Calendars: Calendars{Default: CalendarDays{}}, Stages: stages,
		StageMap: map[extractor.StageID]extractor.StageID{"C5:OLD_DOCS": "C5:DOCS"},
		Fields:   map[extractor.StageID]PlanFields{"C5:DOCS": {Days: "UF_CRM_DAYS", Date: "UF_CRM_DUE"}},
		Norms: map[extractor.StageID][]Norm{
			"C5:NEW":  {{From: NoDay, Days: 3}},
			"C5:DOCS": {{From: NoDay, Days: 10}, {From: day("2026-03-01"), Days: 7}},
		},
	}
}

// step is one stage change of a test's history.
type step struct {
	id       extractor.ChangeID
	at       string
	stage    extractor.StageID
	vanished bool
}

// history is a deal with these changes, standing where the last of them led.
func history(steps ...step) *History {
	h := &History{Deal: extractor.Deal{ID: 1, ManagerID: 12, FunnelID: 5, Fields: map[string]string{}}}
	for _, s := range steps {
		change := Change{StageChange: extractor.StageChange{
			ID: s.id, DealID: 1, ChangedAt: at(s.at), FunnelID: funnelOf(s.stage), StageID: s.stage, Semantics: semanticsOf(s.stage),
		}}
		if s.vanished {
			change.VanishedAt = at("2026-06-01 02:30")
		}
		h.Changes = append(h.Changes, change)
		if !s.vanished {
			h.Deal.StageID, h.Deal.FunnelID, h.Deal.Semantics, h.Deal.MovedAt = s.stage, change.FunnelID, change.Semantics, change.ChangedAt
		}
	}
	if len(steps) > 0 {
		h.Deal.CreatedAt = at(steps[0].at)
	}
	return h
}

func funnelOf(stage extractor.StageID) extractor.FunnelID {
	return extractor.FunnelID(stage[1] - '0')
}

func semanticsOf(stage extractor.StageID) extractor.Semantics {
	switch stage[3:] {
	case "WON":
		return extractor.Success
	case "LOSE":
		return extractor.Failure
	default:
		return extractor.Process
	}
}

// on are the dates of a run that was made on its as-of date.
func on(asOf string) Dates {
	return Dates{AsOf: day(asOf), PublishedAsOf: NoDay, Clock: at(asOf + " 23:59")}
}

func visitsOf(rules *Rules, h *History, dates Dates) ([]Visit, []Gap) {
	d := rules.Derive(h, dates)
	return d.Visits, d.Gaps
}

// line is a visit as a test reads it.
type line struct {
	No      uint32
	Stage   extractor.StageID
	Entered string
	Left    string
	Source  string
	Days    int32
	Overdue int32
}

func lines(visits []Visit, asOf Day) []line {
	var list []line
	for i := range visits {
		v := &visits[i]
		l := line{No: v.No, Stage: v.StageID, Entered: v.EnteredDate.String(), Left: v.LeftDate.String(), Source: v.Plan.Source.String(), Days: v.Plan.Days}
		Facts(v, asOf, CalendarDays{}, func(f *Fact) { l.Overdue = f.OverdueDays })
		list = append(list, l)
	}
	return list
}

func TestVisits(t *testing.T) {
	tests := []struct {
		name  string
		h     *History
		asOf  string
		rules func(*Rules)
		want  []line
	}{
		{
			"a visit lasts from a change to the next one of the deal",
			history(step{1, "2026-02-01 10:00", "C5:NEW", false}, step{2, "2026-02-03 09:00", "C5:DOCS", false}), "2026-02-20", nil,
			[]line{{1, "C5:NEW", "2026-02-01", "2026-02-03", "stage_norm", 3, 0}, {2, "C5:DOCS", "2026-02-03", "", "stage_norm", 10, 7}},
		},
		{
			"an instant belongs to the date of the portal's zone",
			history(step{1, "2026-02-01 00:30", "C5:NEW", false}), "2026-02-01", nil,
			[]line{{1, "C5:NEW", "2026-02-01", "", "stage_norm", 3, 0}},
		},
		{
			"two changes on one day make two visits, the first of length zero",
			history(step{1, "2026-02-01 10:00", "C5:NEW", false}, step{2, "2026-02-01 10:00", "C5:DESIGN", false}), "2026-02-02", nil,
			[]line{{1, "C5:NEW", "2026-02-01", "2026-02-01", "stage_norm", 3, 0}, {2, "C5:DESIGN", "2026-02-01", "", "none", 0, 0}},
		},
		{
			"changes at one instant are ordered by their id",
			history(step{9, "2026-02-01 10:00", "C5:DESIGN", false}, step{4, "2026-02-01 10:00", "C5:NEW", false}), "2026-02-02",
			nil,
			[]line{{1, "C5:NEW", "2026-02-01", "2026-02-01", "stage_norm", 3, 0}, {2, "C5:DESIGN", "2026-02-01", "2026-02-01", "none", 0, 0}, {3, "C5:NEW", "2026-02-01", "", "stage_norm", 3, 0}},
		},
		{
			"coming back to a stage is a new visit",
			history(step{1, "2026-02-01 10:00", "C5:NEW", false}, step{2, "2026-02-02 10:00", "C5:DESIGN", false}, step{3, "2026-02-05 10:00", "C5:NEW", false}), "2026-02-05", nil,
			[]line{{1, "C5:NEW", "2026-02-01", "2026-02-02", "stage_norm", 3, 0}, {2, "C5:DESIGN", "2026-02-02", "2026-02-05", "none", 0, 0}, {3, "C5:NEW", "2026-02-05", "", "stage_norm", 3, 0}},
		},
		{
			"a final visit is closed at once, also when the deal is reopened: the days between belong to no visit",
			history(step{1, "2026-02-01 10:00", "C5:NEW", false}, step{2, "2026-02-02 10:00", "C5:WON", false}, step{3, "2026-02-10 10:00", "C5:NEW", false}), "2026-02-11", nil,
			[]line{{1, "C5:NEW", "2026-02-01", "2026-02-02", "stage_norm", 3, 0}, {2, "C5:WON", "2026-02-02", "2026-02-02", "none", 0, 0}, {3, "C5:NEW", "2026-02-10", "", "stage_norm", 3, 0}},
		},
		{
			"a norm holds for visits entered on its date or later",
			history(step{1, "2026-02-28 10:00", "C5:DOCS", false}, step{2, "2026-03-01 10:00", "C5:DOCS", false}), "2026-03-20", nil,
			[]line{{1, "C5:DOCS", "2026-02-28", "2026-03-01", "stage_norm", 10, 0}, {2, "C5:DOCS", "2026-03-01", "", "stage_norm", 7, 12}},
		},
		{
			"a visit entered before any norm holds has no plan",
			history(step{1, "2026-02-28 10:00", "C5:DOCS", false}), "2026-03-20",
			func(r *Rules) { r.Norms["C5:DOCS"] = r.Norms["C5:DOCS"][1:] },
			[]line{{1, "C5:DOCS", "2026-02-28", "", "none", 0, 0}},
		},
		{
			"a change after the as-of date does not exist yet",
			history(step{1, "2026-02-01 10:00", "C5:NEW", false}, step{2, "2026-02-03 09:00", "C5:DOCS", false}), "2026-02-02", nil,
			[]line{{1, "C5:NEW", "2026-02-01", "", "stage_norm", 3, 0}},
		},
		{
			"a mapped stage counts as the one that it leads to",
			history(step{1, "2026-02-01 10:00", "C5:OLD_DOCS", false}), "2026-02-02", nil,
			[]line{{1, "C5:DOCS", "2026-02-01", "", "stage_norm", 10, 0}},
		},
		{
			"an unmapped stage keeps its id and its norm",
			history(step{1, "2026-02-01 10:00", "C5:LOST", false}), "2026-02-02",
			func(r *Rules) { r.Norms["C5:LOST"] = []Norm{{NoDay, 1}} },
			[]line{{1, "C5:LOST", "2026-02-01", "", "stage_norm", 1, 0}},
		},
		{
			"a deal that leaves the funnels of the report ends its visit there and keeps its days",
			history(step{1, "2026-02-01 10:00", "C5:NEW", false}, step{2, "2026-02-09 10:00", "C7:NEW", false}), "2026-02-20",
			func(r *Rules) { r.Funnels = map[extractor.FunnelID]bool{5: true} },
			[]line{{1, "C5:NEW", "2026-02-01", "2026-02-09", "stage_norm", 3, 5}},
		},
		{
			"visits outside the report are counted in the numbers",
			history(step{1, "2026-02-01 10:00", "C7:NEW", false}, step{2, "2026-02-09 10:00", "C5:NEW", false}), "2026-02-09",
			func(r *Rules) { r.Funnels = map[extractor.FunnelID]bool{5: true} },
			[]line{{2, "C5:NEW", "2026-02-09", "", "stage_norm", 3, 0}},
		},
		{
			"rows of a funnel that the deal left, which the portal has stopped returning, count on",
			history(step{1, "2026-02-01 10:00", "C5:NEW", true}, step{2, "2026-02-09 10:00", "C7:NEW", false}), "2026-02-10", nil,
			[]line{{1, "C5:NEW", "2026-02-01", "2026-02-09", "stage_norm", 3, 5}, {2, "C7:NEW", "2026-02-09", "", "none", 0, 0}},
		},
		{
			"the closing of a deal that was reopened counts on when the portal has dropped it",
			history(step{1, "2026-02-01 10:00", "C5:NEW", false}, step{2, "2026-02-02 10:00", "C5:WON", true}, step{3, "2026-02-10 10:00", "C5:NEW", false}), "2026-02-10", nil,
			[]line{{1, "C5:NEW", "2026-02-01", "2026-02-02", "stage_norm", 3, 0}, {2, "C5:WON", "2026-02-02", "2026-02-02", "none", 0, 0}, {3, "C5:NEW", "2026-02-10", "", "stage_norm", 3, 0}},
		},
		{
			"any other row that the portal has dropped was corrected away",
			history(step{1, "2026-02-01 10:00", "C5:NEW", false}, step{2, "2026-02-02 10:00", "C5:DESIGN", true}, step{3, "2026-02-10 10:00", "C5:DOCS", false}), "2026-02-10", nil,
			[]line{{1, "C5:NEW", "2026-02-01", "2026-02-10", "stage_norm", 3, 6}, {2, "C5:DOCS", "2026-02-10", "", "stage_norm", 10, 0}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rules := testRules()
			if test.rules != nil {
				test.rules(rules)
			}
			got, _ := visitsOf(rules, test.h, on(test.asOf))
			if diff := cmp.Diff(test.want, lines(got, day(test.asOf))); diff != "" {
				t.Errorf("Visits (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReturns(t *testing.T) {
	h := history(step{1, "2026-02-01 10:00", "C5:DOCS", false}, step{2, "2026-02-02 10:00", "C5:DESIGN", false},
		step{3, "2026-02-05 10:00", "C5:OLD_DOCS", false}, step{4, "2026-02-06 10:00", "C7:NEW", false}, step{5, "2026-02-07 10:00", "C5:NEW", false},
		step{6, "2026-02-08 10:00", "C5:DESIGN", false})
	visits, _ := visitsOf(testRules(), h, on("2026-02-09"))
	var got []uint32
	for _, v := range visits {
		if v.IsReturn {
			got = append(got, v.No)
		}
	}
	// Visit 3 was to a stage that has become the one of visit 1; the stages of visits 4 and 5 are of two funnels.
	if want := []uint32{3, 6}; !slices.Equal(got, want) {
		t.Errorf("visits %d are returns, want %d", got, want)
	}
}

func TestNext(t *testing.T) {
	rules := testRules()
	rules.Funnels = map[extractor.FunnelID]bool{5: true}
	h := history(step{1, "2026-02-01 10:00", "C5:NEW", false}, step{2, "2026-02-03 10:00", "C5:OLD_DOCS", false}, step{3, "2026-02-06 10:00", "C7:NEW", false},
		step{4, "2026-02-09 10:00", "C5:DESIGN", false})
	for _, test := range []struct {
		rule, asOf string
		want       []StageKey
	}{
		{"the stage that the map leads to", "2026-02-04", []StageKey{{5, "C5:DOCS"}, {}}},
		{"a stage outside the report", "2026-02-07", []StageKey{{5, "C5:DOCS"}, {7, "C7:NEW"}}},
		{"none of the last visit, however the deal came to it", "2026-02-09", []StageKey{{5, "C5:DOCS"}, {7, "C7:NEW"}, {}}},
	} {
		visits, _ := visitsOf(rules, h, on(test.asOf))
		var got []StageKey
		for _, v := range visits {
			got = append(got, v.Next)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: as of %s the deal goes to %v, want %v", test.rule, test.asOf, got, test.want)
		}
	}
}

func TestReconstruction(t *testing.T) {
	tests := []struct {
		name    string
		change  func(*History)
		entered string // of the last visit
		count   int
	}{
		{"a deal without history stands in its stage since its last move", func(h *History) { h.Changes = nil }, "2026-02-03", 1},
		{"without a last move, since its creation", func(h *History) { h.Changes, h.Deal.MovedAt = nil, time.Time{} }, "2026-02-01", 1},
		{"a stage that the history does not end with begins at the deal's last move", func(h *History) {
			h.Deal.StageID, h.Deal.MovedAt = "C5:DESIGN", at("2026-02-07 12:00")
		}, "2026-02-07", 3},
		{"but never before the last change", func(h *History) {
			h.Deal.StageID, h.Deal.MovedAt = "C5:DESIGN", at("2026-01-07 12:00")
		}, "2026-02-03", 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := history(step{1, "2026-02-01 10:00", "C5:NEW", false}, step{2, "2026-02-03 09:00", "C5:DOCS", false})
			test.change(h)
			visits, gaps := visitsOf(testRules(), h, on("2026-02-20"))
			last := visits[len(visits)-1]
			if len(visits) != test.count || last.EnteredDate.String() != test.entered || last.History != Reconstructed {
				t.Errorf("Visits = %v (%s), want %d visits, the last reconstructed from %s", visits, last.History, test.count, test.entered)
			}
			if !slices.ContainsFunc(gaps, func(g Gap) bool { return g.Reason == GapHistoryReconstructed && g.VisitNo == last.No }) {
				t.Errorf("gaps = %v, want one of reason %s for visit %d", gaps, GapHistoryReconstructed, last.No)
			}
		})
	}
}

func TestNoDealNoVisits(t *testing.T) {
	for name, change := range map[string]func(*History){
		"a recurring template is no deal":              func(h *History) { h.Deal.IsRecurring = true },
		"a deleted deal is in the report no more":      func(h *History) { h.IsGone = true },
		"a deal after the as-of date is not there yet": func(h *History) { h.Changes, h.Deal.MovedAt = nil, at("2026-03-01 10:00") },
	} {
		t.Run(name, func(t *testing.T) {
			h := history(step{1, "2026-02-01 10:00", "C5:NEW", false})
			change(h)
			if visits, gaps := visitsOf(testRules(), h, on("2026-02-20")); len(visits) != 0 {
				t.Errorf("Visits = %v with gaps %v, want none", visits, gaps)
			}
		})
	}
}

func TestAMissingPlanTellsWhereItWasLookedFor(t *testing.T) {
	moved := []step{{1, "2026-02-01 10:00", "C5:DOCS", false}, {2, "2026-02-10 10:00", "C5:DESIGN", false}}
	rules := testRules()
	delete(rules.Norms, "C5:DOCS")
	tests := []struct {
		name string
		seen Knowledge
		want []string
	}{
		{"closed before any run", Knowledge{}, []string{
			"the deal's UF_CRM_DUE and UF_CRM_DAYS is empty; no norm is configured for the stage",
			"no field of the deal is configured for the stage; no norm is configured for the stage",
		}},
		{"seen open", rules.Derive(history(moved[0]), on("2026-02-05")).Knowledge, []string{
			"the deal carried no plan while the visit was open; no norm is configured for the stage",
			"no field of the deal is configured for the stage; no norm is configured for the stage",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := history(moved...)
			h.Knowledge = test.seen
			_, gaps := visitsOf(rules, h, on("2026-02-20"))
			var got []string
			for _, g := range gaps {
				got = append(got, g.Detail)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("details (-want +got):\n%s", diff)
			}
		})
	}
}

// What no run computes otherwise is told alike, whether a run saw the visit open or not.
func TestAStageWithoutFieldsIsToldAlike(t *testing.T) {
	moved := []step{{1, "2026-02-01 10:00", "C5:DESIGN", false}, {2, "2026-02-10 10:00", "C5:NEW", false}}
	h := history(moved...)
	_, want := visitsOf(testRules(), h, on("2026-02-20"))
	h.Knowledge = testRules().Derive(history(moved[0]), on("2026-02-05")).Knowledge
	_, got := visitsOf(testRules(), h, on("2026-02-20"))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
}

func TestGaps(t *testing.T) {
	tests := []struct {
		name   string
		h      *History
		change func(*History)
		want   []string // visit/reason
	}{
		{"a visit without a plan", history(step{1, "2026-02-01 10:00", "C5:DESIGN", false}), nil, []string{"1/no_plan"}},
		{"a bad plan, also when a norm stands in", history(step{1, "2026-02-01 10:00", "C5:DOCS", false}),
			func(h *History) { h.Deal.Fields["UF_CRM_DAYS"] = "abc" }, []string{"1/bad_plan"}},
		{"an unknown stage is named once, not as a missing plan too", history(step{1, "2026-02-01 10:00", "C5:GONE", false}), nil, []string{"1/unknown_stage"}},
		{"a final visit needs no plan", history(step{1, "2026-02-01 10:00", "C5:WON", false}), nil, nil},
		{"a change after the portal's clock", history(step{1, "2026-02-01 10:00", "C5:NEW", false}, step{2, "2026-03-01 10:00", "C5:DOCS", false}), nil, []string{"0/time_in_future"}},
		{"a history that starts later than the deal", history(step{1, "2026-02-01 10:00", "C5:NEW", false}),
			func(h *History) { h.Deal.CreatedAt = at("2026-01-01 10:00") }, []string{"1/history_starts_late"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.change != nil {
				test.change(test.h)
			}
			_, gaps := visitsOf(testRules(), test.h, on("2026-02-20"))
			var got []string
			for _, g := range gaps {
				got = append(got, string(rune('0'+g.VisitNo))+"/"+g.Reason)
				if g.Detail == "" {
					t.Errorf("gap %v has no detail", g)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("gaps (-want +got):\n%s", diff)
			}
		})
	}
}

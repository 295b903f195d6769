package transform

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"stagelag/extractor"
)

// A life is a deal through nights: each derives from what the ones before have seen.
type life struct {
	t     *testing.T
	rules *Rules
	known Knowledge
	last  Day
	// shown are the visits of the last night, run its number.
	shown []Visit
	run   uint32
}

func newLife(t *testing.T) *life {
	t.Helper()
	return &life{t: t, rules: testRules(), last: NoDay}
}

func (l *life) night(asOf string, h *History) Derived {
	l.t.Helper()
	l.run++
	dates := on(asOf)
	dates.RunID, dates.PublishedAsOf = l.run, l.last
	h.Knowledge, h.Published = l.known, l.shown
	d := l.rules.Derive(h, dates)
	l.known, l.last, l.shown = d.Knowledge, dates.AsOf, d.Visits
	return d
}

// inDocs is a deal in DOCS since the first of February, which carries a plan of four days.
func inDocs(manager extractor.ManagerID) *History {
	h := history(step{1, "2026-02-01 10:00", "C5:DOCS", false})
	h.Deal.Fields["UF_CRM_DAYS"], h.Deal.ManagerID = "4", manager
	return h
}

// left is that deal after it went on to DESIGN on the tenth.
func left(days string) *History {
	h := history(step{1, "2026-02-01 10:00", "C5:DOCS", false}, step{2, "2026-02-10 10:00", "C5:DESIGN", false})
	h.Deal.Fields["UF_CRM_DAYS"] = days
	return h
}

func (l *life) expectPlan(when string, d Derived, days int32) {
	l.t.Helper()
	if got := d.Visits[0].Plan.Days; got != days {
		l.t.Errorf("%s: the visit has a plan of %d days, want the %d that it had when it was open", when, got, days)
	}
}

func TestAPlanThatWasSeenIsKept(t *testing.T) {
	nights := map[string]func(l *life){
		"a deal that was away for a night": func(l *life) {
			gone := left("30")
			gone.IsGone = true
			l.night("2026-02-12", gone)
		},
		"a template for a night": func(l *life) {
			template := left("30")
			template.Deal.IsRecurring = true
			l.night("2026-02-12", template)
		},
		"funnels that were narrowed for a night": func(l *life) {
			l.rules.Funnels = map[extractor.FunnelID]bool{7: true}
			l.night("2026-02-12", left("30"))
			l.rules.Funnels = nil
		},
		"a stage that was mapped away for a night": func(l *life) {
			stages := l.rules.Stages
			l.rules.Stages = map[StageKey]extractor.Stage{{5, "C5:DESIGN"}: stages[StageKey{5, "C5:DESIGN"}], {5, "C5:NEW"}: stages[StageKey{5, "C5:NEW"}]}
			l.rules.StageMap = map[extractor.StageID]extractor.StageID{"C5:DOCS": "C5:NEW"}
			l.expectPlan("under the map", l.night("2026-02-12", left("30")), 4)
			l.rules.Stages, l.rules.StageMap = stages, nil
		},
		"a stage that was final for a night": func(l *life) {
			docs := StageKey{5, "C5:DOCS"}
			stage := l.rules.Stages[docs]
			stage.Semantics = extractor.Success
			l.rules.Stages[docs] = stage
			l.night("2026-02-12", left("30"))
			stage.Semantics = extractor.Process
			l.rules.Stages[docs] = stage
		},
		"a row that was away for a night": func(l *life) {
			h := historyOf(row{1, "2026-02-01 10:00", "C5:DOCS", 1, "2026-02-12 02:30", false, false}, row{2, "2026-02-10 10:00", "C5:DESIGN", 2, "", false, false})
			l.night("2026-02-12", h)
		},
		"a norm that was changed": func(l *life) {
			l.rules.Norms["C5:DOCS"] = []Norm{{NoDay, 99}}
		},
	}
	for name, between := range nights {
		t.Run(name, func(t *testing.T) {
			l := newLife(t)
			l.night("2026-02-09", inDocs(12))
			l.expectPlan("closed", l.night("2026-02-11", left("30")), 4)
			between(l)
			l.expectPlan("after that", l.night("2026-02-13", left("30")), 4)
		})
	}
}

func TestAPlanHangsOnTheMomentAndTheStage(t *testing.T) {
	reconstructed := func() *History {
		h := inDocs(12)
		h.Changes = nil
		return h
	}
	tests := []struct {
		name string
		open *History
		then *History
	}{
		{"a row that is given anew", inDocs(12), historyOf(row{71, "2026-02-01 10:00", "C5:DOCS", 1, "", false, false}, row{72, "2026-02-10 10:00", "C5:DESIGN", 2, "", false, false})},
		{"a row that comes late", reconstructed(), left("30")},
		{"a row that comes late and tells another time", reconstructed(), historyOf(row{1, "2026-02-01 17:00", "C5:DOCS", 2, "", false, false}, row{2, "2026-02-10 10:00", "C5:DESIGN", 2, "", false, false})},
		{"a correction of another visit", inDocs(12), historyOf(
			row{9, "2026-01-20 10:00", "C5:DOCS", 1, "", false, false}, row{8, "2026-01-25 10:00", "C5:NEW", 2, "", false, false},
			row{1, "2026-02-01 10:00", "C5:DOCS", 2, "", false, false}, row{2, "2026-02-10 10:00", "C5:DESIGN", 2, "", false, false})},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := newLife(t)
			l.night("2026-02-09", test.open)
			test.then.Deal.Fields["UF_CRM_DAYS"] = "30"
			d := l.night("2026-02-11", test.then)
			v := &d.Visits[len(d.Visits)-2]
			if v.StageID != "C5:DOCS" || v.Plan.Days != 4 {
				t.Errorf("%s has a plan of %d days, want the 4 that it had when it was open", v, v.Plan.Days)
			}
			if first := &d.Visits[0]; first != v && first.Plan.Days != 30 {
				t.Errorf("%s has a plan of %d days, want the 30 of today: no run has seen it open", first, first.Plan.Days)
			}
		})
	}
}

// A stay that is over gives its plan to no later one in the same stage.
func TestAPlanIsNotTakenByALaterVisit(t *testing.T) {
	l := newLife(t)
	h := inDocs(12)
	h.Changes = nil // reconstructed
	l.night("2026-02-05", h)
	l.night("2026-02-08", historyOf(row{1, "2026-02-06 10:00", "C5:NEW", 2, "", false, false}))
	then := historyOf(row{1, "2026-02-06 10:00", "C5:NEW", 2, "", false, false}, row{2, "2026-02-09 10:00", "C5:DOCS", 2, "", false, false}, row{3, "2026-02-10 10:00", "C5:NEW", 2, "", false, false})
	then.Deal.Fields["UF_CRM_DAYS"] = "30"
	d := l.night("2026-02-11", then)
	if v := &d.Visits[1]; v.StageID != "C5:DOCS" || v.Plan.Days != 30 {
		t.Errorf("%s has a plan of %d days, want the 30 of today", v, v.Plan.Days)
	}
}

func TestManagersThatWereSeenAreKept(t *testing.T) {
	away := func(h *History) { h.IsGone = true }
	hidden := func(h *History) { h.HiddenSince = at("2026-02-04 02:30") }
	tests := []struct {
		name string
		away func(*History)
		want []Tenure
	}{
		{"a deal that was deleted and restored", away, []Tenure{
			{day("2026-02-01"), 12, Assumed}, {day("2026-02-03"), 12, Seen}, {day("2026-02-04"), 13, Assumed}, {day("2026-02-05"), 13, Seen}}},
		{"a deal that was hidden: its days are those of who had it last", hidden, []Tenure{
			{day("2026-02-01"), 12, Assumed}, {day("2026-02-03"), 12, Seen}, {day("2026-02-04"), 12, Assumed}, {day("2026-02-05"), 13, Seen}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := newLife(t)
			l.night("2026-02-03", inDocs(12))
			h := inDocs(12)
			test.away(h)
			l.night("2026-02-04", h)
			d := l.night("2026-02-05", inDocs(13))
			if diff := cmp.Diff(test.want, d.Visits[0].Tenures); diff != "" {
				t.Errorf("managers (-want +got):\n%s", diff)
			}
		})
	}
}

func TestADealWithoutAStageIsWhereItWas(t *testing.T) {
	lost := func(h *History) *History {
		h.Deal.IsPlaceUnknown = true
		return h
	}
	empty := history(step{1, "2026-02-01 10:00", "C5:DOCS", false})
	empty.Deal.StageID = ""
	noHistory := inDocs(12)
	noHistory.Changes = nil
	movedOn := left("4")
	movedOn.Deal.StageID, movedOn.Deal.MovedAt = "C5:DOCS", at("2026-02-01 10:00") // landed before the move
	for name, test := range map[string]struct {
		h     *History
		stage extractor.StageID
		from  HistorySource
	}{
		"as its history tells":                    {lost(empty), "C5:DOCS", FromHistory},
		"as it was landed last, without history":  {lost(noHistory), "C5:DOCS", Reconstructed},
		"or as its history tells it has moved on": {lost(movedOn), "C5:DESIGN", FromHistory},
	} {
		t.Run(name, func(t *testing.T) {
			d := testRules().Derive(test.h, on("2026-02-20"))
			v := &d.Visits[len(d.Visits)-1]
			if v.StageID != test.stage || v.History != test.from || !v.IsOpen() {
				t.Errorf("the last visit is %s, %s, want an open one to %s, %s", v, v.History, test.stage, test.from)
			}
			gaps := 0
			for _, g := range d.Gaps {
				if g.Reason == GapUnknownStage && g.VisitNo == v.No {
					gaps++
				}
			}
			if gaps != 1 {
				t.Errorf("gaps %v, want one of reason unknown_stage for the visit", d.Gaps)
			}
		})
	}
}

package transform

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stagelag/extractor"
)

// row is a stage change of a test's history, as it was landed.
type row struct {
	id       extractor.ChangeID
	at       string
	stage    extractor.StageID
	typeID   uint8
	vanished string // when; empty: the portal returns it
	withDeal bool
	isTwin   bool
}

func historyOf(rows ...row) *History {
	h := history()
	for _, r := range rows {
		c := Change{StageChange: extractor.StageChange{
			ID: r.id, DealID: 1, ChangedAt: at(r.at), FunnelID: funnelOf(r.stage), StageID: r.stage, Semantics: semanticsOf(r.stage), TypeID: r.typeID,
		}, WentWithDeal: r.withDeal, IsTwin: r.isTwin}
		if r.vanished != "" {
			c.VanishedAt = at(r.vanished)
		} else {
			h.Deal.StageID, h.Deal.FunnelID, h.Deal.Semantics, h.Deal.MovedAt = r.stage, c.FunnelID, c.Semantics, c.ChangedAt
		}
		h.Changes = append(h.Changes, c)
	}
	return h
}

func TestWhatThePortalForgetsCountsOn(t *testing.T) {
	const first, second, third = "2026-02-05 02:30", "2026-02-09 02:30", "2026-02-15 02:30"
	tests := []struct {
		name string
		h    *History
		want []string // entries
	}{
		{"a funnel that was left and entered again", historyOf(
			row{1, "2026-02-01 10:00", "C5:NEW", 1, second, false, false},
			row{2, "2026-02-03 10:00", "C5:DOCS", 2, second, false, false},
			row{3, "2026-02-08 10:00", "C7:NEW", 1, third, false, false},
			row{4, "2026-02-14 10:00", "C5:NEW", 1, "", false, false},
		), []string{"C5:NEW 02-01", "C5:DOCS 02-03", "C7:NEW 02-08", "C5:NEW 02-14"}},
		{"a funnel that was left and entered again between two nights", historyOf(
			row{1, "2026-02-01 10:00", "C5:NEW", 1, second, false, false},
			row{2, "2026-02-03 10:00", "C5:DOCS", 2, second, false, false},
			row{4, "2026-02-08 10:00", "C5:NEW", 5, "", false, false},
		), []string{"C5:NEW 02-01", "C5:DOCS 02-03", "C5:NEW 02-08"}},
		{"what was corrected away before the funnel was left stays away", historyOf(
			row{1, "2026-02-01 10:00", "C5:NEW", 1, second, false, false},
			row{2, "2026-02-03 10:00", "C5:DOCS", 2, first, false, false},
			row{3, "2026-02-08 10:00", "C7:NEW", 5, "", false, false},
		), []string{"C5:NEW 02-01", "C7:NEW 02-08"}},
		{"what was corrected away in a funnel that the portal still tells of stays away", historyOf(
			row{1, "2026-02-01 10:00", "C5:NEW", 1, "", false, false},
			row{2, "2026-02-03 10:00", "C5:DOCS", 2, first, false, false},
			row{3, "2026-02-08 10:00", "C7:NEW", 5, "", false, false},
		), []string{"C5:NEW 02-01", "C7:NEW 02-08"}},
		{"a deal that was restored without its history", historyOf(
			row{1, "2026-02-01 10:00", "C5:NEW", 1, first, true, false},
			row{2, "2026-02-03 10:00", "C5:DOCS", 2, first, true, false},
			row{3, "2026-02-08 10:00", "C5:DESIGN", 2, "", false, false},
		), []string{"C5:NEW 02-01", "C5:DOCS 02-03", "C5:DESIGN 02-08"}},
		{"a deal that was restored with its history but for one row, which was corrected", historyOf(
			row{1, "2026-02-01 10:00", "C5:NEW", 1, "", false, false},
			row{2, "2026-02-03 10:00", "C5:DOCS", 2, first, true, false},
			row{3, "2026-02-08 10:00", "C5:DESIGN", 2, "", false, false},
		), []string{"C5:NEW 02-01", "C5:DESIGN 02-08"}},
		{"a row that is given anew is one row", historyOf(
			row{1, "2026-02-01 10:00", "C5:NEW", 1, first, false, true},
			row{7, "2026-02-01 10:00", "C5:NEW", 1, "", false, false},
			row{8, "2026-02-03 10:00", "C5:DOCS", 2, "", false, false},
		), []string{"C5:NEW 02-01", "C5:DOCS 02-03"}},
		{"a row that was given anew, and forgotten then, is one row", historyOf(
			row{1, "2026-02-01 10:00", "C5:NEW", 1, first, false, true},
			row{7, "2026-02-01 10:00", "C5:NEW", 1, second, false, false},
			row{8, "2026-02-08 10:00", "C7:NEW", 5, "", false, false},
		), []string{"C5:NEW 02-01", "C7:NEW 02-08"}},
		{"a row that was given anew, and moved in time then, is one row", historyOf(
			row{1, "2026-02-01 10:00", "C5:NEW", 1, first, false, true},
			row{7, "2026-02-02 10:00", "C5:NEW", 1, "", false, false},
		), []string{"C5:NEW 02-02"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, v := range testRules().Derive(test.h, on("2026-02-20")).Visits {
				got = append(got, string(v.StageID)+" "+v.EnteredDate.String()[5:])
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("visits (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReplacedStagesAndSlips(t *testing.T) {
	slips := func(r *Rules) { r.Shortest = 5 * time.Minute }
	tests := []struct {
		name  string
		rules func(*Rules)
		h     *History
		want  []line
	}{
		{"a change between two stages that the map makes the same is no move", nil,
			history(step{1, "2026-02-01 10:00", "C5:OLD_DOCS", false}, step{2, "2026-02-09 10:00", "C5:DOCS", false}),
			[]line{{1, "C5:DOCS", "2026-02-01", "", "stage_norm", 10, 9}}},
		{"nor are several", nil,
			history(step{1, "2026-02-01 10:00", "C5:DOCS", false}, step{2, "2026-02-02 10:00", "C5:OLD_DOCS", false}, step{3, "2026-02-09 10:00", "C5:DOCS", false}),
			[]line{{1, "C5:DOCS", "2026-02-01", "", "stage_norm", 10, 9}}},
		{"coming to the same stage of the portal once more is a visit of its own", nil,
			history(step{1, "2026-02-01 10:00", "C5:DOCS", false}, step{2, "2026-02-09 10:00", "C5:DOCS", false}),
			[]line{{1, "C5:DOCS", "2026-02-01", "2026-02-09", "stage_norm", 10, 0}, {2, "C5:DOCS", "2026-02-09", "", "stage_norm", 10, 1}}},
		{"stages that a deal was dragged through are slips", slips,
			history(step{1, "2026-02-01 10:00", "C5:NEW", false}, step{2, "2026-02-09 10:00", "C5:DOCS", false},
				step{3, "2026-02-09 10:01", "C5:DESIGN", false}, step{4, "2026-02-09 10:02", "C5:WON", false}),
			[]line{{1, "C5:NEW", "2026-02-01", "2026-02-09", "stage_norm", 3, 5}, {2, "C5:WON", "2026-02-09", "2026-02-09", "none", 0, 0}}},
		{"a deal that was dragged out and back never left", slips,
			history(step{1, "2026-02-01 10:00", "C5:NEW", false}, step{2, "2026-02-09 10:00", "C5:DOCS", false}, step{3, "2026-02-09 10:01", "C5:NEW", false}),
			[]line{{1, "C5:NEW", "2026-02-01", "", "stage_norm", 3, 16}}},
		{"a closing that was taken back at once is a slip", slips,
			history(step{1, "2026-02-01 10:00", "C5:NEW", false}, step{2, "2026-02-09 10:00", "C5:WON", false}, step{3, "2026-02-09 10:01", "C5:DOCS", false}),
			[]line{{1, "C5:NEW", "2026-02-01", "2026-02-09", "stage_norm", 3, 5}, {2, "C5:DOCS", "2026-02-09", "", "stage_norm", 10, 1}}},
		{"a deal whose first visit is a slip begins with the first that is none", slips,
			history(step{1, "2026-02-01 10:00", "C5:NEW", false}, step{2, "2026-02-01 10:01", "C5:DOCS", false}),
			[]line{{1, "C5:DOCS", "2026-02-01", "", "stage_norm", 10, 9}}},
		{"the last visit is none, however short it is so far", slips,
			history(step{1, "2026-02-01 10:00", "C5:NEW", false}, step{2, "2026-02-20 23:58", "C5:DOCS", false}),
			[]line{{1, "C5:NEW", "2026-02-01", "2026-02-20", "stage_norm", 3, 16}, {2, "C5:DOCS", "2026-02-20", "", "stage_norm", 10, 0}}},
		{"what lasts as long as a visit at least is one", slips,
			history(step{1, "2026-02-01 10:00", "C5:NEW", false}, step{2, "2026-02-09 10:00", "C5:DOCS", false}, step{3, "2026-02-09 10:05", "C5:DESIGN", false}),
			[]line{{1, "C5:NEW", "2026-02-01", "2026-02-09", "stage_norm", 3, 5}, {2, "C5:DOCS", "2026-02-09", "2026-02-09", "stage_norm", 10, 0}, {3, "C5:DESIGN", "2026-02-09", "", "none", 0, 0}}},
		{"maps come first: two short stays in what is one stage are a visit", slips,
			history(step{1, "2026-02-01 10:00", "C5:NEW", false}, step{2, "2026-02-09 10:00", "C5:OLD_DOCS", false},
				step{3, "2026-02-09 10:03", "C5:DOCS", false}, step{4, "2026-02-09 10:06", "C5:DESIGN", false}),
			[]line{{1, "C5:NEW", "2026-02-01", "2026-02-09", "stage_norm", 3, 5}, {2, "C5:DOCS", "2026-02-09", "2026-02-09", "stage_norm", 10, 0}, {3, "C5:DESIGN", "2026-02-09", "", "none", 0, 0}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rules := testRules()
			if test.rules != nil {
				test.rules(rules)
			}
			got := rules.Derive(test.h, on("2026-02-20")).Visits
			if diff := cmp.Diff(test.want, lines(got, day("2026-02-20"))); diff != "" {
				t.Errorf("visits (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAVisitThatBeginsAfterItsPlannedEnd(t *testing.T) {
	h := history(step{1, "2026-02-10 10:00", "C5:DOCS", false})
	h.Deal.Fields["UF_CRM_DUE"] = "2026-02-05"
	d := testRules().Derive(h, on("2026-02-20"))
	v := &d.Visits[0]
	want := line{1, "C5:DOCS", "2026-02-10", "", "deal_date", 0, 10}
	if diff := cmp.Diff([]line{want}, lines(d.Visits, day("2026-02-20"))); diff != "" {
		t.Errorf("visits (-want +got):\n%s", diff)
	}
	if len(d.Gaps) > 0 || !v.WasLateAtEntry() || v.Plan.End != day("2026-02-05") {
		t.Errorf("gaps %v, late at entry %v, planned end %s; want none, true and the date of the deal", d.Gaps, v.WasLateAtEntry(), v.Plan.End)
	}
	// It ends late though it ends on the day of its entry.
	h = history(step{1, "2026-02-10 10:00", "C5:DOCS", false}, step{2, "2026-02-10 12:00", "C5:WON", false})
	h.Deal.Fields["UF_CRM_DUE"] = "2026-02-05"
	visits := testRules().Derive(h, on("2026-02-20")).Visits
	if s := Stand(visits[:1]); !s.IsLate || s.OverdueDays != 0 {
		t.Errorf("the visit ended late: %v, with %d overdue days; want true and none", s.IsLate, s.OverdueDays)
	}
}

func TestDatesThatNobodyCanMean(t *testing.T) {
	h := historyOf(row{1, "1905-03-01 10:00", "C5:NEW", 1, "", false, false}, row{2, "2026-02-01 10:00", "C5:DOCS", 2, "", false, false})
	h.Deal.Fields["UF_CRM_DUE"] = "1969-12-31T20:00:00Z"
	h.Deal.CreatedAt = at("1905-03-01 10:00")
	d := testRules().Derive(h, on("2026-02-20"))
	var got []string
	for _, g := range d.Gaps {
		got = append(got, string(rune('0'+g.VisitNo))+"/"+g.Reason)
	}
	if diff := cmp.Diff([]string{"1/bad_date", "2/bad_plan", "0/bad_date"}, got); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
	if d.Visits[0].EnteredDate != FirstDay {
		t.Errorf("the visit is counted from %s on, want %s", d.Visits[0].EnteredDate, FirstDay)
	}
}

// TestAFirstRowThatWasTakenOutOfARestoredHistory: what the portal tells of the days before the deal was gone says that
// it tells all.
func TestAFirstRowThatWasTakenOutOfARestoredHistory(t *testing.T) {
	h := historyOf(
		row{1, "2026-02-01 10:00", "C5:NEW", 1, "2026-02-09 02:30", true, false},
		row{2, "2026-02-03 10:00", "C5:DOCS", 2, "", false, false},
	)
	h.Knowledge.Days = []KnownDays{{Tenure{day("2026-02-01"), 12, Seen}, day("2026-02-08")}}
	visits := testRules().Derive(h, on("2026-02-20")).Visits
	if len(visits) != 1 || visits[0].StageID != "C5:DOCS" {
		t.Errorf("the visits are %v, want the one in DOCS", visits)
	}
}

// A deal that was restored without its history keeps it, also when it has moved since and nights have gone by.
func TestARestoredDealKeepsItsPastWhenItMovesOn(t *testing.T) {
	const gone = "2026-02-12 02:30"
	l := newLife(t)
	l.night("2026-02-11", historyOf(row{1, "2026-02-01 10:00", "C5:NEW", 1, "", false, false}, row{2, "2026-02-05 10:00", "C5:DOCS", 2, "", false, false}))
	lost := []row{{1, "2026-02-01 10:00", "C5:NEW", 1, gone, true, false}, {2, "2026-02-05 10:00", "C5:DOCS", 2, gone, true, false}}
	away := historyOf(lost...)
	away.IsGone = true
	l.night("2026-02-12", away)
	for _, night := range []string{"2026-02-15", "2026-02-16", "2026-02-18"} {
		d := l.night(night, historyOf(append(lost, row{9, "2026-02-13 15:00", "C5:DESIGN", 2, "", false, false})...))
		if len(d.Visits) != 3 || d.Visits[0].StageID != "C5:NEW" || d.Visits[1].StageID != "C5:DOCS" {
			t.Fatalf("on %s the visits are %v, want those in NEW and DOCS as well", night, d.Visits)
		}
	}
}

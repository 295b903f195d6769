package transform

import (
	"fmt"
	"strings"
	"testing"

	"stagelag/extractor"
)

// planned is the deal in DOCS with a plan of so many days, none where they are empty.
func planned(days string) *History {
	h := inDocs(12)
	h.Deal.Fields["UF_CRM_DAYS"] = days
	return h
}

// sameRules has the next nights derive under the rules of the ones before.
func (l *life) sameRules() { l.rules.Published = Published{HasSameRules: true} }

// otherRules has the next night derive under other rules than the ones before, and other calendars if some are given.
func (l *life) otherRules(change func(*Rules)) {
	before := l.rules.Calendars
	change(l.rules)
	l.rules.Published = Published{Calendars: &before}
}

// story is the first plan of a visit and each change, in words.
func story(v *Visit) string {
	words := []string{"first " + inWords(v.Past.First)}
	for _, c := range v.Past.Changes {
		words = append(words, fmt.Sprintf("%s %s %s -> %s (%d -> %d overdue)", c.KnownOn, c.Cause, inWords(c.Before), inWords(c.After), c.OverdueBefore, c.Overdue))
	}
	return strings.Join(words, "; ")
}

func inWords(p Plan) string {
	if !p.IsPlanned() {
		return "none"
	}
	return fmt.Sprintf("%d days to %s", p.Days, p.End)
}

func TestHowAPlanCameAbout(t *testing.T) {
	saturdaysOff := Calendars{Default: NewWorkingDays([7]bool{6: true}, nil)}
	tests := []struct {
		name   string
		nights func(l *life) Derived
		want   string
		moves  int
		moved  int32
	}{
		{"a plan that is moved to and fro", func(l *life) Derived {
			for i, days := range []string{"30", "10", "5"} {
				l.night(fmt.Sprintf("2026-02-%02d", 10+i), planned(days))
				l.sameRules()
			}
			return l.night("2026-02-13", planned("40"))
		}, "first 30 days to 2026-03-03; 2026-02-11 deal 30 days to 2026-03-03 -> 10 days to 2026-02-11 (0 -> 0 overdue); " +
			"2026-02-12 deal 10 days to 2026-02-11 -> 5 days to 2026-02-06 (1 -> 6 overdue); 2026-02-13 deal 5 days to 2026-02-06 -> 40 days to 2026-03-13 (7 -> 0 overdue)", 3, 10},
		{"the first plan that is given is no change", func(l *life) Derived {
			l.rules.Norms = nil
			l.night("2026-02-10", planned(""))
			l.sameRules()
			return l.night("2026-02-12", planned("5"))
		}, "first 5 days to 2026-02-06", 0, 0},
		{"a plan that is taken away and given back", func(l *life) Derived {
			l.rules.Norms = nil
			l.night("2026-02-10", planned("5"))
			l.sameRules()
			l.night("2026-02-11", planned(""))
			return l.night("2026-02-12", planned("7"))
		}, "first 5 days to 2026-02-06; 2026-02-11 deal 5 days to 2026-02-06 -> none (5 -> 0 overdue); 2026-02-12 deal none -> 7 days to 2026-02-08 (0 -> 4 overdue)", 2, 2},
		{"another source of the same end is no change", func(l *life) Derived {
			l.night("2026-02-10", planned("10"))
			l.sameRules()
			return l.night("2026-02-11", planned(""))
		}, "first 10 days to 2026-02-11", 0, 0},
		{"a norm that is configured anew is no manager's doing", func(l *life) Derived {
			l.night("2026-02-13", planned(""))
			l.otherRules(func(r *Rules) { r.Norms["C5:DOCS"] = []Norm{{NoDay, 12}} })
			return l.night("2026-02-14", planned(""))
		}, "first 10 days to 2026-02-11; 2026-02-14 norm 10 days to 2026-02-11 -> 12 days to 2026-02-13 (3 -> 1 overdue)", 1, 2},
		{"a norm and the deal in one night are chained", func(l *life) Derived {
			l.night("2026-02-13", planned(""))
			l.otherRules(func(r *Rules) { r.Norms["C5:DOCS"] = []Norm{{NoDay, 12}} })
			return l.night("2026-02-14", planned("20"))
		}, "first 10 days to 2026-02-11; 2026-02-14 norm 10 days to 2026-02-11 -> 12 days to 2026-02-13 (3 -> 1 overdue); " +
			"2026-02-14 deal 12 days to 2026-02-13 -> 20 days to 2026-02-21 (1 -> 0 overdue)", 2, 10},
		{"a corrected entry moves the first plan", func(l *life) Derived {
			l.night("2026-02-05", planned("10"))
			l.sameRules()
			l.night("2026-02-06", planned("4"))
			h := history(step{1, "2026-02-03 10:00", "C5:DOCS", false})
			h.Deal.Fields["UF_CRM_DAYS"] = "4"
			return l.night("2026-02-09", h)
		}, "first 10 days to 2026-02-13; 2026-02-06 deal 10 days to 2026-02-11 -> 4 days to 2026-02-05 (0 -> 1 overdue); " +
			"2026-02-09 entry 4 days to 2026-02-05 -> 4 days to 2026-02-07 (4 -> 2 overdue)", 1, -6},
		{"a corrected entry under which another norm holds moves both", func(l *life) Derived {
			l.night("2026-02-05", planned(""))
			l.sameRules()
			return l.night("2026-03-09", history(step{1, "2026-03-02 10:00", "C5:DOCS", false}))
		}, "first 7 days to 2026-03-09; 2026-03-09 entry 10 days to 2026-02-11 -> 7 days to 2026-03-09 (26 -> 0 overdue)", 0, 0},
		{"a calendar moves both", func(l *life) Derived {
			l.night("2026-02-05", planned("10"))
			l.sameRules()
			l.night("2026-02-06", planned("5"))
			l.otherRules(func(r *Rules) { r.Calendars = saturdaysOff })
			return l.night("2026-02-09", planned("5"))
		}, "first 10 days to 2026-02-12; 2026-02-06 deal 10 days to 2026-02-11 -> 5 days to 2026-02-06 (0 -> 0 overdue)", 1, -6},
		{"a calendar that moves the planned end is a change", func(l *life) Derived {
			l.night("2026-02-05", planned("10"))
			l.otherRules(func(r *Rules) { r.Calendars = saturdaysOff })
			return l.night("2026-02-13", planned("10"))
		}, "first 10 days to 2026-02-12; 2026-02-13 calendar 10 days to 2026-02-11 -> 10 days to 2026-02-12 (2 -> 1 overdue)", 0, 0},
		{"a pause moves both, and is no change", func(l *life) Derived {
			l.rules.Pauses = PauseFields{From: "UF_CRM_FROM", Until: "UF_CRM_UNTIL"}
			l.night("2026-02-05", planned("10"))
			l.sameRules()
			h := planned("12")
			h.Deal.Fields["UF_CRM_FROM"], h.Deal.Fields["UF_CRM_UNTIL"] = "2026-02-06", "2026-02-08"
			return l.night("2026-02-09", h)
		}, "first 10 days to 2026-02-14; 2026-02-09 deal 10 days to 2026-02-14 -> 12 days to 2026-02-16 (0 -> 0 overdue)", 1, 2},
		{"a visit that no run has seen open", func(l *life) Derived {
			l.night("2026-02-11", left("5"))
			l.sameRules()
			return l.night("2026-02-12", left("8"))
		}, "first 5 days to 2026-02-06; 2026-02-12 deal 5 days to 2026-02-06 -> 8 days to 2026-02-09 (4 -> 1 overdue)", 1, 3},
		{"a closed visit keeps its plan", func(l *life) Derived {
			l.night("2026-02-09", planned("5"))
			l.sameRules()
			return l.night("2026-02-11", left("30"))
		}, "first 5 days to 2026-02-06", 0, 0},
		{"a deal that was deleted and restored", func(l *life) Derived {
			l.night("2026-02-09", planned("5"))
			l.sameRules()
			l.night("2026-02-10", planned("7"))
			gone := planned("7")
			gone.IsGone = true
			l.night("2026-02-11", gone)
			l.night("2026-02-12", gone)
			return l.night("2026-02-13", planned("9"))
		}, "first 5 days to 2026-02-06; 2026-02-10 deal 5 days to 2026-02-06 -> 7 days to 2026-02-08 (4 -> 2 overdue); " +
			"2026-02-13 deal 7 days to 2026-02-08 -> 9 days to 2026-02-10 (5 -> 3 overdue)", 2, 4},
		{"a visit that no run has seen open, deleted and restored", func(l *life) Derived {
			l.night("2026-02-11", left("5"))
			l.sameRules()
			gone := left("5")
			gone.IsGone = true
			l.night("2026-02-12", gone)
			return l.night("2026-02-13", left("8"))
		}, "first 5 days to 2026-02-06; 2026-02-13 deal 5 days to 2026-02-06 -> 8 days to 2026-02-09 (4 -> 1 overdue)", 1, 3},
		{"a row that the portal gives anew", func(l *life) Derived {
			l.night("2026-02-09", planned("5"))
			l.sameRules()
			h := historyOf(row{71, "2026-02-01 10:00", "C5:DOCS", 1, "", false, false})
			h.Deal.Fields["UF_CRM_DAYS"] = "6"
			return l.night("2026-02-10", h)
		}, "first 5 days to 2026-02-06; 2026-02-10 deal 5 days to 2026-02-06 -> 6 days to 2026-02-07 (4 -> 3 overdue)", 1, 1},
		{"a reconstructed visit whose row comes late", func(l *life) Derived {
			h := planned("5")
			h.Changes = nil
			l.night("2026-02-09", h)
			l.sameRules()
			late := historyOf(row{1, "2026-02-01 17:00", "C5:DOCS", 2, "", false, false})
			late.Deal.Fields["UF_CRM_DAYS"] = "6"
			return l.night("2026-02-10", late)
		}, "first 5 days to 2026-02-06; 2026-02-10 deal 5 days to 2026-02-06 -> 6 days to 2026-02-07 (4 -> 3 overdue)", 1, 1},
		{"a stage that waits for a night", func(l *life) Derived {
			l.night("2026-02-09", planned("5"))
			l.otherRules(func(r *Rules) { r.Waiting = map[extractor.StageID]bool{"C5:DOCS": true} })
			l.night("2026-02-10", planned("5"))
			l.otherRules(func(r *Rules) { r.Waiting = nil })
			return l.night("2026-02-11", planned("5"))
		}, "first 5 days to 2026-02-06; 2026-02-10 norm 5 days to 2026-02-06 -> none (4 -> 0 overdue); " +
			"2026-02-11 norm none -> 5 days to 2026-02-06 (0 -> 5 overdue)", 2, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := test.nights(newLife(t))
			v := &d.Visits[0]
			if got := story(v); got != test.want {
				t.Errorf("the plan of %s:\n got %s\nwant %s", v, got, test.want)
			}
			if v.Past.Moves() != test.moves || v.DaysMoved() != test.moved {
				t.Errorf("%d changes moved the plan of %s by %d days, want %d and %d", v.Past.Moves(), v, v.DaysMoved(), test.moves, test.moved)
			}
		})
	}
}

// Visits that become one have the first plan of the earliest, and each has its own again when they are parted.
func TestPlansOfVisitsThatBecomeOne(t *testing.T) {
	l := newLife(t)
	apart := func() *History {
		h := historyOf(row{1, "2026-02-01 10:00", "C5:NEW", 1, "", false, false}, row{2, "2026-02-10 10:00", "C5:DOCS", 2, "", false, false})
		h.Deal.Fields["UF_CRM_DAYS"] = "5"
		return h
	}
	const alone = "first 3 days to 2026-02-04"
	l.night("2026-02-09", historyOf(row{1, "2026-02-01 10:00", "C5:NEW", 1, "", false, false}))
	l.sameRules()
	if d := l.night("2026-02-12", apart()); len(d.Visits) != 2 || story(&d.Visits[0]) != alone || story(&d.Visits[1]) != "first 5 days to 2026-02-15" {
		t.Fatalf("two visits: %v", d.Visits)
	}
	stages := l.rules.Stages
	l.otherRules(func(r *Rules) {
		r.Stages = map[StageKey]extractor.Stage{{5, "C5:DOCS"}: stages[StageKey{5, "C5:DOCS"}]}
		r.StageMap = map[extractor.StageID]extractor.StageID{"C5:NEW": "C5:DOCS"}
	})
	d := l.night("2026-02-13", apart())
	const joined = "first 3 days to 2026-02-04; 2026-02-13 norm 3 days to 2026-02-04 -> 5 days to 2026-02-06 (9 -> 7 overdue)"
	if len(d.Visits) != 1 || story(&d.Visits[0]) != joined {
		t.Errorf("visits that became one: %s, want %s", story(&d.Visits[0]), joined)
	}
	l.otherRules(func(r *Rules) { r.Stages, r.StageMap = stages, nil })
	d = l.night("2026-02-14", apart())
	if len(d.Visits) != 2 || story(&d.Visits[1]) != "first 5 days to 2026-02-15" || story(&d.Visits[0]) != joined {
		t.Errorf("parted again: %s, and %s", story(&d.Visits[0]), story(&d.Visits[1]))
	}
}

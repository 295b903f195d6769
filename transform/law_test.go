package transform

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"stagelag/extractor"
)

// A ledger is what the warehouse would hold of one deal after some runs: the facts that
// came in and were not taken back, and the visits.
type ledger struct {
	facts  map[factKey]Fact
	visits map[uint32]Visit
	known  Knowledge
	rows   int // appended by the last run
	// calendars are those of the last run.
	calendars *Calendars
	isMoved   bool // calendars were corrected
	// isCorrected is whether the history was: a visit that is away for a night comes back without a change for what
	// moved it meanwhile.
	isCorrected bool
}

type factKey struct {
	visit uint32
	day   Day
}

// run derives the deal and appends the difference, as a night does.
func (l *ledger) run(t *rapid.T, rules *Rules, h History, dates Dates) {
	h.Published = nil
	for _, no := range slices.Sorted(maps.Keys(l.visits)) {
		h.Published = append(h.Published, l.visits[no])
	}
	h.Knowledge = l.known
	rules.Published = Published{Calendars: l.calendars}
	derived := rules.Derive(&h, dates)
	for i := range derived.Visits {
		l.expectChain(t, rules, &derived.Visits[i])
	}
	l.rows = 0
	if !l.known.Equal(&derived.Knowledge) {
		l.rows++
	}
	l.known = derived.Knowledge
	published := l.shown()
	before, after := State{h.Published, dates.PublishedAsOf, l.calendars}, State{derived.Visits, dates.AsOf, &rules.Calendars}
	if l.calendars == nil || l.calendars.Equal(&rules.Calendars) {
		before.Calendars = after.Calendars
	}
	l.calendars = after.Calendars
	Compare(before, after, Difference{
		Fact: func(sign Sign, f *Fact) {
			l.rows++
			key := factKey{f.Visit.No, f.Day}
			before, ok := l.facts[key]
			if sign == Withdrawn {
				if shown := published[key]; !ok || describe(&shown) != describe(f) {
					t.Fatalf("a run takes back %s, the ledger shows %s", describe(f), describe(&shown))
				}
				delete(l.facts, key)
				return
			}
			if ok {
				t.Fatalf("a run adds %s beside %s", describe(f), describe(&before))
			}
			fact := *f
			visit := *f.Visit
			fact.Visit = &visit
			l.facts[key] = fact
		},
		Visit: func(v *Visit, isGone bool) {
			l.rows++
			delete(l.visits, v.No)
			if !isGone {
				l.visits[v.No] = *v
			}
		},
	})
}

// shown are the facts as readers see them: the planned end of a visit that has pauses is that of the visit.
func (l *ledger) shown() map[factKey]Fact {
	facts := map[factKey]Fact{}
	for key, f := range l.facts {
		if v := l.visits[key.visit]; len(v.Pauses) > 0 {
			visit := *f.Visit
			visit.Plan.End = v.Plan.End
			f.Visit = &visit
		}
		facts[key] = f
	}
	return facts
}

// expectChain wants the changes of a plan to lead from the first one to the current one, where nothing pauses: a
// pause moves planned ends without a change.
func (l *ledger) expectChain(t *rapid.T, rules *Rules, v *Visit) {
	if rules.Pauses != (PauseFields{}) || len(v.Pauses) > 0 || l.isCorrected {
		return
	}
	sameEnd := func(p, q Plan) bool { return p.IsPlanned() == q.IsPlanned() && (!p.IsPlanned() || p.End == q.End) }
	last := v.Past.First
	for i, c := range v.Past.Changes {
		// A calendar moves the first plan, too, so that the first change is of an earlier one.
		if i > 0 && !sameEnd(last, c.Before) || sameEnd(c.Before, c.After) {
			t.Fatalf("change %d of %s does not follow the one before: %s", i+1, v, story(v))
		}
		last = c.After
	}
	if len(v.Past.Changes) > 0 && !sameEnd(last, v.Plan) {
		t.Fatalf("the changes of %s do not lead to its plan of %s: %s", v, inWords(v.Plan), story(v))
	}
	if !l.isMoved && len(v.Past.Changes) > 0 && !sameEnd(v.Past.First, v.Past.Changes[0].Before) {
		t.Fatalf("the changes of %s do not begin with its first plan: %s", v, story(v))
	}
	if v.Plan.IsPlanned() && v.DaysMoved() != int32(v.Plan.End-v.Past.First.End) {
		t.Fatalf("%s was moved by %d days: %s, now %s", v, v.DaysMoved(), story(v), inWords(v.Plan))
	}
}

func newLedger() *ledger { return &ledger{facts: map[factKey]Fact{}, visits: map[uint32]Visit{}} }

// describe is a fact as it is stored.
func describe(f *Fact) string {
	if f.Visit == nil {
		return "nothing"
	}
	v := f.Visit
	return fmt.Sprintf("%s of visit %d in %d %s %s from %s, plan %s %d %v: manager %d %s, overdue %d %d, left %d, open %v, %s, counts %v, pause %s, waiting %v",
		f.Day, v.No, v.FunnelID, v.StageID, v.Semantics, v.EnteredDate, v.Plan.Source, v.Plan.Days, v.Plan.End, f.ManagerID, f.ManagerSource, f.OverdueDays, f.OverdueDay, f.DaysLeft, f.IsOpen, f.Visit.History, f.IsCounting, f.Pause, v.IsWaiting)
}

// withoutManagers are the stored facts but for what depends on the night that first
// computed them.
func (l *ledger) withoutManagers() map[factKey]string {
	facts := map[factKey]string{}
	for key, f := range l.shown() {
		f.ManagerID, f.ManagerSource = 0, 0
		facts[key] = describe(&f)
	}
	return facts
}

var lawStages = []extractor.StageID{"C5:NEW", "C5:DOCS", "C5:DESIGN", "C5:GONE", "C5:OLD_DOCS", "C5:WON", "C5:LOSE", "C7:NEW"}

// drawHistory is a deal whose changes lie in the forty days from the first of February.
func drawHistory(t *rapid.T) History {
	h := History{Deal: extractor.Deal{ID: 1, FunnelID: 5, StageID: "C5:NEW", Fields: map[string]string{}}}
	h.Deal.CreatedAt = drawTime(t, "created")
	h.Deal.ManagerID = 12
	fields := rapid.SampledFrom([]map[string]string{{}, {"UF_CRM_DAYS": "2"}, {"UF_CRM_DAYS": "x"}, {"UF_CRM_DUE": "2026-02-20"}, {"UF_CRM_DAYS": "0", "UF_CRM_DUE": "2026-02-10"}})
	h.Deal.Fields = fields.Draw(t, "fields")
	for i := range rapid.IntRange(0, 8).Draw(t, "changes") {
		h.Changes = append(h.Changes, drawChange(t, extractor.ChangeID(i+1)))
	}
	settle(t, &h)
	return h
}

// settle lets the deal stand where its history ends, or, rarely, elsewhere.
func settle(t *rapid.T, h *History) {
	kept := survivors(h)
	if len(kept) > 0 && rapid.IntRange(0, 9).Draw(t, "agrees") > 0 {
		last := kept[len(kept)-1]
		h.Deal.StageID, h.Deal.FunnelID, h.Deal.Semantics, h.Deal.MovedAt = last.StageID, last.FunnelID, last.Semantics, last.ChangedAt
		return
	}
	h.Deal.MovedAt = drawTime(t, "moved")
}

func drawChange(t *rapid.T, id extractor.ChangeID) Change {
	stage := rapid.SampledFrom(lawStages).Draw(t, "stage")
	return Change{StageChange: extractor.StageChange{
		ID: id, DealID: 1, ChangedAt: drawTime(t, "changed"), StageID: stage, FunnelID: funnelOf(stage), Semantics: semanticsOf(stage),
	}}
}

func drawTime(t *rapid.T, label string) time.Time {
	return at("2026-02-01 00:00").Add(time.Duration(rapid.IntRange(0, 40*24*60).Draw(t, label)) * time.Minute)
}

// drawCorrection changes something that has happened.
func drawCorrection(t *rapid.T, h *History) {
	h.Changes = slices.Clone(h.Changes)
	switch kind := rapid.IntRange(0, 4).Draw(t, "correction"); {
	case kind == 0 && len(h.Changes) > 0: // a moved date
		h.Changes[rapid.IntRange(0, len(h.Changes)-1).Draw(t, "which")].ChangedAt = drawTime(t, "to")
	case kind == 1 && len(h.Changes) > 0: // a change taken back
		h.Changes[rapid.IntRange(0, len(h.Changes)-1).Draw(t, "which")].VanishedAt = at("2026-06-01 02:30")
	case kind == 2: // one more
		h.Changes = append(h.Changes, drawChange(t, extractor.ChangeID(len(h.Changes)+1)))
	case kind == 3: // deleted, or a template, or back again
		h.IsGone = !h.IsGone
	}
	settle(t, h)
}

// drawNights are as-of dates, ascending, a night possibly twice.
func drawNights(t *rapid.T) []Day {
	first := day("2026-02-01")
	nights := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Day { return first + Day(rapid.IntRange(0, 50).Draw(t, "night")) }), 1, 8).Draw(t, "nights")
	slices.Sort(nights)
	return nights
}

func night(asOf, before Day) Dates {
	return Dates{AsOf: asOf, PublishedAsOf: before, Clock: asOf.Start(moscow).Add(150 * time.Minute)}
}

// TestAnySplitOfNightsGivesTheSameEnd: corrections in between included, the facts after
// any nights are those of a single run on the last of them.
func TestAnySplitOfNightsGivesTheSameEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := testRules()
		if rapid.Bool().Draw(t, "one funnel") {
			rules.Funnels = map[extractor.FunnelID]bool{5: true}
		}
		h := drawHistory(t)
		nightly := newLedger()
		before := NoDay
		for _, asOf := range drawNights(t) {
			nightly.run(t, rules, h, night(asOf, before))
			before, nightly.isCorrected = asOf, true
			if rapid.Bool().Draw(t, "is corrected") {
				drawCorrection(t, &h)
			}
		}
		nightly.run(t, rules, h, night(before, before))

		single := newLedger()
		single.run(t, rules, h, night(before, NoDay))
		if got, want := nightly.withoutManagers(), single.withoutManagers(); !maps.Equal(got, want) {
			t.Fatalf("after the nights: %v\nafter a single run: %v", got, want)
		}
		for _, f := range nightly.facts {
			if f.ManagerID != 12 {
				t.Fatalf("manager %d on %s, want 12, who always had the deal", f.ManagerID, f.Day)
			}
		}
	})
}

// TestPlanChangesAreAChain: over nights on which the deal carries other plans, other norms and calendars hold and the
// history is corrected, the changes of each plan lead from the first one to the current one.
func TestPlanChangesAreAChain(t *testing.T) {
	longest := 0
	rapid.Check(t, func(t *rapid.T) {
		rules, h, l := testRules(), drawHistory(t), newLedger()
		before := NoDay
		for _, asOf := range drawNights(t) {
			again := *rules // the ledger has the calendars of the night before
			rules = &again
			switch rapid.IntRange(0, 20).Draw(t, "what changes") % 7 {
			case 0, 1, 2, 6:
				h.Deal.Fields = map[string]string{"UF_CRM_DAYS": rapid.SampledFrom([]string{"", "1", "5", "30", "x"}).Draw(t, "days")}
			case 3:
				rules.Norms = map[extractor.StageID][]Norm{"C5:DOCS": {{NoDay, int32(rapid.IntRange(0, 20).Draw(t, "norm"))}}}
			case 4:
				l.isMoved, rules.Calendars = true, (&plainWorld{}).drawCalendars(t)
			case 5:
				l.isCorrected = true
				drawCorrection(t, &h)
			}
			l.run(t, rules, h, night(asOf, before))
			for _, v := range l.visits {
				longest = max(longest, len(v.Past.Changes))
			}
			before = asOf
		}
	})
	if longest < 3 {
		t.Errorf("no visit had more than %d plan changes: the test sees too few", longest)
	}
}

// TestSecondRunAppendsNothing: the same deal on the same date is no difference.
func TestSecondRunAppendsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, rules, nights := drawHistory(t), testRules(), drawNights(t)
		l := newLedger()
		before := NoDay
		for _, asOf := range nights {
			l.run(t, rules, h, night(asOf, before))
			before = asOf
		}
		l.run(t, rules, h, night(before, before))
		if l.rows != 0 {
			t.Fatalf("the second run on %s appends %d rows, want none", before, l.rows)
		}
	})
}

// TestAccruedDaysAddUp: what the days of a visit accrue is what it is overdue, computed
// from its dates alone.
func TestAccruedDaysAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, rules := drawHistory(t), testRules()
		asOf := slices.Max(drawNights(t))
		visits, _ := visitsOf(rules, &h, night(asOf, NoDay))
		for i := range visits {
			v := &visits[i]
			var want int32
			for d := v.EnteredDate; v.Plan.IsPlanned() && d <= v.End(asOf); d++ {
				if d > v.Plan.End && d > v.EnteredDate {
					want++
				}
			}
			var accrued, last int32
			next := v.EnteredDate
			Facts(v, asOf, rules.Calendars.Of(v.FunnelID), func(f *Fact) {
				if f.Day != next {
					t.Fatalf("%s has a fact for %s, want one for %s", v, f.Day, next)
				}
				next++
				accrued += int32(f.OverdueDay)
				last = f.OverdueDays
			})
			if accrued != want || last != want || next != v.End(asOf)+1 {
				t.Fatalf("%s accrued %d and is overdue %d up to %s, want %d up to %s", v, accrued, last, next-1, want, v.End(asOf))
			}
		}
	})
}

// TestVisitsFollowEachOther: a visit ends where the next begins, a deal has at most one
// open visit, and it is the last. A visit is a return if one before it was to its stage,
// and says where the deal went next.
func TestVisitsFollowEachOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, rules := drawHistory(t), testRules()
		visits, _ := visitsOf(rules, &h, night(slices.Max(drawNights(t)), NoDay))
		beenTo := map[StageKey]bool{}
		for i := range visits {
			v := &visits[i]
			isLast := i == len(visits)-1
			wasThere := beenTo[StageKey{v.FunnelID, v.StageID}]
			beenTo[StageKey{v.FunnelID, v.StageID}] = true
			switch {
			case v.IsReturn != wasThere:
				t.Fatalf("%s is a return: %t, want %t", v, v.IsReturn, wasThere)
			case v.No != uint32(i+1):
				t.Fatalf("%s is the %d. visit", v, i+1)
			case isLast && v.Next != StageKey{}, !isLast && v.Next != StageKey{visits[i+1].FunnelID, visits[i+1].StageID}:
				t.Fatalf("%s was left for %v, and %v follows", v, v.Next, visits[i+1:min(i+2, len(visits))])
			case v.Semantics.IsFinal() && (v.LeftDate != v.EnteredDate || v.Plan.IsPlanned()):
				t.Fatalf("%s is final, yet lasts or has a plan", v)
			case v.IsOpen() && !isLast:
				t.Fatalf("%s is open, yet not the last", v)
			case !v.Semantics.IsFinal() && !isLast && v.LeftDate != visits[i+1].EnteredDate:
				t.Fatalf("%s ends elsewhere than %s begins", v, &visits[i+1])
			}
		}
	})
}

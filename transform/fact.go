package transform

import "stagelag/extractor"

// A Fact is one day of one visit. What does not change from day to day stands in Visit.
type Fact struct {
	Visit         *Visit
	Day           Day
	ManagerID     extractor.ManagerID
	ManagerSource ManagerSource
	IsCounting    bool // the day counts: under the calendar, and not paused
	Pause         PauseSource
	OverdueDays   int32 // so far, on that day
	OverdueDay    uint8 // 0 or 1: accrued on that day
	DaysLeft      int32 // NoDaysLeft where there are none
	IsOpen        bool  // the visit has not ended by the end of that day
	Phase         Phase // decides what a counting day does
	Calendar      Calendar
}

// A Phase is where a day lies in the plan of a visit.
type Phase uint8

// The phases. A visit without a plan is in none, and so is the day of an entry after the planned end.
const (
	NoPhase Phase = iota
	InPlan        // a counting day takes one from the days left
	Late          // a counting day is overdue
)

// NoDaysLeft stands for absent days left: a visit that has ended, or has no plan.
const NoDaysLeft int32 = -1

// Facts yields a fact for each day of a visit up to the as-of date, from its entry to
// its end, both included, in the order of days. The fact that yield is given is reused.
func Facts(visit *Visit, asOf Day, calendar Calendar, yield func(*Fact)) {
	factsFrom(visit, visit.EnteredDate, asOf, calendar, yield)
}

// factsFrom yields the facts of the days from first on.
func factsFrom(visit *Visit, first, asOf Day, calendar Calendar, yield func(*Fact)) {
	first = max(first, visit.EnteredDate)
	fact := Fact{Visit: visit, DaysLeft: NoDaysLeft, Calendar: calendar}
	days := countingOf(visit, calendar, asOf)
	end := visit.End(asOf)
	isPlanned, after := visit.Plan.IsPlanned(), visit.AccruesAfter()
	left := int32(0)
	if isPlanned {
		fact.OverdueDays = days.between(after, first-1)
		left = days.between(first-1, visit.Plan.End)
	}
	before := calendar.Number(first - 1)
	tenure := 0
	for day := first; day <= end; day++ {
		for tenure+1 < len(visit.Tenures) && visit.Tenures[tenure+1].From <= day {
			tenure++
		}
		fact.Day = day
		fact.ManagerID, fact.ManagerSource = visit.Tenures[tenure].ManagerID, visit.Tenures[tenure].Source
		fact.IsOpen = visit.IsOpen() || day < visit.LeftDate
		number := calendar.Number(day)
		fact.Pause = days.pauseOn(day)
		fact.IsCounting = number > before && fact.Pause == NoPause
		before = number
		if isPlanned {
			fact.OverdueDay, fact.Phase = 0, NoPhase
			switch {
			case day <= visit.Plan.End:
				fact.Phase = InPlan
				if fact.IsCounting {
					left--
				}
			case day > after:
				fact.Phase = Late
				if fact.IsCounting {
					fact.OverdueDay = 1
					fact.OverdueDays++
				}
			}
			fact.DaysLeft = NoDaysLeft
			if fact.IsOpen {
				fact.DaysLeft = left
			}
		}
		yield(&fact)
	}
}

// Sign says whether a row brings a fact in or takes an earlier one back. Facts are only
// ever appended, so a sum of sign × measure over any rows is right by plain addition.
type Sign int8

// The two signs.
const (
	Added     Sign = 1
	Withdrawn Sign = -1
)

// A Difference is what a run appends of a deal.
type Difference struct {
	// Fact takes the facts that come in and those that are taken back, by visit and
	// day, a withdrawal before what replaces it. The fact is reused.
	Fact func(Sign, *Fact)
	// Visit takes the visits that are new or other than published, and with isGone those
	// that are no more.
	Visit func(visit *Visit, isGone bool)
}

// A State is the visits of a deal, by number, up to an as-of date, and the calendars that they were computed under.
type State struct {
	Visits    []Visit
	AsOf      Day
	Calendars *Calendars
}

// Compare gives the difference between the published visits of a deal and the derived
// ones. It gives nothing when dates, calendars and all visits are equal. Equal calendars are the same pointer.
func Compare(published, derived State, out Difference) {
	i, k := 0, 0
	for i < len(published.Visits) || k < len(derived.Visits) {
		switch {
		case k == len(derived.Visits) || i < len(published.Visits) && published.Visits[i].No < derived.Visits[k].No:
			visit := &published.Visits[i]
			published.facts(visit, visit.EnteredDate, Withdrawn, out)
			out.Visit(visit, true)
			i++
		case i == len(published.Visits) || derived.Visits[k].No < published.Visits[i].No:
			visit := &derived.Visits[k]
			derived.facts(visit, visit.EnteredDate, Added, out)
			out.Visit(visit, false)
			k++
		default:
			compareVisit(&published, &published.Visits[i], &derived, &derived.Visits[k], out)
			i++
			k++
		}
	}
}

// facts gives the facts of a visit from a day on.
func (s *State) facts(visit *Visit, first Day, sign Sign, out Difference) {
	factsFrom(visit, first, s.AsOf, s.Calendars.Of(visit.FunnelID), func(f *Fact) { out.Fact(sign, f) })
}

func compareVisit(published *State, before *Visit, derived *State, after *Visit, out Difference) {
	if !before.Equal(after) {
		out.Visit(after, false)
	}
	if !before.sameFacts(after) {
		published.facts(before, before.EnteredDate, Withdrawn, out)
		derived.facts(after, after.EnteredDate, Added, out)
		return
	}
	// Both have the same facts before the earlier end, because a published day keeps its
	// manager. On that day itself one may have ended and the other not.
	same := min(before.End(published.AsOf), after.End(derived.AsOf)) - 1
	if isOpenOn(before, same+1) == isOpenOn(after, same+1) {
		same++
	}
	same = min(same, samePauses(ended(before.Pauses, published.AsOf), ended(after.Pauses, derived.AsOf), same))
	if published.Calendars != derived.Calendars {
		same = sameDays(published, before, derived, after, same)
	}
	published.facts(before, same+1, Withdrawn, out)
	derived.facts(after, same+1, Added, out)
}

// samePauses is the last day up to which pauses are the same, and last if they are up to there.
func samePauses(p, q []Pause, last Day) Day {
	p, q = within(p, FirstDay, last), within(q, FirstDay, last)
	for i := range max(len(p), len(q)) {
		switch {
		case i >= len(p):
			return q[i].From - 1
		case i >= len(q):
			return p[i].From - 1
		case p[i].From != q[i].From || p[i].Source != q[i].Source:
			return min(p[i].From, q[i].From) - 1
		case p[i].Until != q[i].Until:
			return min(p[i].Until, q[i].Until)
		}
	}
	return last
}

// sameDays is last where the same dates count for both visits, else the day before both begin.
func sameDays(published *State, before *Visit, derived *State, after *Visit, last Day) Day {
	p, d := published.Calendars.Of(before.FunnelID), derived.Calendars.Of(after.FunnelID)
	// What is left on a day reaches up to the planned end.
	for day := after.EnteredDate; day <= max(last, after.Plan.End); day++ {
		if p.Counts(day) != d.Counts(day) {
			return after.EnteredDate - 1
		}
	}
	return last
}

func isOpenOn(visit *Visit, day Day) bool { return visit.IsOpen() || day < visit.LeftDate }

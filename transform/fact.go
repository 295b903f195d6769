package transform

import "stagelag/extractor"

// A Fact is one day of one visit. What does not change from day to day stands in Visit.
type Fact struct {
	Visit         *Visit
	Day           Day
	ManagerID     extractor.ManagerID
	ManagerSource ManagerSource
	OverdueDays   int32 // so far, on that day
	OverdueDay    uint8 // 0 or 1: accrued on that day
	DaysLeft      int32 // NoDaysLeft where there are none
	IsOpen        bool  // the visit has not ended by the end of that day
}

// NoDaysLeft stands for absent days left: a visit that has ended, or has no plan.
const NoDaysLeft int32 = -1

// Facts yields a fact for each day of a visit up to the as-of date, from its entry to
// its end, both included, in the order of days. The fact that yield is given is reused.
func Facts(visit *Visit, asOf Day, calendar Calendar, yield func(*Fact)) {
	factsFrom(visit, visit.EnteredDate, asOf, calendar, yield)
}

// factsFrom yields the facts of the days from first on.
func factsFrom(visit *Visit, first, asOf Day, calendar Calendar, yield func(*Fact)) {
	fact := Fact{Visit: visit, DaysLeft: NoDaysLeft}
	end := visit.End(asOf)
	tenure := 0
	for day := max(first, visit.EnteredDate); day <= end; day++ {
		for tenure+1 < len(visit.Tenures) && visit.Tenures[tenure+1].From <= day {
			tenure++
		}
		fact.Day = day
		fact.ManagerID, fact.ManagerSource = visit.Tenures[tenure].ManagerID, visit.Tenures[tenure].Source
		fact.IsOpen = visit.IsOpen() || day < visit.LeftDate
		if visit.Plan.IsPlanned() {
			overdue := calendar.Between(visit.AccruesAfter(), day)
			fact.OverdueDay = uint8(overdue - calendar.Between(visit.AccruesAfter(), day-1))
			fact.OverdueDays = overdue
			fact.DaysLeft = NoDaysLeft
			if fact.IsOpen {
				fact.DaysLeft = calendar.Between(day, visit.Plan.End)
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

// Compare gives the difference between the published visits of a deal and the derived
// ones; both are by number. It gives nothing when both dates and all visits are equal.
func Compare(published []Visit, publishedAsOf Day, derived []Visit, asOf Day, calendar Calendar, out Difference) {
	i, k := 0, 0
	for i < len(published) || k < len(derived) {
		switch {
		case k == len(derived) || i < len(published) && published[i].No < derived[k].No:
			withdraw(&published[i], publishedAsOf, calendar, out)
			out.Visit(&published[i], true)
			i++
		case i == len(published) || derived[k].No < published[i].No:
			Facts(&derived[k], asOf, calendar, func(f *Fact) { out.Fact(Added, f) })
			out.Visit(&derived[k], false)
			k++
		default:
			compareVisit(&published[i], publishedAsOf, &derived[k], asOf, calendar, out)
			i++
			k++
		}
	}
}

func withdraw(visit *Visit, asOf Day, calendar Calendar, out Difference) {
	Facts(visit, asOf, calendar, func(f *Fact) { out.Fact(Withdrawn, f) })
}

func compareVisit(before *Visit, beforeAsOf Day, after *Visit, asOf Day, calendar Calendar, out Difference) {
	if !before.Equal(after) {
		out.Visit(after, false)
	}
	if !before.sameFacts(after) {
		withdraw(before, beforeAsOf, calendar, out)
		Facts(after, asOf, calendar, func(f *Fact) { out.Fact(Added, f) })
		return
	}
	// Both have the same facts before the earlier end, because a published day keeps its
	// manager. On that day itself one may have ended and the other not.
	beforeEnd, afterEnd := before.End(beforeAsOf), after.End(asOf)
	same := min(beforeEnd, afterEnd) - 1
	if isOpenOn(before, same+1) == isOpenOn(after, same+1) {
		same++
	}
	factsFrom(before, same+1, beforeAsOf, calendar, func(f *Fact) { out.Fact(Withdrawn, f) })
	factsFrom(after, same+1, asOf, calendar, func(f *Fact) { out.Fact(Added, f) })
}

func isOpenOn(visit *Visit, day Day) bool { return visit.IsOpen() || day < visit.LeftDate }

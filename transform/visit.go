package transform

import (
	"fmt"
	"slices"
	"time"

	"stagelag/extractor"
)

// HistorySource tells where a visit's entry comes from.
type HistorySource uint8

// The sources of a visit's entry, under the names that the views show.
const (
	FromHistory HistorySource = iota
	Reconstructed
)

// String is the name in the views.
func (s HistorySource) String() string { return [...]string{"history", "reconstructed"}[s] }

// A Visit is one stay of one deal in one stage, up to an as-of date. With that date it
// holds all that its facts are made of.
type Visit struct {
	DealID    extractor.DealID
	No        uint32 // from 1, over all visits of the deal in its order
	FunnelID  extractor.FunnelID
	StageID   extractor.StageID
	Semantics extractor.Semantics
	// IsReturn is whether an earlier visit of the deal was to the same stage.
	IsReturn bool
	// Next is where the deal went from here, also outside the report; zero while the visit is the last one.
	Next StageKey
	// ChangeID is the stage change that began the visit; 0 for a reconstructed one.
	ChangeID extractor.ChangeID
	// Raw is the stage as the portal names it in that change.
	Raw         StageKey
	History     HistorySource
	EnteredAt   time.Time // UTC
	EnteredDate Day
	LeftDate    Day // NoDay while the visit is open
	Plan        Plan
	Past        Past
	// IsWaiting is whether the stage waits for somebody else: it has no plan, and is in no measure.
	IsWaiting bool
	// Tenures tell who was responsible, in the order of days and without holes from the
	// entry on; the last one lasts to the end of the visit.
	Tenures []Tenure
	// Pauses are the days of the visit that don't count, in their order; of an open one also later days.
	Pauses  []Pause
	Numbers Numbers
}

// IsOpen is whether the deal is still in the stage.
func (v *Visit) IsOpen() bool { return v.LeftDate == NoDay }

// End is the last day of the visit: the day of leaving, the as-of date while it is open.
func (v *Visit) End(asOf Day) Day {
	if v.IsOpen() {
		return asOf
	}
	return v.LeftDate
}

// AccruesAfter is the day after which the counting days of a visit with a plan are overdue: the planned end, or
// the entry where the time was used up before it.
func (v *Visit) AccruesAfter() Day { return max(v.Plan.End, v.EnteredDate) }

// WasLateAtEntry is whether the visit began after its planned end.
func (v *Visit) WasLateAtEntry() bool { return v.Plan.IsPlanned() && v.Plan.End < v.EnteredDate }

// OverdueDays are those of a visit that has ended, 0 while it is open: they grow by the day.
func (v *Visit) OverdueDays() int32 {
	if v.IsOpen() || !v.Plan.IsPlanned() {
		return 0
	}
	return max(0, v.Numbers.Stops-v.Numbers.Accrues)
}

// hasFirstPlan is whether the visit has had a plan, and counts.
func (v *Visit) hasFirstPlan() bool {
	return v.Past.First.IsPlanned() && !v.IsWaiting && !v.Semantics.IsFinal()
}

// FirstOverdueDays are OverdueDays by the first plan.
func (v *Visit) FirstOverdueDays() int32 {
	if v.IsOpen() || !v.hasFirstPlan() {
		return 0
	}
	return max(0, v.Numbers.Stops-v.Numbers.FirstAccrues)
}

// ManagerID is the manager of the visit as a whole: the one of its last day.
func (v *Visit) ManagerID() extractor.ManagerID { return v.Tenures[len(v.Tenures)-1].ManagerID }

// Equal is whether two visits are the same in everything that is stored.
func (v *Visit) Equal(w *Visit) bool {
	return v.sameFacts(w) && v.ChangeID == w.ChangeID && v.Raw == w.Raw && v.EnteredAt.Equal(w.EnteredAt) &&
		v.LeftDate == w.LeftDate && v.Plan.End == w.Plan.End && v.Plan.Problem == w.Plan.Problem && v.IsReturn == w.IsReturn && v.Next == w.Next && v.Numbers == w.Numbers && v.Past.Equal(&w.Past) &&
		slices.Equal(v.Tenures, w.Tenures) && slices.Equal(v.Pauses, w.Pauses)
}

// sameFacts is whether a day on which both are open, under one manager, one calendar and the same pauses up to it, is
// the same fact as of w, the later one.
//
// Later pauses move the end of a plan in days, and nothing else of the days before them: not what is left of the plan,
// which they take none of. So these days stay, and readers take the planned end from the visit while it has pauses.
func (v *Visit) sameFacts(w *Visit) bool {
	hasPauses := len(w.Pauses) > 0
	isSameEnd := hasPauses && w.Plan.Source != PlanDealDate || v.Plan.End == w.Plan.End && (hasPauses || len(v.Pauses) == 0)
	return v.DealID == w.DealID && v.No == w.No && v.FunnelID == w.FunnelID && v.StageID == w.StageID &&
		v.Semantics == w.Semantics && v.IsWaiting == w.IsWaiting && v.History == w.History && v.EnteredDate == w.EnteredDate &&
		v.Plan.Source == w.Plan.Source && v.Plan.Days == w.Plan.Days && isSameEnd
}

// A History is all that is known of one deal.
type History struct {
	Deal extractor.Deal
	// IsGone marks a deal that the portal has deleted, or that was taken out: nothing of it is in the report.
	IsGone bool
	// HiddenSince is when the portal was first found not to let the deal be read; zero while it shows it.
	HiddenSince time.Time
	// Changes are the stage changes that were ever read, in any order.
	Changes []Change
	// Published are the deal's visits of the last published run, by number.
	Published []Visit
	// Knowledge is what the published runs saw.
	Knowledge Knowledge
}

// A Change is a stage change as it was landed.
type Change struct {
	extractor.StageChange
	// VanishedAt is when a run found the portal to return the change no longer, one moment for all that the run
	// found; zero while it does.
	VanishedAt time.Time
	// WentWithDeal is whether the deal itself was gone then, or nothing was left of its history.
	WentWithDeal bool
	// IsTwin is whether it vanished because the portal has given it under another id.
	IsTwin bool
}

// HasVanished is whether the portal has stopped returning the change.
func (c *Change) HasVanished() bool { return !c.VanishedAt.IsZero() }

// A Derived is what the rules make of a deal up to the as-of date.
type Derived struct {
	Visits    []Visit   // by number
	Gaps      []Gap     // what the numbers can't cover
	Knowledge Knowledge // what has been seen now
}

// Derive makes the visits of a deal up to the as-of date.
//
// Visits in funnels outside the report are counted in the numbers and left out.
func (r *Rules) Derive(h *History, dates Dates) Derived {
	known := h.Knowledge.until(dates.PublishedAsOf)
	pauses, told, badPause := r.pauses(h, known.Pauses, dates)
	if h.IsGone || h.Deal.IsRecurring {
		r.origins(h, &known, nil, nil, dates)
		return Derived{Knowledge: known}
	}
	moments := r.moments(h)
	stays := r.stays(moments, dates.AsOf)
	plans := known.plansOf(stays, dates.AsOf, r.Zone)
	origins := r.origins(h, &known, stays, plans, dates)
	var d Derived
	for i := range moments {
		if moments[i].ChangedAt.After(dates.Clock) && r.covers(moments[i].FunnelID) {
			d.Gaps = append(d.Gaps, r.futureGap(h, moments[i], dates.Clock))
		}
	}
	for i := range stays {
		s := &stays[i]
		if !r.covers(s.first().FunnelID) {
			continue
		}
		visit := Visit{
			DealID: h.Deal.ID, No: uint32(i + 1), FunnelID: s.key.Funnel, StageID: s.key.Stage, Semantics: s.semantics,
			ChangeID: s.first().ID, Raw: StageKey{s.first().FunnelID, s.first().StageID}, History: s.first().source,
			EnteredAt: s.first().ChangedAt, EnteredDate: DayOf(s.first().ChangedAt, r.Zone), LeftDate: NoDay, Plan: Plan{End: NoDay},
			IsReturn: hasVisit(d.Visits, s.key),
		}
		if s.semantics.IsFinal() {
			visit.LeftDate = visit.EnteredDate
		} else if i+1 < len(stays) {
			visit.LeftDate = DayOf(stays[i+1].first().ChangedAt, r.Zone)
		}
		if i+1 < len(stays) {
			visit.Next = stays[i+1].key
		}
		if visit.IsOpen() {
			visit.Pauses = within(pauses, visit.EnteredDate, LastDay)
		} else {
			visit.Pauses = within(ended(pauses, dates.AsOf), visit.EnteredDate, visit.LeftDate)
		}
		calendar := r.Calendars.Of(visit.FunnelID)
		days := countingOf(&visit, calendar, dates.AsOf)
		isSeenOpen := plans[i] != nil
		if !s.semantics.IsFinal() {
			carried := r.carried(&h.Deal, visit.StageID)
			if visit.IsOpen() || !isSeenOpen {
				visit.Plan = r.plan(carried, visit.StageID, visit.EnteredDate, &days)
			} else {
				visit.Plan, carried = r.endedPlan(plans[i], &visit, s, &days, &h.Deal), plans[i].Carried
			}
			if visit.IsOpen() {
				known.see(s, visit.EnteredDate, visit.Plan, carried)
			}
			if visit.IsWaiting = r.Waiting[visit.StageID]; visit.IsWaiting {
				visit.Plan = Plan{End: NoDay}
			}
		}
		visit.Tenures = tenures(known.Days, &visit, h.Deal.ManagerID, dates, h.HiddenSince.IsZero(), r.Zone)
		visit.Past = r.past(origins[i], &visit, &days, isSeenOpen, dates)
		visit.Numbers = visit.numbers(calendar, dates.AsOf)
		d.Visits = append(d.Visits, visit)
		if visit.WasLateAtEntry() {
			// Of the days before, a flag has paused those of visits only: no others are remembered.
			for n := range d.Visits {
				for _, p := range d.Visits[n].Pauses {
					told = cover(told, p)
				}
			}
			before := counting{calendar, ended(told, dates.AsOf)}
			d.Visits[len(d.Visits)-1].Numbers.LateAtEntry = before.between(visit.Plan.End, visit.EnteredDate)
		}
		d.Gaps = append(d.Gaps, r.visitGaps(&visit, s, isSeenOpen)...)
	}
	d.Gaps = append(d.Gaps, r.badPause(d.Visits, badPause)...)
	d.Gaps = append(d.Gaps, r.dealGaps(h, moments, d.Visits, dates)...)
	d.Knowledge = known
	d.Knowledge.dropEmpty()
	d.Knowledge.seeManagers(d.Visits, dates.AsOf)
	d.Knowledge.seePauses(d.Visits, dates.AsOf)
	return d
}

// hasVisit is whether one of the visits is to the stage.
func hasVisit(visits []Visit, key StageKey) bool {
	for i := range visits {
		if visits[i].FunnelID == key.Funnel && visits[i].StageID == key.Stage {
			return true
		}
	}
	return false
}

// String names the visit in errors and test failures.
func (v *Visit) String() string {
	return fmt.Sprintf("deal %d visit %d (%s from %s to %s)", v.DealID, v.No, v.StageID, v.EnteredDate, v.LeftDate)
}

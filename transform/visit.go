package transform

import (
	"cmp"
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
	// ChangeID is the stage change that began the visit; 0 for a reconstructed one.
	ChangeID    extractor.ChangeID
	History     HistorySource
	EnteredAt   time.Time // UTC
	EnteredDate Day
	LeftDate    Day // NoDay while the visit is open
	Plan        Plan
	// Carried is what the plan was read from.
	Carried Carried
	// WasOpen is whether a run has computed the visit as open: from then on its plan is
	// the one that it had when it was last open.
	WasOpen bool
	// Tenures tell who was responsible, in the order of days and without holes from the
	// entry on; the last one lasts to the end of the visit.
	Tenures []Tenure
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

// OverdueDays are those of a visit that has ended, 0 while it is open: they grow by the day.
func (v *Visit) OverdueDays(calendar Calendar) int32 {
	if v.IsOpen() || !v.Plan.IsPlanned() {
		return 0
	}
	return calendar.Between(v.Plan.End, v.LeftDate)
}

// ManagerID is the manager of the visit as a whole: the one of its last day.
func (v *Visit) ManagerID() extractor.ManagerID { return v.Tenures[len(v.Tenures)-1].ManagerID }

// Equal is whether two visits are the same in everything that is stored.
func (v *Visit) Equal(w *Visit) bool {
	return v.sameFacts(w) && v.ChangeID == w.ChangeID && v.EnteredAt.Equal(w.EnteredAt) &&
		v.LeftDate == w.LeftDate && v.Carried == w.Carried && v.Plan.Problem == w.Plan.Problem && v.WasOpen == w.WasOpen && v.IsReturn == w.IsReturn &&
		slices.Equal(v.Tenures, w.Tenures)
}

// sameFacts is whether a day on which both are open, under one manager, is the same fact.
func (v *Visit) sameFacts(w *Visit) bool {
	return v.DealID == w.DealID && v.No == w.No && v.FunnelID == w.FunnelID && v.StageID == w.StageID &&
		v.Semantics == w.Semantics && v.History == w.History && v.EnteredDate == w.EnteredDate &&
		v.Plan.Source == w.Plan.Source && v.Plan.Days == w.Plan.Days && v.Plan.End == w.Plan.End
}

// A History is all that is known of one deal.
type History struct {
	Deal extractor.Deal
	// IsGone marks a deal that the portal has deleted: nothing of it is in the report.
	IsGone bool
	// Changes are the stage changes that were ever read, in any order.
	Changes []Change
	// Published are the deal's visits of the last published run, by number.
	Published []Visit
}

// A Change is a stage change as it was landed.
type Change struct {
	extractor.StageChange
	// HasVanished marks a change that the portal has stopped returning.
	HasVanished bool
}

// moment is a stage change on its way to becoming a visit.
type moment struct {
	extractor.StageChange
	source HistorySource
}

// Visits derives the visits of a deal up to the as-of date, by number, and what the
// numbers can't cover.
//
// Visits in funnels outside the report are counted in the numbers and left out.
func (r *Rules) Visits(h *History, dates Dates) ([]Visit, []Gap) {
	if h.IsGone || h.Deal.IsRecurring {
		return nil, nil
	}
	moments := r.moments(h)
	known := knownTenures(h.Published, dates.PublishedAsOf)
	var visits []Visit
	var gaps []Gap
	for i, m := range moments {
		if !r.covers(m.FunnelID) {
			continue
		}
		if m.ChangedAt.After(dates.Clock) {
			gaps = append(gaps, r.futureGap(h, m, dates.Clock))
		}
		entered := DayOf(m.ChangedAt, r.Zone)
		if entered > dates.AsOf {
			continue
		}
		key, semantics, isKnown := r.stage(m.FunnelID, m.StageID, m.Semantics)
		visit := Visit{
			DealID: h.Deal.ID, No: uint32(i + 1), FunnelID: key.Funnel, StageID: key.Stage, Semantics: semantics,
			ChangeID: m.ID, History: m.source,
			EnteredAt: m.ChangedAt, EnteredDate: entered, LeftDate: NoDay, Plan: Plan{End: NoDay},
			IsReturn: hasVisit(visits, key),
		}
		if semantics.IsFinal() {
			visit.LeftDate = entered
		} else {
			if i+1 < len(moments) {
				if left := DayOf(moments[i+1].ChangedAt, r.Zone); left <= dates.AsOf {
					visit.LeftDate = left
				}
			}
			r.setPlan(&visit, h, isKnown)
		}
		visit.Tenures = tenures(known, &visit, h.Deal.ManagerID, dates, r.Zone)
		visits = append(visits, visit)
		gaps = append(gaps, r.visitGaps(&visit, isKnown)...)
	}
	return visits, append(gaps, r.dealGaps(h, moments, visits, dates)...)
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

// setPlan gives a visit in a process stage its plan. What the deal carries today counts
// for the open visit, and for a closed one that no run has seen open. Any other closed
// visit keeps its plan; when its entry was corrected, the one that the values of then
// give for the new entry.
func (r *Rules) setPlan(visit *Visit, h *History, isKnown bool) {
	before := publishedAs(h.Published, visit)
	visit.WasOpen = visit.IsOpen() || before != nil && before.WasOpen
	visit.Carried = r.carried(&h.Deal, visit.StageID)
	if !visit.IsOpen() && visit.WasOpen {
		visit.Carried = before.Carried
		if visit.EnteredDate == before.EnteredDate {
			visit.Plan = before.Plan
			return
		}
	}
	visit.Plan = r.plan(visit.Carried, visit.StageID, isKnown, visit.EnteredDate)
}

// publishedAs finds the published form of a visit: the one that the same stage change
// began. Numbers are no use for it, they shift when an earlier change is corrected.
func publishedAs(published []Visit, visit *Visit) *Visit {
	for i := range published {
		p := &published[i]
		if p.ChangeID == visit.ChangeID && p.StageID == visit.StageID && p.History == visit.History {
			return p
		}
	}
	return nil
}

// moments are the beginnings of the deal's visits in their order, later ones than any
// as-of date included.
func (r *Rules) moments(h *History) []moment {
	deal := &h.Deal
	var moments []moment
	for _, change := range survivors(h) {
		moments = append(moments, moment{change, FromHistory})
	}
	last := len(moments) - 1
	if last >= 0 && moments[last].StageID == deal.StageID && moments[last].FunnelID == deal.FunnelID {
		return moments
	}
	begun := moment{extractor.StageChange{
		DealID: deal.ID, FunnelID: deal.FunnelID, StageID: deal.StageID, Semantics: deal.Semantics,
		ChangedAt: cmp.Or(deal.MovedAt, deal.CreatedAt, deal.UpdatedAt),
	}, Reconstructed}
	if last >= 0 && begun.ChangedAt.Before(moments[last].ChangedAt) {
		// The deal's last move can't be before a change that its history has.
		begun.ChangedAt = moments[last].ChangedAt
	}
	return append(moments, begun)
}

// survivors are the changes that count, by time and id. One that the portal has stopped
// returning was a mistake that somebody corrected, unless the portal is known to lose
// such rows: all those of a funnel that the deal has left, and the closing of a deal
// that was reopened.
func survivors(h *History) []extractor.StageChange {
	changes := slices.Clone(h.Changes)
	slices.SortFunc(changes, func(a, b Change) int {
		return cmp.Or(a.ChangedAt.Compare(b.ChangedAt), cmp.Compare(a.ID, b.ID))
	})
	remembered := map[extractor.FunnelID]bool{h.Deal.FunnelID: true}
	for _, change := range changes {
		if !change.HasVanished {
			remembered[change.FunnelID] = true
		}
	}
	var kept []extractor.StageChange
	follower := h.Deal.Semantics // of the change that comes next, from the end backwards
	for _, change := range slices.Backward(changes) {
		wasReopened := change.Semantics.IsFinal() && !follower.IsFinal()
		if change.HasVanished && remembered[change.FunnelID] && !wasReopened {
			continue
		}
		follower = change.Semantics
		kept = append(kept, change.StageChange)
	}
	slices.Reverse(kept)
	return kept
}

// String names the visit in errors and test failures.
func (v *Visit) String() string {
	return fmt.Sprintf("deal %d visit %d (%s from %s to %s)", v.DealID, v.No, v.StageID, v.EnteredDate, v.LeftDate)
}

package transform

import (
	"fmt"
	"strings"
	"time"

	"stagelag/extractor"
)

// The reasons of a gap, under the names that the views show. A manager whom the portal
// does not return is a gap too; the views find it beside the people's names.
const (
	GapNoPlan               = "no_plan"
	GapBadPlan              = "bad_plan"
	GapHistoryReconstructed = "history_reconstructed"
	GapHistoryStartsLate    = "history_starts_late"
	GapUnknownStage         = "unknown_stage"
	GapTimeInFuture         = "time_in_future"
	GapHidden               = "hidden"
	GapBadDate              = "bad_date"
	GapBadPause             = "bad_pause"
	GapBadAmount            = "bad_amount"
)

// A Gap is a thing that the numbers of a deal can't cover.
type Gap struct {
	VisitNo   uint32 // 0: no visit, the deal as a whole
	StageID   extractor.StageID
	ManagerID extractor.ManagerID
	Reason    string
	Detail    string
}

// visitGaps are the gaps of one visit: of the first three at most one.
func (r *Rules) visitGaps(visit *Visit, of *stay, isSeenOpen bool) []Gap {
	var gaps []Gap
	gap := func(reason, detail string) {
		gaps = append(gaps, Gap{visit.No, visit.StageID, visit.ManagerID(), reason, detail})
	}
	isPlaceUnknown := of.moments[len(of.moments)-1].isPlaceUnknown
	switch {
	case visit.Plan.Problem != "":
		gap(GapBadPlan, visit.Plan.Problem)
	case isPlaceUnknown:
		gap(GapUnknownStage, "the portal shows the deal without a stage; it is taken to be where it was")
	case !of.isKnown:
		gap(GapUnknownStage, fmt.Sprintf("the portal has no stage %s in funnel %d; map it to a current one under stages.map",
			quote(string(visit.StageID)), visit.FunnelID))
	case !visit.Semantics.IsFinal() && !visit.IsWaiting && !visit.Plan.IsPlanned():
		gap(GapNoPlan, r.missingPlan(visit, isSeenOpen))
	}
	if visit.History == Reconstructed {
		gap(GapHistoryReconstructed, fmt.Sprintf("the stage history does not tell this visit; it begins at the deal's last move, %s", visit.EnteredDate))
	}
	if !isDated(visit.EnteredAt, r.Zone) {
		gap(GapBadDate, fmt.Sprintf("the visit begins %s, it is counted from %s on", r.badMoment(visit.EnteredAt), visit.EnteredDate))
	}
	return gaps
}

// badMoment says when a moment is that no date can be told of.
func (r *Rules) badMoment(t time.Time) string {
	if t.IsZero() {
		return "at no time that the portal tells"
	}
	return fmt.Sprintf("at %s, outside %s to %s", t.In(r.Zone).Format(time.RFC3339), FirstDay, LastDay)
}

// missingPlan tells where a plan was looked for.
func (r *Rules) missingPlan(visit *Visit, isSeenOpen bool) string {
	var empty []string
	for _, name := range []string{r.Fields[visit.StageID].Date, r.Fields[visit.StageID].Days} {
		if name != "" {
			empty = append(empty, name)
		}
	}
	norm := "no norm is configured for the stage"
	if len(r.Norms[visit.StageID]) > 0 {
		norm = fmt.Sprintf("no norm of the stage holds on %s", visit.EnteredDate)
	}
	if len(empty) == 0 {
		return "no field of the deal is configured for the stage; " + norm
	}
	if isSeenOpen && !visit.IsOpen() {
		return "the deal carried no plan while the visit was open; " + norm
	}
	return fmt.Sprintf("the deal's %s is empty; %s", strings.Join(empty, " and "), norm)
}

// futureGap is the gap of a change that is dated after the portal's own clock.
func (r *Rules) futureGap(h *History, m moment, clock time.Time) Gap {
	key, _, _ := r.stage(m.FunnelID, m.StageID, m.Semantics)
	return Gap{
		StageID: key.Stage, ManagerID: h.Deal.ManagerID, Reason: GapTimeInFuture,
		Detail: fmt.Sprintf("the stage is entered at %s, after the portal's clock, %s; it counts from its date on",
			m.ChangedAt.In(r.Zone).Format(time.RFC3339), clock.In(r.Zone).Format(time.RFC3339)),
	}
}

// dealGaps are the gaps of the deal as a whole.
func (r *Rules) dealGaps(h *History, moments []moment, visits []Visit, dates Dates) []Gap {
	deal := &h.Deal
	first := moments[0]
	var gaps []Gap
	gap := func(reason, format string, args ...any) {
		gaps = append(gaps, Gap{StageID: first.StageID, ManagerID: deal.ManagerID, Reason: reason, Detail: fmt.Sprintf(format, args...)})
	}
	if !h.HiddenSince.IsZero() && len(visits) > 0 {
		last := &visits[len(visits)-1]
		gaps = append(gaps, Gap{StageID: last.StageID, ManagerID: last.ManagerID(), Reason: GapHidden, Detail: fmt.Sprintf(
			"since %s the portal does not let the webhook's user read the deal; it is shown as it was last seen", DayOf(h.HiddenSince, r.Zone))})
	}
	if deal.BadAmount != "" && len(visits) > 0 {
		last := &visits[len(visits)-1]
		gaps = append(gaps, Gap{StageID: last.StageID, ManagerID: last.ManagerID(), Reason: GapBadAmount, Detail: fmt.Sprintf(
			"the portal shows the amount %s, which is not a number from -%[2]s to %[2]s; the deal is shown without one", quote(deal.BadAmount), extractor.MostAmount)})
	}
	if deal.CreatedAt.IsZero() || !r.covers(first.FunnelID) {
		return gaps
	}
	created, begun := DayOf(deal.CreatedAt, r.Zone), DayOf(first.ChangedAt, r.Zone)
	switch {
	case !isDated(deal.CreatedAt, r.Zone):
		if first.source == FromHistory {
			gap(GapBadDate, "the deal was created %s", r.badMoment(deal.CreatedAt))
		}
	case deal.CreatedAt.After(dates.Clock):
		if !first.ChangedAt.After(dates.Clock) {
			gap(GapTimeInFuture, "the deal was created at %s, after the portal's clock, %s",
				deal.CreatedAt.In(r.Zone).Format(time.RFC3339), dates.Clock.In(r.Zone).Format(time.RFC3339))
		}
	case len(visits) > 0 && visits[0].No == 1 && first.source == FromHistory && created < begun:
		gaps = append(gaps, Gap{
			VisitNo: 1, StageID: visits[0].StageID, ManagerID: visits[0].Tenures[0].ManagerID, Reason: GapHistoryStartsLate,
			Detail: fmt.Sprintf("the deal was created on %s, its history begins on %s; the days before belong to no visit", created, begun),
		})
	}
	return gaps
}

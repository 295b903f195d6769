package report

import (
	"fmt"

	"stagelag/extractor"
	"stagelag/plain"
)

// A FindingKind is what a finding is about.
type FindingKind string

// The kinds, the weightiest first.
const (
	NoPlans     FindingKind = "no_plans"      // nothing has a plan
	LowCoverage FindingKind = "low_coverage"  // most of what was closed had no plan
	LostMore    FindingKind = "lost_more"     // more days than in the period before
	LostLess    FindingKind = "lost_less"     // fewer days than in the period before
	WorstStage  FindingKind = "worst_stage"   // where most days were lost
	OverPlan    FindingKind = "over_plan"     // where the plan is not what happens
	MoreOverdue FindingKind = "more_overdue"  // more deals overdue at the end than at the beginning
	PlansPutOff FindingKind = "plans_put_off" // the rate by first plans is lower
	ComingLate  FindingKind = "coming_late"   // many that are on time will probably be late
)

// A Finding is a sentence that the numbers bear out: of enough cases, and comparing no period whose managers are assumed.
type Finding struct {
	Kind FindingKind
	// FunnelID, StageID and Stage are of the stage that it is about, if it is about one.
	FunnelID extractor.FunnelID
	StageID  extractor.StageID
	Stage    string
	// Number and Of are what is said: the number of this period first where two periods are compared, the smaller one first
	// of a part and a whole. Deals is in how many deals.
	Number, Of, Deals int64
	// Share and OfShare are two rates that are compared.
	Share, OfShare float64
}

const (
	// mostFindings is how many findings a report has at most.
	mostFindings = 3
	// enoughCases is the number of visits, days or forecasts below which nothing is found.
	enoughCases = 10
	// enoughDeals is the number of deals below which nothing is found in them.
	enoughDeals = 5
	// enoughOfAll is the share of all lost days from which on a stage is called the one where most are lost.
	enoughOfAll = 0.2
	// enoughApart is the difference of two rates, or the growth of a number as a share, from which on it is one.
	enoughApart = 0.05
)

// Findings are what the report shows in sentences, at most three.
func (r *Report) Findings() []Finding {
	var found []Finding
	for _, find := range []func() (Finding, bool){
		r.findNoPlans, r.findLowCoverage, r.findLost, r.findWorstStage, r.findOverPlan, r.findMoreOverdue, r.findPlansPutOff, r.findComingLate,
	} {
		if f, ok := find(); ok && len(found) < mostFindings {
			found = append(found, f)
		}
	}
	return found
}

func (r *Report) findNoPlans() (Finding, bool) {
	t := &r.Total
	return Finding{Kind: NoPlans}, t.ClosedWithPlan == 0 && t.Now.NoPlan == t.Now.Open && t.Closed+t.Now.Open >= enoughCases
}

func (r *Report) findLowCoverage() (Finding, bool) {
	t := &r.Total
	coverage, ok := t.Coverage()
	return Finding{Kind: LowCoverage, Number: t.ClosedWithPlan, Of: t.Closed}, ok && t.ClosedWithPlan > 0 && coverage < 0.5 && t.Closed >= enoughCases
}

// canCompare is whether a finding can compare the period with the one before.
func (r *Report) canCompare() bool {
	if !r.IsPeriodOver || !r.isComparable(true) {
		return false
	}
	return r.Total.Closed >= enoughCases && r.trendBefore().Closed >= enoughCases
}

func (r *Report) findLost() (Finding, bool) {
	f := Finding{Kind: LostMore, Number: r.Total.DaysLost, Of: r.Total.DaysLostBefore}
	if f.Number < f.Of {
		f.Kind = LostLess
	}
	larger, difference := max(f.Number, f.Of), max(f.Number-f.Of, f.Of-f.Number)
	return f, r.canCompare() && larger >= enoughCases && float64(difference) >= enoughApart*float64(larger)
}

func (r *Report) findWorstStage() (Finding, bool) {
	rows := r.levelBy(ByStage).Rows
	if len(rows) < 2 || r.Total.DaysLost < enoughCases {
		return Finding{}, false
	}
	worst := &rows[0]
	deals := map[extractor.DealID]bool{}
	for i := range r.Visits {
		if v := &r.Visits[i]; v.DaysLost > 0 && v.Key(ByStage) == worst.Key {
			deals[v.DealID] = true
		}
	}
	f := Finding{
		Kind: WorstStage, FunnelID: worst.Key.FunnelID, StageID: worst.Key.StageID, Stage: worst.Name,
		Number: worst.DaysLost, Of: r.Total.DaysLost, Deals: int64(len(deals)),
	}
	return f, worst.DaysLost > rows[1].DaysLost && float64(worst.DaysLost) >= enoughOfAll*float64(f.Of) && f.Deals >= enoughDeals
}

func (r *Report) findOverPlan() (Finding, bool) {
	for i := range r.StageTimes {
		if t := &r.StageTimes[i]; t.IsOver() && t.WithPlan >= enoughCases {
			return Finding{Kind: OverPlan, FunnelID: t.FunnelID, StageID: t.StageID, Stage: t.Stage, Number: t.P85, Of: t.MedianPlan}, true
		}
	}
	return Finding{}, false
}

func (r *Report) findMoreOverdue() (Finding, bool) {
	if !r.canCompare() {
		return Finding{}, false
	}
	f := Finding{Kind: MoreOverdue, Number: r.Total.AtEnd.Overdue, Of: r.trendBefore().AtEnd.Overdue}
	return f, f.Number >= f.Of+enoughDeals
}

func (r *Report) findPlansPutOff() (Finding, bool) {
	rate, _ := r.Total.Rate()
	first, _ := r.Total.FirstPlanRate()
	f := Finding{Kind: PlansPutOff, Share: first, OfShare: rate}
	return f, rate-first >= enoughApart && min(r.Total.ClosedWithPlan, r.Total.ClosedWithFirstPlan) >= enoughCases
}

// findComingLate says nothing where the forecasts have been no better than the median.
func (r *Report) findComingLate() (Finding, bool) {
	for _, h := range r.Ahead.Horizons {
		f := Finding{Kind: ComingLate, Number: h.LikelyLate, Of: h.Coming, Deals: int64(h.Days)}
		if h.Days == horizons[1] && h.Coming >= enoughCases && h.LikelyLate >= enoughDeals {
			return f, !r.Ahead.IsJudged() || r.Ahead.IsBetter()
		}
	}
	return Finding{}, false
}

// finding is a finding in words.
func (v *voice) finding(r *Report, f *Finding) string {
	text := v.FindingText[f.Kind]
	days := func(n int64) string { return v.Count(n, v.DaysNoun) }
	deals := func(n int64) string { return v.Count(n, "deals") }
	stage := plain.Text(r.stageLabel(f.FunnelID, f.StageID, f.Stage), 80)
	switch f.Kind {
	case LowCoverage:
		return fmt.Sprintf(text, v.Number(f.Number), v.Number(f.Of))
	case LostMore, LostLess:
		return fmt.Sprintf(text, days(f.Of), days(f.Number))
	case WorstStage:
		return fmt.Sprintf(text, stage, v.Number(f.Number), days(f.Of), deals(f.Deals))
	case OverPlan:
		return fmt.Sprintf(text, stage, days(f.Number), days(f.Of))
	case MoreOverdue:
		return fmt.Sprintf(text, deals(f.Number), deals(f.Of))
	case PlansPutOff:
		return fmt.Sprintf(text, v.Percent(f.Share), v.Percent(f.OfShare))
	case ComingLate:
		return fmt.Sprintf(text, deals(f.Of), v.Count(f.Deals, "days"), v.Number(f.Number))
	default:
		return text
	}
}

// findings are all findings in words.
func (v *voice) findings(r *Report) (sentences []string) {
	for _, f := range r.Findings() {
		sentences = append(sentences, v.finding(r, &f))
	}
	return sentences
}

// levelBy is one of the levels, empty where it is not there.
func (r *Report) levelBy(by By) Level {
	for _, level := range r.Levels {
		if level.By == by {
			return level
		}
	}
	return Level{By: by}
}

package transform

import "stagelag/extractor"

// A WhatIf has a derivation show what rules would have meant for visits that have ended. Such a visit keeps the plan
// that a run has seen, except that it takes the norm of the rules where they have another norm for its stage than
// those of what is published, and what its deal carries today where they have other fields. A plan that came from
// the deal stays under another norm.
type WhatIf struct {
	// Published are the rules that what is published was derived under.
	Published *Rules
	// Norms are the stages whose norms are asked about: they are taken also where Published has the same.
	Norms map[extractor.StageID]bool
}

// endedPlan is the plan of a visit that has ended, which a run has seen open.
func (r *Rules) endedPlan(seen *KnownPlan, visit *Visit, of *stay, days *counting, deal *extractor.Deal) Plan {
	if w := r.WhatIf; w != nil {
		m := of.first()
		was, _, _ := w.Published.stage(m.FunnelID, m.StageID, m.Semantics)
		isByNorm := seen.Plan.Source == PlanStageNorm || seen.Plan.Source == PlanNone
		switch {
		case w.Published.Fields[was.Stage] != r.Fields[visit.StageID]:
			return r.plan(r.carried(deal, visit.StageID), visit.StageID, visit.EnteredDate, days)
		case isByNorm && (w.Norms[visit.StageID] || w.Published.NormDays(was.Stage, visit.EnteredDate) != r.NormDays(visit.StageID, visit.EnteredDate)):
			return r.plan(seen.Carried, visit.StageID, visit.EnteredDate, days)
		}
	}
	return r.keptPlan(seen, visit, days)
}

// NormDays are the days of the norm of a stage in force on a day, -1 where there is none.
func (r *Rules) NormDays(stage extractor.StageID, day Day) int32 {
	if norm, ok := normOn(r.Norms[stage], day); ok {
		return norm.Days
	}
	return -1
}

// OverdueDaysBy yields the overdue days of a visit up to the as-of date by the managers of the days, in their order.
// A manager may come more than once.
func (v *Visit) OverdueDaysBy(asOf Day, calendar Calendar, yield func(manager extractor.ManagerID, days int32)) {
	if !v.Plan.IsPlanned() {
		return
	}
	days := countingOf(v, calendar, asOf)
	after, end := v.AccruesAfter(), v.End(asOf)
	for i := range v.Tenures {
		last := end
		if i+1 < len(v.Tenures) {
			last = v.Tenures[i+1].From - 1
		}
		if n := days.between(max(after, v.Tenures[i].From-1), last); n > 0 {
			yield(v.Tenures[i].ManagerID, n)
		}
	}
}

// Lasted is the least plan, in days, under which a visit that has ended would have been on time: the counting days
// after its entry up to its end.
func (v *Visit) Lasted(calendar Calendar) int32 {
	days := countingOf(v, calendar, v.LeftDate)
	if days.between(days.plannedEnd(v.EnteredDate, 0), v.LeftDate) == 0 {
		return 0
	}
	return days.between(v.EnteredDate, v.LeftDate)
}

package loader

import (
	"fmt"
	"time"

	"stagelag/extractor"
	"stagelag/transform"
)

// A visitRow is a visit as it is stored.
type visitRow struct {
	transform.Visit
	isGone bool // the visit is no more
	isOpen bool

	// The stage as the portal names it, where that is another one.
	raw transform.StageKey
	// What the first plan has less than the plan: nearly always nothing, which takes no room. The numbers without
	// a plan are 0.
	firstDaysShift, firstEndShift, firstAccruesShift int32
	moves                                            uint16
	daysMoved                                        int32
	planLog                                          string
}

func visitRowOf(v *transform.Visit, isGone bool) visitRow {
	plan, first := storePlan(v.Plan), storePlan(v.Past.First)
	raw := v.Raw
	if raw == (transform.StageKey{Funnel: v.FunnelID, Stage: v.StageID}) {
		raw = transform.StageKey{}
	}
	return visitRow{
		Visit: *v, raw: raw, isGone: isGone, isOpen: v.IsOpen(),
		firstDaysShift: int32(plan[1]) - int32(first[1]), firstEndShift: int32(plan[2] - first[2]),
		firstAccruesShift: v.Numbers.Accrues - v.Numbers.FirstAccrues,
		moves:             uint16(v.Past.Moves()), daysMoved: v.DaysMoved(), planLog: planLog(v.Past.Changes),
	}
}

var visitTable = table[visitRow]{"visits", []column[visitRow]{
	id64("deal_id", func(r *visitRow) *extractor.DealID { return &r.DealID }),
	plain("visit_no", func(r *visitRow) *uint32 { return &r.No }),
	plain("is_gone", func(r *visitRow) *bool { return &r.isGone }),
	id32("funnel_id", func(r *visitRow) *extractor.FunnelID { return &r.FunnelID }),
	text("stage_id", func(r *visitRow) *extractor.StageID { return &r.StageID }),
	enum("semantics", func(r *visitRow) *extractor.Semantics { return &r.Semantics }),
	plain("is_return", func(r *visitRow) *bool { return &r.IsReturn }),
	id32("next_funnel_id", func(r *visitRow) *extractor.FunnelID { return &r.Next.Funnel }),
	text("next_stage_id", func(r *visitRow) *extractor.StageID { return &r.Next.Stage }),
	id64("change_id", func(r *visitRow) *extractor.ChangeID { return &r.ChangeID }),
	enum("history_source", func(r *visitRow) *transform.HistorySource { return &r.History }),
	moment("entered_at", func(r *visitRow) *time.Time { return &r.EnteredAt }),
	date("entered_date", func(r *visitRow) *transform.Day { return &r.EnteredDate }),
	plain("is_open", func(r *visitRow) *bool { return &r.isOpen }),
	date("left_date", func(r *visitRow) *transform.Day { return &r.LeftDate }),
	enum("plan_source", func(r *visitRow) *transform.PlanSource { return &r.Plan.Source }),
	plain("plan_days", func(r *visitRow) *int32 { return &r.Plan.Days }),
	date("planned_end", func(r *visitRow) *transform.Day { return &r.Plan.End }),
	plain("plan_problem", func(r *visitRow) *string { return &r.Plan.Problem }),
	each(tenuresOf, date("tenure_from", func(t *transform.Tenure) *transform.Day { return &t.From })),
	each(tenuresOf, id64("tenure_manager", func(t *transform.Tenure) *extractor.ManagerID { return &t.ManagerID })),
	each(tenuresOf, enum("tenure_source", func(t *transform.Tenure) *transform.ManagerSource { return &t.Source })),
	plain("is_waiting", func(r *visitRow) *bool { return &r.IsWaiting }),
	each(pausesOf, date("pause_from", func(p *transform.Pause) *transform.Day { return &p.From })),
	each(pausesOf, date("pause_until", func(p *transform.Pause) *transform.Day { return &p.Until })),
	each(pausesOf, enum("pause_source", func(p *transform.Pause) *transform.PauseSource { return &p.Source })),
	plain("entered_number", func(r *visitRow) *int32 { return &r.Numbers.Entered }),
	plain("accrues_number", func(r *visitRow) *int32 { return &r.Numbers.Accrues }),
	plain("due_number", func(r *visitRow) *int32 { return &r.Numbers.Due }),
	plain("stops_number", func(r *visitRow) *int32 { return &r.Numbers.Stops }),
	plain("paused_days", func(r *visitRow) *int32 { return &r.Numbers.Paused }),
	plain("late_at_entry", func(r *visitRow) *int32 { return &r.Numbers.LateAtEntry }),
	id32("raw_funnel_id", func(r *visitRow) *extractor.FunnelID { return &r.raw.Funnel }),
	text("raw_stage_id", func(r *visitRow) *extractor.StageID { return &r.raw.Stage }),
	enum("first_plan_source", func(r *visitRow) *transform.PlanSource { return &r.Past.First.Source }),
	plain("first_days_shift", func(r *visitRow) *int32 { return &r.firstDaysShift }),
	plain("first_end_shift", func(r *visitRow) *int32 { return &r.firstEndShift }),
	plain("first_accrues_shift", func(r *visitRow) *int32 { return &r.firstAccruesShift }),
	plain("plan_changes", func(r *visitRow) *uint16 { return &r.moves }),
	plain("days_moved", func(r *visitRow) *int32 { return &r.daysMoved }),
	plain("plan_log", func(r *visitRow) *string { return &r.planLog }),
}}

func pausesOf(r *visitRow) *[]transform.Pause { return &r.Pauses }

func tenuresOf(r *visitRow) *[]transform.Tenure { return &r.Tenures }

// restored is the visit of a row that was read, without the dates that stand for absent ones.
func (r *visitRow) restored() (transform.Visit, error) {
	v := r.Visit
	if r.isOpen {
		v.LeftDate = transform.NoDay
	}
	if !v.Plan.IsPlanned() {
		v.Plan.End = transform.NoDay
	}
	if v.Raw = r.raw; v.Raw.Stage == "" {
		v.Raw = transform.StageKey{Funnel: v.FunnelID, Stage: v.StageID}
	}
	plan := storePlan(v.Plan)
	v.Past.First = storedPlan{int64(v.Past.First.Source), int64(int32(plan[1]) - r.firstDaysShift), plan[2] - int64(r.firstEndShift)}.load()
	v.Numbers.FirstAccrues = v.Numbers.Accrues - r.firstAccruesShift
	changes, err := loadPlanLog(r.planLog)
	if err != nil {
		return transform.Visit{}, fmt.Errorf("%s: %w", &v, err)
	}
	v.Past.Changes = changes
	return v, nil
}

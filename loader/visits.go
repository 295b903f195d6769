package loader

import (
	"time"

	"stagelag/extractor"
	"stagelag/transform"
)

// A visitRow is a visit as it is stored.
type visitRow struct {
	transform.Visit
	isGone bool // the visit is no more
	isOpen bool
}

var visitTable = table[visitRow]{"visits", []column[visitRow]{
	id64("deal_id", func(r *visitRow) *extractor.DealID { return &r.DealID }),
	plain("visit_no", func(r *visitRow) *uint32 { return &r.No }),
	plain("is_gone", func(r *visitRow) *bool { return &r.isGone }),
	id32("funnel_id", func(r *visitRow) *extractor.FunnelID { return &r.FunnelID }),
	text("stage_id", func(r *visitRow) *extractor.StageID { return &r.StageID }),
	enum("semantics", func(r *visitRow) *extractor.Semantics { return &r.Semantics }),
	plain("is_return", func(r *visitRow) *bool { return &r.IsReturn }),
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
}}

func pausesOf(r *visitRow) *[]transform.Pause { return &r.Pauses }

func tenuresOf(r *visitRow) *[]transform.Tenure { return &r.Tenures }

// restored is the visit of a row that was read, without the dates that stand for absent ones.
func (r *visitRow) restored() transform.Visit {
	v := r.Visit
	if r.isOpen {
		v.LeftDate = transform.NoDay
	}
	if !v.Plan.IsPlanned() {
		v.Plan.End = transform.NoDay
	}
	return v
}

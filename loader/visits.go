package loader

import (
	"time"

	"stagelag/transform"
)

// visitBlock is a block of visits in columns.
type visitBlock struct {
	runID         []uint32
	dealID        []uint64
	visitNo       []uint32
	isGone        []bool
	funnelID      []uint32
	stageID       []string
	semantics     []int8
	isReturn      []bool
	changeID      []uint64
	historySource []int8
	enteredAt     []time.Time
	enteredDate   []time.Time
	isOpen        []bool
	leftDate      []time.Time
	planSource    []int8
	planDays      []int32
	plannedEnd    []time.Time
	planProblem   []string
	carriedDate   []string
	carriedDays   []string
	wasOpen       []bool
	tenureFrom    [][]time.Time
	tenureManager [][]uint64
	tenureSource  [][]string
	overdueDays   []int32
}

var visitColumns = []string{"run_id", "deal_id", "visit_no", "is_gone", "funnel_id", "stage_id", "semantics", "is_return", "change_id",
	"history_source", "entered_at", "entered_date", "is_open", "left_date", "plan_source", "plan_days", "planned_end", "plan_problem",
	"carried_date", "carried_days", "was_open", "tenure_from", "tenure_manager", "tenure_source", "overdue_days"}

func (b *visitBlock) add(run RunID, v *transform.Visit, isGone bool, calendar transform.Calendar) {
	b.runID = append(b.runID, uint32(run))
	b.dealID = append(b.dealID, uint64(v.DealID))
	b.visitNo = append(b.visitNo, v.No)
	b.isGone = append(b.isGone, isGone)
	b.funnelID = append(b.funnelID, uint32(v.FunnelID))
	b.stageID = append(b.stageID, string(v.StageID))
	b.semantics = append(b.semantics, int8(v.Semantics))
	b.isReturn = append(b.isReturn, v.IsReturn)
	b.changeID = append(b.changeID, uint64(v.ChangeID))
	b.historySource = append(b.historySource, int8(v.History))
	b.enteredAt = append(b.enteredAt, v.EnteredAt)
	b.enteredDate = append(b.enteredDate, date(v.EnteredDate))
	b.isOpen = append(b.isOpen, v.IsOpen())
	b.leftDate = append(b.leftDate, date(v.LeftDate))
	b.planSource = append(b.planSource, int8(v.Plan.Source))
	b.planDays = append(b.planDays, v.Plan.Days)
	b.plannedEnd = append(b.plannedEnd, date(v.Plan.End))
	b.planProblem = append(b.planProblem, v.Plan.Problem)
	b.carriedDate = append(b.carriedDate, v.Carried.Date)
	b.carriedDays = append(b.carriedDays, v.Carried.Days)
	b.wasOpen = append(b.wasOpen, v.WasOpen)
	from, manager, source := make([]time.Time, len(v.Tenures)), make([]uint64, len(v.Tenures)), make([]string, len(v.Tenures))
	for i, t := range v.Tenures {
		from[i], manager[i], source[i] = date(t.From), uint64(t.ManagerID), t.Source.String()
	}
	b.tenureFrom = append(b.tenureFrom, from)
	b.tenureManager = append(b.tenureManager, manager)
	b.tenureSource = append(b.tenureSource, source)
	b.overdueDays = append(b.overdueDays, v.OverdueDays(calendar))
}

func (b *visitBlock) rows() int { return len(b.dealID) }

func (b *visitBlock) columns() []any {
	return []any{b.runID, b.dealID, b.visitNo, b.isGone, b.funnelID, b.stageID, b.semantics, b.isReturn, b.changeID, b.historySource,
		b.enteredAt, b.enteredDate, b.isOpen, b.leftDate, b.planSource, b.planDays, b.plannedEnd, b.planProblem,
		b.carriedDate, b.carriedDays, b.wasOpen,
		b.tenureFrom, b.tenureManager, b.tenureSource, b.overdueDays}
}

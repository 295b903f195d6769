package loader

import (
	"time"

	"stagelag/transform"
)

// dates holds a time for each date that the warehouse can hold: making one for each row
// costs more than all else in a block.
var dates = func() []time.Time {
	list := make([]time.Time, transform.LastDay+1)
	for day := range list {
		list[day] = transform.Day(day).Time()
	}
	return list
}()

// date is the time of a date, that of the first one for none.
func date(day transform.Day) time.Time { return dates[max(day, transform.FirstDay)] }

// factBlock is a block of facts in columns.
type factBlock struct {
	runID         []uint32
	sign          []int8
	day           []time.Time
	dealID        []uint64
	visitNo       []uint32
	funnelID      []uint32
	stageID       []string
	semantics     []int8
	managerID     []uint64
	managerSource []int8
	enteredDate   []time.Time
	planSource    []int8
	planDays      []int32
	plannedEnd    []time.Time
	historySource []int8
	overdueDays   []int32
	overdueDay    []uint8
	daysLeft      []int32
	isOpen        []bool
}

var factColumns = []string{"run_id", "sign", "day", "deal_id", "visit_no", "funnel_id", "stage_id", "semantics", "manager_id",
	"manager_source", "entered_date", "plan_source", "plan_days", "planned_end", "history_source", "overdue_days", "overdue_day",
	"days_left", "is_open"}

func (b *factBlock) add(run RunID, sign transform.Sign, f *transform.Fact) {
	v := f.Visit
	b.runID = append(b.runID, uint32(run))
	b.sign = append(b.sign, int8(sign))
	b.day = append(b.day, date(f.Day))
	b.dealID = append(b.dealID, uint64(v.DealID))
	b.visitNo = append(b.visitNo, v.No)
	b.funnelID = append(b.funnelID, uint32(v.FunnelID))
	b.stageID = append(b.stageID, string(v.StageID))
	b.semantics = append(b.semantics, int8(v.Semantics))
	b.managerID = append(b.managerID, uint64(f.ManagerID))
	b.managerSource = append(b.managerSource, int8(f.ManagerSource))
	b.enteredDate = append(b.enteredDate, date(v.EnteredDate))
	b.planSource = append(b.planSource, int8(v.Plan.Source))
	b.planDays = append(b.planDays, v.Plan.Days)
	b.plannedEnd = append(b.plannedEnd, date(v.Plan.End))
	b.historySource = append(b.historySource, int8(v.History))
	b.overdueDays = append(b.overdueDays, f.OverdueDays)
	b.overdueDay = append(b.overdueDay, f.OverdueDay)
	b.daysLeft = append(b.daysLeft, f.DaysLeft)
	b.isOpen = append(b.isOpen, f.IsOpen)
}

func (b *factBlock) rows() int { return len(b.day) }

func (b *factBlock) columns() []any {
	return []any{b.runID, b.sign, b.day, b.dealID, b.visitNo, b.funnelID, b.stageID, b.semantics, b.managerID, b.managerSource,
		b.enteredDate, b.planSource, b.planDays, b.plannedEnd, b.historySource, b.overdueDays, b.overdueDay, b.daysLeft, b.isOpen}
}

func (b *factBlock) reset() {
	b.runID, b.sign, b.day, b.dealID = b.runID[:0], b.sign[:0], b.day[:0], b.dealID[:0]
	b.visitNo, b.funnelID, b.stageID, b.semantics = b.visitNo[:0], b.funnelID[:0], b.stageID[:0], b.semantics[:0]
	b.managerID, b.managerSource, b.enteredDate = b.managerID[:0], b.managerSource[:0], b.enteredDate[:0]
	b.planSource, b.planDays, b.plannedEnd = b.planSource[:0], b.planDays[:0], b.plannedEnd[:0]
	b.historySource, b.overdueDays, b.overdueDay = b.historySource[:0], b.overdueDays[:0], b.overdueDay[:0]
	b.daysLeft, b.isOpen = b.daysLeft[:0], b.isOpen[:0]
}

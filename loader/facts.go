package loader

import (
	"context"
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

// visitBlock is a block of visits in columns.
type visitBlock struct {
	runID         []uint32
	dealID        []uint64
	visitNo       []uint32
	isGone        []bool
	funnelID      []uint32
	stageID       []string
	semantics     []int8
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

var visitColumns = []string{"run_id", "deal_id", "visit_no", "is_gone", "funnel_id", "stage_id", "semantics", "change_id",
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
	var overdue int32
	if !v.IsOpen() && v.Plan.IsPlanned() {
		overdue = calendar.Between(v.Plan.End, v.LeftDate)
	}
	b.overdueDays = append(b.overdueDays, overdue)
}

func (b *visitBlock) rows() int { return len(b.dealID) }

func (b *visitBlock) columns() []any {
	return []any{b.runID, b.dealID, b.visitNo, b.isGone, b.funnelID, b.stageID, b.semantics, b.changeID, b.historySource,
		b.enteredAt, b.enteredDate, b.isOpen, b.leftDate, b.planSource, b.planDays, b.plannedEnd, b.planProblem,
		b.carriedDate, b.carriedDays, b.wasOpen,
		b.tenureFrom, b.tenureManager, b.tenureSource, b.overdueDays}
}

// An Appender appends what a run derived. It is for one goroutine; nothing of it can be
// seen before the run is published.
type Appender struct {
	ctx      context.Context
	run      *Run
	calendar transform.Calendar
	err      error // the first one; later rows are dropped

	facts, spare *factBlock // spare is on its way while facts is filled
	visits       *visitBlock
	deals        *dealBlock
	factRows     *inserter
	visitRows    *inserter
	dealRows     *inserter
}

// Append begins to append under the run.
func (r *Run) Append(ctx context.Context, calendar transform.Calendar) *Appender {
	return &Appender{
		ctx: ctx, run: r, calendar: calendar,
		facts: &factBlock{}, spare: &factBlock{}, visits: &visitBlock{}, deals: &dealBlock{},
		factRows:  newInserter(r.conn, "facts", r, factColumns...),
		visitRows: newInserter(r.conn, "visits", r, visitColumns...),
		dealRows:  newInserter(r.conn, "deals", r, dealColumns...),
	}
}

// Fact appends a fact, or takes one back. An error comes with Finish.
func (a *Appender) Fact(sign transform.Sign, f *transform.Fact) {
	a.facts.add(a.run.row.RunID, sign, f)
	a.run.row.FactsAppended++
	if a.facts.rows() == factBlockRows {
		a.flushFacts()
	}
}

func (a *Appender) flushFacts() {
	if a.err == nil && a.facts.rows() > 0 {
		a.err = a.factRows.send(a.ctx, a.facts.columns()...)
		a.facts, a.spare = a.spare, a.facts
	}
	a.facts.reset()
}

// Visit appends a visit as it is now, or that it is no more. An error comes with Finish.
func (a *Appender) Visit(v *transform.Visit, isGone bool) {
	a.visits.add(a.run.row.RunID, v, isGone, a.calendar)
	if a.visits.rows() == rowBlockRows {
		a.flushVisits()
	}
}

func (a *Appender) flushVisits() {
	if a.err == nil && a.visits.rows() > 0 {
		a.err = a.visitRows.send(a.ctx, a.visits.columns()...)
	}
	a.visits = &visitBlock{}
}

// Deal appends what readers see of a deal beside its visits.
func (a *Appender) Deal(d *DealRow) {
	a.deals.add(a.run.row.RunID, d)
	if a.deals.rows() == rowBlockRows {
		a.flushDeals()
	}
}

func (a *Appender) flushDeals() {
	if a.err == nil && a.deals.rows() > 0 {
		a.err = a.dealRows.send(a.ctx, a.deals.columns()...)
	}
	a.deals = &dealBlock{}
}

// Err is the first error so far.
func (a *Appender) Err() error { return a.err }

// Changed counts a deal of which more changed than the days that passed.
func (a *Appender) Changed() { a.run.row.DealsChanged++ }

// Finish writes what is left, with the day measures that follow from it.
func (a *Appender) Finish() error {
	a.flushFacts()
	a.flushVisits()
	a.flushDeals()
	for _, in := range []*inserter{a.factRows, a.visitRows, a.dealRows} {
		if err := in.wait(); a.err == nil {
			a.err = err
		}
	}
	if a.err != nil {
		return a.err
	}
	return a.run.appendMeasures(a.ctx)
}

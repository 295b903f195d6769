package loader

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

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

// spanBlock is a block of spans in columns. A span is days of a visit that follow each other and grow
// alike: it is sent in place of its facts, and the engine makes them.
type spanBlock struct {
	facts int // of all spans

	runID         []uint32
	sign          []int8
	firstDay      []time.Time
	days          []uint32
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
	overdueDays   []int32 // on the first day; each further one adds overdueDay
	overdueDay    []uint8
	daysLeft      []int32 // on the first day; each further one adds daysLeftStep
	daysLeftStep  []int32
	isOpen        []bool

	last     transform.Fact // the one that was added last
	lastSign transform.Sign
}

// spanColumns are the columns of a span as they are sent.
var spanColumns = []struct {
	name string
	kind column.Type
}{
	{"run_id", "UInt32"}, {"sign", "Int8"}, {"first_day", "Date"}, {"days", "UInt32"}, {"deal_id", "UInt64"}, {"visit_no", "UInt32"},
	{"funnel_id", "UInt32"}, {"stage_id", "LowCardinality(String)"}, {"semantics", "Int8"}, {"manager_id", "UInt64"},
	{"manager_source", "Int8"}, {"entered_date", "Date"}, {"plan_source", "Int8"}, {"plan_days", "Int32"}, {"planned_end", "Date"},
	{"history_source", "Int8"}, {"overdue_days", "Int32"}, {"overdue_day", "UInt8"}, {"days_left", "Int32"}, {"days_left_step", "Int32"},
	{"is_open", "Bool"},
}

// insertSpans makes the facts of spans, a row for each day, in a table.
const insertSpans = `
	INSERT INTO %s (run_id, sign, day, deal_id, visit_no, funnel_id, stage_id, semantics, manager_id, manager_source, entered_date,
		plan_source, plan_days, planned_end, history_source, overdue_day, overdue_days, days_left, is_open)
	SELECT run_id, sign, first_day + n, deal_id, visit_no, funnel_id, stage_id, semantics, manager_id, manager_source, entered_date,
		plan_source, plan_days, planned_end, history_source, overdue_day, overdue_days + n * overdue_day, days_left + n * days_left_step, is_open
	FROM spans ARRAY JOIN range(days) AS n`

func (b *spanBlock) add(run RunID, sign transform.Sign, f *transform.Fact) {
	b.facts++
	if !b.extend(sign, f) {
		b.begin(run, sign, f)
	}
	b.last, b.lastSign = *f, sign
}

// extend adds the fact to the last span, if it is that span's next day.
func (b *spanBlock) extend(sign transform.Sign, f *transform.Fact) bool {
	last := &b.last
	if last.Visit == nil || sign != b.lastSign || f.Visit.DealID != last.Visit.DealID || f.Visit.No != last.Visit.No || f.Day != last.Day+1 ||
		f.ManagerID != last.ManagerID || f.ManagerSource != last.ManagerSource || f.IsOpen != last.IsOpen ||
		f.OverdueDay != last.OverdueDay || f.OverdueDays != last.OverdueDays+int32(last.OverdueDay) {
		return false
	}
	i := len(b.days) - 1
	step := f.DaysLeft - last.DaysLeft
	if b.days[i] > 1 && step != b.daysLeftStep[i] {
		return false
	}
	b.days[i]++
	b.daysLeftStep[i] = step
	return true
}

func (b *spanBlock) begin(run RunID, sign transform.Sign, f *transform.Fact) {
	v := f.Visit
	b.runID = append(b.runID, uint32(run))
	b.sign = append(b.sign, int8(sign))
	b.firstDay = append(b.firstDay, date(f.Day))
	b.days = append(b.days, 1)
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
	b.daysLeftStep = append(b.daysLeftStep, 0)
	b.isOpen = append(b.isOpen, f.IsOpen)
}

func (b *spanBlock) rows() int { return len(b.days) }

// isFull is whether the block is large enough to be sent.
func (b *spanBlock) isFull() bool { return b.facts >= blockFacts || b.rows() >= blockSpans }

func (b *spanBlock) columns() []any {
	return []any{b.runID, b.sign, b.firstDay, b.days, b.dealID, b.visitNo, b.funnelID, b.stageID, b.semantics, b.managerID, b.managerSource,
		b.enteredDate, b.planSource, b.planDays, b.plannedEnd, b.historySource, b.overdueDays, b.overdueDay, b.daysLeft, b.daysLeftStep, b.isOpen}
}

// writeSpans inserts a block of spans.
func writeSpans(ctx context.Context, conn driver.Conn, table string, columns []any) error {
	spans, err := ext.NewTable("spans")
	if err != nil {
		return err
	}
	for i, c := range spanColumns {
		if err := spans.Block().AddColumn(c.name, c.kind); err != nil {
			return fmt.Errorf("column %s: %w", c.name, err)
		}
		if _, err := spans.Block().Columns[i].Append(columns[i]); err != nil {
			return fmt.Errorf("column %s: %w", c.name, err)
		}
	}
	ctx = clickhouse.Context(ctx, clickhouse.WithExternalTable(spans))
	return conn.Exec(ctx, fmt.Sprintf(insertSpans, table))
}

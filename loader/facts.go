package loader

import (
	"context"
	"fmt"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	chcolumn "github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/extractor"
	"stagelag/transform"
)

// A span is days of a visit that follow each other and are alike but for which of them count: it is sent in place of
// its facts, and the engine makes them.
type span struct {
	sign  transform.Sign
	visit transform.Visit
	first transform.Fact // of the first day
	days  uint32
	// calendar is the place of its calendar among those of the block.
	calendar uint32
}

// factTable is of the facts, each given by a span of one day.
var factTable = table[span]{"facts", []column[span]{
	enum("sign", func(s *span) *transform.Sign { return &s.sign }),
	date("day", func(s *span) *transform.Day { return &s.first.Day }),
	id64("deal_id", func(s *span) *extractor.DealID { return &s.visit.DealID }),
	plain("visit_no", func(s *span) *uint32 { return &s.visit.No }),
	id32("funnel_id", func(s *span) *extractor.FunnelID { return &s.visit.FunnelID }),
	text("stage_id", func(s *span) *extractor.StageID { return &s.visit.StageID }),
	enum("semantics", func(s *span) *extractor.Semantics { return &s.visit.Semantics }),
	id64("manager_id", func(s *span) *extractor.ManagerID { return &s.first.ManagerID }),
	enum("manager_source", func(s *span) *transform.ManagerSource { return &s.first.ManagerSource }),
	date("entered_date", func(s *span) *transform.Day { return &s.visit.EnteredDate }),
	enum("plan_source", func(s *span) *transform.PlanSource { return &s.visit.Plan.Source }),
	plain("plan_days", func(s *span) *int32 { return &s.visit.Plan.Days }),
	date("planned_end", func(s *span) *transform.Day { return &s.visit.Plan.End }),
	enum("history_source", func(s *span) *transform.HistorySource { return &s.visit.History }),
	plain("overdue_days", func(s *span) *int32 { return &s.first.OverdueDays }),
	plain("overdue_day", func(s *span) *uint8 { return &s.first.OverdueDay }),
	plain("days_left", func(s *span) *int32 { return &s.first.DaysLeft }),
	plain("is_open", func(s *span) *bool { return &s.first.IsOpen }),
	plain("is_waiting", func(s *span) *bool { return &s.visit.IsWaiting }),
	plain("is_counting", func(s *span) *bool { return &s.first.IsCounting }),
	enum("pause_source", func(s *span) *transform.PauseSource { return &s.first.Pause }),
}}

// spanTable is of the spans, as the engine gets them beside the statement that makes their facts.
var spanTable = table[span]{"spans", slices.Concat(factTable.columns, []column[span]{
	plain("days", func(s *span) *uint32 { return &s.days }),
	enum("phase", func(s *span) *transform.Phase { return &s.first.Phase }),
	plain("calendar", func(s *span) *uint32 { return &s.calendar }),
})}

// grown is what a fact has in place of what its span has: n is how many days it is after the first, counts whether it
// counts, and counted how many of the days after the first up to it do.
var grown = map[string]string{
	"day":          "day + n",
	"is_counting":  "counts",
	"overdue_day":  "if(phase = 2, counts, 0)",
	"overdue_days": "overdue_days + if(phase = 2, counted, 0)",
	"days_left":    "days_left - if(phase = 1 AND is_open, counted, 0)",
}

// How the engine makes days of spans: where every day counts that is not paused, and where calendars number them. Of
// each calendar there are the numbers of so many days, the first of them that before the first day of all spans.
const (
	everyDayCounts = `
		WITH is_counting AS counts, n * is_counting AS counted
		SELECT %s FROM spans ARRAY JOIN range(days) AS n`
	numberedDays = `
		WITH
			(SELECT groupArray(number) FROM counted_days) AS numbers,
			calendar * %d + toUInt32(day) - %d + 1 AS before,
			toUInt8(pause_source = 0 AND numbers[before + n + 1] > numbers[before + n]) AS counts,
			if(pause_source = 0, numbers[before + n + 1] - numbers[before + 1], 0) AS counted
		SELECT %s FROM spans ARRAY JOIN range(days) AS n`
)

// countedDays are the numbers of the days of a block, calendar by calendar; none where every day counts.
type countedDays struct {
	first   transform.Day
	length  int // of each calendar
	numbers []int32
}

// writeSpans inserts the facts of a block of spans, whose columns its countedDays follow.
func writeSpans(ctx context.Context, conn driver.Conn, into string, columns []any) error {
	counted, ok := columns[len(columns)-1].(countedDays)
	if !ok {
		return fmt.Errorf("a block of spans ends in a %T", columns[len(columns)-1])
	}
	spans, err := ext.NewTable(spanTable.name)
	if err != nil {
		return err
	}
	add := func(name string, values any) error {
		if err := spans.Block().AddColumn(name, kindOf(values)); err != nil {
			return fmt.Errorf("column %s: %w", name, err)
		}
		if _, err := spans.Block().Columns[len(spans.Block().Columns)-1].Append(values); err != nil {
			return fmt.Errorf("column %s: %w", name, err)
		}
		return nil
	}
	err = add("run_id", columns[0])
	for i, c := range spanTable.columns {
		if err == nil {
			err = add(c.String(), columns[i+1])
		}
	}
	if err != nil {
		return err
	}
	tables := []*ext.Table{spans}
	statement := fmt.Sprintf(everyDayCounts, factTable.selection(grown))
	if counted.numbers != nil {
		days, err := ext.NewTable("counted_days", ext.Column("number", "Int32"))
		if err != nil {
			return err
		}
		if _, err := days.Block().Columns[0].Append(counted.numbers); err != nil {
			return fmt.Errorf("numbers of days: %w", err)
		}
		tables = append(tables, days)
		statement = fmt.Sprintf(numberedDays, counted.length, counted.first, factTable.selection(grown))
	}
	ctx = clickhouse.Context(ctx, clickhouse.WithExternalTable(tables...))
	return conn.Exec(ctx, "INSERT INTO "+into+" ("+factTable.names()+")"+statement)
}

// kindOf is the engine's type for a column of a span.
func kindOf(values any) chcolumn.Type {
	switch values.(type) {
	case []bool:
		return "Bool"
	case []int8:
		return "Int8"
	case []uint8:
		return "UInt8"
	case []int32:
		return "Int32"
	case []uint32:
		return "UInt32"
	case []uint64:
		return "UInt64"
	case days:
		return "Date"
	default:
		return "LowCardinality(String)"
	}
}

// A spanFeed makes spans of facts.
type spanFeed struct {
	*feed[span]
	facts int  // of the block, all spans
	open  span // the last one, which may grow; it has no days where there is none
	// Of the block: its calendars, and the first and the last of its days.
	calendars   []transform.Calendar
	first, last transform.Day
}

func (f *spanFeed) fact(sign transform.Sign, fact *transform.Fact) {
	if !f.open.extend(sign, fact) {
		f.end()
		f.open = span{sign: sign, visit: *fact.Visit, first: *fact, days: 1}
	}
	if f.facts++; f.facts == blockFacts || f.block.rows() == blockSpans {
		f.flush()
	}
}

// end ends the open span.
func (f *spanFeed) end() {
	if f.open.days == 0 {
		return
	}
	first := f.open.first.Day
	last := first + transform.Day(f.open.days) - 1
	if f.block.rows() == 0 {
		f.first, f.last = first, last
	}
	f.first, f.last = min(f.first, first), max(f.last, last)
	place := slices.Index(f.calendars, f.open.first.Calendar)
	if place < 0 {
		place = len(f.calendars)
		f.calendars = append(f.calendars, f.open.first.Calendar)
	}
	f.open.calendar = uint32(place)
	f.block.add(f.open)
	f.open = span{}
}

func (f *spanFeed) flush() {
	f.end()
	if f.block.rows() > 0 {
		f.sender.send(append(f.block.columns(), f.countedDays()))
		f.block = f.table.block(f.run)
	}
	f.facts, f.calendars = 0, nil
}

// countedDays number the days of the block.
func (f *spanFeed) countedDays() countedDays {
	c := countedDays{first: f.first, length: int(f.last-f.first) + 2}
	if !slices.ContainsFunc(f.calendars, func(c transform.Calendar) bool { return c != transform.CalendarDays{} }) {
		return c
	}
	for _, calendar := range f.calendars {
		for day := f.first - 1; day <= f.last; day++ {
			c.numbers = append(c.numbers, calendar.Number(day))
		}
	}
	return c
}

func (f *spanFeed) finish() {
	f.flush()
	close(f.sender.blocks)
}

// extend adds the fact to the span, if it is the span's next day.
func (s *span) extend(sign transform.Sign, f *transform.Fact) bool {
	first := &s.first
	if s.days == 0 || sign != s.sign || f.Visit.DealID != s.visit.DealID || f.Visit.No != s.visit.No || f.Day != first.Day+transform.Day(s.days) ||
		f.ManagerID != first.ManagerID || f.ManagerSource != first.ManagerSource || f.IsOpen != first.IsOpen || f.Pause != first.Pause ||
		f.Phase != first.Phase || f.Calendar != first.Calendar {
		return false
	}
	s.days++
	return true
}

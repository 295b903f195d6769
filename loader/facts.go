package loader

import (
	"context"
	"fmt"
	"slices"
	"time"

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
	// counting is of each day whether it counts, 1 or 0; empty where all are as the first.
	counting []uint8
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
	plain("counting", func(s *span) *[]uint8 { return &s.counting }),
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

// How the engine makes days of spans: where all days of each are alike, and where they are not.
const (
	alike = `
		WITH is_counting AS counts, n * is_counting AS counted
		SELECT %s FROM spans ARRAY JOIN range(days) AS n`
	unlike = `
		WITH toInt32(number) - is_counting AS counted
		SELECT %s FROM spans ARRAY JOIN range(days) AS n, if(empty(counting), arrayWithConstant(days, toUInt8(is_counting)), counting) AS counts,
			arrayCumSum(if(empty(counting), arrayWithConstant(days, toUInt8(is_counting)), counting)) AS number`
)

// writeSpans inserts the facts of a block of spans.
func writeSpans(ctx context.Context, conn driver.Conn, into string, columns []any) error {
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
	form := alike
	if counting, ok := columns[len(columns)-1].([][]uint8); ok && slices.ContainsFunc(counting, func(days []uint8) bool { return len(days) > 0 }) {
		form = unlike
	}
	ctx = clickhouse.Context(ctx, clickhouse.WithExternalTable(spans))
	return conn.Exec(ctx, "INSERT INTO "+into+" ("+factTable.names()+")"+fmt.Sprintf(form, factTable.selection(grown)))
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
	case []time.Time:
		return "Date"
	case [][]uint8:
		return "Array(UInt8)"
	default:
		return "LowCardinality(String)"
	}
}

// A spanFeed makes spans of facts.
type spanFeed struct {
	*feed[span]
	facts int  // of the block, all spans
	open  span // the last one, which may grow; it has no days where there is none
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
	if f.open.days > 0 {
		f.block.add(f.open)
		f.open = span{}
	}
}

func (f *spanFeed) flush() {
	f.end()
	f.feed.flush()
	f.facts = 0
}

func (f *spanFeed) finish() {
	f.end()
	f.feed.finish()
}

// extend adds the fact to the span, if it is the span's next day.
func (s *span) extend(sign transform.Sign, f *transform.Fact) bool {
	first := &s.first
	if s.days == 0 || sign != s.sign || f.Visit.DealID != s.visit.DealID || f.Visit.No != s.visit.No || f.Day != first.Day+transform.Day(s.days) ||
		f.ManagerID != first.ManagerID || f.ManagerSource != first.ManagerSource || f.IsOpen != first.IsOpen || f.Pause != first.Pause || f.Phase != first.Phase {
		return false
	}
	if f.IsCounting != first.IsCounting && s.counting == nil {
		s.counting = slices.Repeat([]uint8{flag(first.IsCounting)}, int(s.days))
	}
	if s.counting != nil {
		s.counting = append(s.counting, flag(f.IsCounting))
	}
	s.days++
	return true
}

func flag(is bool) uint8 {
	if is {
		return 1
	}
	return 0
}

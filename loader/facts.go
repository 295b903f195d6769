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

// A span is days of a visit that follow each other and grow alike: it is sent in place of its facts, and the
// engine makes them.
type span struct {
	sign         transform.Sign
	visit        transform.Visit
	first        transform.Fact // of the first day; each further day adds its OverdueDay to its OverdueDays
	days         uint32
	daysLeftStep int32 // what each further day adds to the DaysLeft of the first
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
}}

// spanTable is of the spans, as the engine gets them beside the statement that makes their facts.
var spanTable = table[span]{"spans", slices.Concat(factTable.columns, []column[span]{
	plain("days", func(s *span) *uint32 { return &s.days }),
	plain("days_left_step", func(s *span) *int32 { return &s.daysLeftStep }),
})}

// grown is what a fact has in place of what its span has: n is how many days it is after the first.
var grown = map[string]string{
	"day":          "day + n",
	"overdue_days": "overdue_days + n * overdue_day",
	"days_left":    "days_left + n * days_left_step",
}

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
	ctx = clickhouse.Context(ctx, clickhouse.WithExternalTable(spans))
	return conn.Exec(ctx, "INSERT INTO "+into+" ("+factTable.names()+") SELECT "+factTable.selection(grown)+
		" FROM "+spanTable.name+" ARRAY JOIN range(days) AS n")
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
	first, days := &s.first, int32(s.days)
	if days == 0 || sign != s.sign || f.Visit.DealID != s.visit.DealID || f.Visit.No != s.visit.No || f.Day != first.Day+transform.Day(days) ||
		f.ManagerID != first.ManagerID || f.ManagerSource != first.ManagerSource || f.IsOpen != first.IsOpen ||
		f.OverdueDay != first.OverdueDay || f.OverdueDays != first.OverdueDays+days*int32(first.OverdueDay) {
		return false
	}
	if days == 1 {
		s.daysLeftStep = f.DaysLeft - first.DaysLeft
	} else if f.DaysLeft != first.DaysLeft+days*s.daysLeftStep {
		return false
	}
	s.days++
	return true
}

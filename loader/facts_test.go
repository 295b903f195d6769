package loader

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"stagelag/extractor"
	"stagelag/transform"
	"stagelag/warehouse/warehousetest"
)

// everyOtherDay is a calendar in which plans count the even days alone, so that days left and overdue
// days stand still on the others.
type everyOtherDay struct{}

func (everyOtherDay) PlannedEnd(entered transform.Day, planDays int32) transform.Day {
	return entered + transform.Day(2*planDays)
}

func (everyOtherDay) Between(after, until transform.Day) int32 {
	return max(0, int32(until/2-after/2))
}

// factLine is a fact as a query of facts gives it.
func factLine(sign transform.Sign, f *transform.Fact) string {
	v := f.Visit
	return fmt.Sprint([]any{
		sign, f.Day, v.DealID, v.No, v.FunnelID, v.StageID, int8(v.Semantics), f.ManagerID, int8(f.ManagerSource),
		stored(v.EnteredDate), int8(v.Plan.Source), v.Plan.Days, stored(v.Plan.End), int8(v.History),
		f.OverdueDays, f.OverdueDay, f.DaysLeft, f.IsOpen,
	})
}

// stored is a date as the warehouse shows it, which has no absent ones.
func stored(day transform.Day) string { return max(day, transform.FirstDay).String() }

const factLines = `
	SELECT concat('[', arrayStringConcat([toString(sign), toString(day), toString(deal_id), toString(visit_no), toString(funnel_id), stage_id,
		toString(toInt8(semantics)), toString(manager_id), toString(toInt8(manager_source)), toString(entered_date), toString(toInt8(plan_source)),
		toString(plan_days), toString(planned_end), toString(toInt8(history_source)), toString(overdue_days), toString(overdue_day),
		toString(days_left), toString(is_open)], ' '), ']') AS line
	FROM facts`

var visits = rapid.Custom(func(t *rapid.T) transform.Visit {
	v := *visit(extractor.DealID(rapid.IntRange(1, 3).Draw(t, "deal")), firstDay+transform.Day(rapid.IntRange(0, 15).Draw(t, "entered")))
	v.No = uint32(rapid.IntRange(1, 3).Draw(t, "number"))
	v.Plan = transform.Plan{Source: transform.PlanNone, End: transform.NoDay}
	if rapid.Bool().Draw(t, "has a plan") {
		days := int32(rapid.IntRange(0, 6).Draw(t, "plan"))
		v.Plan = transform.Plan{Source: transform.PlanDealDays, Days: days, End: v.EnteredDate + transform.Day(days)}
	}
	if rapid.Bool().Draw(t, "has ended") {
		v.LeftDate = v.EnteredDate + transform.Day(rapid.IntRange(0, 9).Draw(t, "stayed"))
	}
	for from := v.EnteredDate + 1; from < v.EnteredDate+8; from++ {
		if rapid.IntRange(0, 4).Draw(t, "new manager") == 0 {
			v.Tenures = append(v.Tenures, transform.Tenure{From: from, ManagerID: extractor.ManagerID(rapid.IntRange(0, 2).Draw(t, "manager")), Source: transform.Assumed})
		}
	}
	return v
})

// TestSpansAreTheirFacts checks that what the engine makes of spans is, row by row, what was derived:
// of any visits, added and taken back, in one block or in many.
func TestSpansAreTheirFacts(t *testing.T) {
	t.Parallel()
	w := warehousetest.Migrated(t)
	rapid.Check(t, func(t *rapid.T) {
		if err := w.DB().Exec(context.Background(), "TRUNCATE TABLE facts"); err != nil {
			t.Fatal(err)
		}
		run, err := Begin(context.Background(), w, Start{Now: time.Now, At: time.Now(), AsOf: lastDay, PortalHost: "example.bitrix24.ru"})
		if err != nil {
			t.Fatal(err)
		}
		var calendar transform.Calendar = transform.CalendarDays{}
		if rapid.Bool().Draw(t, "every other day") {
			calendar = everyOtherDay{}
		}
		a := run.Shards()[0].Append(context.Background(), calendar, nil)
		var want []string
		for _, v := range rapid.SliceOfN(visits, 0, 6).Draw(t, "visits") {
			sign := rapid.SampledFrom([]transform.Sign{transform.Added, transform.Withdrawn}).Draw(t, "sign")
			transform.Facts(&v, lastDay, calendar, func(f *transform.Fact) {
				want = append(want, factLine(sign, f))
				a.Fact(sign, f)
			})
			if rapid.Bool().Draw(t, "ends a block") {
				a.facts.flush()
			}
		}
		if _, err := a.Finish(); err != nil {
			t.Fatal(err)
		}
		var got []struct {
			Line string `ch:"line"`
		}
		if err := w.DB().Select(context.Background(), &got, factLines); err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, row := range got {
			lines = append(lines, row.Line)
		}
		slices.Sort(lines)
		slices.Sort(want)
		if !slices.Equal(lines, want) {
			t.Fatalf("the engine made\n%s\nof\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
		}
	})
}

// TestDaysThatFollowAreOneSpan holds what makes loading fast: a visit is sent in a row for each piece
// of it, not for each day.
func TestDaysThatFollowAreOneSpan(t *testing.T) {
	feed := &spanFeed{feed: newFeed(&spanTable, 1, nil)}
	transform.Facts(visit(1, firstDay), firstDay+999, transform.CalendarDays{}, func(f *transform.Fact) { feed.fact(transform.Added, f) })
	feed.end()
	if feed.block.rows() != 2 || feed.facts != 1000 {
		t.Errorf("a visit that is on time and then overdue is %d spans of %d facts, want 2 of 1000", feed.block.rows(), feed.facts)
	}
}

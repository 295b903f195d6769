package loader

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"stagelag/extractor"
	"stagelag/transform"
	"stagelag/warehouse/warehousetest"
)

// everyOtherDay is a calendar in which plans count the even days alone, so that days left and overdue
// days stand still on the others.
type everyOtherDay struct{}

func (everyOtherDay) Counts(day transform.Day) bool { return day%2 == 0 }

func (everyOtherDay) Number(day transform.Day) int32 { return int32(day / 2) }

func (everyOtherDay) PlannedEnd(entered transform.Day, planDays int32) transform.Day {
	return entered + transform.Day(2*planDays)
}

// factLine is a fact as a query of facts gives it.
func factLine(sign transform.Sign, f *transform.Fact) string {
	v := f.Visit
	return fmt.Sprint([]any{
		sign, f.Day, v.DealID, v.No, v.FunnelID, v.StageID, int8(v.Semantics), f.ManagerID, int8(f.ManagerSource),
		stored(v.EnteredDate), int8(v.Plan.Source), v.Plan.Days, stored(v.Plan.End), int8(v.History),
		f.OverdueDays, f.OverdueDay, f.DaysLeft, f.IsOpen, v.IsWaiting, f.IsCounting, int8(f.Pause),
	})
}

// stored is a date as the warehouse shows it, which has no absent ones.
func stored(day transform.Day) string { return max(day, transform.FirstDay).String() }

const factLines = `
	SELECT deal_id, concat('[', arrayStringConcat([toString(sign), toString(day), toString(deal_id), toString(visit_no), toString(funnel_id), stage_id,
		toString(toInt8(semantics)), toString(manager_id), toString(toInt8(manager_source)), toString(entered_date), toString(toInt8(plan_source)),
		toString(plan_days), toString(planned_end), toString(toInt8(history_source)), toString(overdue_days), toString(overdue_day),
		toString(days_left), toString(is_open), toString(is_waiting), toString(is_counting), toString(toInt8(pause_source))], ' '), ']') AS line
	FROM facts`

const mostDeal = 3

// visits are of deals from 1 to mostDeal.
var visits = rapid.Custom(func(t *rapid.T) transform.Visit {
	v := *visit(extractor.DealID(rapid.IntRange(1, mostDeal).Draw(t, "deal")), firstDay+transform.Day(rapid.IntRange(0, 15).Draw(t, "entered")))
	v.Plan = transform.Plan{Source: transform.PlanNone, End: transform.NoDay}
	if rapid.Bool().Draw(t, "has a plan") {
		days := int32(rapid.IntRange(0, 6).Draw(t, "plan"))
		v.Plan = transform.Plan{Source: transform.PlanDealDays, Days: days, End: v.EnteredDate + transform.Day(days)}
	}
	if rapid.Bool().Draw(t, "has ended") {
		v.LeftDate = v.EnteredDate + transform.Day(rapid.IntRange(0, 9).Draw(t, "stayed"))
	}
	if rapid.IntRange(0, 2).Draw(t, "pauses") == 0 {
		from := v.EnteredDate + transform.Day(rapid.IntRange(0, 9).Draw(t, "from"))
		v.Pauses = []transform.Pause{{From: from, Until: from + transform.Day(rapid.IntRange(0, 9).Draw(t, "until")), Source: transform.PauseFlag}}
	}
	v.IsWaiting = rapid.IntRange(0, 4).Draw(t, "waits") == 0
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
	w := warehousetest.Migrated(t)
	shard := begin(t, w, lastDay).Shards()[0]
	a := shard.Append(context.Background(), nil)
	defer a.Close()
	want, deals := map[extractor.DealID][]string{}, extractor.DealID(0)
	rapid.Check(t, func(t *rapid.T) {
		var calendar transform.Calendar = transform.CalendarDays{}
		if rapid.Bool().Draw(t, "every other day") {
			calendar = everyOtherDay{}
		}
		for i, v := range rapid.SliceOfN(visits, 0, 6).Draw(t, "visits") {
			v.DealID, v.No = v.DealID+deals, uint32(i+1)
			sign := rapid.SampledFrom([]transform.Sign{transform.Added, transform.Withdrawn}).Draw(t, "sign")
			transform.Facts(&v, lastDay, calendar, func(f *transform.Fact) {
				want[v.DealID] = append(want[v.DealID], factLine(sign, f))
				a.Fact(sign, f)
			})
			if rapid.IntRange(0, 19).Draw(t, "ends a block") == 0 {
				a.facts.flush()
			}
		}
		deals += mostDeal // the next check has deals of its own
	})
	if _, err := a.Finish(); err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		DealID uint64 `ch:"deal_id"`
		Line   string `ch:"line"`
	}
	if err := w.DB().Select(context.Background(), &rows, factLines); err != nil {
		t.Fatal(err)
	}
	got := map[extractor.DealID][]string{}
	for _, row := range rows {
		got[extractor.DealID(row.DealID)] = append(got[extractor.DealID(row.DealID)], row.Line)
	}
	if diff := cmp.Diff(want, got, cmpopts.SortSlices(strings.Compare)); diff != "" {
		t.Errorf("the engine makes other facts than were derived (-want +got):\n%s", diff)
	}
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
	feed = &spanFeed{feed: newFeed(&spanTable, 1, nil)}
	transform.Facts(visit(1, firstDay), firstDay+999, everyOtherDay{}, func(f *transform.Fact) { feed.fact(transform.Added, f) })
	feed.end()
	if feed.block.rows() != 2 {
		t.Errorf("where every other day counts it is %d spans, want 2", feed.block.rows())
	}
}

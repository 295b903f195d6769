package loader

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/extractor"
	"stagelag/transform"
	"stagelag/warehouse"
	"stagelag/warehouse/warehousetest"
)

func TestMain(m *testing.M) { warehousetest.Main(m) }

func begin(t testing.TB, w *warehouse.Warehouse, asOf transform.Day) *Run {
	t.Helper()
	run, err := Begin(context.Background(), w, Start{Now: time.Now, At: time.Now(), AsOf: asOf, PortalHost: "example.bitrix24.ru", Calendars: everyDay})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func number(t testing.TB, conn driver.Conn, query string) int64 {
	t.Helper()
	var n int64
	if err := conn.QueryRow(context.Background(), "SELECT toInt64(("+query+"))").Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// visit is an open visit of a deal, entered on the first of the days, due after ten.
func visit(deal extractor.DealID, entered transform.Day) *transform.Visit {
	return &transform.Visit{
		DealID: deal, No: 1, FunnelID: 5, StageID: "C5:NEW", ChangeID: extractor.ChangeID(deal), EnteredAt: entered.Time(),
		EnteredDate: entered, LeftDate: transform.NoDay,
		Plan:    transform.Plan{Source: transform.PlanStageNorm, Days: 10, End: entered + 10},
		Tenures: []transform.Tenure{{From: entered, ManagerID: 7}},
		Numbers: transform.Numbers{Entered: int32(entered), Accrues: int32(entered + 10), Due: int32(entered + 10), Stops: transform.GoesOn},
	}
}

const firstDay, lastDay = transform.Day(20_500), transform.Day(20_520)

// everyDay counts every day.
var everyDay = &transform.Calendars{Default: transform.CalendarDays{}}

// appendVisits appends the facts of so many deals, each from the first day to the last.
func appendVisits(t *testing.T, run *Run, deals int) {
	t.Helper()
	shard := run.Shards()[0]
	a := shard.Append(context.Background(), nil)
	defer a.Close()
	for deal := range deals {
		v := visit(extractor.DealID(deal+1), firstDay)
		transform.Compare(transform.State{}, transform.State{Visits: []transform.Visit{*v}, AsOf: lastDay, Calendars: everyDay}, transform.Difference{Fact: a.Fact, Visit: a.Visit})
		a.Deal(&DealRow{DealID: v.DealID, Title: "A deal", Currency: "EUR", Standing: transform.Stand([]transform.Visit{*v})})
	}
	finish(t, run, shard, a)
}

func finish(t testing.TB, run *Run, shard *Shard, a *Appender) {
	t.Helper()
	appended, err := a.Finish()
	if err == nil {
		err = shard.Complete(context.Background(), appended, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	run.SetAppended(appended)
}

func TestPublishing(t *testing.T) {
	w := warehousetest.Migrated(t)
	views := w.Views()
	run := begin(t, w, lastDay)
	appendVisits(t, run, 100)
	if n := number(t, views, "SELECT count() FROM deal_stage_days") + number(t, views, "SELECT count() FROM deals_now"); n != 0 {
		t.Errorf("before it is published the views show %d rows of a run", n)
	}
	if err := run.Publish(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := run.Publish(context.Background()); err != nil {
		t.Errorf("published again: %v", err)
	}
	if n := number(t, views, "SELECT sum(overdue_day) FROM deal_stage_days"); n != 1000 {
		t.Errorf("100 visits of 10 overdue days have %d", n)
	}
	if n := number(t, views, "SELECT count() FROM runs WHERE status = 'published'"); n != 1 {
		t.Errorf("%d published runs, want 1", n)
	}
}

func TestADeadRunIsBuried(t *testing.T) {
	w := warehousetest.Migrated(t)
	appendVisits(t, begin(t, w, lastDay), 100) // and dies
	run := begin(t, w, lastDay)
	for _, table := range slices.Concat(dealTables, nameTables) {
		if n := number(t, w.DB(), "SELECT count() FROM "+table); n != 0 {
			t.Errorf("%s has %d rows of the dead run", table, n)
		}
	}
	// The same rows again are not taken for those that were removed.
	appendVisits(t, run, 100)
	if err := run.Publish(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n := number(t, w.Views(), "SELECT count() FROM deal_stage_days"); n != 100*21 {
		t.Errorf("%d facts, want %d", n, 100*21)
	}
	var runs []struct {
		RunID  uint32  `ch:"run_id"`
		Status string  `ch:"status"`
		AsOf   string  `ch:"as_of"`
		Error  *string `ch:"error"`
	}
	if err := w.Views().Select(context.Background(), &runs, "SELECT run_id, status, toString(as_of) AS as_of, error FROM runs ORDER BY run_id"); err != nil {
		t.Fatal(err)
	}
	if len(runs) != 2 || runs[0].Status != Failed || runs[0].AsOf != lastDay.String() || runs[0].Error == nil || !strings.Contains(*runs[0].Error, "killed") ||
		runs[1].Status != Published {
		t.Errorf("runs are %+v, want the one that was killed and one published", runs)
	}
}

func TestAnOvertakenRunIsNotPublished(t *testing.T) {
	w := warehousetest.Migrated(t)
	slow := begin(t, w, lastDay)
	fast := begin(t, w, lastDay)
	appendVisits(t, slow, 10) // it goes on, although its lease is lost
	if err := slow.Publish(context.Background()); !errors.Is(err, ErrOvertaken) {
		t.Errorf("Publish of a run that another has overtaken: %v, want ErrOvertaken", err)
	}
	appendVisits(t, fast, 7)
	if err := fast.Publish(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n := number(t, w.Views(), "SELECT count() FROM deals_now"); n != 7 {
		t.Errorf("the views show %d deals, want the 7 of the other run alone", n)
	}
}

package nightly_test

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"stagelag/loader"
	"stagelag/nightly"
	quality "stagelag/report"
	"stagelag/simulator"
	"stagelag/transform"
	read "stagelag/views"
	"stagelag/warehouse"
	"stagelag/warehouse/warehousetest"
)

// Nights, twenty in the long form, in which deals move, are corrected, deleted, restored and planned anew, a norm is configured anew, two runs are of
// one date and one is withdrawn: the report of each date can be asked for later, to the row, and all that the days lost
// are more or less by is explained.
func TestReportsAsTheyWereShown(t *testing.T) {
	t.Parallel()
	const twice, gone, anew, back, withdrawn = 2, 1, 3, 4, 6
	nights := 8
	if os.Getenv(nightsVariable) != "" {
		nights = 20
	}
	s := generated(t, 11, 40)
	period, err := quality.NewPeriod(transform.DayOf(firstNight.AddDate(0, -1, 0), s.cfg.Portal.TimeZone), transform.DayOf(firstNight.AddDate(0, 0, nights), s.cfg.Portal.TimeZone))
	if err != nil {
		t.Fatal(err)
	}
	made := func(w *warehouse.Warehouse) string {
		t.Helper()
		r, err := quality.Read(context.Background(), read.In(w), quality.Query{Period: period, By: quality.ByManager})
		var b bytes.Buffer
		if err == nil {
			err = quality.WriteJSON(&b, &r)
		}
		if err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	shown := map[string]string{} // the report of a date
	causes := map[string]bool{}
	var late simulator.DealID // the deal with the most days
	var total int64
	for night := range nights {
		now := firstNight.AddDate(0, 0, night)
		if night > 0 {
			life{s.world, 3}.before(now, 14)
		}
		switch night {
		case gone:
			s.world.DeleteDeal(late, now.Add(-time.Hour))
		case back:
			s.world.RestoreDeal(late, now.Add(-time.Hour), true)
		}
		s.at(now)
		if night == anew {
			for i := range s.cfg.Plan.Norms {
				s.cfg.Plan.Norms[i].Days += 3
			}
		}
		outcome := s.run(false)
		if night == 0 {
			late = simulator.DealID(s.number("SELECT argMax(deal_id, overdue_days_total) FROM deals_now"))
		}
		if night == twice {
			life{s.world, 4}.before(now, 5)
			outcome = s.run(false)
		}
		if night == withdrawn {
			if _, err := loader.Withdraw(context.Background(), s.w, outcome.Run.RunID, now); err != nil {
				t.Fatal(err)
			}
			continue
		}
		// The dates of two runs, of another norm, and on which the state stayed that was shown on the date after.
		if isLong() || slices.Contains([]int{twice, anew, withdrawn - 1}, night) {
			shown[outcome.Run.AsOf] = made(s.w)
		}
		before := total
		total = s.number("SELECT sum(overdue_days_total) FROM deals_now")
		summary, err := nightly.Summarize(context.Background(), read.In(s.w), outcome)
		if err != nil {
			t.Fatal(err)
		}
		sum := int64(0)
		for _, c := range summary.Changes {
			sum += c.Days
			causes[c.Cause] = true
		}
		if night > 0 && night != twice && sum != total-before {
			t.Errorf("on %s the days lost are %d more, and the causes explain %d: %+v", outcome.Run.AsOf, total-before, sum, summary.Changes)
		}
	}
	for _, cause := range []string{"new", "plan", "norm", "correction", "gone", "come"} {
		if !causes[cause] {
			t.Errorf("in no night is there a difference by %s: the test does not see it", cause)
		}
	}

	for date, want := range shown {
		w, err := warehouse.Open(context.Background(), warehouse.Config{
			URL: warehousetest.ServerURL(s.w, s.w.Options().Addr[0]), Database: s.w.Names().Views, ShownOn: date,
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := made(w); got != want {
			t.Errorf("the report as shown on %s differs%s", date, firstDifference(strings.Split(got, "\n"), strings.Split(want, "\n")))
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
	asOf := firstNight.AddDate(0, 0, withdrawn).Format("2006-01-02")
	dayBefore := firstNight.AddDate(0, 0, withdrawn-1).Format("2006-01-02")
	totals := func(date string) []string {
		return s.rows("SELECT deal_id, overdue_days_total, planned_end, status FROM deals_then WHERE known_on = '" + date + "' ORDER BY deal_id")
	}
	if got, want := totals(asOf), totals(dayBefore); !slices.Equal(got, want) || len(want) == 0 {
		t.Errorf("on the date whose run was withdrawn the state of the day before was shown, and deals_then has another one%s", firstDifference(got, want))
	}
}

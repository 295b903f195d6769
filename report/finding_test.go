package report

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"stagelag/extractor"
	"stagelag/transform"
	"stagelag/views"
)

// good is a report in which nothing is found; the tests make one thing of it worse.
func good() *Report {
	quality := Quality{Closed: 20, ClosedWithPlan: 20, OnTime: 18, Late: 2, DaysLost: 20, ClosedWithFirstPlan: 20, OnTimeFirstPlan: 18}
	state := State{Open: 30, Overdue: 5}
	row := func(stage string, lost int64) Row {
		return Row{Key: Key{FunnelID: 5, StageID: extractor.StageID(stage)}, Name: stage, Quality: Quality{DaysLost: lost}}
	}
	r := &Report{
		Run: Run{AsOf: 20500}, Period: Period{From: 20400, To: 20430}, IsPeriodOver: true, ManagersKnownFrom: 20000,
		Total:      Row{Quality: quality, DaysLostBefore: 20, Now: state, AtEnd: state},
		Trend:      []TrendPeriod{{HasData: true, Quality: quality, AtEnd: state}, {HasData: true, Quality: quality, AtEnd: state}},
		Levels:     []Level{{By: ByStage, Rows: []Row{row("Documents", 10), row("Estimate", 10)}}},
		StageTimes: []StageTime{{Key: Key{FunnelID: 5, StageID: "Documents"}, Stage: "Documents", Closed: 20, WithPlan: 20, Median: 5, P85: 8, MedianPlan: 10}},
		Ahead: Ahead{
			Horizons: []views.Horizon{{Days: 7, Coming: 4}, {Days: 14, Coming: 12, LikelyLate: 2, Expected: 2}, {Days: 30, Coming: 20}},
			Record:   views.Record{Forecasts: 100, Off: 3, NaiveOff: 5},
		},
	}
	for deal := range extractor.DealID(6) {
		r.Visits = append(r.Visits, Visit{DaysLost: 2, Visit: views.Visit{VisitID: views.VisitID{DealID: deal}, Subject: views.Subject{FunnelID: 5, StageID: "Documents"}}})
	}
	return r
}

func TestFindings(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*Report)
		want   []string
	}{
		{"nothing is found where all is well", func(*Report) {}, nil},
		{"no plans at all", func(r *Report) {
			r.Total.ClosedWithPlan, r.Total.ClosedWithFirstPlan, r.Total.OnTime, r.Total.OnTimeFirstPlan, r.Total.Now.NoPlan = 0, 0, 0, 0, 30
		}, []string{"No open stage has a plan, and none that was closed had one: without plans nothing can be late."}},
		{"few plans", func(r *Report) { r.Total.ClosedWithPlan = 9 }, []string{"Only 9 of 20 closed stages had a plan: whether the others were late is not known."}},
		{"more days than before", func(r *Report) { r.Total.DaysLost = 31 }, []string{"Lost days rose: 20 days in the period before, 31 days in this one."}},
		{"fewer days than before", func(r *Report) { r.Total.DaysLost = 11 }, []string{"Lost days fell: 20 days in the period before, 11 days in this one."}},
		{"about as many days as before", func(r *Report) { r.Total.DaysLostBefore = 2000; r.Total.DaysLost = 2050 }, nil},
		{"more days, but few of them", func(r *Report) { r.Total.DaysLost, r.Total.DaysLostBefore = 9, 1 }, nil},
		{"more days, of few stages", func(r *Report) { r.Total.DaysLost, r.Trend[0].Closed = 31, 9 }, nil},
		{"more days, but the managers are assumed", func(r *Report) { r.Total.DaysLost, r.Trend[1].IsAssumed = 31, true }, nil},
		{"more days, but the managers before are assumed", func(r *Report) { r.Total.DaysLost, r.Trend[0].IsAssumed = 31, true }, nil},
		{"more days, but nothing is known of before", func(r *Report) { r.Total.DaysLost, r.Trend[0].HasData = 31, false }, nil},
		{"more days, but the period still runs", func(r *Report) { r.Total.DaysLost, r.IsPeriodOver = 31, false }, nil},
		{"a stage loses most", func(r *Report) { r.Levels[0].Rows[0].DaysLost, r.Levels[0].Rows[1].DaysLost = 12, 8 }, []string{"Most days were lost in “Documents”: 12 of 20 days, in 6 deals."}},
		{"a stage loses most, in few deals", func(r *Report) {
			r.Levels[0].Rows[0].DaysLost, r.Levels[0].Rows[1].DaysLost, r.Visits = 12, 8, r.Visits[:4]
		}, nil},
		{"85 % take longer than the plan", func(r *Report) { r.StageTimes[0].P85 = 11 }, []string{"85% of the deals left “Documents” within 11 days, where the plan is 10 days."}},
		{"85 % of few take longer than the plan", func(r *Report) { r.StageTimes[0].P85, r.StageTimes[0].WithPlan = 11, 9 }, nil},
		{"more is overdue than at the beginning", func(r *Report) { r.Total.AtEnd.Overdue = 10 }, []string{"Overdue at the end of the period: 10 deals, at its beginning: 5 deals."}},
		{"more is overdue, but the managers are assumed", func(r *Report) { r.Total.AtEnd.Overdue, r.Trend[1].IsAssumed = 10, true }, nil},
		{"plans were put off", func(r *Report) { r.Total.OnTimeFirstPlan = 10 }, []string{"By first plans the on-time rate would be 50%, by the current ones it is 90%: plans have been moved."}},
		{"much will be late", func(r *Report) { r.Ahead.Horizons[1].LikelyLate = 6 }, []string{"Of 12 deals whose planned end comes within 14 days, 6 will probably be late."}},
		{"much will be late by forecasts that are no good", func(r *Report) { r.Ahead.Horizons[1].LikelyLate, r.Ahead.Record.Off = 6, 5 }, nil},
		{"of many findings three", func(r *Report) {
			r.Total.ClosedWithPlan, r.Total.DaysLost, r.StageTimes[0].P85, r.Total.AtEnd.Overdue = 9, 40, 11, 10
		}, []string{
			"Only 9 of 20 closed stages had a plan: whether the others were late is not known.",
			"Lost days rose: 20 days in the period before, 40 days in this one.",
			"85% of the deals left “Documents” within 11 days, where the plan is 10 days.",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := good()
			test.change(r)
			if diff := cmp.Diff(test.want, newVoice(English).findings(r)); diff != "" {
				t.Errorf("the findings (-want +got):\n%s", diff)
			}
			if n := len(newVoice(Russian).findings(r)); n != len(test.want) {
				t.Errorf("in Russian there are %d findings, want %d", n, len(test.want))
			}
		})
	}
}

// Each kind of finding has a sentence in each language, which takes what it is given.
func TestEveryFindingIsSaid(t *testing.T) {
	t.Parallel()
	for _, language := range Languages {
		v := newVoice(language)
		for _, kind := range []FindingKind{NoPlans, LowCoverage, LostMore, LostLess, WorstStage, OverPlan, MoreOverdue, PlansPutOff, ComingLate} {
			text := v.finding(good(), &Finding{Kind: kind, Stage: "Documents", Number: 11, Of: 21, Deals: 14})
			if text == "" || strings.Contains(text, "%!") || strings.Contains(text, "%%") {
				t.Errorf("%s in %s: %q", kind, language, text)
			}
		}
	}
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		numbers []int64
		share   float64
		want    int64
	}{
		{"of none", nil, 0.5, 0},
		{"of one", []int64{7}, 0.85, 7},
		{"the upper one of two in the middle", []int64{4, 1, 3, 2}, 0.5, 3},
		{"85 of a hundred", slices.Collect(func(yield func(int64) bool) {
			for i := range int64(100) {
				if !yield(99 - i) {
					return
				}
			}
		}), 0.85, 85},
	}
	for _, test := range tests {
		if got := quantile(test.numbers, test.share); got != test.want {
			t.Errorf("%s: quantile(%v, %g) = %d, want %d", test.name, test.numbers, test.share, got, test.want)
		}
	}
}

// The bars of all rows have one scale, and a period whose managers are assumed has none.
func TestSparkOf(t *testing.T) {
	t.Parallel()
	r := good()
	r.Trend[0].IsAssumed = true
	level := Level{By: ByManager, Rows: []Row{{Trend: []int64{400, 40}}, {Trend: []int64{7, 10}}}}
	r.Levels = append([]Level{level}, r.Levels...)
	for by, want := range map[By][][]pageBar{
		ByManager: {{{}, {100, true}}, {{}, {25, true}}},
		ByStage:   {{{100, true}, {10, true}}, {{2, true}, {3, true}}},
	} {
		level.By = by
		p := &pageView{voice: newVoice(English), R: r, Level: level}
		for i, row := range level.Rows {
			if diff := cmp.Diff(want[i], p.SparkOf(row)); diff != "" {
				t.Errorf("the bars of row %d by %s (-want +got):\n%s", i, by, diff)
			}
		}
	}
}

func TestMoney(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ amount, en, ru string }{
		{"1234567", "1,234,567", "1\u00a0234\u00a0567"},
		{"1234.5", "1,234.50", "1\u00a0234,50"},
		{"-0.05", "-0.05", "-0,05"},
		{"0", "0", "0"},
	} {
		amount := decimal.RequireFromString(test.amount)
		if en, ru := newVoice(English).Money(amount), newVoice(Russian).Money(amount); en != test.en || ru != test.ru {
			t.Errorf("Money(%s) = %q and %q, want %q and %q", test.amount, en, ru, test.en, test.ru)
		}
	}
}

// A visit that lost days in two departments stands behind both, its end behind the one of its last day.
func TestAVisitInTwoDepartments(t *testing.T) {
	t.Parallel()
	v := Visit{Visit: views.Visit{Department: "Sales", IsClosed: true, Left: transform.Day(20400)}, DaysLost: 5, lostIn: []departmentDays{{"Service", 3}, {"Sales", 2}}}
	got := map[string]string{}
	for _, part := range v.in(ByDepartment) {
		got[part.Department] = fmt.Sprint(part.DaysLost, part.IsClosed)
	}
	if diff := cmp.Diff(map[string]string{"Service": "3 false", "Sales": "2 true"}, got); diff != "" {
		t.Errorf("by department (-want +got):\n%s", diff)
	}
	if whole := v.in(ByManager); len(whole) != 1 || whole[0].DaysLost != 5 {
		t.Errorf("by manager: %+v, want it whole", whole)
	}
}

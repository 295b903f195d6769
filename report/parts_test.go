package report_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stagelag/extractor"
	"stagelag/report"
	"stagelag/views"
)

// parts finds the state at the end, what is assumed, times in stages, managers in stages, money and what is ahead again in
// the views. A period reaches over the first run, so that some of its days are assumed and some are not.
func parts(t *testing.T, s *site) {
	s.clock.Store(night.AddDate(0, 0, 6).Unix()) // a Monday, whose forecasts are held against what comes
	s.run()
	s.clock.Store(night.AddDate(0, 0, 30).Unix())
	s.world.Advance(night.AddDate(0, 0, 30))
	s.run()
	for _, query := range []report.Query{
		{},
		{Period: report.Period{From: day(t, "2026-02-20"), To: day(t, "2026-03-20")}, Funnels: views.Funnels{5}},
		{Period: report.Period{From: day(t, "2026-04-01"), To: day(t, "2026-04-30")}},
	} {
		r := s.read(query)
		in := "1"
		if len(query.Funnels) > 0 {
			in = "funnel_id = 5"
		}
		on := fmt.Sprintf("BETWEEN '%s' AND '%s'", r.Period.From, r.Period.To)
		expect := func(what string, got []string, statement string) {
			t.Helper()
			if want := s.lines(statement); !slices.Equal(got, want) || len(want) == 0 {
				t.Errorf("%s of %s (-want +got):\n%s", what, r.Period, cmp.Diff(want, got))
			}
		}
		end := r.Total.AtEnd
		expect("the state at the end", []string{fmt.Sprintf("%d\t%d\t%d", end.Open, end.Overdue, end.NoPlan)}, fmt.Sprintf(`
			SELECT countIf(f.is_open), countIf(f.is_open AND (f.overdue_days > 0 OR f.planned_end < f.entered_date)), countIf(f.is_open AND f.plan_days IS NULL)
			FROM deal_stage_days AS f WHERE f.day = '%s' AND %s`, r.Period.To, in))
		expect("what is assumed", []string{fmt.Sprintf("%d\t%d", r.Total.DaysLostAssumed, r.Total.ClosedAssumed)}, fmt.Sprintf(`
			SELECT countIf(overdue_day = 1), countIf(is_open = 0 AND (deal_id, visit_no) IN (SELECT deal_id, visit_no FROM deal_stages WHERE stage_semantics = 'process'))
			FROM deal_stage_days WHERE manager_source = 'assumed' AND day %s AND %s`, on, in))
		if r.Period.To > r.Run.AsOf {
			continue // its end is to come, and nothing of it is assumed
		}
		var times, cells []string
		for _, stage := range r.StageTimes {
			times = append(times, fmt.Sprintf("%d\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d", stage.FunnelID, stage.StageID, stage.Closed, stage.WithPlan,
				stage.Median, stage.P85, stage.MedianPlan, stage.MedianElapsed, stage.P85Elapsed))
		}
		slices.Sort(times)
		expect("the times in stages", times, fmt.Sprintf(`
			SELECT funnel_id, stage_id, count(), count(plan_days), quantileExact(0.5)(elapsed_working_days - paused_days), quantileExact(0.85)(elapsed_working_days - paused_days),
				ifNull(quantileExactOrNull(0.5)(plan_days), 0), quantileExact(0.5)(elapsed_days), quantileExact(0.85)(elapsed_days)
			FROM visits_now WHERE is_open = 0 AND is_final = 0 AND left_date %s AND %s GROUP BY funnel_id, stage_id ORDER BY toString(funnel_id), stage_id`, on, in))
		for _, cell := range r.Cells {
			cells = append(cells, fmt.Sprintf("%d\t%d\t%s\t%d\t%d\t%d\t%d", cell.ManagerID, cell.FunnelID, cell.StageID, cell.DaysLost, cell.Closed, cell.OnTime, cell.DaysLostAssumed))
		}
		slices.Sort(cells)
		expect("the managers in stages", cells, fmt.Sprintf(`
			SELECT manager_id, funnel_id, stage_id, sum(overdue_days_accrued) AS lost, sum(visits_closed) AS closed, sum(visits_on_time), sum(overdue_days_assumed)
			FROM quality_report WHERE day %s AND %s GROUP BY manager_id, funnel_id, stage_id HAVING lost + closed > 0
			ORDER BY concat(toString(manager_id), '\t', toString(funnel_id), '\t', stage_id)`, on, in))
		var amounts, horizons, deals []string
		for _, a := range r.Amounts {
			amounts = append(amounts, fmt.Sprintf("%s\t%d\t%s\t%d\t%s\t%d", a.Currency, a.Open, a.OpenAmount, a.Overdue, a.OverdueAmount, a.NoAmount))
		}
		slices.Sort(amounts)
		expect("the amounts", amounts, `
			SELECT currency, count(), sum(amount), countIf(status = 'overdue'), sumIf(amount, status = 'overdue'), countIf(status = 'overdue' AND amount IS NULL)
			FROM deals_now WHERE is_open = 1 AND status != 'waiting' AND `+in+` GROUP BY currency ORDER BY currency`)
		for _, h := range r.Ahead.Horizons {
			horizons = append(horizons, fmt.Sprintf("%d\t%d\t%d\t%d\t%.6f", h.Days, h.Coming, h.LikelyLate, h.Unknown, h.Expected))
		}
		expect("the horizons", horizons, fmt.Sprintf(`
			SELECT horizon, count(), countIf(late_probability >= 0.5), countIf(late_probability IS NULL), printf('%%.6f', ifNull(sum(late_probability), 0))
			FROM (SELECT *, arrayJoin([7, 14, 30]) AS horizon FROM deals_now WHERE status IN ('on_time', 'due_today') AND %s)
			WHERE planned_end < toDate('%s') + horizon GROUP BY horizon ORDER BY horizon`, in, r.Run.AsOf))
		for _, d := range r.Ahead.Deals {
			deals = append(deals, fmt.Sprintf("%d\t%s\t%.6f\t%s\t%s", d.DealID, d.Planned, d.LateProbability, orNull(d.Expected), orNull(d.Likely)))
		}
		slices.Sort(deals)
		expect("the deals that will probably be late", deals, fmt.Sprintf(`
			SELECT d.deal_id, d.planned_end, printf('%%.6f', assumeNotNull(d.late_probability)), d.expected_end, s.likely_end
			FROM deals_now AS d LEFT JOIN (SELECT * FROM deal_stages WHERE is_open = 1) AS s ON s.deal_id = d.deal_id
			WHERE d.status IN ('on_time', 'due_today') AND d.late_probability >= 0.5 AND d.planned_end < toDate('%s') + 30 AND %s ORDER BY toString(d.deal_id)`, r.Run.AsOf, strings.ReplaceAll(in, "funnel_id", "d.funnel_id")))
		past := r.Ahead.Record
		expect("the record", []string{fmt.Sprintf("%d\t%d\t%d", past.Forecasts, past.Off, past.NaiveOff)}, fmt.Sprintf(`
			SELECT count(), ifNull(quantileExactOrNull(0.5)(abs(assumeNotNull(expected_end) - ended)), 0), ifNull(quantileExactOrNull(0.5)(abs(assumeNotNull(naive_end) - ended)), 0)
			FROM (SELECT *, ifNull(left_date, toDate('%[1]s')) AS ended FROM forecasts WHERE known_on = '2026-03-16' AND outcome != 'gone' AND %[2]s)
			WHERE expected_end IS NOT NULL AND expected_end < '%[1]s' AND naive_end < '%[1]s'`, r.Run.AsOf, in))
		if n := countOf(past.Bins); past.Forecasts == 0 || n == 0 || end.Open == 0 || r.Total.DaysLostAssumed == 0 || len(amounts) == 0 {
			t.Errorf("%s: %d forecasts and %d of being late came due, %+v at the end, %d days assumed; want some of each", r.Period, past.Forecasts, n, end, r.Total.DaysLostAssumed)
		}
	}
}

func countOf(bins []views.Bin) (n int64) {
	for _, b := range bins {
		n += b.Forecasts
	}
	return n
}

// choices holds reports to people and deals: parts that exclude each other add up to the whole, and each is what the
// facts of its people and deals say.
func choices(t *testing.T, s *site) {
	period := report.Period{From: day(t, "2026-02-20"), To: day(t, "2026-03-20")}
	read := func(c views.Choice) report.Report {
		t.Helper()
		r, err := report.Read(t.Context(), views.In(s.w).Chosen(c), report.Query{Period: period, Choice: c, By: report.ByDepartment})
		if err != nil {
			t.Fatalf("Read(%+v): %v", c, err)
		}
		return steady(r)
	}
	whole := read(views.Choice{})

	// A manager by himself is his row of the whole.
	row := level(whole, report.ByManager).Rows[0]
	one := read(views.Choice{Managers: []extractor.ManagerID{row.Key.ManagerID}})
	if diff := cmp.Diff([]report.Row{row}, level(one, report.ByManager).Rows); diff != "" {
		t.Errorf("the report of manager %d is not his row of the whole (-row +report):\n%s", row.Key.ManagerID, diff)
	}
	if got := sumOf(one.Visits); got != [3]int64{row.Closed, row.DaysLost, row.Now.Overdue} {
		t.Errorf("the visits of manager %d have %v closed, lost and overdue, want %+v", row.Key.ManagerID, got, row)
	}

	// So is a department, and the days before the first run are in none.
	for _, row := range whole.Level().Rows {
		if got := sumOf(whole.Behind(report.ByDepartment, row.Key)); got != [3]int64{row.Closed, row.DaysLost, row.Now.Overdue} {
			t.Errorf("%q: the visits behind it have %v closed, lost and overdue, want %+v", row.Name, got, row)
		}
	}
	i := slices.IndexFunc(whole.Level().Rows, func(row report.Row) bool { return row.Key.Department != "" })
	if len(whole.Level().Rows) < 3 || i < 0 {
		t.Fatalf("by department there are %+v, want some departments and no department", whole.Level().Rows)
	}
	row = whole.Level().Rows[i]
	one = read(views.Choice{Departments: []string{row.Key.Department}})
	if diff := cmp.Diff([]report.Row{row}, one.Level().Rows); diff != "" {
		t.Errorf("the report of %q is not its row of the whole (-row +report):\n%s", row.Name, diff)
	}
	days, open := s.lines(fmt.Sprintf("SELECT sum(overdue_days_accrued) FROM quality_report WHERE department = '%s' AND day BETWEEN '%s' AND '%s'", row.Name, period.From, period.To))[0],
		s.lines(fmt.Sprintf("SELECT count() FROM deals_now WHERE department = '%s' AND is_open = 1 AND status != 'waiting'", row.Name))[0]
	if got := sumOf(one.Visits)[1]; fmt.Sprint(one.Total.DaysLost) != days || fmt.Sprint(got) != days || fmt.Sprint(one.Total.Now.Open) != open || days == "0" {
		t.Errorf("%s lost %d days, its visits %d, and has %d deals open, want %s days and %s deals", row.Name, one.Total.DaysLost, got, one.Total.Now.Open, days, open)
	}
	expectScope(t, &one, "only departments: "+row.Name)

	// Deals with a company and those with another are, with those that have none, all deals. A region is what its deals are.
	companies, err := views.In(s.w).Companies(t.Context())
	if err != nil || len(companies) < 2 {
		t.Fatalf("companies: %+v, %v, want several", companies, err)
	}
	var all views.Choice
	for _, c := range companies {
		all.Companies = append(all.Companies, c.ID)
	}
	dimensions, err := views.In(s.w).Dimensions(t.Context())
	region := slices.IndexFunc(dimensions, func(d views.Dimension) bool { return d.Name == "region" })
	if err != nil || region < 0 {
		t.Fatalf("dimensions: %+v, %v, want a region", dimensions, err)
	}
	for _, test := range []struct {
		choice views.Choice
		deals  string // the condition on deals_now
		scope  string
	}{
		{all, "company_id IS NOT NULL", "only companies: "},
		{
			views.Choice{Dimensions: dimensions[region : region+1], Companies: all.Companies[1:]},
			fmt.Sprintf("dimensions['region'] = '%s' AND company_id IS NOT NULL AND company_id != %d", dimensions[region].Value, all.Companies[0]),
			"only region: " + dimensions[region].Value,
		},
	} {
		r := read(test.choice)
		expectScope(t, &r, test.scope)
		got := fmt.Sprint(r.Total.Closed, r.Total.ClosedWithPlan, r.Total.OnTime, r.Total.OnTimeFirstPlan, r.Total.ClosedWithFirstPlan, r.Total.DaysLost, r.Total.ClosedAssumed, r.Total.DaysLostAssumed,
			r.Total.Now.Open, r.Total.Now.Overdue, r.Total.AtEnd.Open, r.Total.AtEnd.Overdue, r.Total.AtEnd.NoPlan)
		of := "deal_id IN (SELECT deal_id FROM deals_now WHERE " + test.deals + ")"
		in := fmt.Sprintf("BETWEEN '%s' AND '%s'", period.From, period.To)
		want := s.lines(fmt.Sprintf(`
			SELECT v.1, v.2, v.3, v.4, v.5, f.1, f.2, f.3, d.1, d.2, e.1, e.2, e.3 FROM
			(SELECT (count(), count(plan_days), countIf(status = 'finished_on_time'), countIf(first_plan_overdue_days = 0 AND first_planned_end >= entered_date), count(first_plan_days)) AS v
				FROM deal_stages WHERE left_date %[1]s AND stage_semantics = 'process' AND status != 'waiting' AND %[2]s) AS q1,
			(SELECT (countIf(overdue_day = 1), countIf(manager_source = 'assumed' AND is_open = 0 AND (deal_id, visit_no) IN (SELECT deal_id, visit_no FROM deal_stages WHERE stage_semantics = 'process')),
				countIf(overdue_day = 1 AND manager_source = 'assumed')) AS f FROM deal_stage_days WHERE day %[1]s AND %[2]s) AS q2,
			(SELECT (count(), countIf(status = 'overdue')) AS d FROM deals_now WHERE is_open = 1 AND status != 'waiting' AND %[2]s) AS q3,
			(SELECT (count(), countIf(overdue_days > 0 OR planned_end < entered_date), countIf(plan_days IS NULL)) AS e FROM deal_stage_days WHERE is_open = 1 AND day = '%[3]s' AND %[2]s) AS q4`,
			in, of, period.To))[0]
		if want = strings.ReplaceAll(want, "\t", " "); got != want {
			t.Errorf("the deals of %+v have %s, want %s", test.choice, got, want)
		}
		if visits := sumOf(r.Visits); visits != [3]int64{r.Total.Closed, r.Total.DaysLost, r.Total.Now.Overdue} || r.Total.DaysLost == 0 {
			t.Errorf("the visits of %+v have %v closed, lost and overdue, want %+v, and some days", test.choice, visits, r.Total)
		}
	}
}

// level is one of the levels of a report.
func level(r report.Report, by report.By) report.Level {
	return r.Levels[slices.IndexFunc(r.Levels, func(l report.Level) bool { return l.By == by })]
}

func expectScope(t *testing.T, r *report.Report, want string) {
	t.Helper()
	var text bytes.Buffer
	if err := report.WriteText(&text, r, report.English); err != nil || !strings.Contains(text.String(), want) {
		t.Errorf("the report does not say %q: %v", want, err)
	}
}

// People are compared only over periods in which they were seen, stages over all.
func comparisons(t *testing.T, s *site) {
	for _, test := range []struct {
		name   string
		period report.Period
		isSeen bool // whether the managers of the period were
	}{
		{"before the first run", report.Period{From: day(t, "2026-02-01"), To: day(t, "2026-02-28")}, false},
		{"against days before the first run", report.Period{From: day(t, "2026-03-11"), To: day(t, "2026-03-13")}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := s.read(report.Query{Period: test.period})
			var b bytes.Buffer
			if err := report.WriteJSON(&b, &r); err != nil {
				t.Fatal(err)
			}
			var read struct {
				Levels []struct {
					By   report.By
					Rows []jsonRow
				}
			}
			if err := json.Unmarshal(b.Bytes(), &read); err != nil {
				t.Fatal(err)
			}
			for _, level := range read.Levels {
				isOfPeople := level.By == report.ByManager || level.By == report.ByDepartment
				for _, row := range level.Rows {
					if last := row.Trend[len(row.Trend)-1]; (row.Before != nil) == isOfPeople || (last != nil) != (test.isSeen || !isOfPeople) {
						t.Errorf("by %s, %s: before %v, in the period %v; want a number before: %t, in the period: %t", level.By, row.Name, row.Before, last, !isOfPeople, test.isSeen || !isOfPeople)
					}
				}
			}
			var text bytes.Buffer
			if err := report.WriteText(&text, &r, report.English); err != nil {
				t.Fatal(err)
			}
			row := r.Level().Rows[0]
			if want := fmt.Sprintf("%s %d – %d ", row.Name, row.DaysLost, row.Closed); !strings.Contains(strings.Join(strings.Fields(text.String()), " "), want) {
				t.Errorf("the text compares %s, want %q:\n%s", row.Name, want, text.String())
			}
		})
	}
}

// A jsonRow is what a test reads of a row of the JSON.
type jsonRow struct {
	Name   string
	Before *int64   `json:"days_lost_before"`
	Trend  []*int64 `json:"days_lost_trend"`
}

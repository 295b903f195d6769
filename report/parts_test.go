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
	read := func(c views.Choice, by report.By) report.Report {
		t.Helper()
		r, err := report.Read(t.Context(), views.In(s.w).Chosen(c), report.Query{Period: period, Choice: c, By: by})
		if err != nil {
			t.Fatalf("Read(%+v): %v", c, err)
		}
		return steady(r)
	}
	figures := func(r *report.Report) string {
		visits := sumOf(r.Visits)
		return fmt.Sprintf("closed %d, with a plan %d, on time %d, first %d/%d, lost %d, assumed %d+%d, now %+v, end %+v, visits %v, changes %d", r.Total.Closed, r.Total.ClosedWithPlan, r.Total.OnTime,
			r.Total.OnTimeFirstPlan, r.Total.ClosedWithFirstPlan, r.Total.DaysLost, r.Total.ClosedAssumed, r.Total.DaysLostAssumed, r.Total.Now, r.Total.AtEnd, visits, r.Total.PlanChanges)
	}
	whole := read(views.Choice{}, report.ByManager)

	// A manager by himself is his row of the whole.
	for _, row := range whole.Levels[0].Rows[:3] {
		one := read(views.Choice{Managers: []extractor.ManagerID{row.Key.ManagerID}}, report.ByManager)
		if len(one.Level().Rows) != 1 {
			t.Fatalf("the report of manager %d has %d rows, want his", row.Key.ManagerID, len(one.Level().Rows))
		}
		if diff := cmp.Diff(row, one.Level().Rows[0]); diff != "" {
			t.Errorf("the report of manager %d is not his row of the whole (-row +report):\n%s", row.Key.ManagerID, diff)
		}
		if got := sumOf(one.Visits); got != [3]int64{row.Closed, row.DaysLost, row.Now.Overdue} {
			t.Errorf("the visits of manager %d have %v closed, lost and overdue, want %+v", row.Key.ManagerID, got, row)
		}
	}

	// All companies, named one by one, are the whole where each deal has one; and so are all people.
	companies, err := views.In(s.w).Companies(t.Context())
	if err != nil || len(companies) < 2 {
		t.Fatalf("companies: %+v, %v, want several", companies, err)
	}
	var all views.Choice
	for _, c := range companies {
		all.Companies = append(all.Companies, c.ID)
	}
	ofAll := read(all, report.ByManager)
	if want := s.lines("SELECT count() FROM deals_now WHERE company_id IS NULL")[0]; want != "0" {
		t.Fatalf("%s deals have no company, so the companies are not the whole", want)
	}
	if diff := cmp.Diff(figures(&whole), figures(&ofAll)); diff != "" {
		t.Errorf("the deals of all companies are not all deals (-all +companies):\n%s", diff)
	}
	one := read(views.Choice{Companies: all.Companies[:1]}, report.ByStage)
	ofOne := fmt.Sprintf("deal_id IN (SELECT deal_id FROM deals_now WHERE company_id = %d)", all.Companies[0])
	if got, want := fmt.Sprint(one.Total.DaysLost, one.Total.Now.Open), strings.ReplaceAll(s.lines(fmt.Sprintf(`
		SELECT (SELECT count() FROM deal_stage_days WHERE overdue_day = 1 AND day BETWEEN '%s' AND '%s' AND %s), (SELECT count() FROM deals_now WHERE is_open = 1 AND %s)`,
		period.From, period.To, ofOne, ofOne))[0], "\t", " "); got != want {
		t.Errorf("company %d lost days and has deals open: %s, want %s", all.Companies[0], got, want)
	}

	// The values of a dimension exclude each other; deals without one are missing.
	dimensions, err := views.In(s.w).Dimensions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lost, regions := int64(0), 0
	for _, d := range dimensions {
		if d.Name != "region" {
			continue
		}
		regions++
		r := read(views.Choice{Dimensions: []views.Dimension{d}}, report.ByManager)
		lost += r.Total.DaysLost
		var text bytes.Buffer
		if err := report.WriteText(&text, &r, report.English); err != nil || !strings.Contains(text.String(), "only region: "+d.Value) {
			t.Errorf("the report of %+v does not say so: %v", d, err)
		}
	}
	want := s.lines(fmt.Sprintf("SELECT count() FROM deal_stage_days WHERE overdue_day = 1 AND day BETWEEN '%s' AND '%s' AND deal_id IN (SELECT deal_id FROM deals_now WHERE dimensions['region'] != '')", period.From, period.To))[0]
	if fmt.Sprint(lost) != want || regions < 2 {
		t.Errorf("%d regions lost %d days, want several and %s days", regions, lost, want)
	}
	both := read(views.Choice{Companies: all.Companies[:1], Managers: []extractor.ManagerID{whole.Levels[0].Rows[0].Key.ManagerID}}, report.ByManager)
	if both.Total.DaysLost > min(one.Total.DaysLost, whole.Levels[0].Rows[0].DaysLost) {
		t.Errorf("a manager in the deals of a company lost %d days, more than either", both.Total.DaysLost)
	}
}

// A report by department has a row for each, which is the report of that department, and one for the days of nobody's.
func departments(t *testing.T, s *site) {
	period := report.Period{From: day(t, "2026-03-01"), To: day(t, "2026-03-31")}
	whole := s.read(report.Query{Period: period, By: report.ByDepartment})
	if whole.Level().By != report.ByDepartment || len(whole.Level().Rows) < 3 {
		t.Fatalf("by %s there are %d rows, want some departments and no department", whole.Level().By, len(whole.Level().Rows))
	}
	for _, row := range whole.Level().Rows {
		visits := whole.Behind(report.ByDepartment, row.Key)
		if got := sumOf(visits); got != [3]int64{row.Closed, row.DaysLost, row.Now.Overdue} {
			t.Errorf("%q: the visits behind it have %v closed, lost and overdue, want %+v", row.Name, got, row)
		}
		if row.Key.Department == "" {
			continue
		}
		choice := views.Choice{Departments: []string{row.Key.Department}}
		r, err := report.Read(t.Context(), views.In(s.w).Chosen(choice), report.Query{Period: period, Choice: choice, By: report.ByDepartment})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Level().Rows) != 1 || !cmp.Equal(r.Level().Rows[0], row) {
			t.Errorf("the report of %q is not its row of the whole (-row +report):\n%s", row.Name, cmp.Diff([]report.Row{row}, r.Level().Rows))
		}
	}
	if diff := cmp.Diff(changesOf(whole.Total), changesOf(sum(whole.Level().Rows))); diff != "" {
		t.Errorf("the changes of all departments are not all (-total +rows):\n%s", diff)
	}
}

// People are compared only over periods in which they were seen.
func comparisons(t *testing.T, s *site) {
	tests := []struct {
		name     string
		period   report.Period
		by       report.By
		isShown  bool // whether a row has a number of the period before
		lastDays bool // whether the last period of the trend is drawn
	}{
		{"managers of a period before the first run", report.Period{From: day(t, "2026-02-01"), To: day(t, "2026-02-28")}, report.ByManager, false, false},
		{"managers against a period before the first run", report.Period{From: day(t, "2026-03-11"), To: day(t, "2026-03-13")}, report.ByManager, false, true},
		{"stages of a period before the first run", report.Period{From: day(t, "2026-02-01"), To: day(t, "2026-02-28")}, report.ByStage, true, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := s.read(report.Query{Period: test.period, By: test.by})
			var b bytes.Buffer
			if err := report.WriteJSON(&b, &r); err != nil {
				t.Fatal(err)
			}
			rows := rowsOf(t, b.Bytes())
			for _, row := range rows {
				if (row.Before != nil) != test.isShown || (row.Trend[len(row.Trend)-1] != nil) != test.lastDays {
					t.Errorf("%s: before %v, trend %v; want a number before: %t, in the period: %t", row.Name, row.Before, row.Trend, test.isShown, test.lastDays)
				}
			}
			if test.isShown {
				return
			}
			var csv bytes.Buffer
			if err := report.WriteText(&csv, &r, report.English); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(csv.String()) {
				if name := r.Level().Rows[0].Name; strings.HasPrefix(line, "  "+name) && !strings.Contains(line, "–") {
					t.Errorf("the text compares %s: %s", name, line)
				}
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

func rowsOf(t *testing.T, content []byte) []jsonRow {
	t.Helper()
	var read struct {
		Levels []struct{ Rows []jsonRow }
	}
	if err := json.Unmarshal(content, &read); err != nil {
		t.Fatal(err)
	}
	return read.Levels[0].Rows
}

package report_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"

	"stagelag/report"
	"stagelag/transform"
	"stagelag/views"
	"stagelag/warehouse/warehousetest"
)

// TestRead asks one site for this and that.
func TestRead(t *testing.T) {
	t.Parallel()
	s := published(t, 120)
	t.Run("figures", func(t *testing.T) { figures(t, s) })
	t.Run("refused", func(t *testing.T) { refusedQueries(t, s) })
	t.Run("periods", func(t *testing.T) { periods(t, s) })
	t.Run("a trend that would reach before the first date there is ends there", func(t *testing.T) {
		r := s.read(report.Query{Period: report.Period{From: transform.FirstDay, To: s.read(report.Query{}).Run.AsOf}})
		if len(r.Trend) != 1 || !r.Trend[0].HasData || r.Total.DaysLost != r.DaysLostToDate {
			t.Errorf("the trend of all days has %d periods, and %d of %d days lost", len(r.Trend), r.Total.DaysLost, r.DaysLostToDate)
		}
	})
	t.Run("plans moved", func(t *testing.T) { plansMoved(t, s) })
	t.Run("parts", func(t *testing.T) { parts(t, s) })
	t.Run("choices", func(t *testing.T) { choices(t, s) })
	t.Run("groups", func(t *testing.T) { groups(t, s) })
	t.Run("comparisons", func(t *testing.T) { comparisons(t, s) })
}

// figures finds each figure of the report again in another view than it was read from.
func figures(t *testing.T, s *site) {
	for _, query := range []report.Query{
		{},
		{By: report.ByStage, Funnels: views.Funnels{5}},
		{By: report.ByFunnel, Period: report.Period{From: day(t, "2026-02-11"), To: day(t, "2026-03-20")}},
	} {
		r := s.read(query)
		in := fmt.Sprintf("BETWEEN '%s' AND '%s'", r.Period.From, r.Period.To)
		funnels := "1"
		if len(query.Funnels) > 0 {
			funnels = "funnel_id = 5"
		}
		for by, columns := range map[report.By]string{
			report.ByManager: "toString(manager_id)", report.ByStage: "concat(toString(funnel_id), ' ', stage_id)", report.ByFunnel: "toString(funnel_id)",
		} {
			if by != query.By && query.By != "" {
				continue // the levels of a report are sums of the same rows
			}
			// Closed visits and days lost come from quality_report, so here from the visits
			// and the facts; what is open comes from deals_now, so here from quality_report.
			want := s.lines(fmt.Sprintf(`
				SELECT key, sum(closed), sum(planned), sum(on_time), sum(late), sum(lost), sum(before), sum(open), sum(overdue), sum(no_plan) FROM
				(
					SELECT %[1]s AS key, 1 AS closed, plan_source != 'none' AS planned, status = 'finished_on_time' AS on_time, status = 'finished_late' AS late,
						0 AS lost, 0 AS before, 0 AS open, 0 AS overdue, 0 AS no_plan
					FROM deal_stages WHERE stage_semantics = 'process' AND left_date %[2]s AND %[3]s
					UNION ALL
					SELECT %[1]s, 0, 0, 0, 0, overdue_day, 0, 0, 0, 0 FROM deal_stage_days WHERE day %[2]s AND %[3]s AND overdue_day = 1
					UNION ALL
					SELECT %[1]s, 0, 0, 0, 0, 0, overdue_day, 0, 0, 0 FROM deal_stage_days WHERE day BETWEEN '%[4]s' AND '%[5]s' AND %[3]s AND overdue_day = 1
					UNION ALL
					SELECT %[1]s, 0, 0, 0, 0, 0, 0, visits_open, visits_overdue, visits_no_plan FROM quality_report WHERE day = '%[6]s' AND %[3]s AND visits_open > 0
				)
				GROUP BY key ORDER BY key`, columns, in, funnels, r.Before.From, r.Before.To, r.Run.AsOf))
			if got := levelLines(r, by); !slices.Equal(got, want) {
				t.Errorf("the rows by %s of %s differ (-want +got):\n%s", by, r.Period, cmp.Diff(want, got))
			}
			for _, level := range r.Levels {
				total := sum(level.Rows)
				want := r.Total
				want.Trend = nil
				if diff := cmp.Diff(want, total); diff != "" {
					t.Errorf("the rows by %s do not add up to the total (-total +rows):\n%s", level.By, diff)
				}
				for _, row := range level.Rows {
					if got := sumOf(r.Behind(level.By, row.Key)); got != [3]int64{row.Closed, row.DaysLost, row.Now.Overdue} {
						t.Errorf("by %s, %s: the visits behind it have %v closed, lost and overdue, want %v", level.By, row.Name, got, row)
					}
				}
			}
		}
		toDate := s.lines("SELECT sum(overdue_days) FROM deal_stages WHERE " + funnels)
		if got := fmt.Sprint(r.DaysLostToDate); got != toDate[0] {
			t.Errorf("days lost to date: %s, want %s", got, toDate[0])
		}
		var trend, periods []string
		for _, p := range r.Trend {
			trend = append(trend, fmt.Sprintf("%s\t%d\t%d\t%d\t%d", p.Period.From, p.DaysLost, p.Closed, p.OnTime, p.Late))
			periods = append(periods, fmt.Sprintf("(toDate('%s'), toDate('%s'))", p.Period.From, p.Period.To))
		}
		wantTrend := s.lines(fmt.Sprintf(`
			SELECT p.1, sum(lost), sum(closed), sum(on_time), sum(late) FROM
			(
				SELECT day AS at, 1 AS lost, 0 AS closed, 0 AS on_time, 0 AS late FROM deal_stage_days WHERE overdue_day = 1 AND %[1]s
				UNION ALL
				SELECT assumeNotNull(left_date), 0, stage_semantics = 'process', status = 'finished_on_time', status = 'finished_late' FROM deal_stages WHERE left_date IS NOT NULL AND %[1]s
				UNION ALL
				SELECT period.1, 0, 0, 0, 0 FROM (SELECT arrayJoin([%[2]s]) AS period)
			)
			ARRAY JOIN [%[2]s] AS p
			WHERE at BETWEEN p.1 AND p.2
			GROUP BY p ORDER BY p`, funnels, strings.Join(periods, ", ")))
		if !slices.Equal(trend, wantTrend) {
			t.Errorf("the trend of %s differs (-want +got):\n%s", r.Period, cmp.Diff(wantTrend, trend))
		}
		gaps := s.lines(fmt.Sprintf(`
			SELECT reason, count(), uniqExact(deal_id) FROM data_gaps
			WHERE (deal_id, ifNull(visit_no, 1)) IN (SELECT deal_id, visit_no FROM deal_stages WHERE %[1]s) OR visit_no IS NULL AND deal_id IN (SELECT deal_id FROM deal_stages WHERE %[1]s)
				OR reason = 'unknown_manager' AND deal_id IN (SELECT deal_id FROM deal_stages WHERE %[1]s)
			GROUP BY reason ORDER BY reason`, funnels))
		if got := gapLines(r); !slices.Equal(got, gaps) {
			t.Errorf("the gaps differ (-want +got):\n%s", cmp.Diff(gaps, got))
		}
		if r.Total.Closed == 0 || r.Total.DaysLost == 0 || r.Total.Now.Open == 0 || len(r.Gaps) == 0 {
			t.Errorf("the report of %s is empty, so nothing was compared: %+v", r.Period, r.Total)
		}
	}
}

// plansMoved finds what the report says of plans that were moved again in the views.
func plansMoved(t *testing.T, s *site) {
	if r := s.read(report.Query{Period: march(t)}); len(r.PlanChanges) > 0 || len(r.OtherPlanChanges) > 0 || r.Total.PlanChanges != 0 {
		t.Errorf("after one run %d plans were changed in deals, and %v otherwise; want none", len(r.PlanChanges), r.OtherPlanChanges)
	}
	s.movePlans()
	for _, query := range []report.Query{
		{Period: march(t)},
		{Period: march(t), Funnels: views.Funnels{5}, By: report.ByStage},
		{Period: report.Period{From: day(t, "2026-03-11"), To: day(t, "2026-03-11")}, By: report.ByFunnel},
	} {
		r := s.read(query)
		in := fmt.Sprintf("known_on BETWEEN '%s' AND '%s'", r.Period.From, r.Period.To)
		on := fmt.Sprintf("day BETWEEN '%s' AND '%s'", r.Period.From, r.Period.To)
		if len(query.Funnels) > 0 {
			in, on = in+" AND funnel_id = 5", on+" AND funnel_id = 5"
		}
		for by, key := range map[report.By]string{
			report.ByManager: "toString(manager_id)", report.ByStage: "concat(toString(funnel_id), ' ', stage_id)", report.ByFunnel: "toString(funnel_id)",
		} {
			want := s.lines(fmt.Sprintf(`
				SELECT key, sum(planned), sum(on_time), sum(changes), sum(moved), sum(forgiven) FROM
				(
					SELECT %[1]s AS key, visits_closed_with_first_plan AS planned, visits_on_time_first_plan AS on_time, 0 AS changes, 0 AS moved, 0 AS forgiven
					FROM quality_report WHERE %[2]s
					UNION ALL
					SELECT %[1]s, 0, 0, 1, ifNull(days_moved, 0), greatest(0, overdue_days_before - overdue_days) FROM plan_changes WHERE cause = 'deal' AND %[3]s
				)
				GROUP BY key HAVING sum(planned) + sum(changes) > 0 ORDER BY key`, key, on, in))
			var got []string
			i := slices.IndexFunc(r.Levels, func(l report.Level) bool { return l.By == by })
			for _, row := range r.Levels[i].Rows {
				if row.ClosedWithFirstPlan+row.PlanChanges > 0 {
					got = append(got, fmt.Sprintf("%s\t%d\t%d\t%d\t%d\t%d", keyOf(row, by),
						row.ClosedWithFirstPlan, row.OnTimeFirstPlan, row.PlanChanges, row.DaysMoved, row.DaysForgiven))
				}
			}
			slices.SortFunc(got, byKey)
			if !slices.Equal(got, want) {
				t.Errorf("the first plans and changes by %s of %s differ (-want +got):\n%s", by, r.Period, cmp.Diff(want, got))
			}
			if got, want := changesOf(sum(r.Levels[i].Rows)), changesOf(r.Total); got != want {
				t.Errorf("the rows by %s add up to %v, want the total %v", by, got, want)
			}
		}
		var got, others []string
		for _, c := range r.PlanChanges {
			moved := `\N`
			if c.DaysMoved != nil {
				moved = fmt.Sprint(*c.DaysMoved)
			}
			got = append(got, fmt.Sprintf("%d\t%d\t%d\t%s\t%s\t%s\t%s\t%d", c.DealID, c.VisitNo, c.ManagerID, c.KnownOn, orNull(c.Before), orNull(c.After), moved, c.DaysForgiven))
		}
		want := s.lines(`
			SELECT deal_id, visit_no, manager_id, known_on, planned_end_before, planned_end, days_moved, greatest(0, overdue_days_before - overdue_days) AS forgiven
			FROM plan_changes WHERE cause = 'deal' AND ` + in + `
			ORDER BY forgiven DESC, days_moved IS NULL, days_moved DESC, known_on, deal_id, visit_no`)
		if !slices.Equal(got, want) {
			t.Errorf("the changes of %s differ (-want +got):\n%s", r.Period, cmp.Diff(want, got))
		}
		for _, other := range r.OtherPlanChanges {
			others = append(others, fmt.Sprintf("%s\t%d", other.Cause, other.Count))
		}
		if want := s.lines("SELECT cause, count() AS n FROM plan_changes WHERE cause != 'deal' AND " + in + " GROUP BY cause ORDER BY n DESC, cause"); !slices.Equal(others, want) {
			t.Errorf("the other changes of %s are %q, want %q", r.Period, others, want)
		}
		if r.Total.PlanChanges == 0 || r.Total.DaysForgiven == 0 {
			t.Errorf("no plan was moved in %s, so nothing was compared: %+v", r.Period, r.Total)
		}
	}
	r := s.read(report.Query{Period: march(t)})
	isGone := slices.ContainsFunc(r.PlanChanges, func(c views.PlanChange) bool { return c.DaysMoved == nil })
	isEarlier := slices.ContainsFunc(r.PlanChanges, func(c views.PlanChange) bool { return c.DaysMoved != nil && *c.DaysMoved < 0 })
	if !isGone || !isEarlier || len(r.OtherPlanChanges) == 0 || r.Total.OnTimeFirstPlan >= r.Total.OnTime {
		t.Errorf("a plan is gone: %t, earlier: %t; %v have other causes; on time %d, and %d by first plans; want each, and fewer by first plans",
			isGone, isEarlier, r.OtherPlanChanges, r.Total.OnTime, r.Total.OnTimeFirstPlan)
	}
}

func changesOf(row report.Row) [5]int64 {
	return [5]int64{row.ClosedWithFirstPlan, row.OnTimeFirstPlan, row.PlanChanges, row.DaysMoved, row.DaysForgiven}
}

func orNull(d transform.Day) string {
	if d == transform.NoDay {
		return `\N`
	}
	return d.String()
}

func keyOf(row report.Row, by report.By) string {
	return map[report.By]string{
		report.ByManager: fmt.Sprint(row.Key.ManagerID), report.ByStage: fmt.Sprintf("%d %s", row.Key.FunnelID, row.Key.StageID), report.ByFunnel: fmt.Sprint(row.Key.FunnelID),
	}[by]
}

// byKey orders lines by what stands before the first tab.
func byKey(a, b string) int {
	return strings.Compare(strings.SplitN(a, "\t", 2)[0], strings.SplitN(b, "\t", 2)[0])
}

func levelLines(r report.Report, by report.By) []string {
	var lines []string
	i := slices.IndexFunc(r.Levels, func(l report.Level) bool { return l.By == by })
	for _, row := range r.Levels[i].Rows {
		lines = append(lines, fmt.Sprintf("%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d", keyOf(row, by),
			row.Closed, row.ClosedWithPlan, row.OnTime, row.Late, row.DaysLost, row.DaysLostBefore, row.Now.Open, row.Now.Overdue, row.Now.NoPlan))
	}
	slices.SortFunc(lines, byKey)
	return lines
}

// sum leaves the trend out: a row that had nothing lately is missing in older periods.
func sum(rows []report.Row) report.Row {
	var total report.Row
	for _, row := range rows {
		total.Closed += row.Closed
		total.ClosedWithPlan += row.ClosedWithPlan
		total.OnTime += row.OnTime
		total.Late += row.Late
		total.DaysLost += row.DaysLost
		total.DaysLostBefore += row.DaysLostBefore
		total.Now.Open += row.Now.Open
		total.Now.Overdue += row.Now.Overdue
		total.Now.NoPlan += row.Now.NoPlan
		total.Now.Waiting += row.Now.Waiting
		total.ClosedWithFirstPlan += row.ClosedWithFirstPlan
		total.OnTimeFirstPlan += row.OnTimeFirstPlan
		total.PlanChanges += row.PlanChanges
		total.DaysMoved += row.DaysMoved
		total.DaysForgiven += row.DaysForgiven
		total.ClosedAssumed += row.ClosedAssumed
		total.DaysLostAssumed += row.DaysLostAssumed
		total.AtEnd.Open += row.AtEnd.Open
		total.AtEnd.Overdue += row.AtEnd.Overdue
		total.AtEnd.NoPlan += row.AtEnd.NoPlan
		total.AtEnd.Waiting += row.AtEnd.Waiting
	}
	return total
}

// sumOf is how many of the visits were closed, how many days they lost, and how many are
// overdue now.
func sumOf(visits []report.Visit) (sums [3]int64) {
	for _, v := range visits {
		if v.IsClosed {
			sums[0]++
		}
		sums[1] += v.DaysLost
		if v.IsOpenOverdue {
			sums[2]++
		}
	}
	return sums
}

func gapLines(r report.Report) []string {
	var lines []string
	for _, gap := range r.Gaps {
		lines = append(lines, fmt.Sprintf("%s\t%d\t%d", gap.Reason, gap.Count, gap.Deals))
	}
	slices.Sort(lines)
	return lines
}

// interrupted calls back once, before one of its queries.
type interrupted struct {
	driver.Conn
	before atomic.Int64
	call   func()
}

func (c *interrupted) Query(ctx context.Context, query string, args ...any) (driver.Rows, error) {
	if c.before.Add(-1) == 0 {
		c.call()
	}
	return c.Conn.Query(ctx, query, args...)
}

// A run that is published in the middle of a report is in all of it or in nothing of it: behind the first
// query, and before the last two, the last of which reads which run is the newest now.
func TestRunPublishedMeanwhile(t *testing.T) {
	t.Parallel()
	s := published(t, 20)
	for nights, before := range []int{2, 16, 17} {
		conn := &interrupted{Conn: s.w.Views(), call: func() {
			s.clock.Add(24 * 60 * 60)
			s.run()
		}}
		conn.before.Store(int64(before))
		got, err := report.Read(context.Background(), views.Of(conn), report.Query{})
		if err != nil || conn.before.Load() > 0 {
			t.Fatalf("Read, a run before query %d: %v, and %d queries to come", before, err, conn.before.Load())
		}
		if diff := cmp.Diff(s.read(report.Query{}), steady(got), cmp.Exporter(func(reflect.Type) bool { return true })); diff != "" || int(got.Run.ID) != nights+2 {
			t.Errorf("Read, a run before query %d, shows run %d, want all of %d (-want +got):\n%s", before, got.Run.ID, nights+2, diff)
		}
	}
}

func TestNothingPublished(t *testing.T) {
	t.Parallel()
	if _, err := report.Read(context.Background(), views.In(warehousetest.Migrated(t)), report.Query{}); !errors.Is(err, report.ErrNothingPublished) {
		t.Errorf("Read of an empty warehouse: %v, want %v", err, report.ErrNothingPublished)
	}
}

func refusedQueries(t *testing.T, s *site) {
	tests := []struct {
		name  string
		query report.Query
		want  string
	}{
		{"a period that is yet to come", report.Query{Period: report.Period{From: day(t, "2026-03-11"), To: day(t, "2026-03-12")}}, "after the as-of date of the newest run, 2026-03-10"},
		{"a funnel that nobody has seen names those there are", report.Query{Funnels: views.Funnels{5, 404}}, "no deal has been in a funnel 404; there are 0 ("},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := report.Read(context.Background(), views.In(s.w), test.query)
			refusal, ok := errors.AsType[*report.QueryError](err)
			if !ok || !strings.Contains(refusal.Error(), test.want) {
				t.Errorf("Read(%+v) = %v, want a refusal with %q", test.query, err, test.want)
			}
		})
	}
}

func periods(t *testing.T, s *site) {
	tests := []struct {
		name               string
		from, to           string
		before, firstTrend string
		isOver             bool
	}{
		{"a month is compared with the month before, however long", "2026-02-01", "2026-02-28", "2026-01-01 2026-01-31", "2025-03-01 2025-03-31", true},
		{"whole months with as many months", "2025-12-01", "2026-02-28", "2025-09-01 2025-11-30", "2023-03-01 2023-05-31", true},
		{"other periods with as many days", "2026-02-02", "2026-02-08", "2026-01-26 2026-02-01", "2025-11-17 2025-11-23", true},
		{"the as-of date itself still runs", "2026-03-04", "2026-03-10", "2026-02-25 2026-03-03", "2025-12-17 2025-12-23", false},
		{"the last full month is the default", "", "", "2026-01-01 2026-01-31", "2025-03-01 2025-03-31", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			query := report.Query{}
			if test.from != "" {
				query.Period = report.Period{From: day(t, test.from), To: day(t, test.to)}
			}
			r := s.read(query)
			if got := span(r.Before); got != test.before {
				t.Errorf("the period before %s is %s, want %s", span(r.Period), got, test.before)
			}
			if got := span(r.Trend[0].Period); got != test.firstTrend {
				t.Errorf("the trend of %s begins with %s, want %s", span(r.Period), got, test.firstTrend)
			}
			if r.IsPeriodOver != test.isOver {
				t.Errorf("%s is over: %t, want %t", span(r.Period), r.IsPeriodOver, test.isOver)
			}
		})
	}
}

func span(p report.Period) string { return p.From.String() + " " + p.To.String() }

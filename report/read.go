package report

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/plain"
	"stagelag/transform"
)

// A Conn is what a report is read from.
type Conn interface {
	Query(ctx context.Context, query string, args ...any) (driver.Rows, error)
}

// ErrNothingPublished is what Read gives before the first published run.
var ErrNothingPublished = errors.New("no run has been published yet")

// A QueryError is a query that the published run has no answer to.
type QueryError struct{ problem string }

func (e *QueryError) Error() string { return e.problem }

// readTries is how often a report is read before it gives up on runs that are published
// in the middle of it. A run takes longer than a report, so the second try is enough.
const readTries = 5

// Read reads a report. All of it is of one published run: when another one comes out
// meanwhile, it is read again.
func Read(ctx context.Context, conn Conn, query Query) (Report, error) {
	for range readTries {
		before, err := newestRun(ctx, conn)
		if err != nil {
			return Report{}, fmt.Errorf("read the report: %w", err)
		}
		r := reading{Conn: conn, query: query}
		r.report.Run = before
		if err := r.read(ctx); err != nil {
			return Report{}, fmt.Errorf("read the report: %w", err)
		}
		after, err := newestRun(ctx, conn)
		if err != nil {
			return Report{}, fmt.Errorf("read the report: %w", err)
		}
		if after == before {
			return r.report, nil
		}
	}
	return Report{}, fmt.Errorf("read the report: a new run was published during each of %d readings", readTries)
}

const unknownTable = 60 // the engine's code

func newestRun(ctx context.Context, conn Conn) (Run, error) {
	var run Run
	isFound := false
	err := each(ctx, conn, `
		SELECT toUInt64(run_id), toInt32(as_of), ifNull(finished_at, started_at)
		FROM runs WHERE status = 'published' ORDER BY run_id DESC LIMIT 1`,
		func(rows driver.Rows) error {
			isFound = true
			return rows.Scan(&run.ID, (*int32)(&run.AsOf), &run.PublishedAt)
		})
	// A warehouse that no run has made yet has no views.
	if e, ok := errors.AsType[*clickhouse.Exception](err); ok && e.Code == unknownTable {
		return Run{}, ErrNothingPublished
	}
	if err != nil {
		return Run{}, fmt.Errorf("the newest run: %w", err)
	}
	if !isFound {
		return Run{}, ErrNothingPublished
	}
	run.PublishedAt = run.PublishedAt.UTC()
	return run, nil
}

// each calls scan for every row that a statement returns.
func each(ctx context.Context, conn Conn, statement string, scan func(driver.Rows) error) (err error) {
	rows, err := conn.Query(ctx, statement)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// A reading is a report that is being read.
type reading struct {
	Conn
	query  Query
	report Report
	// managers are the names of those who lost days, for the visits that others ended.
	managers map[uint64]string
}

func (r *reading) read(ctx context.Context) error {
	report := &r.report
	report.Period = r.query.Period
	if report.Period == (Period{}) {
		report.Period = lastFullMonth(report.Run.AsOf)
	}
	if report.Period.From > report.Run.AsOf {
		return &QueryError{fmt.Sprintf("the period begins on %s, after the as-of date of the newest run, %s", report.Period.From, report.Run.AsOf)}
	}
	report.IsPeriodOver = report.Period.To < report.Run.AsOf
	report.Before = report.Period.before()
	for _, period := range report.Period.trend() {
		report.Trend = append(report.Trend, TrendPeriod{Period: period})
	}
	for _, step := range []struct {
		what string
		read func(context.Context) error
	}{
		{"the funnels", r.readFunnels},
		{"the quality", r.readQuality},
		{"the visits", r.readVisits},
		{"the gaps", r.readGaps},
	} {
		if err := step.read(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return nil
}

func (r *reading) readFunnels(ctx context.Context) error {
	var all []Funnel
	err := each(ctx, r, "SELECT funnel_id, any(funnel_name) FROM deal_stages GROUP BY funnel_id ORDER BY funnel_id", func(rows driver.Rows) error {
		var f Funnel
		err := rows.Scan(&f.ID, &f.Name)
		all = append(all, f)
		return err
	})
	if err != nil {
		return err
	}
	r.report.Funnels, r.report.IsFiltered = all, len(r.query.Funnels) > 0
	if !r.report.IsFiltered {
		return nil
	}
	for _, id := range r.query.Funnels {
		if !slices.ContainsFunc(all, func(f Funnel) bool { return f.ID == id }) {
			var known []string
			for _, f := range all {
				known = append(known, fmt.Sprintf("%d (%s)", f.ID, plain.Text(f.Name, 40)))
			}
			return &QueryError{fmt.Sprintf("no deal has been in a funnel %d; there are %s", id, strings.Join(known, ", "))}
		}
	}
	r.report.Funnels = slices.DeleteFunc(all, func(f Funnel) bool { return !slices.Contains(r.query.Funnels, f.ID) })
	return nil
}

// inFunnels is the condition that a column is one of the funnels asked for.
func (r *reading) inFunnels(column string) string {
	if len(r.query.Funnels) == 0 {
		return "1"
	}
	var ids []string
	for _, id := range r.query.Funnels {
		ids = append(ids, strconv.FormatUint(uint64(id), 10))
	}
	return "has([" + strings.Join(ids, ", ") + "], " + column + ")"
}

// readQuality reads the trend, the totals and the levels. One statement gives the measures
// of each manager and stage by period of the trend, and all levels are sums of these.
func (r *reading) readQuality(ctx context.Context) error {
	report := &r.report
	levels := newLevels(len(report.Trend))
	first := transform.NoDay
	r.managers = map[uint64]string{}
	var starts []string // of the periods, and of what comes after them
	for _, t := range report.Trend {
		starts = append(starts, strconv.Itoa(int(t.Period.From)))
	}
	starts = append(starts, strconv.Itoa(int(report.Period.To)+1))

	err := each(ctx, r, `
		SELECT manager_id, any(manager_name), funnel_id, any(funnel_name), toString(stage_id), any(stage_name),
			toInt64(arrayCount(start -> toInt32(day) >= start, [`+strings.Join(starts, ", ")+`])) AS period,
			sum(visits_closed), sum(visits_closed_with_plan), sum(visits_on_time), sum(visits_late), sum(overdue_days_accrued),
			min(toInt32(day))
		FROM quality_report
		WHERE `+r.inFunnels("funnel_id")+`
		GROUP BY manager_id, funnel_id, stage_id, period`,
		func(rows driver.Rows) error {
			var s subject
			var q Quality
			var period int64
			var day transform.Day
			if err := rows.Scan(&s.manager, &s.managerName, &s.funnel, &s.funnelName, &s.stage, &s.stageName, &period,
				&q.Closed, &q.ClosedWithPlan, &q.OnTime, &q.Late, &q.DaysLost, (*int32)(&day)); err != nil {
				return err
			}
			r.managers[s.manager] = s.managerName
			if first == transform.NoDay || day < first {
				first = day
			}
			report.DaysLostToDate += q.DaysLost
			// 0 is before the trend, and one too many is after it.
			if i := int(period) - 1; i >= 0 && i < len(report.Trend) {
				report.Trend[i].add(q)
				levels.add(s, i, q)
			}
			return nil
		})
	if err != nil {
		return err
	}
	for i := range report.Trend {
		t := &report.Trend[i]
		t.HasData = first != transform.NoDay && t.Period.To >= first && t.Period.From <= report.Run.AsOf
	}

	err = each(ctx, r, `
		SELECT manager_id, any(manager_name), funnel_id, any(funnel_name), toString(stage_id), any(stage_name),
			toInt64(count()), toInt64(countIf(status = 'overdue')), toInt64(countIf(status = 'no_plan'))
		FROM deals_now
		WHERE is_open = 1 AND `+r.inFunnels("funnel_id")+`
		GROUP BY manager_id, funnel_id, stage_id`,
		func(rows driver.Rows) error {
			var s subject
			var open, overdue, noPlan int64
			if err := rows.Scan(&s.manager, &s.managerName, &s.funnel, &s.funnelName, &s.stage, &s.stageName, &open, &overdue, &noPlan); err != nil {
				return err
			}
			r.managers[s.manager] = s.managerName
			levels.addNow(s, open, overdue, noPlan)
			return nil
		})
	if err != nil {
		return err
	}
	report.Levels, report.Total = levels.sorted(r.query.By)
	return nil
}

// readVisits reads the visits behind the numbers: closed in the period, with days lost in
// it, or late now.
func (r *reading) readVisits(ctx context.Context) error {
	type visitID struct {
		deal uint64
		no   uint32
	}
	type loss struct {
		manager uint64
		days    int64
	}
	from, to := strconv.Itoa(int(r.report.Period.From)), strconv.Itoa(int(r.report.Period.To))
	lost := `
		FROM deal_stage_days
		WHERE overdue_day = 1 AND toInt32(day) BETWEEN ` + from + ` AND ` + to + ` AND ` + r.inFunnels("funnel_id")

	losses := map[visitID][]loss{}
	err := each(ctx, r, "SELECT deal_id, visit_no, manager_id, toInt64(count())"+lost+" GROUP BY deal_id, visit_no, manager_id", func(rows driver.Rows) error {
		var id visitID
		var l loss
		err := rows.Scan(&id.deal, &id.no, &l.manager, &l.days)
		losses[id] = append(losses[id], l)
		return err
	})
	if err != nil {
		return err
	}

	err = each(ctx, r, `
		SELECT deal_id, deal_title, deal_url, visit_no, funnel_id, funnel_name, toString(stage_id), stage_name, manager_id, manager_name,
			toInt32(entered_date), toInt32(left_date), toInt32(planned_end), ifNull(plan_days, 0), toString(status), toInt64(overdue_days),
			is_open = 0 AND left_date_in_period, is_open = 1 AND status = 'overdue'
		FROM (SELECT *, ifNull(toInt32(left_date) BETWEEN `+from+` AND `+to+`, 0) AS left_date_in_period FROM deal_stages)
		WHERE stage_semantics = 'process' AND `+r.inFunnels("funnel_id")+` AND
			(left_date_in_period OR is_open = 1 AND status = 'overdue' OR (deal_id, visit_no) IN (SELECT deal_id, visit_no`+lost+`))`,
		func(rows driver.Rows) error {
			var v Visit
			var left, planned *int32
			var isClosed, isOpenOverdue uint8
			if err := rows.Scan(&v.DealID, &v.DealTitle, &v.DealURL, &v.VisitNo, &v.FunnelID, &v.Funnel, &v.StageID, &v.Stage, &v.ManagerID, &v.Manager,
				(*int32)(&v.Entered), &left, &planned, &v.PlanDays, &v.Status, &v.OverdueDays, &isClosed, &isOpenOverdue); err != nil {
				return err
			}
			v.Left, v.Planned = dayOrNone(left), dayOrNone(planned)
			ended := v
			ended.IsClosed, ended.IsOpenOverdue = isClosed == 1, isOpenOverdue == 1
			for _, l := range losses[visitID{v.DealID, v.VisitNo}] {
				if l.manager == v.ManagerID {
					ended.DaysLost = l.days
					continue
				}
				other := v
				other.ManagerID, other.Manager, other.DaysLost = l.manager, r.managers[l.manager], l.days
				r.report.Visits = append(r.report.Visits, other)
			}
			if ended.IsClosed || ended.IsOpenOverdue || ended.DaysLost > 0 {
				r.report.Visits = append(r.report.Visits, ended)
			}
			return nil
		})
	if err != nil {
		return err
	}
	slices.SortFunc(r.report.Visits, compareVisits)
	return nil
}

func dayOrNone(d *int32) transform.Day {
	if d == nil {
		return transform.NoDay
	}
	return transform.Day(*d)
}

// readGaps reads what is not covered. A gap of a deal as a whole belongs to all of its
// visits.
func (r *reading) readGaps(ctx context.Context) error {
	period := r.report.Period
	byReason := map[string]*Gap{}
	deals := map[string]map[uint64]bool{}
	err := each(ctx, r, fmt.Sprintf(`
		SELECT toString(reason), deal_id, deal_title, deal_url, visit_no, toString(stage_id), detail,
			arrayExists(v -> v.3, touched), arrayExists(v -> %s, touched) AS is_asked
		FROM
		(
			SELECT g.*, arrayFilter(v -> isNull(g.visit_no) OR g.reason = 'unknown_manager' OR v.1 = g.visit_no, d.visits) AS touched
			FROM data_gaps AS g
			LEFT JOIN
			(
				SELECT deal_id, groupArray((visit_no, funnel_id, entered_date <= toDate(%d) AND (is_open = 1 OR ifNull(left_date >= toDate(%d), 0)))) AS visits
				FROM deal_stages
				GROUP BY deal_id
			) AS d ON d.deal_id = g.deal_id
		)
		WHERE %t OR is_asked
		ORDER BY reason, deal_id, visit_no, detail`, r.inFunnels("v.2"), period.To, period.From, !r.report.IsFiltered),
		func(rows driver.Rows) error {
			var reason string
			var item GapItem
			var isInPeriod, isAsked uint8
			if err := rows.Scan(&reason, &item.DealID, &item.DealTitle, &item.DealURL, &item.VisitNo, &item.StageID, &item.Detail, &isInPeriod, &isAsked); err != nil {
				return err
			}
			gap := byReason[reason]
			if gap == nil {
				gap = &Gap{Reason: reason}
				byReason[reason], deals[reason] = gap, map[uint64]bool{}
			}
			item.IsInPeriod = isInPeriod == 1
			gap.Items = append(gap.Items, item)
			gap.Count++
			if item.IsInPeriod {
				gap.InPeriod++
			}
			deals[reason][item.DealID] = true
			return nil
		})
	if err != nil {
		return err
	}
	for reason, gap := range byReason {
		gap.Deals = int64(len(deals[reason]))
		r.report.Gaps = append(r.report.Gaps, *gap)
	}
	slices.SortFunc(r.report.Gaps, compareGaps)
	return nil
}

package views

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/extractor"
	"stagelag/transform"
)

// Totals are the portfolio in numbers.
type Totals struct {
	Deals    uint64
	Open     uint64
	Waiting  uint64 // open deals that wait for somebody else
	Overdue  uint64 // open deals that are late in their stage
	DueToday uint64
	// DaysLost is the overdue days of all visits up to the as-of date.
	DaysLost int64
	// PausedDays are those of the open visits.
	PausedDays int64
}

// Totals counts the deals.
func (v Views) Totals(ctx context.Context) (Totals, error) {
	return one(read(ctx, v, "deals_now", `
		SELECT count(), countIf(is_open = 1), countIf(is_open = 1 AND status = 'waiting'), countIf(status = 'overdue'), countIf(status = 'due_today'), sum(overdue_days_total),
			(SELECT toInt64(sum(paused_days)) FROM visits_now WHERE is_open = 1)
		FROM deals_now`,
		func(rows driver.Rows, t *Totals) error {
			return rows.Scan(&t.Deals, &t.Open, &t.Waiting, &t.Overdue, &t.DueToday, &t.DaysLost, &t.PausedDays)
		}))
}

// A LateDeal is an open deal with overdue days.
type LateDeal struct {
	DealID      extractor.DealID
	Title       string // untrusted, as are all names and titles
	Stage       string
	Manager     string
	OverdueDays int64
}

// Latest are the open deals with the most overdue days, the latest first, at most so many.
func (v Views) Latest(ctx context.Context, most int) ([]LateDeal, error) {
	return list(read(ctx, v, "deals_now", `
		SELECT deal_id, deal_title, stage_name, manager_name, overdue_days_now
		FROM deals_now WHERE is_open = 1 AND overdue_days_now > 0 ORDER BY overdue_days_now DESC, deal_id LIMIT ?`,
		func(rows driver.Rows, d *LateDeal) error {
			return rows.Scan((*uint64)(&d.DealID), &d.Title, &d.Stage, &d.Manager, &d.OverdueDays)
		}, most))
}

// A Standing is how many deals of a manager are open in a stage: in one that waits for somebody else, or in another.
type Standing struct {
	Subject
	Department            string // of the manager, empty where none is known
	Open, Overdue, NoPlan int64
	Waiting               int64 // not among the others
}

// Standings are the open deals by manager, department and stage, in no order.
func (v Views) Standings(ctx context.Context, in Funnels) ([]Standing, error) {
	return list(read(ctx, v, "deals_now", `
		SELECT manager_id, any(manager_name), funnel_id, any(funnel_name), toString(stage_id), any(stage_name), ifNull(department, '') AS department_name,
			toInt64(countIf(status != 'waiting')), toInt64(countIf(status = 'overdue')), toInt64(countIf(status = 'no_plan')),
			toInt64(countIf(status = 'waiting'))
		FROM deals_now
		WHERE is_open = 1 AND `+in.hold("funnel_id")+` AND `+v.dealsNow()+`
		GROUP BY manager_id, funnel_id, stage_id, department_name`,
		func(rows driver.Rows, s *Standing) error {
			return rows.Scan(append(s.columns(), &s.Department, &s.Open, &s.Overdue, &s.NoPlan, &s.Waiting)...)
		}))
}

// A Result is what a deal is shown with.
type Result struct {
	DealID     extractor.DealID
	IsOpen     bool
	Status     string
	PlannedEnd transform.Day // of the open visit; NoDay without a plan
	DaysLeft   *int32        // counting days of the open visit; nil without a plan
	// DaysLate are the overdue days of the open visit, DaysLost those of all visits.
	DaysLate, DaysLost int64
	CountsWorkingDays  bool // in the funnel of the last visit
	// ExpectedEnd is that of the open visit, NoDay without a forecast. LateProbability is from 0 to 1, nil without one.
	ExpectedEnd     transform.Day
	LateProbability *float64
}

// Results are the results of the deals with ids above after, by id, at most so many. Forecasts are read where they are
// asked for.
func (v Views) Results(ctx context.Context, after extractor.DealID, most int, withForecasts bool) ([]Result, error) {
	forecast := "CAST(NULL AS Nullable(Int32)), CAST(NULL AS Nullable(Float64))"
	if withForecasts {
		forecast = "toInt32(expected_end), late_probability"
	}
	return list(read(ctx, v, "deals_now", `
		WITH (SELECT (groupUniqArrayArray(funnels), groupUniqArrayArrayIf(funnels, counts = 0), max(counts = 0 AND calendar = '')) FROM calendar_days) AS calendars
		SELECT deal_id, is_open = 1, toString(status), toInt32(planned_end), days_left, toInt64(overdue_days_now), toInt64(overdue_days_total),
			if(has(calendars.1, funnel_id), has(calendars.2, funnel_id), calendars.3), `+forecast+`
		FROM deals_now WHERE deal_id > ? ORDER BY deal_id LIMIT ?`,
		func(rows driver.Rows, r *Result) error {
			var isOpen, countsWorkingDays uint8
			var plannedEnd, expectedEnd *int32
			err := rows.Scan((*uint64)(&r.DealID), &isOpen, &r.Status, &plannedEnd, &r.DaysLeft, &r.DaysLate, &r.DaysLost, &countsWorkingDays, &expectedEnd, &r.LateProbability)
			r.IsOpen, r.PlannedEnd, r.CountsWorkingDays = isOpen == 1, dayOrNone(plannedEnd), countsWorkingDays == 1
			r.ExpectedEnd = dayOrNone(expectedEnd)
			return err
		}, uint64(after), most))
}

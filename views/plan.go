package views

import (
	"context"
	"iter"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/transform"
)

// A PlanChange is a change of a visit's plan, in a value that the deal carries.
type PlanChange struct {
	VisitID
	Subject           // its manager is that of the day
	Department string // of the manager on that day, empty where none is known
	DealTitle  string
	DealURL    string
	KnownOn    transform.Day // the as-of date of the run that saw the change
	// Before and After are the planned ends; NoDay without a plan.
	Before, After transform.Day
	// DaysMoved are the calendar days from Before to After; nil where one of them is missing.
	DaysMoved *int32
	// DaysForgiven are the counting days that the visit had lost on KnownOn and no longer has, 0 where there are
	// none fewer.
	DaysForgiven int64
}

// PlanChanges are the changes in deals that runs as of the dates of a period saw. Those that forgave the most
// days come first, then those that moved the plan furthest.
func (v Views) PlanChanges(ctx context.Context, from, to transform.Day, in Funnels) iter.Seq2[PlanChange, error] {
	return read(ctx, v, "plan_changes", `
		SELECT manager_id, manager_name, funnel_id, funnel_name, toString(stage_id), stage_name, ifNull(d.called, ''), deal_id, visit_no, deal_title, deal_url,
			toInt32(known_on), toInt32(planned_end_before), toInt32(planned_end), days_moved,
			toInt64(greatest(0, overdue_days_before - overdue_days)) AS days_forgiven
		FROM (SELECT * FROM plan_changes WHERE cause = 'deal' AND `+v.changedIn(from, to, in)+`) AS c`+departmentOn("c.manager_id", "c.known_on", from, to)+`
		ORDER BY days_forgiven DESC, days_moved DESC NULLS LAST, known_on, deal_id, visit_no`,
		func(rows driver.Rows, c *PlanChange) error {
			var before, after *int32
			err := rows.Scan(append(c.columns(), &c.Department, (*uint64)(&c.DealID), &c.VisitNo, &c.DealTitle, &c.DealURL,
				(*int32)(&c.KnownOn), &before, &after, &c.DaysMoved, &c.DaysForgiven)...)
			c.Before, c.After = dayOrNone(before), dayOrNone(after)
			return err
		})
}

// A CauseCount is how many changes of plans have one cause.
type CauseCount struct {
	Cause string // entry, calendar or norm
	Count int64
}

// OtherPlanChanges counts the changes that runs as of the dates of a period saw and that nobody made in a deal,
// the most frequent cause first.
func (v Views) OtherPlanChanges(ctx context.Context, from, to transform.Day, in Funnels) ([]CauseCount, error) {
	return list(read(ctx, v, "plan_changes", `
		SELECT toString(cause), toInt64(count()) FROM plan_changes
		WHERE cause != 'deal' AND `+v.changedIn(from, to, in)+`
		GROUP BY cause ORDER BY count() DESC, cause`,
		func(rows driver.Rows, c *CauseCount) error { return rows.Scan(&c.Cause, &c.Count) }))
}

// changedIn is the condition on changes of a period.
func (v Views) changedIn(from, to transform.Day, in Funnels) string {
	return "toInt32(known_on) BETWEEN " + number(from) + " AND " + number(to) + " AND " + in.hold("funnel_id") + " AND " + v.ofPeopleOn("manager_id", "known_on") + " AND " + v.ofDeals()
}

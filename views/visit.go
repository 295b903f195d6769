package views

import (
	"context"
	"iter"
	"strconv"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/extractor"
	"stagelag/transform"
)

// A Funnel is a funnel that a deal has been in.
type Funnel struct {
	ID   extractor.FunnelID
	Name string
}

// Funnels are the funnels of all visits, by id.
func (v Views) Funnels(ctx context.Context) ([]Funnel, error) {
	return list(read(ctx, v, "deal_stages", "SELECT funnel_id, any(funnel_name) FROM deal_stages GROUP BY funnel_id ORDER BY funnel_id",
		func(rows driver.Rows, f *Funnel) error { return rows.Scan((*uint32)(&f.ID), &f.Name) }))
}

// A Coverage is how many of the open visits in a stage have no plan. Waiting ones need none, and are not counted.
type Coverage struct {
	StageID extractor.StageID
	Stage   string
	Open    uint64
	NoPlan  uint64
}

// Uncovered are the stages with open visits that have no plan, those with the most first, at
// most so many.
func (v Views) Uncovered(ctx context.Context, most int) ([]Coverage, error) {
	return list(read(ctx, v, "deal_stages", `
		SELECT toString(stage_id), any(stage_name), count(), countIf(status = 'no_plan')
		FROM deal_stages WHERE is_open = 1 AND is_waiting = 0
		GROUP BY funnel_id, stage_id HAVING countIf(status = 'no_plan') > 0
		ORDER BY countIf(status = 'no_plan') DESC, stage_id LIMIT ?`,
		func(rows driver.Rows, c *Coverage) error {
			return rows.Scan((*string)(&c.StageID), &c.Stage, &c.Open, &c.NoPlan)
		}, most))
}

// A VisitID names a visit.
type VisitID struct {
	DealID  extractor.DealID
	VisitNo uint32 // from 1
}

// A Loss is how many days a visit lost in a period under one manager, while he was in one department.
type Loss struct {
	Visit      VisitID
	ManagerID  extractor.ManagerID
	Department string // empty where none is known
	Days       int64
}

// lostIn are the facts of the days lost in a period.
func (v Views) lostIn(from, to transform.Day, in Funnels) string {
	return `
		FROM deal_stage_days
		WHERE overdue_day = 1 AND toInt32(day) BETWEEN ` + number(from) + ` AND ` + number(to) + ` AND ` + in.hold("funnel_id") + ` AND ` + v.ofPeopleOn("manager_id", "day") + ` AND ` + v.ofDeals()
}

func number(day transform.Day) string { return strconv.Itoa(int(day)) }

// Losses are the days lost in a period by visit, manager and department, in no order.
func (v Views) Losses(ctx context.Context, from, to transform.Day, in Funnels) iter.Seq2[Loss, error] {
	return read(ctx, v, "deal_stage_days",
		"SELECT f.deal_id, f.visit_no, f.manager_id, ifNull(d.called, '') AS department_name, toInt64(count()) FROM (SELECT deal_id, visit_no, manager_id, day"+
			v.lostIn(from, to, in)+") AS f"+departmentOn("f.manager_id", "f.day", from, to)+" GROUP BY f.deal_id, f.visit_no, f.manager_id, department_name",
		func(rows driver.Rows, l *Loss) error {
			return rows.Scan((*uint64)(&l.Visit.DealID), &l.Visit.VisitNo, (*uint64)(&l.ManagerID), &l.Department, &l.Days)
		})
}

// A Visit is a visit as it stands now.
type Visit struct {
	VisitID
	Subject
	Department  string // of the manager on the last day of the visit or the as-of date, empty where none is known
	DealTitle   string
	DealURL     string
	Entered     transform.Day
	Left        transform.Day // NoDay while it is open
	Planned     transform.Day // the planned end; NoDay without a plan
	PlanDays    int32         // counting days; 0 without a plan
	Status      string
	OverdueDays int64
	PausedDays  int64
	// Spent are the counting days, Elapsed the calendar days from the entry to the leaving, or to the as-of date.
	Spent, Elapsed int64
	// IsClosed is whether it was left in the period that was asked for, IsOpenOverdue whether
	// it is late now.
	IsClosed, IsOpenOverdue bool
}

// Visits are the visits in no final or waiting stage that were left in a period, lost days in it, or are
// late now, in no order.
func (v Views) Visits(ctx context.Context, from, to transform.Day, in Funnels) iter.Seq2[Visit, error] {
	lastDay := "ifNull(left_date, (SELECT max(as_of) FROM runs WHERE status = 'published'))"
	counts := v.ofPeopleOn("manager_id", lastDay)
	return read(ctx, v, "deal_stages", `
		SELECT v.manager_id, v.manager_name, v.funnel_id, v.funnel_name, toString(v.stage_id), v.stage_name, ifNull(d.called, ''), v.deal_id, v.visit_no, v.deal_title, v.deal_url,
			toInt32(v.entered_date), toInt32(v.left_date), toInt32(v.planned_end), ifNull(v.plan_days, 0), toString(v.status), toInt64(v.overdue_days), toInt64(v.paused_days),
			toInt64(v.elapsed_working_days - v.paused_days), toInt64(v.elapsed_days), v.is_open = 0 AND v.left_date_in_period, v.is_open = 1 AND v.status = 'overdue' AND v.counts
		FROM
		(
			SELECT *, ifNull(toInt32(left_date) BETWEEN `+number(from)+` AND `+number(to)+`, 0) AND `+counts+` AS left_date_in_period, `+counts+` AS counts, `+lastDay+` AS last_day
			FROM deal_stages
			WHERE stage_semantics = 'process' AND is_waiting = 0 AND `+in.hold("funnel_id")+` AND `+v.ofDeals()+` AND
				(left_date_in_period OR is_open = 1 AND status = 'overdue' AND counts OR (deal_id, visit_no) IN (SELECT deal_id, visit_no`+v.lostIn(from, to, in)+`))
		) AS v`+departmentOn("v.manager_id", "v.last_day", from, transform.LastDay),
		func(rows driver.Rows, r *Visit) error {
			var left, planned *int32
			var isClosed, isOpenOverdue uint8
			err := rows.Scan(append(r.columns(), &r.Department, (*uint64)(&r.DealID), &r.VisitNo, &r.DealTitle, &r.DealURL,
				(*int32)(&r.Entered), &left, &planned, &r.PlanDays, &r.Status, &r.OverdueDays, &r.PausedDays, &r.Spent, &r.Elapsed, &isClosed, &isOpenOverdue)...)
			r.Left, r.Planned = dayOrNone(left), dayOrNone(planned)
			r.IsClosed, r.IsOpenOverdue = isClosed == 1, isOpenOverdue == 1
			return err
		})
}

// HasPlan is whether the visit has a plan, of 0 days too.
func (v *Visit) HasPlan() bool { return v.Planned != transform.NoDay }

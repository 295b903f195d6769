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
		FROM deal_stages WHERE is_open = 1 AND status != 'waiting'
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

// A Loss is how many days a visit lost in a period under one manager.
type Loss struct {
	Visit     VisitID
	ManagerID extractor.ManagerID
	Days      int64
}

// lostIn are the facts of the days lost in a period.
func (v Views) lostIn(from, to transform.Day, in Funnels) string {
	return `
		FROM deal_stage_days
		WHERE overdue_day = 1 AND toInt32(day) BETWEEN ` + number(from) + ` AND ` + number(to) + ` AND ` + in.hold("funnel_id") + ` AND ` + v.ofDepartments("manager_id", "day")
}

func number(day transform.Day) string { return strconv.Itoa(int(day)) }

// Losses are the days lost in a period by visit and manager, in no order.
func (v Views) Losses(ctx context.Context, from, to transform.Day, in Funnels) iter.Seq2[Loss, error] {
	return read(ctx, v, "deal_stage_days",
		"SELECT deal_id, visit_no, manager_id, toInt64(count())"+v.lostIn(from, to, in)+" GROUP BY deal_id, visit_no, manager_id",
		func(rows driver.Rows, l *Loss) error {
			return rows.Scan((*uint64)(&l.Visit.DealID), &l.Visit.VisitNo, (*uint64)(&l.ManagerID), &l.Days)
		})
}

// A Visit is a visit as it stands now.
type Visit struct {
	VisitID
	Subject
	DealTitle   string
	DealURL     string
	Entered     transform.Day
	Left        transform.Day // NoDay while it is open
	Planned     transform.Day // the planned end; NoDay without a plan
	PlanDays    int32         // counting days; 0 without a plan
	Status      string
	OverdueDays int64
	PausedDays  int64
	// IsClosed is whether it was left in the period that was asked for, IsOpenOverdue whether
	// it is late now.
	IsClosed, IsOpenOverdue bool
}

// Visits are the visits in no final or waiting stage that were left in a period, lost days in it, or are
// late now, in no order.
func (v Views) Visits(ctx context.Context, from, to transform.Day, in Funnels) iter.Seq2[Visit, error] {
	counts := v.ofDepartments("manager_id", "ifNull(left_date, (SELECT max(as_of) FROM runs WHERE status = 'published'))")
	return read(ctx, v, "deal_stages", `
		SELECT manager_id, manager_name, funnel_id, funnel_name, toString(stage_id), stage_name, deal_id, visit_no, deal_title, deal_url,
			toInt32(entered_date), toInt32(left_date), toInt32(planned_end), ifNull(plan_days, 0), toString(status), toInt64(overdue_days), toInt64(paused_days),
			is_open = 0 AND left_date_in_period, is_open = 1 AND status = 'overdue' AND counts
		FROM (SELECT *, ifNull(toInt32(left_date) BETWEEN `+number(from)+` AND `+number(to)+`, 0) AND `+counts+` AS left_date_in_period, `+counts+` AS counts FROM deal_stages)
		WHERE stage_semantics = 'process' AND status != 'waiting' AND `+in.hold("funnel_id")+` AND
			(left_date_in_period OR is_open = 1 AND status = 'overdue' AND counts OR (deal_id, visit_no) IN (SELECT deal_id, visit_no`+v.lostIn(from, to, in)+`))`,
		func(rows driver.Rows, r *Visit) error {
			var left, planned *int32
			var isClosed, isOpenOverdue uint8
			err := rows.Scan(append(r.columns(), (*uint64)(&r.DealID), &r.VisitNo, &r.DealTitle, &r.DealURL,
				(*int32)(&r.Entered), &left, &planned, &r.PlanDays, &r.Status, &r.OverdueDays, &r.PausedDays, &isClosed, &isOpenOverdue)...)
			r.Left, r.Planned = dayOrNone(left), dayOrNone(planned)
			r.IsClosed, r.IsOpenOverdue = isClosed == 1, isOpenOverdue == 1
			return err
		})
}

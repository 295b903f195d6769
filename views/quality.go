package views

import (
	"context"
	"iter"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/extractor"
	"stagelag/transform"
)

// A Subject is what numbers are about: a manager in a stage.
type Subject struct {
	ManagerID extractor.ManagerID
	Manager   string
	FunnelID  extractor.FunnelID
	Funnel    string
	StageID   extractor.StageID
	Stage     string
}

// columns are where the columns of a subject go.
func (s *Subject) columns() []any {
	return []any{(*uint64)(&s.ManagerID), &s.Manager, (*uint32)(&s.FunnelID), &s.Funnel, (*string)(&s.StageID), &s.Stage}
}

// A Quality is what the days of a period add up to for a subject.
type Quality struct {
	Subject
	Department string // of the manager on these days, empty where none is known
	// Period is the number of starts up to these days: 0 is before the first start.
	Period         int
	Closed         int64
	ClosedWithPlan int64
	OnTime         int64
	Late           int64
	DaysLost       int64
	// ClosedWithFirstPlan are the closed visits that ever had a plan, OnTimeFirstPlan those of them that were on time by
	// their first one.
	ClosedWithFirstPlan, OnTimeFirstPlan int64
	// ClosedAssumed are the closed visits, DaysLostAssumed the days lost, whose manager is assumed.
	ClosedAssumed, DaysLostAssumed int64
	// What is open at the end of the last of the period's days, the day before the next start; 0 after the last start.
	OpenAtEnd, OverdueAtEnd, NoPlanAtEnd, WaitingAtEnd int64
	First                                              transform.Day // of these days, the first with anything in it
}

// A Quantity is what all days up to the as-of date add up to for a manager in a stage, and the open visits on that date.
type Quantity struct {
	ManagerID                      extractor.ManagerID
	FunnelID                       extractor.FunnelID
	StageID                        extractor.StageID
	Closed, ClosedWithPlan, OnTime int64
	DaysLost                       int64
	Open, Overdue, NoPlan          int64
}

// Quantities adds up the whole quality report, in no order.
func (v Views) Quantities(ctx context.Context, asOf transform.Day) iter.Seq2[Quantity, error] {
	return read(ctx, v, "quality_report", `
		SELECT manager_id, funnel_id, toString(stage_id),
			sum(visits_closed), sum(visits_closed_with_plan), sum(visits_on_time), sum(overdue_days_accrued),
			sumIf(visits_open, toInt32(day) = ?), sumIf(visits_overdue, toInt32(day) = ?), sumIf(visits_no_plan, toInt32(day) = ?)
		FROM quality_report
		GROUP BY manager_id, funnel_id, stage_id`,
		func(rows driver.Rows, q *Quantity) error {
			return rows.Scan((*uint64)(&q.ManagerID), (*uint32)(&q.FunnelID), (*string)(&q.StageID),
				&q.Closed, &q.ClosedWithPlan, &q.OnTime, &q.DaysLost, &q.Open, &q.Overdue, &q.NoPlan)
		}, int32(asOf), int32(asOf), int32(asOf))
}

// Quality adds up the quality report from each start to the next one, in no order. The starts
// ascend.
func (v Views) Quality(ctx context.Context, starts []transform.Day, in Funnels) iter.Seq2[Quality, error] {
	var numbers, ends []string
	for _, start := range starts {
		numbers, ends = append(numbers, number(start)), append(ends, number(start-1))
	}
	return read(ctx, v, "quality_report", `
		WITH has([`+strings.Join(ends, ", ")+`], toInt32(day)) AS is_end
		SELECT manager_id, any(manager_name), funnel_id, any(funnel_name), toString(stage_id), any(stage_name), ifNull(department, '') AS department_name,
			toInt64(arrayCount(start -> toInt32(day) >= start, [`+strings.Join(numbers, ", ")+`])) AS period,
			sum(visits_closed), sum(visits_closed_with_plan), sum(visits_on_time), sum(visits_late), sum(overdue_days_accrued),
			sum(visits_closed_with_first_plan), sum(visits_on_time_first_plan), sum(visits_assumed), sum(overdue_days_assumed),
			sumIf(visits_open, is_end), sumIf(visits_overdue, is_end), sumIf(visits_no_plan, is_end), sumIf(visits_waiting, is_end), min(toInt32(day))
		FROM `+v.qualityReport(ends)+`
		WHERE `+in.hold("funnel_id")+` AND `+v.choice.ofPeople()+`
		GROUP BY manager_id, funnel_id, stage_id, department_name, period`,
		func(rows driver.Rows, q *Quality) error {
			var period int64
			err := rows.Scan(append(q.columns(), &q.Department, &period, &q.Closed, &q.ClosedWithPlan, &q.OnTime, &q.Late, &q.DaysLost,
				&q.ClosedWithFirstPlan, &q.OnTimeFirstPlan, &q.ClosedAssumed, &q.DaysLostAssumed,
				&q.OpenAtEnd, &q.OverdueAtEnd, &q.NoPlanAtEnd, &q.WaitingAtEnd, (*int32)(&q.First))...)
			q.Period = int(period)
			return err
		})
}

// qualityReport is what Quality reads from: the quality report or, where some deals are chosen, the same measures of
// these, from their facts. What is open is counted on the days that are ends alone.
func (v Views) qualityReport(ends []string) string {
	if !v.choice.IsOfDeals() {
		return "quality_report"
	}
	return `
		(
			SELECT f.day AS day, f.manager_id AS manager_id, f.manager_name AS manager_name, d.called AS department, f.funnel_id AS funnel_id,
				f.funnel_name AS funnel_name, f.stage_id AS stage_id, f.stage_name AS stage_name,
				s.is_process AND NOT s.is_waiting AND f.is_open = 0 AS is_closed, NOT s.is_waiting AND f.is_open = 1 AND has([` + strings.Join(ends, ", ") + `], toInt32(f.day)) AS is_working,
				isNotNull(f.plan_days) AS is_planned, f.overdue_days > 0 OR ifNull(f.planned_end < f.entered_date, 0) AS is_late,
				toInt64(is_closed) AS visits_closed, toInt64(is_closed AND is_planned) AS visits_closed_with_plan,
				toInt64(is_closed AND is_planned AND NOT is_late) AS visits_on_time, toInt64(is_closed AND is_planned AND is_late) AS visits_late,
				toInt64(f.overdue_day) AS overdue_days_accrued,
				toInt64(is_closed AND s.has_first_plan) AS visits_closed_with_first_plan, toInt64(is_closed AND s.has_first_plan AND NOT s.is_late_by_first) AS visits_on_time_first_plan,
				toInt64(is_closed AND f.manager_source = 'assumed') AS visits_assumed, toInt64(f.overdue_day = 1 AND f.manager_source = 'assumed') AS overdue_days_assumed,
				toInt64(is_working) AS visits_open, toInt64(is_working AND is_late) AS visits_overdue, toInt64(is_working AND NOT is_planned) AS visits_no_plan,
				toInt64(s.is_waiting AND f.is_open = 1) AS visits_waiting
			FROM (SELECT * FROM deal_stage_days WHERE ` + v.ofDeals() + `) AS f
			INNER JOIN
			(
				SELECT deal_id, visit_no, stage_semantics = 'process' AS is_process, is_waiting,
					isNotNull(first_plan_days) AS has_first_plan, first_plan_overdue_days > 0 OR ifNull(first_planned_end < entered_date, 0) AS is_late_by_first
				FROM deal_stages WHERE ` + v.ofDeals() + `
			) AS s ON s.deal_id = f.deal_id AND s.visit_no = f.visit_no` +
		departmentOn("f.manager_id", "f.day", transform.FirstDay, transform.LastDay) + `
			WHERE is_closed OR is_working OR f.overdue_day = 1 OR s.is_waiting AND f.is_open = 1
		)`
}

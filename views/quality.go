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
	First                                transform.Day // of these days, the first with anything in it
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
	var numbers []string
	for _, start := range starts {
		numbers = append(numbers, number(start))
	}
	return read(ctx, v, "quality_report", `
		SELECT manager_id, any(manager_name), funnel_id, any(funnel_name), toString(stage_id), any(stage_name),
			toInt64(arrayCount(start -> toInt32(day) >= start, [`+strings.Join(numbers, ", ")+`])) AS period,
			sum(visits_closed), sum(visits_closed_with_plan), sum(visits_on_time), sum(visits_late), sum(overdue_days_accrued),
			sum(visits_closed_with_first_plan), sum(visits_on_time_first_plan), min(toInt32(day))
		FROM quality_report
		WHERE `+in.hold("funnel_id")+` AND `+v.inDepartments()+`
		GROUP BY manager_id, funnel_id, stage_id, period`,
		func(rows driver.Rows, q *Quality) error {
			var period int64
			err := rows.Scan(append(q.columns(), &period, &q.Closed, &q.ClosedWithPlan, &q.OnTime, &q.Late, &q.DaysLost,
				&q.ClosedWithFirstPlan, &q.OnTimeFirstPlan, (*int32)(&q.First))...)
			q.Period = int(period)
			return err
		})
}

package loader

import (
	"context"
	"fmt"

	"stagelag/warehouse"
)

// appendMeasures sums what the run's facts and visits add to the measures of each day. What was taken back takes its
// share of the measures along. A department is that of the day, also for what is taken back.
func (s *Shard) appendMeasures(ctx context.Context, departments *Departments) error {
	isAgain := false
	changes, err := departments.table()
	if err != nil {
		return err
	}
	department, join := "0", ""
	if changes != nil {
		department, join = "department", "ASOF LEFT JOIN department_changes ON person = manager_id AND since <= day"
	}
	err = warehouse.Retry(ctx, s.conn, func() error {
		if isAgain { // a part may have come in
			if err := mutate(ctx, s.conn, "day_measures", "DELETE", "run_id = ?", uint32(s.run)); err != nil {
				return err
			}
		}
		isAgain = true
		return s.conn.Exec(with(ctx, changes), fmt.Sprintf(measures, s.run, s.shown, department, join))
	})
	if err != nil {
		return fmt.Errorf("append the day measures: %w", err)
	}
	return nil
}

// measures are summed from the facts of a run. Those by the first plan are no facts: they follow from the visits that
// the run has written, and those that they replace.
const measures = `
		INSERT INTO day_measures (run_id, day, funnel_id, stage_id, manager_id, visits_entered, visits_closed,
			visits_closed_with_plan, visits_on_time, late_days, overdue_days_accrued, visits_open, visits_overdue, visits_no_plan, visits_waiting,
			visits_closed_with_first_plan, visits_on_time_first_plan, first_plan_late_days, overdue_days_assumed, visits_assumed, department_id)
		WITH
			semantics = 'process' AND NOT is_open AND NOT is_waiting AS is_closed,
			is_open AND NOT is_waiting AS is_working,
			plan_source != 'none' AS is_planned,
			overdue_days > 0 OR is_planned AND planned_end < entered_date AS is_late,
			(accrues_number - first_accrues_shift) AS first_accrues_number,
			toInt64(greatest(0, stops_number - first_accrues_number)) AS first_days,
			first_days > 0 OR toInt32(planned_end) - first_end_shift < toInt32(entered_date) AS is_late_by_first,
			if(run_id = %[1]d, 1, -1) AS sign_of_visit
		SELECT
			toUInt32(%[1]d), day, funnel_id, stage_id, manager_id,
			visits_entered, visits_closed, visits_closed_with_plan, visits_on_time, late_days,
			overdue_days_accrued, visits_open, visits_overdue, visits_no_plan, visits_waiting,
			visits_closed_with_first_plan, visits_on_time_first_plan, first_plan_late_days, overdue_days_assumed, visits_assumed, %[3]s
		FROM
		(
			SELECT day, funnel_id, stage_id, manager_id,
				sum(entries) AS visits_entered, sum(closed) AS visits_closed, sum(closed_with_plan) AS visits_closed_with_plan, sum(on_time) AS visits_on_time,
				sum(late) AS late_days, sum(accrued) AS overdue_days_accrued, sum(open) AS visits_open, sum(overdue) AS visits_overdue,
				sum(no_plan) AS visits_no_plan, sum(waiting) AS visits_waiting, sum(closed_with_first) AS visits_closed_with_first_plan, sum(on_time_first) AS visits_on_time_first_plan,
				sum(late_first) AS first_plan_late_days, sum(accrued_assumed) AS overdue_days_assumed, sum(closed_assumed) AS visits_assumed
		FROM
		(
			SELECT
				day, funnel_id, stage_id, manager_id,
				sum(sign * (day = entered_date)) AS entries,
				sum(sign * is_closed) AS closed,
				sum(sign * (is_closed AND is_planned)) AS closed_with_plan,
				sum(sign * (is_closed AND is_planned AND NOT is_late)) AS on_time,
				sum(sign * if(is_closed, overdue_days, 0)) AS late,
				sum(sign * overdue_day) AS accrued,
				sum(sign * is_working) AS open,
				sum(sign * (is_working AND is_late)) AS overdue,
				sum(sign * (is_working AND NOT is_planned)) AS no_plan,
				sum(sign * (is_open AND is_waiting)) AS waiting,
				toInt64(0) AS closed_with_first, toInt64(0) AS on_time_first, toInt64(0) AS late_first,
				sum(sign * (overdue_day AND manager_source = 'assumed')) AS accrued_assumed,
				sum(sign * (is_closed AND manager_source = 'assumed')) AS closed_assumed
			FROM facts
			WHERE run_id = %[1]d
			GROUP BY day, funnel_id, stage_id, manager_id
			UNION ALL
			SELECT
				left_date AS day, funnel_id, stage_id, manager_id, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
				sum(sign_of_visit), sum(sign_of_visit * NOT is_late_by_first), sum(sign_of_visit * first_days), 0, 0
			FROM visits
			WHERE NOT is_gone AND is_closed AND first_plan_source != 'none'
				AND (run_id = %[1]d OR %[2]s AND (deal_id, visit_no) IN (SELECT deal_id, visit_no FROM visits WHERE run_id = %[1]d))
			GROUP BY left_date, funnel_id, stage_id, manager_id
		)
		GROUP BY day, funnel_id, stage_id, manager_id
		HAVING visits_entered != 0 OR visits_closed != 0 OR visits_closed_with_plan != 0 OR visits_on_time != 0 OR late_days != 0
			OR overdue_days_accrued != 0 OR visits_open != 0 OR visits_overdue != 0 OR visits_no_plan != 0 OR visits_waiting != 0
			OR visits_closed_with_first_plan != 0 OR visits_on_time_first_plan != 0 OR first_plan_late_days != 0 OR overdue_days_assumed != 0 OR visits_assumed != 0
		) AS sums
		%[4]s`

package loader

import (
	"context"
	"fmt"

	"stagelag/warehouse"
)

// appendMeasures sums what the run's facts add to the measures of each day. A fact that
// was taken back takes its share of the measures along.
func (s *Shard) appendMeasures(ctx context.Context) error {
	isAgain := false
	err := warehouse.Retry(ctx, s.conn, func() error {
		if isAgain { // a part may have come in
			if err := mutate(ctx, s.conn, "day_measures", "DELETE", "run_id = ?", uint32(s.run)); err != nil {
				return err
			}
		}
		isAgain = true
		return s.conn.Exec(ctx, measures, uint32(s.run))
	})
	if err != nil {
		return fmt.Errorf("append the day measures: %w", err)
	}
	return nil
}

const measures = `
		INSERT INTO day_measures (run_id, day, funnel_id, stage_id, manager_id, visits_entered, visits_closed,
			visits_closed_with_plan, visits_on_time, late_days, overdue_days_accrued, visits_open, visits_overdue, visits_no_plan, visits_waiting)
		WITH
			semantics = 'process' AND NOT is_open AND NOT is_waiting AS is_closed,
			is_open AND NOT is_waiting AS is_working,
			plan_source != 'none' AS is_planned,
			overdue_days > 0 OR is_planned AND planned_end < entered_date AS is_late
		SELECT
			run_id, day, funnel_id, stage_id, manager_id,
			sum(sign * (day = entered_date)) AS entered,
			sum(sign * is_closed) AS closed,
			sum(sign * (is_closed AND is_planned)) AS closed_with_plan,
			sum(sign * (is_closed AND is_planned AND NOT is_late)) AS on_time,
			sum(sign * if(is_closed, overdue_days, 0)) AS late,
			sum(sign * overdue_day) AS accrued,
			sum(sign * is_working) AS open,
			sum(sign * (is_working AND is_late)) AS overdue,
			sum(sign * (is_working AND NOT is_planned)) AS no_plan,
			sum(sign * (is_open AND is_waiting)) AS waiting
		FROM facts
		WHERE run_id = ?
		GROUP BY run_id, day, funnel_id, stage_id, manager_id
		HAVING entered != 0 OR closed != 0 OR closed_with_plan != 0 OR on_time != 0 OR late != 0 OR accrued != 0
			OR open != 0 OR overdue != 0 OR no_plan != 0 OR waiting != 0`

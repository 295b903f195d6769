-- The sums of quality_report, of the facts themselves: for readers who ask for a part of the deals. Along the key of the
-- facts only these deals are read.
CREATE OR REPLACE VIEW quality_by_deal_v1
(
    day                     Date COMMENT 'Day, in the zone of the portal',
    deal_id                 UInt64 COMMENT 'Deal ID in Bitrix24',
    manager_id              UInt64 COMMENT 'Manager of that day, 0 for nobody',
    manager_name            String COMMENT 'First and last name, #ID where the portal does not return the person',
    funnel_id               UInt32 COMMENT 'Funnel',
    funnel_name             String COMMENT 'Name of the funnel',
    stage_id                LowCardinality(String) COMMENT 'Stage',
    stage_name              String COMMENT 'Name of the stage',
    visits_closed           Int64 COMMENT 'Visits left on that day',
    visits_closed_with_plan Int64 COMMENT 'Of these, with a plan',
    visits_on_time          Int64 COMMENT 'Of these, without overdue days',
    visits_late             Int64 COMMENT 'Of these, with overdue days',
    late_days               Int64 COMMENT 'Overdue days of the visits left on that day',
    overdue_days_accrued    Int64 COMMENT 'Overdue days accrued on that day',
    visits_open             Int64 COMMENT 'Visits open at the end of the day',
    visits_overdue          Int64 COMMENT 'Of these, overdue',
    visits_no_plan          Int64 COMMENT 'Of these, without a plan',
    visits_waiting          Int64 COMMENT 'Visits open at the end of the day in a stage that waits for somebody else; they are in no other measure',
    visits_closed_with_first_plan Int64 COMMENT 'Of the visits left on that day, with a first plan',
    visits_on_time_first_plan     Int64 COMMENT 'Of these, on time by the first plan',
    first_plan_late_days          Int64 COMMENT 'Overdue days by the first plan of the visits left on that day',
    overdue_days_assumed          Int64 COMMENT 'Of overdue_days_accrued, those whose manager is assumed: the day was computed later than it happened',
    visits_assumed                Int64 COMMENT 'Of visits_closed, those whose manager is assumed'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH
    (
        SELECT argMax(((funnel_id, funnel_name), (stage_id, stage_name), (manager_id, manager_name), (department_id, department_name)), run_id)
        FROM names
        WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)}
    ) AS names,
    names.1 AS funnel_names,
    names.2 AS stage_names,
    names.3 AS manager_names
SELECT
    q.day AS day,
    q.deal_id AS deal_id,
    q.manager_id AS manager_id,
    transform(toString(q.manager_id), manager_names.1, manager_names.2, concat('#', toString(q.manager_id))) AS manager_name,
    q.funnel_id AS funnel_id,
    transform(toString(q.funnel_id), funnel_names.1, funnel_names.2, concat('#', toString(q.funnel_id))) AS funnel_name,
    q.stage_id AS stage_id,
    transform(concat(toString(q.funnel_id), '/', q.stage_id), stage_names.1, stage_names.2, toString(q.stage_id)) AS stage_name,
    q.closed AS visits_closed,
    q.closed_with_plan AS visits_closed_with_plan,
    q.on_time AS visits_on_time,
    q.closed_with_plan - q.on_time AS visits_late,
    q.days_late AS late_days,
    q.accrued AS overdue_days_accrued,
    q.open AS visits_open,
    q.overdue AS visits_overdue,
    q.no_plan AS visits_no_plan,
    q.waiting AS visits_waiting,
    q.closed_with_first AS visits_closed_with_first_plan,
    q.on_time_first AS visits_on_time_first_plan,
    q.late_first AS first_plan_late_days,
    q.accrued_assumed AS overdue_days_assumed,
    q.closed_assumed AS visits_assumed
FROM
(
    SELECT day, deal_id, manager_id, funnel_id, stage_id,
        sum(f.closed) AS closed, sum(f.closed_with_plan) AS closed_with_plan, sum(f.on_time) AS on_time, sum(f.days_late) AS days_late, sum(f.accrued) AS accrued,
        sum(f.open) AS open, sum(f.overdue) AS overdue, sum(f.no_plan) AS no_plan, sum(f.waiting) AS waiting,
        sum(f.closed_with_first) AS closed_with_first, sum(f.on_time_first) AS on_time_first, sum(f.late_first) AS late_first,
        sum(f.accrued_assumed) AS accrued_assumed, sum(f.closed_assumed) AS closed_assumed
    FROM
    (
        WITH
            semantics = 'process' AND NOT is_open AND NOT is_waiting AS is_closed,
            is_open AND NOT is_waiting AS is_working,
            plan_source != 'none' AS is_planned,
            overdue_days > 0 OR is_planned AND planned_end < entered_date AS is_late
        SELECT day, deal_id, manager_id, funnel_id, stage_id,
            toInt64(sign * is_closed) AS closed,
            toInt64(sign * (is_closed AND is_planned)) AS closed_with_plan,
            toInt64(sign * (is_closed AND is_planned AND NOT is_late)) AS on_time,
            toInt64(sign * if(is_closed, overdue_days, 0)) AS days_late,
            toInt64(sign * overdue_day) AS accrued,
            toInt64(sign * is_working) AS open,
            toInt64(sign * (is_working AND is_late)) AS overdue,
            toInt64(sign * (is_working AND NOT is_planned)) AS no_plan,
            toInt64(sign * (is_open AND is_waiting)) AS waiting,
            toInt64(0) AS closed_with_first,
            toInt64(0) AS on_time_first,
            toInt64(0) AS late_first,
            toInt64(sign * (overdue_day AND manager_source = 'assumed')) AS accrued_assumed,
            toInt64(sign * (is_closed AND manager_source = 'assumed')) AS closed_assumed
        FROM facts
        WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)}
        UNION ALL
        -- Those by the first plan follow from the visits.
        WITH toInt64(greatest(0, stops_number - (accrues_number - first_accrues_shift))) AS first_days
        SELECT left_date, deal_id, manager_id, funnel_id, stage_id, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            1, first_days = 0 AND toInt32(planned_end) - first_end_shift >= toInt32(entered_date), first_days, 0, 0
        FROM visits
        WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)} AND (until_run_id > {newest_run:UInt32} OR until_run_id IN {hidden_runs:Array(UInt32)}) AND NOT is_gone
            AND semantics = 'process' AND NOT is_open AND NOT is_waiting AND first_plan_source != 'none'
    ) AS f
    GROUP BY day, deal_id, manager_id, funnel_id, stage_id
    HAVING closed != 0 OR closed_with_plan != 0 OR on_time != 0 OR days_late != 0 OR accrued != 0 OR open != 0 OR overdue != 0 OR no_plan != 0 OR waiting != 0
        OR closed_with_first != 0 OR on_time_first != 0 OR late_first != 0 OR accrued_assumed != 0 OR closed_assumed != 0
) AS q
COMMENT 'The measures of quality_report by deal: one row for each day, deal, manager, funnel and stage with anything in it'

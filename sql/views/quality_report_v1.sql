CREATE OR REPLACE VIEW quality_report_v1
(
    day                     Date COMMENT 'Day, in the zone of the portal',
    manager_id              UInt64 COMMENT 'Manager of that day, 0 for nobody',
    manager_name            String COMMENT 'First and last name, #ID where the portal does not return the person',
    department              Nullable(String) COMMENT 'Department of the manager on that day, the first by ID, #ID where its name is not known; NULL before the first run, and where none is known',
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
    names.3 AS manager_names,
    names.4 AS department_names
SELECT
    q.day AS day,
    q.manager_id AS manager_id,
    transform(toString(q.manager_id), manager_names.1, manager_names.2, concat('#', toString(q.manager_id))) AS manager_name,
    if(q.department_id = 0, NULL, transform(toString(q.department_id), department_names.1, department_names.2, concat('#', toString(q.department_id)))) AS department,
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
    SELECT day, manager_id, funnel_id, stage_id, max(day_measures.department_id) AS department_id,
        sum(visits_closed) AS closed, sum(visits_closed_with_plan) AS closed_with_plan, sum(visits_on_time) AS on_time,
        sum(day_measures.late_days) AS days_late, sum(day_measures.overdue_days_accrued) AS accrued,
        sum(visits_open) AS open, sum(visits_overdue) AS overdue, sum(visits_no_plan) AS no_plan, sum(visits_waiting) AS waiting,
        sum(day_measures.visits_closed_with_first_plan) AS closed_with_first, sum(day_measures.visits_on_time_first_plan) AS on_time_first, sum(day_measures.first_plan_late_days) AS late_first,
        sum(day_measures.overdue_days_assumed) AS accrued_assumed, sum(day_measures.visits_assumed) AS closed_assumed
    FROM day_measures
    WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)}
    GROUP BY day, manager_id, funnel_id, stage_id
    HAVING closed != 0 OR closed_with_plan != 0 OR on_time != 0 OR days_late != 0 OR accrued != 0 OR open != 0 OR overdue != 0 OR no_plan != 0 OR waiting != 0
        OR closed_with_first != 0 OR on_time_first != 0 OR late_first != 0 OR accrued_assumed != 0 OR closed_assumed != 0
) AS q
COMMENT 'One row for each day, manager, funnel and stage with anything in it; final stages are left out'

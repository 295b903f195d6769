CREATE OR REPLACE VIEW stagelag.quality_report_v1
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
-- newest is the last published run, read once: a run that is published in the middle of
-- a query is not in it.
WITH
    (SELECT max(run_id) FROM stagelag.run_events WHERE status = 'published') AS newest,
    assumeNotNull(newest) AS newest_run,
    shown_runs AS (SELECT run_id FROM stagelag.run_events WHERE status = 'published' AND run_id <= newest_run),
    -- The names are looked up in arrays and not by joins: a query that does not ask for them
    -- does not pay for joins, and one reading finds all of them.
    (
        SELECT (argMaxIf(list, run_id, kind = 'funnel'), argMaxIf(list, run_id, kind = 'stage'), argMaxIf(list, run_id, kind = 'manager'))
        FROM
        (
            SELECT kind, run_id, groupArrayIf((key, name), name != '') AS list
            FROM
            (
                SELECT 'funnel' AS kind, run_id, toString(funnel_id) AS key, name FROM stagelag.funnels
                UNION ALL
                SELECT 'stage', run_id, concat(toString(funnel_id), '/', stage_id), name FROM stagelag.stages
                UNION ALL
                SELECT 'manager', run_id, toString(manager_id), name FROM stagelag.managers
            )
            WHERE run_id IN shown_runs
            GROUP BY kind, run_id
        )
    ) AS names,
    names.1 AS funnel_names,
    names.2 AS stage_names,
    names.3 AS manager_names
SELECT
    q.day AS day,
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
    q.no_plan AS visits_no_plan
FROM
(
    SELECT day, manager_id, funnel_id, stage_id,
        sum(visits_closed) AS closed, sum(visits_closed_with_plan) AS closed_with_plan, sum(visits_on_time) AS on_time,
        sum(day_measures.late_days) AS days_late, sum(day_measures.overdue_days_accrued) AS accrued,
        sum(visits_open) AS open, sum(visits_overdue) AS overdue, sum(visits_no_plan) AS no_plan
    FROM stagelag.day_measures
    WHERE run_id IN shown_runs
    GROUP BY day, manager_id, funnel_id, stage_id
    HAVING closed != 0 OR closed_with_plan != 0 OR on_time != 0 OR days_late != 0 OR accrued != 0 OR open != 0 OR overdue != 0 OR no_plan != 0
) AS q

CREATE OR REPLACE VIEW stagelag.quality_report_v1
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
-- newest is the last published run, read once: a run that is published in the middle of
-- a query is not in it.
WITH
    (SELECT (max(run_id), argMax(as_of, run_id), argMax(portal_host, run_id)) FROM stagelag.run_events WHERE status = 'published') AS newest,
    assumeNotNull(newest.1) AS newest_run,
    assumeNotNull(newest.2) AS newest_day,
    assumeNotNull(newest.3) AS newest_host
SELECT
    q.day AS day,
    q.manager_id AS manager_id,
    ifNull(nullIf(m.name, ''), concat('#', toString(q.manager_id))) AS manager_name,
    q.funnel_id AS funnel_id,
    ifNull(nullIf(f.name, ''), concat('#', toString(q.funnel_id))) AS funnel_name,
    q.stage_id AS stage_id,
    ifNull(nullIf(s.name, ''), toString(q.stage_id)) AS stage_name,
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
    WHERE run_id <= newest_run AND run_id IN (SELECT run_id FROM stagelag.run_events WHERE status = 'published')
    GROUP BY day, manager_id, funnel_id, stage_id
    HAVING closed != 0 OR closed_with_plan != 0 OR on_time != 0 OR days_late != 0 OR accrued != 0 OR open != 0 OR overdue != 0 OR no_plan != 0
) AS q
LEFT JOIN (SELECT funnel_id, name FROM stagelag.funnels WHERE run_id = (SELECT max(run_id) FROM stagelag.funnels WHERE run_id <= newest_run AND run_id IN (SELECT run_id FROM stagelag.run_events WHERE status = 'published'))) AS f ON f.funnel_id = q.funnel_id
LEFT JOIN (SELECT funnel_id, stage_id, name FROM stagelag.stages WHERE run_id = (SELECT max(run_id) FROM stagelag.stages WHERE run_id <= newest_run AND run_id IN (SELECT run_id FROM stagelag.run_events WHERE status = 'published'))) AS s ON s.funnel_id = q.funnel_id AND s.stage_id = q.stage_id
LEFT JOIN (SELECT manager_id, name FROM stagelag.managers WHERE run_id = (SELECT max(run_id) FROM stagelag.managers WHERE run_id <= newest_run AND run_id IN (SELECT run_id FROM stagelag.run_events WHERE status = 'published'))) AS m ON m.manager_id = q.manager_id

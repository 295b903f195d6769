CREATE OR REPLACE VIEW stagelag.run_changes_v1
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
-- newest is the last published run, read once: a run that is published in the middle of
-- a query is not in it.
-- What changed is few visits: they are picked first, kept in memory, and the deals read past
-- them. A deal is in time where its last visit is: no other is open.
-- What changed is told of visits, by their plans as they are now: a plan that was moved
-- shows where the visit stands, not that it was moved.
-- GLOBAL, because on a cluster the runs are here and the rows in the shards.
WITH
    (SELECT (max(run_id), argMax(as_of, run_id), argMax(portal_host, run_id)) FROM stagelag.run_events WHERE status = 'published') AS newest,
    assumeNotNull(newest.1) AS newest_run,
    shown_runs AS (SELECT run_id FROM stagelag.run_events WHERE status = 'published' AND run_id <= newest_run),
    assumeNotNull(newest.2) AS newest_day,
    assumeNotNull(newest.3) AS newest_host,
    ifNull((SELECT maxOrNull(as_of) FROM stagelag.run_events WHERE status = 'published' AND as_of < newest_day), newest_day) AS day_before,
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
    v.deal_id AS deal_id,
    d.title AS deal_title,
    concat('https://', newest_host, '/crm/deal/details/', toString(v.deal_id), '/') AS deal_url,
    v.funnel_id AS funnel_id,
    transform(toString(v.funnel_id), funnel_names.1, funnel_names.2, concat('#', toString(v.funnel_id))) AS funnel_name,
    v.visit_no AS visit_no,
    CAST(v.stage_id AS LowCardinality(String)) AS stage_id,
    transform(concat(toString(v.funnel_id), '/', v.stage_id), stage_names.1, stage_names.2, toString(v.stage_id)) AS stage_name,
    v.manager_id AS manager_id,
    transform(toString(v.manager_id), manager_names.1, manager_names.2, concat('#', toString(v.manager_id))) AS manager_name,
    v.planned_end AS planned_end,
    toInt32(if(v.is_open, newest_day - v.planned_end, v.overdue_days_ended)) AS overdue_days,
    CAST(multiIf(v.is_open, 'newly_overdue', d.is_in_time, 'brought_back', 'finished_late') AS LowCardinality(String)) AS change,
    day_before AS since,
    newest_day AS as_of
FROM
(
    SELECT deal_id, title, is_open AND (NOT is_planned OR planned_end >= newest_day) AS is_in_time
    FROM stagelag.deals
    WHERE run_id GLOBAL IN shown_runs AND until_run_id GLOBAL NOT IN shown_runs AND NOT is_gone
) AS d
RIGHT JOIN
(
    SELECT deal_id, visit_no, funnel_id, stage_id, is_open, left_date, plan_source, planned_end, manager_id,
        overdue_days AS overdue_days_ended
    FROM stagelag.visits
    WHERE run_id GLOBAL IN shown_runs AND until_run_id GLOBAL NOT IN shown_runs AND NOT is_gone
        AND day_before < newest_day AND plan_source != 'none'
        AND if(is_open, planned_end >= day_before AND planned_end < newest_day, left_date > day_before AND overdue_days > 0)
) AS v ON v.deal_id = d.deal_id

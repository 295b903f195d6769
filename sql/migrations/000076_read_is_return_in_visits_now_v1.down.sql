CREATE OR REPLACE VIEW stagelag.visits_now_v1
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
-- newest is the last published run, read once: a run that is published in the middle of
-- a query is not in it.
-- A word is looked up by its number in a dictionary of a few: made for each row and looked for in
-- the dictionary then, the words cost more than all that is read.
-- GLOBAL, because on a cluster the runs are here and the rows in the shards.
WITH
    (SELECT (max(run_id), argMax(as_of, run_id)) FROM stagelag.run_events WHERE status = 'published') AS newest,
    assumeNotNull(newest.1) AS newest_run,
    shown_runs AS (SELECT run_id FROM stagelag.run_events WHERE status = 'published' AND run_id <= newest_run),
    assumeNotNull(newest.2) AS newest_day,
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
    v.visit_no AS visit_no,
    v.funnel_id AS funnel_id,
    transform(toString(v.funnel_id), funnel_names.1, funnel_names.2, concat('#', toString(v.funnel_id))) AS funnel_name,
    CAST(v.stage_id AS LowCardinality(String)) AS stage_id,
    transform(concat(toString(v.funnel_id), '/', v.stage_id), stage_names.1, stage_names.2, toString(v.stage_id)) AS stage_name,
    transform(toLowCardinality(CAST(v.semantics AS Int8)), [0, 1, 2], ['process', 'success', 'failure'], '') AS stage_semantics,
    v.manager_id AS manager_id,
    transform(toString(v.manager_id), manager_names.1, manager_names.2, concat('#', toString(v.manager_id))) AS manager_name,
    v.entered_date AS entered_date,
    if(v.is_open, NULL, v.left_date) AS left_date,
    if(v.plan_source = 'none', NULL, v.plan_days) AS plan_days,
    transform(toLowCardinality(CAST(v.plan_source AS Int8)), [0, 1, 2, 3], ['none', 'deal_date', 'deal_days', 'stage_norm'], '') AS plan_source,
    if(v.plan_source = 'none', NULL, v.planned_end) AS planned_end,
    toInt32(if(v.is_open, newest_day, v.left_date) - v.entered_date) AS elapsed_days,
    toInt32(if(v.is_open, if(v.plan_source = 'none', 0, greatest(0, newest_day - v.planned_end)), v.overdue_days_ended)) AS overdue_days,
    if(v.is_open AND v.plan_source != 'none', toInt32(greatest(0, v.planned_end - newest_day)), NULL) AS days_left,
    toUInt8(v.is_open) AS is_open,
    transform(
        toLowCardinality(multiIf(
            v.semantics != 'process', 6,
            v.plan_source = 'none', 5,
            NOT v.is_open, if(v.overdue_days_ended = 0, 3, 4),
            v.planned_end < newest_day, 2,
            v.planned_end = newest_day, 1,
            0)),
        [0, 1, 2, 3, 4, 5, 6],
        ['on_time', 'due_today', 'overdue', 'finished_on_time', 'finished_late', 'no_plan', 'final'], '') AS status,
    toUInt8(v.semantics != 'process') AS is_final
FROM
(
    SELECT deal_id, visit_no, funnel_id, stage_id, semantics, entered_date, is_open, left_date,
        plan_source, plan_days, planned_end, manager_id, overdue_days AS overdue_days_ended
    FROM stagelag.visits
    WHERE run_id GLOBAL IN shown_runs AND until_run_id GLOBAL NOT IN shown_runs AND NOT is_gone
) AS v

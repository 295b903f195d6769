CREATE OR REPLACE VIEW stagelag.deals_now_v1
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
-- newest is the last published run, read once: a run that is published in the middle of
-- a query is not in it.
-- GLOBAL, because on a cluster the runs are here and the rows in the shards.
WITH
    (SELECT (max(run_id), argMax(as_of, run_id), argMax(portal_host, run_id)) FROM stagelag.run_events WHERE status = 'published') AS newest,
    assumeNotNull(newest.1) AS newest_run,
    shown_runs AS (SELECT run_id FROM stagelag.run_events WHERE status = 'published' AND run_id <= newest_run),
    assumeNotNull(newest.2) AS newest_day,
    assumeNotNull(newest.3) AS newest_host,
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
    CAST(v.stage_id AS LowCardinality(String)) AS stage_id,
    transform(concat(toString(v.funnel_id), '/', v.stage_id), stage_names.1, stage_names.2, toString(v.stage_id)) AS stage_name,
    v.manager_id AS manager_id,
    transform(toString(v.manager_id), manager_names.1, manager_names.2, concat('#', toString(v.manager_id))) AS manager_name,
    d.amount AS amount,
    CAST(d.currency AS LowCardinality(String)) AS currency,
    if(d.created_date = toDate(0), v.first_entered, d.created_date) AS created_date,
    toUInt8(v.is_open) AS is_open,
    CAST(multiIf(
        v.semantics != 'process', 'final',
        v.plan_source = 'none', 'no_plan',
        NOT v.is_open, if(v.overdue_days_ended = 0, 'finished_on_time', 'finished_late'),
        v.planned_end < newest_day, 'overdue',
        v.planned_end = newest_day, 'due_today',
        'on_time') AS LowCardinality(String)) AS status,
    if(v.is_open AND v.plan_source != 'none', v.planned_end, NULL) AS planned_end,
    if(v.is_open AND v.plan_source != 'none', toInt32(greatest(0, v.planned_end - newest_day)), NULL) AS days_left,
    v.overdue_now AS overdue_days_now,
    v.overdue_ended + v.overdue_now AS overdue_days_total,
    v.late_stages_ended + (v.overdue_now > 0) AS overdue_stages
FROM
(
    -- A deal stands where its last visit does.
    SELECT deal_id,
        argMax(visit.funnel_id, visit_no) AS funnel_id,
        argMax(visit.stage_id, visit_no) AS stage_id,
        argMax(visit.semantics, visit_no) AS semantics,
        argMax(visit.manager_id, visit_no) AS manager_id,
        argMax(visit.plan_source, visit_no) AS plan_source,
        argMax(visit.planned_end, visit_no) AS planned_end,
        argMax(visit.is_open, visit_no) AS is_open,
        argMax(visit.overdue_days_ended, visit_no) AS overdue_days_ended,
        min(entered_date) AS first_entered,
        sumIf(visit.overdue_days_ended, NOT visit.is_open) AS overdue_ended,
        countIf(NOT visit.is_open AND visit.overdue_days_ended > 0) AS late_stages_ended,
        sumIf(toInt32(greatest(0, newest_day - visit.planned_end)), visit.is_open AND visit.plan_source != 'none') AS overdue_now
    FROM
    (
        SELECT deal_id, visit_no, funnel_id, stage_id, semantics, history_source, entered_at, entered_date, is_open,
            left_date, plan_source, plan_days, planned_end, tenure_manager[-1] AS manager_id, overdue_days AS overdue_days_ended
        FROM stagelag.visits
        WHERE run_id GLOBAL IN shown_runs AND until_run_id GLOBAL NOT IN shown_runs AND NOT is_gone
    ) AS visit
    GROUP BY deal_id
) AS v
LEFT JOIN
(
    SELECT deal_id, title, amount, currency, deals.created_date AS created_date
    FROM stagelag.deals
    WHERE run_id GLOBAL IN shown_runs AND until_run_id GLOBAL NOT IN shown_runs AND NOT is_gone
) AS d ON d.deal_id = v.deal_id

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
    d.deal_id AS deal_id,
    d.title AS deal_title,
    concat('https://', newest_host, '/crm/deal/details/', toString(d.deal_id), '/') AS deal_url,
    d.funnel_id AS funnel_id,
    transform(toString(d.funnel_id), funnel_names.1, funnel_names.2, concat('#', toString(d.funnel_id))) AS funnel_name,
    CAST(d.stage_id AS LowCardinality(String)) AS stage_id,
    transform(concat(toString(d.funnel_id), '/', d.stage_id), stage_names.1, stage_names.2, toString(d.stage_id)) AS stage_name,
    d.manager_id AS manager_id,
    transform(toString(d.manager_id), manager_names.1, manager_names.2, concat('#', toString(d.manager_id))) AS manager_name,
    d.amount AS amount,
    CAST(d.currency AS LowCardinality(String)) AS currency,
    if(d.created = toDate(0), d.first_entered, d.created) AS created_date,
    toUInt8(d.is_open_now) AS is_open,
    CAST(multiIf(
        d.semantics != 'process', 'final',
        NOT d.is_planned, 'no_plan',
        NOT d.is_open_now, if(d.is_late, 'finished_late', 'finished_on_time'),
        d.due < newest_day, 'overdue',
        d.due = newest_day, 'due_today',
        'on_time') AS LowCardinality(String)) AS status,
    if(d.is_open_now AND d.is_planned, d.due, NULL) AS planned_end,
    if(d.is_open_now AND d.is_planned, toInt32(greatest(0, d.due - newest_day)), NULL) AS days_left,
    toInt64(if(d.is_open_now AND d.is_planned, greatest(0, newest_day - d.due), 0)) AS overdue_days_now,
    d.overdue_ended + overdue_days_now AS overdue_days_total,
    toUInt64(d.late_visits) + (overdue_days_now > 0) AS overdue_stages
FROM
(
    SELECT deal_id, title, amount, currency, deals.created_date AS created, first_entered, funnel_id, stage_id, semantics, manager_id,
        is_open AS is_open_now, is_planned, planned_end AS due, is_late, overdue_days AS overdue_ended, late_visits
    FROM stagelag.deals
    WHERE run_id GLOBAL IN shown_runs AND until_run_id GLOBAL NOT IN shown_runs AND NOT is_gone AND visits > 0
) AS d

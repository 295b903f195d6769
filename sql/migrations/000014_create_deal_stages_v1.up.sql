CREATE OR REPLACE VIEW stagelag.deal_stages_v1
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
    v.deal_id AS deal_id,
    d.deal.2 AS deal_title,
    concat('https://', newest_host, '/crm/deal/details/', toString(v.deal_id), '/') AS deal_url,
    v.visit.2 AS funnel_id,
    ifNull(nullIf(f.name, ''), concat('#', toString(v.visit.2))) AS funnel_name,
    v.visit_no AS visit_no,
    CAST(v.visit.3 AS LowCardinality(String)) AS stage_id,
    ifNull(nullIf(s.name, ''), toString(v.visit.3)) AS stage_name,
    CAST(v.visit.4 AS LowCardinality(String)) AS stage_semantics,
    v.visit.13 AS manager_id,
    ifNull(nullIf(m.name, ''), concat('#', toString(v.visit.13))) AS manager_name,
    v.visit.6 AS entered_at,
    v.visit.7 AS entered_date,
    if(v.visit.8, NULL, v.visit.9) AS left_date,
    if(v.visit.10 = 'none', NULL, v.visit.11) AS plan_days,
    CAST(v.visit.10 AS LowCardinality(String)) AS plan_source,
    if(v.visit.10 = 'none', NULL, v.visit.12) AS planned_end,
    toInt32(if(v.visit.8, newest_day, v.visit.9) - v.visit.7) AS elapsed_days,
    toInt32(if(v.visit.8, if(v.visit.10 = 'none', 0, greatest(0, newest_day - v.visit.12)), v.visit.14)) AS overdue_days,
    if(v.visit.8 AND v.visit.10 != 'none', toInt32(greatest(0, v.visit.12 - newest_day)), NULL) AS days_left,
    toUInt8(v.visit.8) AS is_open,
    CAST(multiIf(
        v.visit.4 != 'process', 'final',
        v.visit.10 = 'none', 'no_plan',
        NOT v.visit.8, if(v.visit.14 = 0, 'finished_on_time', 'finished_late'),
        v.visit.12 < newest_day, 'overdue',
        v.visit.12 = newest_day, 'due_today',
        'on_time') AS LowCardinality(String)) AS status,
    CAST(v.visit.5 AS LowCardinality(String)) AS history_source
FROM
(
    SELECT deal_id, visit_no,
        argMax((is_gone, funnel_id, stage_id, semantics, history_source, entered_at, entered_date, is_open, left_date,
            plan_source, plan_days, planned_end, tenure_manager[-1], overdue_days), run_id) AS visit
    FROM stagelag.visits
    WHERE run_id <= newest_run AND run_id IN (SELECT run_id FROM stagelag.run_events WHERE status = 'published')
    GROUP BY deal_id, visit_no
    HAVING NOT visit.1
) AS v
LEFT JOIN
(
    SELECT deal_id, argMax((is_gone, title, amount, currency, created_date), run_id) AS deal
    FROM stagelag.deals
    WHERE run_id <= newest_run AND run_id IN (SELECT run_id FROM stagelag.run_events WHERE status = 'published')
    GROUP BY deal_id
    HAVING NOT deal.1
) AS d ON d.deal_id = v.deal_id
LEFT JOIN (SELECT funnel_id, name FROM stagelag.funnels WHERE run_id = (SELECT max(run_id) FROM stagelag.funnels WHERE run_id <= newest_run AND run_id IN (SELECT run_id FROM stagelag.run_events WHERE status = 'published'))) AS f ON f.funnel_id = v.visit.2
LEFT JOIN (SELECT funnel_id, stage_id, name FROM stagelag.stages WHERE run_id = (SELECT max(run_id) FROM stagelag.stages WHERE run_id <= newest_run AND run_id IN (SELECT run_id FROM stagelag.run_events WHERE status = 'published'))) AS s ON s.funnel_id = v.visit.2 AND s.stage_id = v.visit.3
LEFT JOIN (SELECT manager_id, name FROM stagelag.managers WHERE run_id = (SELECT max(run_id) FROM stagelag.managers WHERE run_id <= newest_run AND run_id IN (SELECT run_id FROM stagelag.run_events WHERE status = 'published'))) AS m ON m.manager_id = v.visit.13

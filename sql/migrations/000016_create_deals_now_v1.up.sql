CREATE OR REPLACE VIEW stagelag.deals_now_v1
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
    v.last.2 AS funnel_id,
    ifNull(nullIf(f.name, ''), concat('#', toString(v.last.2))) AS funnel_name,
    CAST(v.last.3 AS LowCardinality(String)) AS stage_id,
    ifNull(nullIf(s.name, ''), toString(v.last.3)) AS stage_name,
    v.last.13 AS manager_id,
    ifNull(nullIf(m.name, ''), concat('#', toString(v.last.13))) AS manager_name,
    d.deal.3 AS amount,
    CAST(d.deal.4 AS LowCardinality(String)) AS currency,
    if(d.deal.5 = toDate(0), v.first_entered, d.deal.5) AS created_date,
    toUInt8(v.last.8) AS is_open,
    CAST(multiIf(
        v.last.4 != 'process', 'final',
        v.last.10 = 'none', 'no_plan',
        NOT v.last.8, if(v.last.14 = 0, 'finished_on_time', 'finished_late'),
        v.last.12 < newest_day, 'overdue',
        v.last.12 = newest_day, 'due_today',
        'on_time') AS LowCardinality(String)) AS status,
    if(v.last.8 AND v.last.10 != 'none', v.last.12, NULL) AS planned_end,
    if(v.last.8 AND v.last.10 != 'none', toInt32(greatest(0, v.last.12 - newest_day)), NULL) AS days_left,
    v.overdue_days_now AS overdue_days_now,
    v.overdue_days_ended + v.overdue_days_now AS overdue_days_total,
    v.overdue_stages_ended + (v.overdue_days_now > 0) AS overdue_stages
FROM
(
    SELECT deal_id,
        argMax(visit, visit_no) AS last,
        min(visit.7) AS first_entered,
        sum(if(visit.8, 0, visit.14)) AS overdue_days_ended,
        countIf(NOT visit.8 AND visit.14 > 0) AS overdue_stages_ended,
        sum(if(visit.8 AND visit.10 != 'none', toInt32(greatest(0, newest_day - visit.12)), 0)) AS overdue_days_now
    FROM
    (
        SELECT deal_id, visit_no,
            argMax((is_gone, funnel_id, stage_id, semantics, history_source, entered_at, entered_date, is_open, left_date,
                plan_source, plan_days, planned_end, tenure_manager[-1], overdue_days), run_id) AS visit
        FROM stagelag.visits
        WHERE run_id <= newest_run AND run_id IN (SELECT run_id FROM stagelag.run_events WHERE status = 'published')
        GROUP BY deal_id, visit_no
        HAVING NOT visit.1
    )
    GROUP BY deal_id
) AS v
LEFT JOIN
(
    SELECT deal_id, argMax((is_gone, title, amount, currency, created_date), run_id) AS deal
    FROM stagelag.deals
    WHERE run_id <= newest_run AND run_id IN (SELECT run_id FROM stagelag.run_events WHERE status = 'published')
    GROUP BY deal_id
    HAVING NOT deal.1
) AS d ON d.deal_id = v.deal_id
LEFT JOIN (SELECT funnel_id, name FROM stagelag.funnels WHERE run_id = (SELECT max(run_id) FROM stagelag.funnels WHERE run_id <= newest_run AND run_id IN (SELECT run_id FROM stagelag.run_events WHERE status = 'published'))) AS f ON f.funnel_id = v.last.2
LEFT JOIN (SELECT funnel_id, stage_id, name FROM stagelag.stages WHERE run_id = (SELECT max(run_id) FROM stagelag.stages WHERE run_id <= newest_run AND run_id IN (SELECT run_id FROM stagelag.run_events WHERE status = 'published'))) AS s ON s.funnel_id = v.last.2 AND s.stage_id = v.last.3
LEFT JOIN (SELECT manager_id, name FROM stagelag.managers WHERE run_id = (SELECT max(run_id) FROM stagelag.managers WHERE run_id <= newest_run AND run_id IN (SELECT run_id FROM stagelag.run_events WHERE status = 'published'))) AS m ON m.manager_id = v.last.13

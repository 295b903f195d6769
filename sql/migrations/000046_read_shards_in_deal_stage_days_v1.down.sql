CREATE OR REPLACE VIEW stagelag.deal_stage_days_v1
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
    day,
    deal_id,
    visit_no,
    funnel_id,
    CAST(stage_id AS LowCardinality(String)) AS stage_id,
    manager_id,
    CAST(manager_source AS LowCardinality(String)) AS manager_source,
    entered_date,
    if(fact.plan_source = 'none', NULL, fact.plan_days) AS plan_days,
    if(fact.plan_source = 'none', NULL, fact.planned_end) AS planned_end,
    CAST(fact.plan_source AS LowCardinality(String)) AS plan_source,
    CAST(history_source AS LowCardinality(String)) AS history_source,
    toInt32(day - entered_date) AS elapsed_days,
    overdue_days,
    overdue_day,
    nullIf(fact.days_left, -1) AS days_left,
    toUInt8(fact.is_open) AS is_open,
    run_id
FROM
(
    -- The newest row of each fact; one that takes the fact back leaves nothing.
    SELECT day, deal_id, visit_no, funnel_id, stage_id, manager_id, manager_source, entered_date, plan_source, plan_days,
        planned_end, history_source, overdue_days, overdue_day, days_left, is_open, run_id, sign
    FROM stagelag.facts
    WHERE run_id <= newest_run AND run_id IN (SELECT run_id FROM stagelag.run_events WHERE status = 'published')
    ORDER BY deal_id, visit_no, day, -toInt64(run_id), -sign
    LIMIT 1 BY deal_id, visit_no, day
) AS fact
WHERE sign = 1

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
    fact.1 AS funnel_id,
    CAST(fact.2 AS LowCardinality(String)) AS stage_id,
    fact.3 AS manager_id,
    CAST(fact.4 AS LowCardinality(String)) AS manager_source,
    fact.5 AS entered_date,
    if(fact.6 = 'none', NULL, fact.7) AS plan_days,
    if(fact.6 = 'none', NULL, fact.8) AS planned_end,
    CAST(fact.6 AS LowCardinality(String)) AS plan_source,
    CAST(fact.9 AS LowCardinality(String)) AS history_source,
    toInt32(day - fact.5) AS elapsed_days,
    fact.10 AS overdue_days,
    fact.11 AS overdue_day,
    nullIf(fact.12, -1) AS days_left,
    toUInt8(fact.13) AS is_open,
    added_by AS run_id
FROM
(
    SELECT day, deal_id, visit_no, maxIf(facts.run_id, sign = 1) AS added_by,
        argMaxIf((funnel_id, stage_id, manager_id, manager_source, entered_date, plan_source, plan_days, planned_end,
            history_source, overdue_days, overdue_day, days_left, is_open), facts.run_id, sign = 1) AS fact
    FROM stagelag.facts
    WHERE run_id <= newest_run AND run_id IN (SELECT run_id FROM stagelag.run_events WHERE status = 'published')
    GROUP BY deal_id, visit_no, day
    HAVING sum(sign) > 0
)
SETTINGS optimize_aggregation_in_order = 1

CREATE OR REPLACE VIEW stagelag.run_changes_v1
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
-- newest is the last published run, read once: a run that is published in the middle of
-- a query is not in it.
-- What changed is told of visits, by their plans as they are now: a plan that was moved
-- shows where the visit stands, not that it was moved.
WITH
    (SELECT (argMax(as_of, run_id), argMax(portal_host, run_id)) FROM stagelag.run_events WHERE status = 'published') AS newest,
    assumeNotNull(newest.1) AS newest_day,
    assumeNotNull(newest.2) AS newest_host,
    ifNull((SELECT maxOrNull(as_of) FROM stagelag.run_events WHERE status = 'published' AND as_of < newest_day), newest_day) AS day_before,
    changed AS
(
    SELECT *
    FROM stagelag.visits_now_v1
    WHERE planned_end IS NOT NULL
        AND if(is_open = 1, planned_end >= day_before AND planned_end < newest_day, left_date > day_before AND overdue_days > 0)
)
SELECT
    v.deal_id AS deal_id,
    d.deal_title AS deal_title,
    concat('https://', newest_host, '/crm/deal/details/', toString(v.deal_id), '/') AS deal_url,
    v.funnel_id AS funnel_id,
    v.funnel_name AS funnel_name,
    v.visit_no AS visit_no,
    v.stage_id AS stage_id,
    v.stage_name AS stage_name,
    v.manager_id AS manager_id,
    v.manager_name AS manager_name,
    assumeNotNull(v.planned_end) AS planned_end,
    v.overdue_days AS overdue_days,
    CAST(multiIf(v.is_open = 1, 'newly_overdue', d.is_open = 1 AND d.status != 'overdue', 'brought_back', 'finished_late') AS LowCardinality(String)) AS change,
    day_before AS since,
    newest_day AS as_of
FROM changed AS v
LEFT JOIN
(
    SELECT deal_id, deal_title, is_open, status
    FROM stagelag.deals_now_v1
    WHERE deal_id IN (SELECT deal_id FROM changed)
) AS d ON d.deal_id = v.deal_id
WHERE day_before < newest_day

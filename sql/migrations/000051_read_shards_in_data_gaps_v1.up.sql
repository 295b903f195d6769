CREATE OR REPLACE VIEW stagelag.data_gaps_v1
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
-- newest is the last published run, read once: a run that is published in the middle of
-- a query is not in it.
-- An unknown manager is found here rather than by the run: who is known changes without
-- the deal.
-- GLOBAL, because on a cluster the runs are here and the rows in the shards.
WITH
    (SELECT (max(run_id), argMax(as_of, run_id), argMax(portal_host, run_id)) FROM stagelag.run_events WHERE status = 'published') AS newest,
    assumeNotNull(newest.1) AS newest_run,
    shown_runs AS (SELECT run_id FROM stagelag.run_events WHERE status = 'published' AND run_id <= newest_run),
    assumeNotNull(newest.2) AS newest_day,
    assumeNotNull(newest.3) AS newest_host,
    current_deals AS
    (
        SELECT deal_id, title, gap_visit_no, gap_stage_id, gap_manager_id, gap_reason, gap_detail
        FROM stagelag.deals
        WHERE run_id GLOBAL IN shown_runs AND until_run_id GLOBAL NOT IN shown_runs AND NOT is_gone
    )
SELECT
    deal_id,
    title AS deal_title,
    concat('https://', newest_host, '/crm/deal/details/', toString(deal_id), '/') AS deal_url,
    nullIf(gap.1, 0) AS visit_no,
    CAST(gap.2 AS LowCardinality(String)) AS stage_id,
    gap.3 AS manager_id,
    CAST(gap.4 AS LowCardinality(String)) AS reason,
    gap.5 AS detail
FROM
(
    SELECT deal_id, title, arrayJoin(arrayZip(gap_visit_no, gap_stage_id, gap_manager_id, gap_reason, gap_detail)) AS gap
    FROM current_deals
    UNION ALL
    SELECT v.deal_id AS deal_id, d.title AS title,
        (v.last.1, v.last.2, v.last.3, 'unknown_manager',
            if(v.last.3 = 0, 'nobody is responsible for the deal', concat('the portal does not return the person #', toString(v.last.3)))) AS gap
    FROM
    (
        SELECT deal_id, argMax((visit_no, stage_id, manager_id), (visit_no, tenure_no)) AS last
        FROM
        (
            SELECT deal_id, visit_no, stage_id, tenure_manager
            FROM stagelag.visits
            WHERE run_id GLOBAL IN shown_runs AND until_run_id GLOBAL NOT IN shown_runs AND NOT is_gone
        )
        ARRAY JOIN tenure_manager AS manager_id, arrayEnumerate(tenure_manager) AS tenure_no
        WHERE manager_id GLOBAL NOT IN
        (
            SELECT manager_id FROM stagelag.managers WHERE run_id = (SELECT max(run_id) FROM stagelag.managers WHERE run_id IN shown_runs)
        )
        GROUP BY deal_id
    ) AS v
    LEFT JOIN current_deals AS d ON d.deal_id = v.deal_id
)

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
    known_managers AS (SELECT manager_id FROM stagelag.managers WHERE run_id = (SELECT max(run_id) FROM stagelag.managers WHERE run_id IN shown_runs)),
    (SELECT groupArray(manager_id) FROM known_managers) AS known_manager_ids
SELECT
    deal_id,
    title AS deal_title,
    concat('https://', newest_host, '/crm/deal/details/', toString(deal_id), '/') AS deal_url,
    nullIf(gap_visit, 0) AS visit_no,
    gap_stage AS stage_id,
    gap_manager AS manager_id,
    gap AS reason,
    what AS detail
FROM
(
    -- By its place in the arrays, a gap costs the columns that are asked for and no others.
    SELECT deal_id, title, gap_visit_no[n] AS gap_visit, gap_stage_id[n] AS gap_stage, gap_manager_id[n] AS gap_manager, gap_reason[n] AS gap, gap_detail[n] AS what
    FROM stagelag.deals
    ARRAY JOIN arrayEnumerate(gap_reason) AS n
    WHERE run_id GLOBAL IN shown_runs AND until_run_id GLOBAL NOT IN shown_runs AND NOT is_gone
    UNION ALL
    -- The few deals of unknown managers are kept in memory, and the titles of all read past them.
    SELECT v.deal_id, d.title, v.last.1, v.last.2, v.last.3, toLowCardinality('unknown_manager'),
        if(v.last.3 = 0, 'nobody is responsible for the deal', concat('the portal does not return the person #', toString(v.last.3)))
    FROM
    (
        SELECT deal_id, title
        FROM stagelag.deals
        WHERE run_id GLOBAL IN shown_runs AND until_run_id GLOBAL NOT IN shown_runs AND NOT is_gone
    ) AS d
    RIGHT JOIN
    (
        SELECT deal_id, argMax((visit_no, stage_id, manager_id), (visit_no, tenure_no)) AS last
        FROM
        (
            SELECT deal_id, visit_no, stage_id, tenure_manager
            FROM stagelag.visits
            WHERE run_id GLOBAL IN shown_runs AND until_run_id GLOBAL NOT IN shown_runs AND NOT is_gone
                AND NOT hasAll(known_manager_ids, tenure_manager)
        )
        ARRAY JOIN tenure_manager AS manager_id, arrayEnumerate(tenure_manager) AS tenure_no
        WHERE manager_id GLOBAL NOT IN known_managers
        GROUP BY deal_id
    ) AS v ON v.deal_id = d.deal_id
)

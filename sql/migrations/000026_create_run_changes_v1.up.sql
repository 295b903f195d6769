CREATE OR REPLACE VIEW stagelag.run_changes_v1
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
-- newest is the last published run, read once: a run that is published in the middle of
-- a query is not in it.
-- What changed is told of visits, by their plans as they are now: a plan that was moved
-- shows where the visit stands, not that it was moved.
WITH
    (SELECT (max(run_id), argMax(as_of, run_id), argMax(portal_host, run_id)) FROM stagelag.run_events WHERE status = 'published') AS newest,
    assumeNotNull(newest.1) AS newest_run,
    assumeNotNull(newest.2) AS newest_day,
    assumeNotNull(newest.3) AS newest_host,
    (SELECT maxOrNull(as_of) FROM stagelag.run_events WHERE status = 'published' AND as_of < newest_day) AS day_before
SELECT
    v.deal_id AS deal_id,
    d.deal.2 AS deal_title,
    concat('https://', newest_host, '/crm/deal/details/', toString(v.deal_id), '/') AS deal_url,
    v.visit.2 AS funnel_id,
    ifNull(nullIf(f.name, ''), concat('#', toString(v.visit.2))) AS funnel_name,
    v.visit_no AS visit_no,
    CAST(v.visit.3 AS LowCardinality(String)) AS stage_id,
    ifNull(nullIf(s.name, ''), toString(v.visit.3)) AS stage_name,
    v.visit.9 AS manager_id,
    ifNull(nullIf(m.name, ''), concat('#', toString(v.visit.9))) AS manager_name,
    v.visit.8 AS planned_end,
    toInt32(if(v.visit.5, newest_day, v.visit.6) - v.visit.8) AS overdue_days,
    CAST(multiIf(v.visit.5, 'newly_overdue', v.last.5 AND NOT (v.last.7 != 'none' AND v.last.8 < newest_day), 'brought_back', 'finished_late') AS LowCardinality(String)) AS change,
    assumeNotNull(day_before) AS since,
    newest_day AS as_of
FROM
(
    SELECT deal_id, entry.1 AS visit_no, entry.2 AS visit, last
    FROM
    (
        SELECT deal_id, groupArray((visit_no, visit)) AS all_visits, argMax(visit, visit_no) AS last
        FROM
        (
            SELECT deal_id, visit_no,
                argMax((is_gone, funnel_id, stage_id, semantics, is_open, left_date, plan_source, planned_end, tenure_manager[-1]), run_id) AS visit
            FROM stagelag.visits
            WHERE run_id <= newest_run AND run_id IN (SELECT run_id FROM stagelag.run_events WHERE status = 'published')
            GROUP BY deal_id, visit_no
            HAVING NOT visit.1
        )
        GROUP BY deal_id
    )
    ARRAY JOIN all_visits AS entry
    WHERE entry.2.7 != 'none' AND entry.2.4 = 'process'
        AND if(entry.2.5, entry.2.8 >= day_before AND entry.2.8 < newest_day, entry.2.6 > day_before AND entry.2.6 > entry.2.8)
) AS v
LEFT JOIN
(
    SELECT deal_id, argMax((is_gone, title), run_id) AS deal
    FROM stagelag.deals
    WHERE run_id <= newest_run AND run_id IN (SELECT run_id FROM stagelag.run_events WHERE status = 'published')
    GROUP BY deal_id
    HAVING NOT deal.1
) AS d ON d.deal_id = v.deal_id
LEFT JOIN (SELECT funnel_id, name FROM stagelag.funnels WHERE run_id = (SELECT max(run_id) FROM stagelag.funnels WHERE run_id <= newest_run AND run_id IN (SELECT run_id FROM stagelag.run_events WHERE status = 'published'))) AS f ON f.funnel_id = v.visit.2
LEFT JOIN (SELECT funnel_id, stage_id, name FROM stagelag.stages WHERE run_id = (SELECT max(run_id) FROM stagelag.stages WHERE run_id <= newest_run AND run_id IN (SELECT run_id FROM stagelag.run_events WHERE status = 'published'))) AS s ON s.funnel_id = v.visit.2 AND s.stage_id = v.visit.3
LEFT JOIN (SELECT manager_id, name FROM stagelag.managers WHERE run_id = (SELECT max(run_id) FROM stagelag.managers WHERE run_id <= newest_run AND run_id IN (SELECT run_id FROM stagelag.run_events WHERE status = 'published'))) AS m ON m.manager_id = v.visit.9

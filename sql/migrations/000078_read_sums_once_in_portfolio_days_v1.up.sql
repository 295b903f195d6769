CREATE OR REPLACE VIEW stagelag.portfolio_days_v1
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
-- newest is the last published run, read once: a run that is published in the middle of
-- a query is not in it.
-- GLOBAL, because on a cluster the runs are here and the rows in the shards.
WITH
    (SELECT (max(run_id), argMax(as_of, run_id)) FROM stagelag.run_events WHERE status = 'published') AS newest,
    assumeNotNull(newest.1) AS newest_run,
    assumeNotNull(newest.2) AS newest_day,
    sums AS
(
    SELECT day, funnel_id, sum(visits_open) AS open, sum(visits_overdue) AS overdue, sum(visits_no_plan) AS no_plan,
        sum(overdue_days_accrued) AS accrued, sum(visits_entered) AS entered
    FROM stagelag.day_measures
    WHERE run_id <= newest_run AND run_id GLOBAL IN (SELECT run_id FROM stagelag.run_events WHERE status = 'published')
    GROUP BY day, funnel_id
    HAVING open != 0 OR overdue != 0 OR no_plan != 0 OR accrued != 0 OR entered != 0
),
    (SELECT (min(day), groupUniqArray(funnel_id)) FROM sums) AS span
SELECT
    days.day AS day,
    days.funnel_id AS funnel_id,
    ifNull(nullIf(f.name, ''), concat('#', toString(days.funnel_id))) AS funnel_name,
    sums.open AS open_deals,
    sums.overdue AS overdue_deals,
    sums.no_plan AS no_plan_deals,
    sums.accrued AS overdue_days_accrued,
    sum(sums.accrued) OVER (PARTITION BY days.funnel_id ORDER BY days.day) AS overdue_days_total
FROM
(
    SELECT arrayJoin(span.2) AS funnel_id, arrayJoin(arrayMap(n -> toDate(n), range(toUInt32(span.1), toUInt32(newest_day) + 1))) AS day
) AS days
LEFT JOIN sums ON sums.funnel_id = days.funnel_id AND sums.day = days.day
LEFT JOIN (SELECT funnel_id, name FROM stagelag.funnels WHERE run_id = (SELECT max(run_id) FROM stagelag.funnels WHERE run_id <= newest_run AND run_id IN (SELECT run_id FROM stagelag.run_events WHERE status = 'published'))) AS f ON f.funnel_id = days.funnel_id

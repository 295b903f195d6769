CREATE OR REPLACE VIEW portfolio_days_v1
(
    day                  Date COMMENT 'Day, in the zone of the portal',
    funnel_id            UInt32 COMMENT 'Funnel',
    funnel_name          String COMMENT 'Name of the funnel',
    open_deals           Int64 COMMENT 'Deals open at the end of the day, waiting ones included',
    overdue_deals        Int64 COMMENT 'Of these, overdue',
    no_plan_deals        Int64 COMMENT 'Of these, without a plan',
    overdue_days_accrued Int64 COMMENT 'Overdue days accrued on that day',
    overdue_days_total   Int64 COMMENT 'Overdue days accrued up to that day'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH
    sums AS
    (
        SELECT day, funnel_id, sum(visits_open) + sum(visits_waiting) AS open, sum(visits_overdue) AS overdue, sum(visits_no_plan) AS no_plan,
            sum(overdue_days_accrued) AS accrued, sum(visits_entered) AS entered
        FROM day_measures
        WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)}
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
    SELECT arrayJoin(span.2) AS funnel_id, arrayJoin(arrayMap(n -> toDate(n), range(toUInt32(span.1), toUInt32({newest_day:Date}) + 1))) AS day
) AS days
LEFT JOIN sums ON sums.funnel_id = days.funnel_id AND sums.day = days.day
LEFT JOIN (SELECT funnel_id, name FROM funnels WHERE run_id = (SELECT max(run_id) FROM funnels WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)})) AS f ON f.funnel_id = days.funnel_id
COMMENT 'One row for each day and funnel, without holes from the first entry to the as-of date'

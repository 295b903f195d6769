-- The days of then are the sums over the runs up to then: of all days for what has accrued, and of the last one for
-- what stood at its end. Runs are few beside days, so that the sums over them are made once for all dates.
CREATE OR REPLACE VIEW portfolio_then_v1
(
    known_on           Date COMMENT 'Date on which this was shown',
    funnel_id          UInt32 COMMENT 'Funnel',
    funnel_name        String COMMENT 'Name of the funnel',
    open_deals         Int64 COMMENT 'Deals open then, waiting ones included',
    overdue_deals      Int64 COMMENT 'Of these, overdue',
    no_plan_deals      Int64 COMMENT 'Of these, without a plan',
    overdue_days_total Int64 COMMENT 'Overdue days accrued up to then'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH
    (SELECT lists.1 FROM names_then) AS funnel_names
SELECT
    s.known_on AS known_on,
    m.funnel_id AS funnel_id,
    transform(concat(s.names_run, '/', toString(m.funnel_id)), funnel_names.1, funnel_names.2, concat('#', toString(m.funnel_id))) AS funnel_name,
    sum(if(m.day = s.shown_day, m.open, 0)) AS open_deals,
    sum(if(m.day = s.shown_day, m.overdue, 0)) AS overdue_deals,
    sum(if(m.day = s.shown_day, m.no_plan, 0)) AS no_plan_deals,
    sum(m.accrued) AS overdue_days_total
FROM
(
    SELECT run_id AS row_run, if(day IN (SELECT shown_day FROM shown_dates), day, toDate(0)) AS day, funnel_id,
        sum(visits_open) + sum(visits_waiting) AS open, sum(visits_overdue) AS overdue, sum(visits_no_plan) AS no_plan, sum(overdue_days_accrued) AS accrued,
        sum(visits_entered) AS entered
    FROM day_measures
    WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)}
    GROUP BY row_run, day, funnel_id
) AS m
CROSS JOIN (SELECT * FROM shown_dates) AS s
WHERE m.row_run <= s.shown_run
GROUP BY s.known_on, m.funnel_id, funnel_name
HAVING open_deals != 0 OR overdue_deals != 0 OR no_plan_deals != 0 OR overdue_days_total != 0 OR sum(m.entered) != 0
COMMENT 'One row for each funnel and each date since the first published one: the portfolio as it was shown at its end'

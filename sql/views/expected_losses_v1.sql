-- A visit loses a day when it is still open on a counting day after its planned end. How likely that is, its stage's
-- curve says. Of one visit the days of a week are taken to be lost together, which makes the variance the largest
-- that it can be; visits are taken to end on their own.
CREATE OR REPLACE VIEW expected_losses_v1
(
    week_end        Date COMMENT 'Last day of the week, the first one begins after the as-of date',
    funnel_id       UInt32 COMMENT 'Funnel of the visits',
    funnel_name     String COMMENT 'Name of the funnel',
    stage_id        LowCardinality(String) COMMENT 'Stage of the visits',
    stage_name      String COMMENT 'Name of the stage, its id where the portal has no such stage',
    manager_id      UInt64 COMMENT 'Manager of the visits now, 0 for nobody',
    manager_name    String COMMENT 'First and last name, #ID where the portal does not return the person',
    expected_days   Float64 COMMENT 'Days that the visits that are open now will probably lose in that week',
    days_variance   Float64 COMMENT 'Variance of these days; variances add up over funnels, stages and managers, not over weeks',
    visits          UInt64 COMMENT 'Visits with a plan that this is computed from',
    visits_unknown  UInt64 COMMENT 'Visits with a plan that have no late probability, which are not among the others'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH
    (
        SELECT argMax(((funnel_id, funnel_name), (stage_id, stage_name), (manager_id, manager_name), (department_id, department_name)), run_id)
        FROM names
        WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)}
    ) AS names,
    names.1 AS funnel_names,
    names.2 AS stage_names,
    names.3 AS manager_names
SELECT
    {newest_day:Date} + 7 * week AS week_end,
    funnel_id,
    transform(toString(funnel_id), funnel_names.1, funnel_names.2, concat('#', toString(funnel_id))) AS funnel_name,
    CAST(stage AS LowCardinality(String)) AS stage_id,
    transform(concat(toString(funnel_id), '/', stage), stage_names.1, stage_names.2, stage) AS stage_name,
    manager_id,
    transform(toString(manager_id), manager_names.1, manager_names.2, concat('#', toString(manager_id))) AS manager_name,
    sum(alike * days) AS expected_days,
    sum(alike * deviation * deviation) AS days_variance,
    sum(alike * is_known) AS visits,
    sum(alike * NOT is_known) AS visits_unknown
FROM
(
    SELECT v.week AS week, v.funnel_id AS funnel_id, v.stage AS stage, v.manager_id AS manager_id, v.alike AS alike, v.curve > 0 AS is_known,
        sum(if(v.is_lost AND v.curve > 0, if(e.days = v.lasted_then, [e.open_short, e.open_year, e.open_ever][v.curve], v.open_last) / v.open_before AS share, 0)) AS days,
        sum(if(v.is_lost AND v.curve > 0, sqrt(greatest(0, share * (1 - share))), 0)) AS deviation
    FROM
    (
        SELECT o.*, c.curve AS curve, c.open_before AS open_before, c.open_last AS open_last,
            arrayJoin(range(1, 57)) AS ahead, intDiv(ahead + 6, 7) AS week, toUInt16(o.lasted + ahead - 1) AS lasted_then,
            {newest_day:Date} + ahead AS date,
            date > o.planned_end AND if(has(o.exceptions, date), o.exception_counts[indexOf(o.exceptions, date)], NOT has(o.weekend, toDayOfWeek(date) % 7)) AS is_lost
        FROM
        (
            SELECT v.*, arrayFirst(k -> has(k.1, v.funnel_id) OR empty(k.1), calendars) AS calendar,
                calendar.2 AS weekend, calendar.3 AS exceptions, calendar.4 AS exception_counts
            FROM
            (
                SELECT funnel_id, toString(stage_id) AS stage, manager_id, planned_end, toUInt16({newest_day:Date} - entered_date) AS lasted, count() AS alike
                FROM visits
                WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)} AND (until_run_id > {newest_run:UInt32} OR until_run_id IN {hidden_runs:Array(UInt32)}) AND NOT is_gone
                    AND is_open AND plan_source != 'none'
                GROUP BY funnel_id, stage, manager_id, planned_end, lasted
            ) AS v
            CROSS JOIN
            (
                SELECT arraySort(k -> empty(k.1), groupArray((funnels, weekend, arrayFilter(d -> d > {newest_day:Date}, calendars.day), arrayFilter((counted, d) -> d > {newest_day:Date}, calendars.counts, calendars.day)))) AS calendars
                FROM calendars
                WHERE run_id = (SELECT max(run_id) FROM calendars WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)})
            ) AS k
        ) AS o
        LEFT JOIN (SELECT * FROM forecast_curves WHERE run_id = {newest_curves:UInt32}) AS c ON c.funnel_id = o.funnel_id AND c.stage_id = o.stage AND c.days = o.lasted
    ) AS v
    LEFT JOIN (SELECT * FROM forecast_curves WHERE run_id = {newest_curves:UInt32}) AS e ON e.funnel_id = v.funnel_id AND e.stage_id = v.stage AND e.days = v.lasted_then
    GROUP BY v.week, v.funnel_id, v.stage, v.manager_id, v.alike, v.curve, v.planned_end, v.lasted
)
GROUP BY week, funnel_id, stage, manager_id
COMMENT 'One row for each of the next eight weeks, funnel, stage and manager with an open visit that has a plan'

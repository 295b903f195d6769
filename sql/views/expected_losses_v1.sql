-- A visit loses a day when it is still open on a counting day after its planned end. How likely that is, its stage's
-- curve says. Of one visit the days of a week are taken to be lost together, which makes the variance the largest
-- that it can be; visits are taken to end on their own. What visits to a stage lose that have lasted as long is summed
-- up over the days once, and a visit takes the sums from its planned end on.
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
    SELECT v.funnel_id AS funnel_id, v.stage AS stage, v.managers AS managers, c.is_known AS is_known,
        arrayJoin(range(1, 9)) AS week, least(56, greatest(0, v.planned_end - {newest_day:Date})) AS days_left,
        greatest(7 * week - 7, least(7 * week, days_left)) + 1 AS before, 7 * week + 1 AS after,
        c.days_lost[after] - c.days_lost[before] AS days,
        c.deviations[after] - c.deviations[before] AS deviation
    FROM
    (
        SELECT funnel_id, toString(stage_id) AS stage, planned_end, toUInt16({newest_day:Date} - entered_date) AS lasted, sumMap([manager_id], [toUInt64(1)]) AS managers
        FROM visits
        WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)} AND (until_run_id > {newest_run:UInt32} OR until_run_id IN {hidden_runs:Array(UInt32)}) AND NOT is_gone
            AND is_open AND plan_source != 'none'
        GROUP BY funnel_id, stage, planned_end, lasted
    ) AS v
    LEFT JOIN
    (
        SELECT w.funnel_id AS funnel_id, w.stage_id AS stage_id, w.lasted AS lasted, 1 AS is_known,
            arrayFirst(k -> has(k.1, w.funnel_id) OR empty(k.1), k.calendars).2 AS counts,
            arrayMap(share -> share / w.open_before, arrayResize(w.open, 56, w.open_last)) AS shares,
            arrayPushFront(arrayCumSum((share, counted) -> if(counted, share, 0), shares, counts), 0) AS days_lost,
            arrayPushFront(arrayCumSum((share, counted) -> if(counted, sqrt(greatest(0, share * (1 - share))), 0), shares, counts), 0) AS deviations
        FROM
        (
            SELECT funnel_id, stage_id, days AS lasted, open_before, open_last, curve,
                [groupArray(open_short) OVER ahead, groupArray(open_year) OVER ahead, groupArray(open_ever) OVER ahead][curve] AS open
            FROM forecast_curves
            WHERE run_id = {newest_curves:UInt32}
            WINDOW ahead AS (PARTITION BY funnel_id, stage_id ORDER BY days ROWS BETWEEN CURRENT ROW AND 55 FOLLOWING)
        ) AS w
        CROSS JOIN
        (
            SELECT arraySort(c -> empty(c.1), groupArray((funnels,
                arrayMap(date -> if(has(calendars.day, date), calendars.counts[indexOf(calendars.day, date)], NOT has(weekend, toDayOfWeek(date) % 7)), arrayMap(ahead -> {newest_day:Date} + ahead, range(1, 57)))))) AS calendars
            FROM calendars
            WHERE run_id = (SELECT max(run_id) FROM calendars WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)})
        ) AS k
        WHERE w.curve > 0 AND (w.funnel_id, w.stage_id, w.lasted) IN
            (
                SELECT funnel_id, stage_id, toUInt16({newest_day:Date} - entered_date)
                FROM visits
                WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)} AND (until_run_id > {newest_run:UInt32} OR until_run_id IN {hidden_runs:Array(UInt32)}) AND NOT is_gone
                    AND is_open AND plan_source != 'none'
            )
    ) AS c ON c.funnel_id = v.funnel_id AND c.stage_id = v.stage AND c.lasted = v.lasted
)
ARRAY JOIN managers.1 AS manager_id, managers.2 AS alike
GROUP BY week, funnel_id, stage, manager_id
COMMENT 'One row for each of the next eight weeks, funnel, stage and manager with an open visit that has a plan'

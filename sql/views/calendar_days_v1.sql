CREATE OR REPLACE VIEW calendar_days_v1
(
    day      Date COMMENT 'Day, from the first entry of all visits to the end of the year after the as-of date',
    calendar String COMMENT 'Empty for the default calendar, else its funnels, joined by commas',
    funnels  Array(UInt32) COMMENT 'Funnels with this calendar, none for the default one',
    counts   UInt8 COMMENT '1 when the day counts, pauses of deals aside',
    why      LowCardinality(String) COMMENT 'Why the day counts otherwise than its weekday, weekend for a weekly day off; else empty'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH
    (
        SELECT min(first_entered) FROM deals
        WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)} AND (until_run_id > {newest_run:UInt32} OR until_run_id IN {hidden_runs:Array(UInt32)}) AND NOT is_gone AND visits > 0
    ) AS first_day
SELECT
    arrayJoin(arrayMap(n -> toDate(n), range(toUInt32(first_day), toUInt32(toStartOfYear({newest_day:Date} + toIntervalYear(2)))))) AS day,
    c.calendar AS calendar,
    c.funnels AS funnels,
    indexOf(c.exceptions, day) AS place,
    toDayOfWeek(day) % 7 AS weekday,
    toUInt8(if(place > 0, c.exception_counts[place], NOT has(c.weekend, weekday))) AS counts,
    CAST(multiIf(place > 0, c.exception_why[place], counts = 0, 'weekend', '') AS LowCardinality(String)) AS why
FROM
(
    SELECT calendar, funnels, weekend, calendars.day AS exceptions, calendars.counts AS exception_counts, calendars.why AS exception_why
    FROM calendars
    WHERE run_id = (SELECT max(run_id) FROM calendars WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)})
) AS c
COMMENT 'One row for each day and calendar'

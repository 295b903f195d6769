-- The facts that came in and were taken back since say how many days were lost more, deal by deal. Those of days
-- after the date before are new, the others changed what was shown already, and the plan changes say by how much.
CREATE OR REPLACE VIEW loss_changes_v1
(
    cause      LowCardinality(String) COMMENT 'new, plan, norm, calendar, correction, configuration, gone or come',
    deal_id    UInt64 COMMENT 'Deal ID in Bitrix24',
    deal_title String COMMENT 'Title of the deal, empty for a forgotten one',
    deal_url   String COMMENT 'Page of the deal on the portal',
    days       Int64 COMMENT 'Overdue days more than in the state before, negative for fewer',
    since      Date COMMENT 'As-of date of the published run before',
    as_of      Date COMMENT 'As-of date of the last published run'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH
    (SELECT (max(run_id), max(as_of)) FROM published_runs WHERE run_id <= {newest_run:UInt32} AND as_of < {newest_day:Date}) AS state_before,
    state_before.1 AS run_before,
    state_before.2 AS day_before,
    (SELECT uniqExact(rules_hash) > 1 FROM run_events WHERE run_id >= run_before AND run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)} AND status = 'published') AS has_other_rules,
    (SELECT count() > 0 FROM calendars WHERE run_id > run_before AND run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)}) AS has_other_calendars,
    c.shown_days - arraySum(mapValues(c.by_cause)) AS rest
SELECT
    CAST(part.1 AS LowCardinality(String)) AS cause,
    c.deal_id AS deal_id,
    d.title AS deal_title,
    concat('https://', {newest_host:String}, '/crm/deal/details/', toString(c.deal_id), '/') AS deal_url,
    part.2 AS days,
    day_before AS since,
    {newest_day:Date} AS as_of
FROM
(
    SELECT deal_id, sum(of_new_days) AS new_days, sum(of_shown_days) AS shown_days, sumMap(by_cause) AS by_cause
    FROM
    (
        SELECT deal_id, sumIf(sign * overdue_day, day > day_before) AS of_new_days, sumIf(sign * overdue_day, day <= day_before) AS of_shown_days,
            CAST(map() AS Map(UInt8, Int64)) AS by_cause
        FROM facts
        WHERE run_id > run_before AND run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)} AND run_before > 0
        GROUP BY deal_id
        UNION ALL
        SELECT deal_id, 0, 0, sumMap(map(change.cause, toInt64(change.shown - change.shown_before))) AS by_cause
        FROM planned_anew
        WHERE row_run > run_before AND change.run_id > run_before
        GROUP BY deal_id
    )
    GROUP BY deal_id
) AS c
INNER JOIN
(
    SELECT deal_id, argMax(deals.title, run_id) AS title,
        max((until_run_id > {newest_run:UInt32} OR until_run_id IN {hidden_runs:Array(UInt32)}) AND NOT is_gone) AS is_now,
        max(run_id <= run_before AND (until_run_id > run_before OR until_run_id IN {hidden_runs:Array(UInt32)}) AND NOT is_gone) AS was_then
    FROM deals
    WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)}
        AND deal_id GLOBAL IN (SELECT deal_id FROM facts WHERE run_id > run_before AND run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)})
    GROUP BY deal_id
) AS d ON d.deal_id = c.deal_id
ARRAY JOIN
    arrayFilter(p -> p.2 != 0, multiIf(
        NOT d.was_then, [('come', c.new_days + c.shown_days)],
        NOT d.is_now, [('gone', c.new_days + c.shown_days)],
        [
            ('new', c.new_days),
            ('plan', c.by_cause[3]),
            ('norm', c.by_cause[2]),
            ('calendar', if(has_other_calendars, c.by_cause[1] + rest, 0)),
            ('configuration', if(has_other_rules AND NOT has_other_calendars, rest, 0)),
            ('correction', c.by_cause[0] + if(has_other_rules OR has_other_calendars, 0, rest))
        ])) AS part
COMMENT 'Why the days lost are other than in the state before, deal by deal: the days add up to the difference'

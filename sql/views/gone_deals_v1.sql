-- What readers see last of a deal stays in the row that says that it is gone. Templates are no deals.
CREATE OR REPLACE VIEW gone_deals_v1
(
    deal_id            UInt64 COMMENT 'Deal ID in Bitrix24',
    deal_title         String COMMENT 'Title of the deal, empty for a forgotten one',
    funnel_id          UInt32 COMMENT 'Funnel of the last visit',
    funnel_name        String COMMENT 'Name of the funnel',
    stage_id           LowCardinality(String) COMMENT 'Stage of the last visit',
    stage_name         String COMMENT 'Name of the stage, its id where the portal never had such a stage',
    manager_id         UInt64 COMMENT 'Manager of the last day of the last visit, 0 for nobody',
    manager_name       String COMMENT 'First and last name, #ID where the portal does not return the person; empty for a forgotten deal',
    overdue_days_total Int64 COMMENT 'Overdue days of all visits when it left',
    gone_on            Date COMMENT 'As-of date of the run that took the deal out of the report',
    run_id             UInt32 COMMENT 'That run',
    why                LowCardinality(String) COMMENT 'deleted, outside_funnels or forgotten'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH
    (
        SELECT (groupArray(toUInt32(run)), groupArray(day), groupArray(before))
        FROM
        (
            SELECT run_id AS run, as_of AS day, lagInFrame(numbers, 1, numbers) OVER (ORDER BY run_id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before
            FROM published_runs WHERE run_id <= {newest_run:UInt32}
        )
    ) AS runs,
    (
        SELECT argMax(((funnel_id, funnel_name), (stage_id, stage_name), (manager_id, manager_name), (department_id, department_name)), run_id)
        FROM names
        WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)}
    ) AS names,
    names.1 AS funnel_names,
    names.2 AS stage_names,
    names.3 AS manager_names
SELECT
    d.deal_id AS deal_id,
    d.title AS deal_title,
    d.funnel_id AS funnel_id,
    transform(toString(d.funnel_id), funnel_names.1, funnel_names.2, concat('#', toString(d.funnel_id))) AS funnel_name,
    CAST(d.stage_id AS LowCardinality(String)) AS stage_id,
    transform(concat(toString(d.funnel_id), '/', d.stage_id), stage_names.1, stage_names.2, toString(d.stage_id)) AS stage_name,
    d.manager_id AS manager_id,
    if(d.gone_why = 'forgotten', '', transform(toString(d.manager_id), manager_names.1, manager_names.2, concat('#', toString(d.manager_id)))) AS manager_name,
    toInt64(d.overdue_ended + if(d.is_open AND d.is_planned, greatest(0, least(if(has(d.numbers.2, d.funnel_id), d.numbers.3[indexOf(d.numbers.2, d.funnel_id)], d.numbers.1), d.stops_number) - d.accrues_number), 0)) AS overdue_days_total,
    transform(d.run, runs.1, runs.2, toDate(0)) AS gone_on,
    d.run AS run_id,
    CAST(d.gone_why AS LowCardinality(String)) AS why
FROM
(
    SELECT deals.run_id AS run, deal_id, title, funnel_id, stage_id, manager_id, is_open, is_planned, accrues_number, stops_number, overdue_days AS overdue_ended, gone_why,
        runs.3[indexOf(runs.1, deals.run_id)] AS numbers
    FROM deals
    WHERE deals.run_id <= {newest_run:UInt32} AND deals.run_id NOT IN {hidden_runs:Array(UInt32)} AND (until_run_id > {newest_run:UInt32} OR until_run_id IN {hidden_runs:Array(UInt32)})
        AND is_gone AND gone_why IN ('deleted', 'outside_funnels', 'forgotten') AND visits > 0
) AS d
COMMENT 'One row for each deal that has left the report; it goes when the deal is back'

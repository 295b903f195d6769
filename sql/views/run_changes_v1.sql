-- What changed is few visits: they are picked first, kept in memory, and the deals read past
-- them. A deal is in time where its last visit is: no other is open.
-- What changed is told of visits, by their plans as they are now: a plan that was moved
-- shows where the visit stands, not that it was moved.
CREATE OR REPLACE VIEW run_changes_v1
(
    deal_id      UInt64 COMMENT 'Deal ID in Bitrix24',
    deal_title   String COMMENT 'Title of the deal',
    deal_url     String COMMENT 'Page of the deal on the portal',
    funnel_id    UInt32 COMMENT 'Funnel of the visit',
    funnel_name  String COMMENT 'Name of the funnel',
    visit_no     UInt32 COMMENT 'Number of the visit, from 1, over all visits of the deal in its order',
    stage_id     LowCardinality(String) COMMENT 'Stage of the visit',
    stage_name   String COMMENT 'Name of the stage, its id where the portal has no such stage',
    manager_id   UInt64 COMMENT 'Manager of the last day of the visit, 0 for nobody',
    manager_name String COMMENT 'First and last name, #ID where the portal does not return the person',
    planned_end  Date COMMENT 'Last day that is still on time',
    overdue_days Int32 COMMENT 'Days after the planned end',
    change       LowCardinality(String) COMMENT 'newly_overdue, brought_back or finished_late',
    since        Date COMMENT 'As-of date of the published run before',
    as_of        Date COMMENT 'As-of date of the last published run'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH
    ifNull((SELECT maxOrNull(as_of) FROM published_runs WHERE run_id <= {newest_run:UInt32} AND as_of < {newest_day:Date}), {newest_day:Date}) AS day_before,
    (
        SELECT (argMaxIf(list, run_id, kind = 'funnel'), argMaxIf(list, run_id, kind = 'stage'), argMaxIf(list, run_id, kind = 'manager'))
        FROM names
        WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)}
    ) AS names,
    names.1 AS funnel_names,
    names.2 AS stage_names,
    names.3 AS manager_names
SELECT
    v.deal_id AS deal_id,
    d.title AS deal_title,
    concat('https://', {newest_host:String}, '/crm/deal/details/', toString(v.deal_id), '/') AS deal_url,
    v.funnel_id AS funnel_id,
    transform(toString(v.funnel_id), funnel_names.1, funnel_names.2, concat('#', toString(v.funnel_id))) AS funnel_name,
    v.visit_no AS visit_no,
    CAST(v.stage_id AS LowCardinality(String)) AS stage_id,
    transform(concat(toString(v.funnel_id), '/', v.stage_id), stage_names.1, stage_names.2, toString(v.stage_id)) AS stage_name,
    v.manager_id AS manager_id,
    transform(toString(v.manager_id), manager_names.1, manager_names.2, concat('#', toString(v.manager_id))) AS manager_name,
    v.planned_end AS planned_end,
    toInt32(if(v.is_open, {newest_day:Date} - v.planned_end, v.overdue_days_ended)) AS overdue_days,
    CAST(multiIf(v.is_open, 'newly_overdue', d.is_in_time, 'brought_back', 'finished_late') AS LowCardinality(String)) AS change,
    day_before AS since,
    {newest_day:Date} AS as_of
FROM
(
    SELECT deal_id, title, is_open AND (NOT is_planned OR planned_end >= {newest_day:Date}) AS is_in_time
    FROM deals
    WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)} AND (until_run_id > {newest_run:UInt32} OR until_run_id IN {hidden_runs:Array(UInt32)}) AND NOT is_gone
) AS d
RIGHT JOIN
(
    SELECT deal_id, visit_no, funnel_id, stage_id, is_open, left_date, plan_source, planned_end, manager_id,
        overdue_days AS overdue_days_ended
    FROM visits
    WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)} AND (until_run_id > {newest_run:UInt32} OR until_run_id IN {hidden_runs:Array(UInt32)}) AND NOT is_gone
        AND day_before < {newest_day:Date} AND plan_source != 'none'
        AND if(is_open, planned_end >= day_before AND planned_end < {newest_day:Date}, left_date > day_before AND overdue_days > 0)
) AS v ON v.deal_id = d.deal_id
COMMENT 'One row for each visit that became late, or ended late, since the last published as-of date before'

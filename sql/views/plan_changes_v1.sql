CREATE OR REPLACE VIEW plan_changes_v1
(
    known_on            Date COMMENT 'As-of date of the run that saw the change',
    run_id              UInt32 COMMENT 'That run',
    deal_id             UInt64 COMMENT 'Deal ID in Bitrix24',
    deal_title          String COMMENT 'Title of the deal',
    deal_url            String COMMENT 'Page of the deal on the portal',
    funnel_id           UInt32 COMMENT 'Funnel of the visit',
    funnel_name         String COMMENT 'Name of the funnel',
    visit_no            UInt32 COMMENT 'Number of the visit, from 1, over all visits of the deal in its order',
    stage_id            LowCardinality(String) COMMENT 'Stage of the visit',
    stage_name          String COMMENT 'Name of the stage, its id where the portal has no such stage',
    manager_id          UInt64 COMMENT 'Manager of that day, 0 for nobody',
    manager_name        String COMMENT 'First and last name, #ID where the portal does not return the person',
    cause               LowCardinality(String) COMMENT 'entry: the history was corrected; calendar: other dates count; norm: the configuration; deal: the value that the deal carries',
    plan_source_before  LowCardinality(Nullable(String)) COMMENT 'deal_date, deal_days or stage_norm; NULL where there was no plan',
    plan_source         LowCardinality(Nullable(String)) COMMENT 'The same after the change',
    plan_days_before    Nullable(Int32) COMMENT 'Counting days of the plan before',
    plan_days           Nullable(Int32) COMMENT 'Counting days of the plan after',
    planned_end_before  Nullable(Date) COMMENT 'Last day on time before',
    planned_end         Nullable(Date) COMMENT 'Last day on time after',
    days_moved          Nullable(Int32) COMMENT 'Calendar days from the one to the other, later is positive',
    overdue_days_before Int32 COMMENT 'Overdue days on known_on under the plan before',
    overdue_days        Int32 COMMENT 'Overdue days on known_on under the plan after'
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
    v.change.known_on AS known_on,
    v.change.run_id AS run_id,
    v.deal_id AS deal_id,
    d.title AS deal_title,
    concat('https://', {newest_host:String}, '/crm/deal/details/', toString(v.deal_id), '/') AS deal_url,
    v.funnel_id AS funnel_id,
    transform(toString(v.funnel_id), funnel_names.1, funnel_names.2, concat('#', toString(v.funnel_id))) AS funnel_name,
    v.visit_no AS visit_no,
    CAST(v.stage_id AS LowCardinality(String)) AS stage_id,
    transform(concat(toString(v.funnel_id), '/', v.stage_id), stage_names.1, stage_names.2, toString(v.stage_id)) AS stage_name,
    v.change.manager_id AS manager_id,
    transform(toString(manager_id), manager_names.1, manager_names.2, concat('#', toString(manager_id))) AS manager_name,
    CAST(['entry', 'calendar', 'norm', 'deal'][v.change.cause + 1] AS LowCardinality(String)) AS cause,
    CAST(nullIf(['', 'deal_date', 'deal_days', 'stage_norm'][v.change.source_before + 1], '') AS LowCardinality(Nullable(String))) AS plan_source_before,
    CAST(nullIf(['', 'deal_date', 'deal_days', 'stage_norm'][v.change.source + 1], '') AS LowCardinality(Nullable(String))) AS plan_source,
    if(v.change.source_before = 0, NULL, v.change.days_before) AS plan_days_before,
    if(v.change.source = 0, NULL, v.change.days) AS plan_days,
    if(v.change.source_before = 0, NULL, toDate(v.change.end_before)) AS planned_end_before,
    if(v.change.source = 0, NULL, toDate(v.change.end)) AS planned_end,
    if(v.change.source_before = 0 OR v.change.source = 0, NULL, toInt32(v.change.end) - toInt32(v.change.end_before)) AS days_moved,
    v.change.overdue_before AS overdue_days_before,
    v.change.overdue AS overdue_days
FROM (SELECT * FROM planned_anew) AS v
LEFT JOIN
(
    SELECT deal_id, title
    FROM deals
    WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)} AND (until_run_id > {newest_run:UInt32} OR until_run_id IN {hidden_runs:Array(UInt32)}) AND NOT is_gone
        AND deal_id GLOBAL IN (SELECT deal_id FROM visits WHERE plan_log != '')
) AS d ON d.deal_id = v.deal_id
COMMENT 'One row for each change of the plan of a visit between two published states; the first plan given is none'

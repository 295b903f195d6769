CREATE OR REPLACE VIEW deal_stage_days_v1
(
    day            Date COMMENT 'Day, in the zone of the portal',
    deal_id        UInt64 COMMENT 'Deal ID in Bitrix24',
    visit_no       UInt32 COMMENT 'Number of the visit, from 1, over all visits of the deal in its order',
    funnel_id      UInt32 COMMENT 'Funnel of the visit',
    funnel_name    String COMMENT 'Name of the funnel',
    stage_id       LowCardinality(String) COMMENT 'Stage of the visit',
    stage_name     String COMMENT 'Name of the stage, its id where the portal has no such stage',
    manager_id     UInt64 COMMENT 'Manager of that day, 0 for nobody',
    manager_name   String COMMENT 'First and last name, #ID where the portal does not return the person',
    manager_source LowCardinality(String) COMMENT 'seen: the portal showed the manager on that day; assumed: the day was computed later',
    entered_date   Date COMMENT 'Date of the move into the stage',
    plan_days      Nullable(Int32) COMMENT 'Days that the stage was given',
    planned_end    Nullable(Date) COMMENT 'Last day that is still on time',
    plan_source    LowCardinality(String) COMMENT 'deal_date, deal_days, stage_norm or none',
    history_source LowCardinality(String) COMMENT 'history or reconstructed',
    elapsed_days   Int32 COMMENT 'Days since the entry, on that day',
    overdue_days   Int32 COMMENT 'Overdue days so far, on that day',
    overdue_day    UInt8 COMMENT '1 when that day accrued an overdue day',
    days_left      Nullable(Int32) COMMENT 'Counting days to the planned end, on that day, of an open visit',
    is_open        UInt8 COMMENT '1 while the visit has not ended by the end of that day',
    is_counting    UInt8 COMMENT '1 when the day counts: under the calendar, and not paused',
    is_paused      UInt8 COMMENT '1 when the day is paused',
    pause_source   LowCardinality(Nullable(String)) COMMENT 'dates: of the deal; flag: the portal showed it on that day; assumed: a flag of a later day; NULL when the day is not paused',
    run_id         UInt32 COMMENT 'Run that computed the row'
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
    fact.day AS day,
    fact.deal_id AS deal_id,
    fact.visit_no AS visit_no,
    fact.funnel_id AS funnel_id,
    transform(toString(funnel_id), funnel_names.1, funnel_names.2, concat('#', toString(funnel_id))) AS funnel_name,
    CAST(fact.stage_id AS LowCardinality(String)) AS stage_id,
    transform(concat(toString(funnel_id), '/', fact.stage_id), stage_names.1, stage_names.2, toString(fact.stage_id)) AS stage_name,
    manager_id,
    transform(toString(manager_id), manager_names.1, manager_names.2, concat('#', toString(manager_id))) AS manager_name,
    CAST(manager_source AS LowCardinality(String)) AS manager_source,
    entered_date,
    if(fact.plan_source = 'none', NULL, fact.plan_days) AS plan_days,
    if(fact.plan_source = 'none', NULL, if(p.deal_id = 0, fact.planned_end, p.planned_end)) AS planned_end,
    CAST(fact.plan_source AS LowCardinality(String)) AS plan_source,
    CAST(history_source AS LowCardinality(String)) AS history_source,
    toInt32(day - entered_date) AS elapsed_days,
    overdue_days,
    overdue_day,
    nullIf(fact.days_left, -1) AS days_left,
    toUInt8(fact.is_open) AS is_open,
    toUInt8(fact.is_counting) AS is_counting,
    toUInt8(fact.pause_source != '') AS is_paused,
    CAST(nullIf(toString(fact.pause_source), '') AS LowCardinality(Nullable(String))) AS pause_source,
    run_id
FROM
(
    -- The newest row of each fact; one that takes the fact back leaves nothing.
    SELECT day, deal_id, visit_no, funnel_id, stage_id, manager_id, manager_source, entered_date, plan_source, plan_days,
        planned_end, history_source, overdue_days, overdue_day, days_left, is_open, is_counting, pause_source, run_id, sign
    FROM facts
    WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)}
    ORDER BY deal_id, visit_no, day, -toInt64(run_id), -sign
    LIMIT 1 BY deal_id, visit_no, day
) AS fact
-- A pause moves the planned end of all days of a visit. The rows of the days before it stay.
LEFT ANY JOIN
(
    SELECT deal_id, visit_no, planned_end
    FROM visits
    WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)} AND (until_run_id > {newest_run:UInt32} OR until_run_id IN {hidden_runs:Array(UInt32)}) AND NOT is_gone
        AND notEmpty(pause_from)
) AS p ON p.deal_id = fact.deal_id AND p.visit_no = fact.visit_no
WHERE sign = 1
COMMENT 'The facts: one row for each day of each visit, both ends included'

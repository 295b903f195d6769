-- A bitmap, because with a subquery in the condition the engine would not look for the sums that are
-- kept beside the facts.
CREATE OR REPLACE VIEW fact_changes_v1
(
    run_id      UInt32 COMMENT 'Run that appended the row',
    sign        Int8 COMMENT '1: the fact came in, -1: it was taken back',
    day         Date COMMENT 'Day, in the zone of the portal',
    deal_id     UInt64 COMMENT 'Deal ID in Bitrix24',
    visit_no    UInt32 COMMENT 'Number of the visit, from 1, over all visits of the deal in its order',
    funnel_id   UInt32 COMMENT 'Funnel of the visit',
    stage_id    LowCardinality(String) COMMENT 'Stage of the visit',
    manager_id  UInt64 COMMENT 'Manager of that day, 0 for nobody',
    overdue_day UInt8 COMMENT '1 when that day accrued an overdue day'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
SELECT
    run_id,
    sign,
    day,
    deal_id,
    visit_no,
    funnel_id,
    CAST(stage_id AS LowCardinality(String)) AS stage_id,
    manager_id,
    overdue_day
FROM facts
WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)}
COMMENT 'One row for each fact that a published run brought in or took back: sums of sign are what the views show, and up to a run_id what they showed then'

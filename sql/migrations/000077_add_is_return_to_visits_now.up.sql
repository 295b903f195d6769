CREATE OR REPLACE VIEW stagelag.visits_now
(
    deal_id         UInt64 COMMENT 'Deal ID in Bitrix24',
    visit_no        UInt32 COMMENT 'Number of the visit, from 1, over all visits of the deal in its order',
    funnel_id       UInt32 COMMENT 'Funnel of the visit',
    funnel_name     String COMMENT 'Name of the funnel',
    stage_id        LowCardinality(String) COMMENT 'Stage of the visit',
    stage_name      String COMMENT 'Name of the stage, its id where the portal has no such stage',
    stage_semantics LowCardinality(String) COMMENT 'process, success or failure',
    manager_id      UInt64 COMMENT 'Manager of the last day of the visit, 0 for nobody',
    manager_name    String COMMENT 'First and last name, #ID where the portal does not return the person',
    entered_date    Date COMMENT 'Date of the move into the stage',
    left_date       Nullable(Date) COMMENT 'Date of leaving, NULL while the visit is open',
    plan_days       Nullable(Int32) COMMENT 'Days that the stage was given',
    plan_source     LowCardinality(String) COMMENT 'deal_date, deal_days, stage_norm or none',
    planned_end     Nullable(Date) COMMENT 'Last day that is still on time',
    elapsed_days    Int32 COMMENT 'Days from the entry to the leaving or the as-of date',
    overdue_days    Int32 COMMENT 'Days after the planned end',
    days_left       Nullable(Int32) COMMENT 'Days to the planned end, of an open visit',
    is_open         UInt8 COMMENT '1 while the deal is in the stage',
    status          LowCardinality(String) COMMENT 'on_time, due_today, overdue, finished_on_time, finished_late, no_plan or final',
    is_final        UInt8 COMMENT '1 in a stage of success or failure',
    is_return       UInt8 COMMENT '1 where an earlier visit of the deal was to the same stage'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
SELECT * FROM stagelag.visits_now_v1
COMMENT 'One row for each visit as it stands now, as deal_stages but for titles and addresses: for sums over the whole portfolio'

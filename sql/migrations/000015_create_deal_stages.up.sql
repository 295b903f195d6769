CREATE OR REPLACE VIEW stagelag.deal_stages
(
    deal_id         UInt64 COMMENT 'Deal ID in Bitrix24',
    deal_title      String COMMENT 'Title of the deal',
    deal_url        String COMMENT 'Page of the deal on the portal',
    funnel_id       UInt32 COMMENT 'Funnel of the visit',
    funnel_name     String COMMENT 'Name of the funnel',
    visit_no        UInt32 COMMENT 'Number of the visit, from 1, over all visits of the deal in its order',
    stage_id        LowCardinality(String) COMMENT 'Stage of the visit',
    stage_name      String COMMENT 'Name of the stage, its id where the portal has no such stage',
    stage_semantics LowCardinality(String) COMMENT 'process, success or failure',
    manager_id      UInt64 COMMENT 'Manager of the last day of the visit, 0 for nobody',
    manager_name    String COMMENT 'First and last name, #ID where the portal does not return the person',
    entered_at      DateTime64(3, 'UTC') COMMENT 'Time of the move into the stage',
    entered_date    Date COMMENT 'Its date in the zone of the portal',
    left_date       Nullable(Date) COMMENT 'Date of the move out',
    plan_days       Nullable(Int32) COMMENT 'Days that the stage was given',
    plan_source     LowCardinality(String) COMMENT 'deal_date, deal_days, stage_norm or none',
    planned_end     Nullable(Date) COMMENT 'Last day that is still on time',
    elapsed_days    Int32 COMMENT 'Days from the entry to the end, or to the as-of date',
    overdue_days    Int32 COMMENT 'Days after the planned end',
    days_left       Nullable(Int32) COMMENT 'Days to the planned end of an open visit',
    is_open         UInt8 COMMENT '1 while the deal is in the stage',
    status          LowCardinality(String) COMMENT 'on_time, due_today, overdue, finished_on_time, finished_late, no_plan or final',
    history_source  LowCardinality(String) COMMENT 'history or reconstructed'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
SELECT * FROM stagelag.deal_stages_v1
COMMENT 'One row for each visit as it stands now'

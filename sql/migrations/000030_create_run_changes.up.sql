CREATE OR REPLACE VIEW stagelag.run_changes
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
SELECT * FROM stagelag.run_changes_v1
COMMENT 'One row for each visit that became late, or ended late, since the last published as-of date before'

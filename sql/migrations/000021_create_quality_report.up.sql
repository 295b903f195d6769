CREATE OR REPLACE VIEW stagelag.quality_report
(
    day                     Date COMMENT 'Day, in the zone of the portal',
    manager_id              UInt64 COMMENT 'Manager of that day, 0 for nobody',
    manager_name            String COMMENT 'First and last name, #ID where the portal does not return the person',
    funnel_id               UInt32 COMMENT 'Funnel',
    funnel_name             String COMMENT 'Name of the funnel',
    stage_id                LowCardinality(String) COMMENT 'Stage',
    stage_name              String COMMENT 'Name of the stage',
    visits_closed           Int64 COMMENT 'Visits left on that day',
    visits_closed_with_plan Int64 COMMENT 'Of these, with a plan',
    visits_on_time          Int64 COMMENT 'Of these, without overdue days',
    visits_late             Int64 COMMENT 'Of these, with overdue days',
    late_days               Int64 COMMENT 'Overdue days of the visits left on that day',
    overdue_days_accrued    Int64 COMMENT 'Overdue days accrued on that day',
    visits_open             Int64 COMMENT 'Visits open at the end of the day',
    visits_overdue          Int64 COMMENT 'Of these, overdue',
    visits_no_plan          Int64 COMMENT 'Of these, without a plan'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
SELECT * FROM stagelag.quality_report_v1
COMMENT 'One row for each day, manager, funnel and stage with anything in it; final stages are left out'

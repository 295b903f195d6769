CREATE OR REPLACE VIEW stagelag.data_gaps
(
    deal_id    UInt64 COMMENT 'Deal ID in Bitrix24',
    deal_title String COMMENT 'Title of the deal',
    deal_url   String COMMENT 'Page of the deal on the portal',
    visit_no   Nullable(UInt32) COMMENT 'Visit, NULL for the deal as a whole',
    stage_id   LowCardinality(String) COMMENT 'Stage',
    manager_id UInt64 COMMENT 'Manager, 0 for nobody',
    reason     LowCardinality(String) COMMENT 'no_plan, bad_plan, history_reconstructed, history_starts_late, unknown_stage, unknown_manager or time_in_future',
    detail     String COMMENT 'What exactly'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
SELECT * FROM stagelag.data_gaps_v1
COMMENT 'One row for each thing that the numbers could not cover'

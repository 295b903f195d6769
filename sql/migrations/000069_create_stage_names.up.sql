CREATE OR REPLACE VIEW stagelag.stage_names
(
    funnel_id       UInt32 COMMENT 'Funnel of the stage',
    funnel_name     String COMMENT 'Name of the funnel',
    stage_id        LowCardinality(String) COMMENT 'Stage ID in Bitrix24',
    stage_name      String COMMENT 'Name of the stage',
    stage_semantics LowCardinality(String) COMMENT 'What the stage means: process, success or failure',
    sort            Int32 COMMENT 'Place of the stage in its funnel'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
SELECT * FROM stagelag.stage_names_v1
COMMENT 'One row for each stage that the portal has now'

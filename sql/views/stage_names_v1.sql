-- The stages that the portal has now. A stage of the past that it has not is known by its ID.
CREATE OR REPLACE VIEW stage_names_v1
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
SELECT
    s.funnel_id AS funnel_id,
    ifNull(nullIf(f.name, ''), concat('#', toString(s.funnel_id))) AS funnel_name,
    CAST(s.stage_id AS LowCardinality(String)) AS stage_id,
    if(s.name = '', toString(s.stage_id), s.name) AS stage_name,
    CAST(s.semantics AS LowCardinality(String)) AS stage_semantics,
    s.sort AS sort
FROM (SELECT funnel_id, stage_id, name, semantics, sort FROM stages WHERE run_id = (SELECT max(run_id) FROM stages WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)}) AND NOT is_gone) AS s
LEFT JOIN (SELECT funnel_id, name FROM funnels WHERE run_id = (SELECT max(run_id) FROM funnels WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)})) AS f ON f.funnel_id = s.funnel_id
COMMENT 'One row for each stage that the portal has now'

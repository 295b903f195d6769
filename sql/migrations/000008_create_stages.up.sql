-- A run that finds stages other than those published writes all of them; the newest
-- published run that did counts.
CREATE TABLE IF NOT EXISTS stages
(
    run_id    UInt32 COMMENT 'Run that wrote the row',
    funnel_id UInt32 COMMENT 'Funnel of the stage',
    stage_id  LowCardinality(String) COMMENT 'Stage ID in Bitrix24',
    name      String COMMENT 'Name of the stage',
    semantics Enum8('process' = 0, 'success' = 1, 'failure' = 2) COMMENT 'What the stage means',
    sort      Int32 COMMENT 'Place of the stage in its funnel',
    is_gone   Bool COMMENT 'The portal has the stage no more, this is what it was'
)
ENGINE = MergeTree
ORDER BY (run_id, funnel_id, stage_id)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Stages of the portal, a whole set for each run that found a change'

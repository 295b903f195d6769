-- A run that finds funnels other than those published writes all of them; the newest
-- published run that did counts.
CREATE TABLE IF NOT EXISTS funnels
(
    run_id    UInt32 COMMENT 'Run that wrote the row',
    funnel_id UInt32 COMMENT 'Funnel ID in Bitrix24, 0 for the default one',
    name      String COMMENT 'Name of the funnel'
)
ENGINE = MergeTree
ORDER BY (run_id, funnel_id)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Funnels of the portal, a whole set for each run that found a change'

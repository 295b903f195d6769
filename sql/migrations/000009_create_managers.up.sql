-- A run that finds people other than those published writes all of them; the newest
-- published run that did counts.
CREATE TABLE IF NOT EXISTS managers
(
    run_id     UInt32 COMMENT 'Run that wrote the row',
    manager_id UInt64 COMMENT 'User ID in Bitrix24',
    name       String COMMENT 'First and last name, empty where the person is forgotten or has none',
    is_active  Bool COMMENT 'Whether the person still works there',
    department_id UInt64 COMMENT 'First by ID of the departments that the person is in, 0 for none'
)
ENGINE = MergeTree
ORDER BY (run_id, manager_id)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'People responsible for deals, a whole set for each run that found a change'

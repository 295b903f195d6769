-- A run that finds departments other than those published writes all of them; the newest
-- published run that did counts. Who was in which one when, managers tells, run by run.
CREATE TABLE IF NOT EXISTS departments
(
    run_id        UInt32 COMMENT 'Run that wrote the row',
    department_id UInt64 COMMENT 'Department ID in Bitrix24',
    name          String COMMENT 'Name of the department, no two have the same'
)
ENGINE = MergeTree
ORDER BY (run_id, department_id)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Departments of the portal, a whole set for each run that found a change'

-- Views look names up in arrays and not by joins: a query that does not ask for them does not pay for
-- joins. One row has all of them, since planning a query over four tables costs more than reading one row.
CREATE TABLE IF NOT EXISTS names
(
    run_id           UInt32 COMMENT 'Run that wrote the row',
    funnel_id        Array(String) COMMENT 'Funnels: ID in Bitrix24',
    funnel_name      Array(String) COMMENT 'Funnels: name, #ID where the portal gives none',
    funnel_label     Array(String) COMMENT 'Funnels: name, with its ID where another one looks the same',
    stage_id         Array(String) COMMENT 'Stages: FUNNEL/STAGE',
    stage_name       Array(String) COMMENT 'Stages: name, the ID where the portal gives none',
    stage_label      Array(String) COMMENT 'Stages: name, with its funnel where another one looks the same, and its ID where that is not enough',
    manager_id       Array(String) COMMENT 'People with a name: ID in Bitrix24',
    manager_name     Array(String) COMMENT 'People: first and last name',
    manager_label    Array(String) COMMENT 'People: name, with the ID where another one looks the same',
    department_id    Array(String) COMMENT 'Departments: ID in Bitrix24',
    department_name  Array(String) COMMENT 'Departments: name'
)
ENGINE = MergeTree
ORDER BY run_id
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Names of funnels, stages, people and departments, all of them for each run that found a change'

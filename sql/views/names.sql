-- Names are looked up in arrays and not by joins: a query that does not ask for them does not pay for
-- joins, and one reading finds all of them.
CREATE OR REPLACE VIEW names
(
    run_id UInt32 COMMENT 'Run that wrote the names',
    kind   String COMMENT 'funnel, stage, manager or department',
    list   Array(Tuple(key String, name String)) COMMENT 'Names by what they are looked up with: the ID, for a stage FUNNEL/STAGE'
)
AS
SELECT run_id, kind, groupArrayIf((key, name), name != '') AS list
FROM
(
    SELECT run_id, 'funnel' AS kind, toString(funnel_id) AS key, name FROM funnels
    UNION ALL
    SELECT run_id, 'stage', concat(toString(funnel_id), '/', stage_id), name FROM stages
    UNION ALL
    SELECT run_id, 'manager', toString(manager_id), name FROM managers
    UNION ALL
    SELECT run_id, 'department', toString(department_id), name FROM departments
)
GROUP BY run_id, kind
COMMENT 'Names of funnels, stages, managers and departments, a whole set for each run that found a change'

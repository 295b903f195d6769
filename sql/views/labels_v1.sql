CREATE OR REPLACE VIEW labels_v1
(
    kind  LowCardinality(String) COMMENT 'funnel, stage or manager',
    id    String COMMENT 'ID in Bitrix24, for a stage FUNNEL/STAGE',
    name  String COMMENT 'Name as the other views show it',
    label String COMMENT 'The name, with its funnel or its ID where another of the kind has a name that looks the same'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
SELECT CAST(l.1 AS LowCardinality(String)) AS kind, l.2 AS id, l.3 AS name, l.4 AS label
FROM
(
    SELECT arrayJoin(arrayConcat(
        arrayMap((i, n, l) -> ('funnel', i, n, l), funnel_id, funnel_name, funnel_label),
        arrayMap((i, n, l) -> ('stage', i, n, l), stage_id, stage_name, stage_label),
        arrayMap((i, n, l) -> ('manager', i, n, l), manager_id, manager_name, manager_label))) AS l
    FROM names
    WHERE run_id = (SELECT max(run_id) FROM names WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)})
)
COMMENT 'One row for each funnel, stage and person, with a label that no other of its kind has'

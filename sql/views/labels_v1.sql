-- A name that others have as well is told apart by its funnel, and where that is not enough by its ID: case and
-- spaces at the ends make no difference to a reader. All kinds go through one selection, because every panel asks for
-- labels, and planning a selection costs more than reading what it selects.
CREATE OR REPLACE VIEW labels_v1
(
    kind  LowCardinality(String) COMMENT 'funnel, stage or manager',
    id    String COMMENT 'ID in Bitrix24, for a stage FUNNEL/STAGE',
    name  String COMMENT 'Name as the other views show it',
    label String COMMENT 'The name, with its funnel or its ID where another of the kind has a name that looks the same'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
SELECT kind, id, name, if(kind = 'stage' AND count() OVER (PARTITION BY kind, lowerUTF8(trimBoth(told))) > 1, concat(told, ' (', stage, ')'), told) AS label
FROM
(
    SELECT kind, id, name, stage,
        multiIf(alike = 1, name, kind != 'stage', concat(name, ' (#', id, ')'),
            concat(name, ' · ', ifNull(nullIf(maxIf(if(alike = 1, name, concat(name, ' (#', id, ')')), kind = 'funnel') OVER (PARTITION BY funnel), ''), concat('#', toString(funnel))))) AS told
    FROM
    (
        SELECT kind, id, name, funnel, stage, count() OVER (PARTITION BY kind, lowerUTF8(trimBoth(name))) AS alike
        FROM
        (
            SELECT CAST('funnel' AS LowCardinality(String)) AS kind, toString(funnel_id) AS id, ifNull(nullIf(name, ''), concat('#', id)) AS name, toInt64(funnel_id) AS funnel, '' AS stage
            FROM funnels
            WHERE run_id = (SELECT max(run_id) FROM funnels WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)})
            UNION ALL
            SELECT CAST('stage' AS LowCardinality(String)), concat(toString(funnel_id), '/', stage_id), if(name = '', stage_id, name), toInt64(funnel_id), toString(stage_id)
            FROM stages
            WHERE run_id = (SELECT max(run_id) FROM stages WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)})
            UNION ALL
            SELECT CAST('manager' AS LowCardinality(String)), toString(manager_id), name, -1, ''
            FROM managers
            WHERE run_id = (SELECT max(run_id) FROM managers WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)}) AND name != ''
        )
    )
)
COMMENT 'One row for each funnel, stage and person, with a label that no other of its kind has'

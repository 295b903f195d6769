-- A name that others have as well is told apart by its funnel, and where that is not enough by its ID: case and
-- spaces at the ends make no difference to a reader.
CREATE OR REPLACE VIEW labels_v1
(
    kind  LowCardinality(String) COMMENT 'funnel, stage or manager',
    id    String COMMENT 'ID in Bitrix24, for a stage FUNNEL/STAGE',
    name  String COMMENT 'Name as the other views show it',
    label String COMMENT 'The name, with its funnel or its ID where another of the kind has a name that looks the same'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH
    funnel_labels AS
    (
        SELECT funnel_id, ifNull(nullIf(name, ''), concat('#', toString(funnel_id))) AS shown,
            if(count() OVER (PARTITION BY lowerUTF8(trimBoth(shown))) > 1, concat(shown, ' (#', toString(funnel_id), ')'), shown) AS label
        FROM funnels
        WHERE run_id = (SELECT max(run_id) FROM funnels WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)})
    )
SELECT CAST('funnel' AS LowCardinality(String)) AS kind, toString(funnel_id) AS id, shown AS name, label FROM funnel_labels
UNION ALL
SELECT CAST('stage' AS LowCardinality(String)), concat(toString(funnel_id), '/', stage_id), shown,
    if(count() OVER (PARTITION BY lowerUTF8(trimBoth(with_funnel))) > 1, concat(with_funnel, ' (', stage_id, ')'), with_funnel)
FROM
(
    SELECT s.funnel_id AS funnel_id, toString(s.stage_id) AS stage_id, if(s.name = '', stage_id, s.name) AS shown,
        if(count() OVER (PARTITION BY lowerUTF8(trimBoth(shown))) > 1, concat(shown, ' · ', if(f.label = '', concat('#', toString(s.funnel_id)), f.label)), shown) AS with_funnel
    FROM stages AS s
    LEFT JOIN funnel_labels AS f ON f.funnel_id = s.funnel_id
    WHERE s.run_id = (SELECT max(run_id) FROM stages WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)})
)
UNION ALL
SELECT CAST('manager' AS LowCardinality(String)), toString(manager_id), name,
    if(count() OVER (PARTITION BY lowerUTF8(trimBoth(name))) > 1, concat(name, ' (#', toString(manager_id), ')'), name)
FROM managers
WHERE run_id = (SELECT max(run_id) FROM managers WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)}) AND name != ''
COMMENT 'One row for each funnel, stage and person, with a label that no other of its kind has'

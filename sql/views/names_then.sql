-- The number of a run stands before each key, so that one look-up serves the states of all dates.
CREATE OR REPLACE VIEW names_then
(
    lists Tuple(funnels Tuple(id Array(String), name Array(String)), stages Tuple(id Array(String), name Array(String)), managers Tuple(id Array(String), name Array(String)), departments Tuple(id Array(String), name Array(String))) COMMENT 'Names of funnels, stages, people and departments by what they are looked up with: RUN/ID, for a stage RUN/FUNNEL/STAGE'
)
AS
SELECT
(
    (groupArrayArray(arrayMap(id -> concat(toString(run_id), '/', id), funnel_id)), groupArrayArray(funnel_name)),
    (groupArrayArray(arrayMap(id -> concat(toString(run_id), '/', id), stage_id)), groupArrayArray(stage_name)),
    (groupArrayArray(arrayMap(id -> concat(toString(run_id), '/', id), manager_id)), groupArrayArray(manager_name)),
    (groupArrayArray(arrayMap(id -> concat(toString(run_id), '/', id), department_id)), groupArrayArray(department_name))
) AS lists
FROM names
WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)}
COMMENT 'Names that were ever published'

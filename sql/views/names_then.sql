-- The number of a run stands before each key, so that one look-up serves the states of all dates.
CREATE OR REPLACE VIEW names_then
(
    lists Tuple(funnels Array(Tuple(key String, name String)), stages Array(Tuple(key String, name String)), managers Array(Tuple(key String, name String)), departments Array(Tuple(key String, name String))) COMMENT 'Names of funnels, stages, people and departments by what they are looked up with: RUN/ID, for a stage RUN/FUNNEL/STAGE'
)
AS
SELECT
(
    groupArrayArrayIf(arrayMap(n -> (concat(toString(run_id), '/', n.1), n.2), list), kind = 'funnel'),
    groupArrayArrayIf(arrayMap(n -> (concat(toString(run_id), '/', n.1), n.2), list), kind = 'stage'),
    groupArrayArrayIf(arrayMap(n -> (concat(toString(run_id), '/', n.1), n.2), list), kind = 'manager'),
    groupArrayArrayIf(arrayMap(n -> (concat(toString(run_id), '/', n.1), n.2), list), kind = 'department')
) AS lists
FROM names
WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)}
COMMENT 'Names that were ever published'

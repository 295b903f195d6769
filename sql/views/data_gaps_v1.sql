-- An unknown manager is found here rather than by the run: who is known changes without
-- the deal.
-- GLOBAL, because on a cluster the people are here and the deals in the shards.
CREATE OR REPLACE VIEW data_gaps_v1
(
    deal_id    UInt64 COMMENT 'Deal ID in Bitrix24',
    deal_title String COMMENT 'Title of the deal',
    deal_url   String COMMENT 'Page of the deal on the portal',
    visit_no   Nullable(UInt32) COMMENT 'Visit, NULL for the deal as a whole',
    stage_id   LowCardinality(String) COMMENT 'Stage',
    manager_id UInt64 COMMENT 'Manager, 0 for nobody',
    reason     LowCardinality(String) COMMENT 'no_plan, bad_plan, history_reconstructed, history_starts_late, unknown_stage, unknown_manager, time_in_future, hidden, bad_date, bad_amount or bad_pause',
    detail     String COMMENT 'What exactly'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH
    known_managers AS (SELECT manager_id FROM managers WHERE run_id = (SELECT max(run_id) FROM managers WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)}) AND name != '')
SELECT
    deal_id,
    title AS deal_title,
    concat('https://', {newest_host:String}, '/crm/deal/details/', toString(deal_id), '/') AS deal_url,
    nullIf(gap_visit, 0) AS visit_no,
    gap_stage AS stage_id,
    gap_manager AS manager_id,
    gap AS reason,
    what AS detail
FROM
(
    -- By its place in the arrays, a gap costs the columns that are asked for and no others.
    SELECT deal_id, title, gap_visit_no[n] AS gap_visit, gap_stage_id[n] AS gap_stage, gap_manager_id[n] AS gap_manager, gap_reason[n] AS gap, gap_detail[n] AS what
    FROM deals
    ARRAY JOIN arrayEnumerate(gap_reason) AS n
    WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)} AND (until_run_id > {newest_run:UInt32} OR until_run_id IN {hidden_runs:Array(UInt32)}) AND NOT is_gone
    UNION ALL
    SELECT deal_id, any(title), argMax(manager_visit_no[n], n), argMax(manager_stage_id[n], n), argMax(managers[n], n) AS person, toLowCardinality('unknown_manager'),
        if(person = 0, 'nobody is responsible for the deal', concat('no name is known of the person #', toString(person), ': the portal does not return it, or it was taken out'))
    FROM deals
    ARRAY JOIN arrayEnumerate(managers) AS n
    WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)} AND (until_run_id > {newest_run:UInt32} OR until_run_id IN {hidden_runs:Array(UInt32)}) AND NOT is_gone AND managers[n] GLOBAL NOT IN known_managers
    GROUP BY deal_id
)
COMMENT 'One row for each thing that the numbers could not cover'

CREATE OR REPLACE VIEW stagelag.fact_changes_v1
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
-- GLOBAL, because on a cluster the runs are here and the rows in the shards.
SELECT
    run_id,
    sign,
    day,
    deal_id,
    visit_no,
    funnel_id,
    CAST(stage_id AS LowCardinality(String)) AS stage_id,
    manager_id,
    overdue_day
FROM stagelag.facts
WHERE run_id GLOBAL IN (SELECT run_id FROM stagelag.run_events WHERE status = 'published')

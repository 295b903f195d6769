CREATE OR REPLACE VIEW stagelag.fact_changes_v1
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
-- A bitmap, because with a subquery in the condition the engine would not look for the sums that are
-- kept beside the facts.
WITH (SELECT groupBitmapState(run_id) FROM stagelag.run_events WHERE status = 'published') AS shown_runs
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
WHERE bitmapContains(shown_runs, run_id)

CREATE OR REPLACE VIEW stagelag.stage_names_v1
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
-- The stages that the portal has now. A stage of the past that it has not is known by its ID.
WITH shown_runs AS (SELECT run_id FROM stagelag.run_events WHERE status = 'published')
SELECT
    s.funnel_id AS funnel_id,
    ifNull(nullIf(f.name, ''), concat('#', toString(s.funnel_id))) AS funnel_name,
    CAST(s.stage_id AS LowCardinality(String)) AS stage_id,
    if(s.name = '', toString(s.stage_id), s.name) AS stage_name,
    CAST(s.semantics AS LowCardinality(String)) AS stage_semantics,
    s.sort AS sort
FROM (SELECT funnel_id, stage_id, name, semantics, sort FROM stagelag.stages WHERE run_id = (SELECT max(run_id) FROM stagelag.stages WHERE run_id IN shown_runs)) AS s
LEFT JOIN (SELECT funnel_id, name FROM stagelag.funnels WHERE run_id = (SELECT max(run_id) FROM stagelag.funnels WHERE run_id IN shown_runs)) AS f ON f.funnel_id = s.funnel_id

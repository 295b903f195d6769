DROP VIEW IF EXISTS stagelag.fact_changes

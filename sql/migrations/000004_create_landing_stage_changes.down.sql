DROP TABLE IF EXISTS stagelag.landing_stage_changes

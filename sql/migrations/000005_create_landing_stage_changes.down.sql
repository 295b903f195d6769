DROP TABLE IF EXISTS landing_stage_changes

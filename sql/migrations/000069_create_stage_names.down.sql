DROP VIEW IF EXISTS stagelag.stage_names

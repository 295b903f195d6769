DROP VIEW IF EXISTS stagelag.stage_names_v1

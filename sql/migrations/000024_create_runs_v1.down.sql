DROP VIEW IF EXISTS stagelag.runs_v1

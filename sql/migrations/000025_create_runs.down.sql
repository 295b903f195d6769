DROP VIEW IF EXISTS stagelag.runs

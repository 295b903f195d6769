DROP TABLE IF EXISTS stagelag.stages

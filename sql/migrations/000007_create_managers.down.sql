DROP TABLE IF EXISTS stagelag.managers

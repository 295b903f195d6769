DROP TABLE IF EXISTS stagelag.visits

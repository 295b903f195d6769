DROP TABLE IF EXISTS stagelag.facts

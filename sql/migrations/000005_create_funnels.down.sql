DROP TABLE IF EXISTS stagelag.funnels

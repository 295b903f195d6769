DROP TABLE IF EXISTS stagelag.deals

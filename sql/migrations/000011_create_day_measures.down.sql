DROP TABLE IF EXISTS stagelag.day_measures

DROP TABLE IF EXISTS day_measures

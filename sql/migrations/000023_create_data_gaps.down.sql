DROP VIEW IF EXISTS stagelag.data_gaps

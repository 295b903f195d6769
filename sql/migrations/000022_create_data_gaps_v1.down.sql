DROP VIEW IF EXISTS stagelag.data_gaps_v1

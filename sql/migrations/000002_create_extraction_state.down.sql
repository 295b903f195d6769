DROP TABLE IF EXISTS stagelag.extraction_state

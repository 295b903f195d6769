DROP TABLE IF EXISTS extraction_state

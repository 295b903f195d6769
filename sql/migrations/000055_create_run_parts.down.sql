DROP TABLE IF EXISTS stagelag.run_parts

DROP TABLE IF EXISTS stagelag.run_events

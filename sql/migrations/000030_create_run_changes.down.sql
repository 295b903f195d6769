DROP VIEW IF EXISTS stagelag.run_changes

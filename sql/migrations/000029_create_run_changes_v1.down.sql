DROP VIEW IF EXISTS stagelag.run_changes_v1

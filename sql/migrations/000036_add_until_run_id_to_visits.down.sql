ALTER TABLE stagelag.visits DROP COLUMN IF EXISTS until_run_id

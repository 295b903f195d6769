ALTER TABLE stagelag.deals DROP COLUMN IF EXISTS until_run_id

ALTER TABLE stagelag.visits DROP COLUMN IF EXISTS manager_id

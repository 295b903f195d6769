ALTER TABLE stagelag.facts DROP PROJECTION IF EXISTS sums SETTINGS mutations_sync = 2

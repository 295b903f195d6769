ALTER TABLE stagelag.facts MATERIALIZE PROJECTION sums SETTINGS mutations_sync = 2

ALTER TABLE stagelag.visits MATERIALIZE COLUMN manager_id SETTINGS mutations_sync = 2

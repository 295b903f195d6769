-- A person who is listed here has no name in the warehouse, and gets none from a later run.
CREATE TABLE IF NOT EXISTS forgotten_managers
(
    manager_id   UInt64 COMMENT 'User ID in Bitrix24',
    forgotten_at DateTime64(3, 'UTC') COMMENT 'When the name was taken out'
)
ENGINE = ReplacingMergeTree(forgotten_at)
ORDER BY manager_id
SETTINGS non_replicated_deduplication_window = 0
COMMENT 'People whose names are not kept'

-- Which texts of the views a host was given, written after the last of them.
CREATE TABLE IF NOT EXISTS view_versions
(
    version    UInt32 COMMENT 'Version of the views, ascending with the releases that changed one',
    hash       String COMMENT 'Fingerprint of all texts',
    applied_at DateTime64(3, 'UTC') COMMENT 'When the last view was made, the newest row of the newest version counts'
)
ENGINE = MergeTree
ORDER BY (version, applied_at)
SETTINGS non_replicated_deduplication_window = 0
COMMENT 'Views as the program last made them'

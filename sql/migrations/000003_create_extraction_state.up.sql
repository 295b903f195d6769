-- Where the extraction stands. A full extraction that was killed goes on at its cursors.
CREATE TABLE IF NOT EXISTS extraction_state
(
    version    UInt64 COMMENT 'Run and order of writing, the newest row wins',
    state      String COMMENT 'JSON: what was asked for, the watermark, the cursors',
    written_at DateTime('UTC') DEFAULT now() COMMENT 'When it was written'
)
ENGINE = MergeTree
ORDER BY version
SETTINGS non_replicated_deduplication_window = 0
COMMENT 'Progress of the extraction, the newest row counts'

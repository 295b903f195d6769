-- What write-back left on the portal, so that the next extraction tells its own writes
-- from other people's changes.
CREATE TABLE IF NOT EXISTS write_backs
(
    deal_id    UInt64 COMMENT 'Deal ID in Bitrix24',
    updated_at DateTime64(3, 'UTC') COMMENT 'Last change of the deal as the portal told it in answer to the write',
    written_at DateTime64(3, 'UTC') COMMENT 'When the answer came, the newest row of a deal wins',
    fields     Array(String) COMMENT 'In the row of deal 0: the fields that write-back writes, whatever they hold'
)
ENGINE = ReplacingMergeTree(written_at)
ORDER BY deal_id
SETTINGS non_replicated_deduplication_window = 0
COMMENT 'Deals that nobody but write-back had changed since they were landed'

-- A deal that is listed here is in no report, whatever a later run finds.
CREATE TABLE IF NOT EXISTS forgotten_deals
(
    deal_id      UInt64 COMMENT 'Deal ID in Bitrix24',
    forgotten_at DateTime64(3, 'UTC') COMMENT 'When the deal was taken out'
)
ENGINE = ReplacingMergeTree(forgotten_at)
ORDER BY deal_id
SETTINGS non_replicated_deduplication_window = 0
COMMENT 'Deals that were taken out of the report'

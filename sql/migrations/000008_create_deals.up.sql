-- What readers see of a deal beside its visits, appended when it changes; the newest row
-- of a deal comes first.
CREATE TABLE IF NOT EXISTS stagelag.deals
(
    run_id       UInt32 COMMENT 'Run that wrote the row, the newest published one of a deal counts' CODEC(ZSTD(1)),
    deal_id      UInt64 COMMENT 'Deal ID in Bitrix24' CODEC(Delta(8), ZSTD(1)),
    is_gone      Bool COMMENT 'The deal is in the report no more',
    title        String COMMENT 'Title of the deal' CODEC(ZSTD(1)),
    amount       Decimal(18, 2) COMMENT 'Amount in currency' CODEC(ZSTD(1)),
    currency     LowCardinality(String) COMMENT 'Currency of the amount' CODEC(ZSTD(1)),
    created_date Date COMMENT 'Date of creation in the zone of the portal, 1970-01-01 where the portal gave none' CODEC(ZSTD(1)),
    gap_visit_no   Array(UInt32) COMMENT 'Gaps of the deal: visit, 0 for the deal as a whole' CODEC(ZSTD(1)),
    gap_stage_id   Array(LowCardinality(String)) COMMENT 'Gaps of the deal: stage' CODEC(ZSTD(1)),
    gap_manager_id Array(UInt64) COMMENT 'Gaps of the deal: manager' CODEC(ZSTD(1)),
    gap_reason     Array(LowCardinality(String)) COMMENT 'Gaps of the deal: reason' CODEC(ZSTD(1)),
    gap_detail     Array(String) COMMENT 'Gaps of the deal: what exactly' CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (deal_id, -toInt64(run_id))
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Deals of the report with their gaps, a row for each change'

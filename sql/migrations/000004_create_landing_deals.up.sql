-- The newest state of each deal that the portal gave. Only runs read it: what readers
-- see of a deal is in deals, under the run that published it.
CREATE TABLE IF NOT EXISTS landing_deals
(
    deal_id          UInt64 COMMENT 'Deal ID in Bitrix24',
    version          UInt64 COMMENT 'Run and order of landing, the newest row of a deal wins',
    run_id           UInt32 COMMENT 'Run that landed the row',
    title            String COMMENT 'Title of the deal' CODEC(ZSTD(1)),
    funnel_id        UInt32 COMMENT 'Funnel the deal is in',
    stage_id         LowCardinality(String) COMMENT 'Stage the deal is in, as the portal names it',
    is_place_unknown Bool COMMENT 'The portal showed the deal without a stage, the one before stands in',
    semantics        Enum8('process' = 0, 'success' = 1, 'failure' = 2) COMMENT 'Semantics of that stage',
    manager_id       UInt64 COMMENT 'Person responsible, 0 for nobody',
    amount           Decimal(18, 2) COMMENT 'Amount in currency',
    bad_amount       String COMMENT 'What the portal showed in place of an amount, empty where it showed one' CODEC(ZSTD(1)),
    currency         LowCardinality(String) COMMENT 'Currency of the amount',
    company_id       UInt64 COMMENT 'Company of the deal, 0 for none',
    created_at       DateTime64(3, 'UTC') COMMENT 'Creation, 1970-01-01 where the portal gave none',
    moved_at         DateTime64(3, 'UTC') COMMENT 'Last change of stage, 1970-01-01 where the portal gave none',
    updated_at       DateTime64(3, 'UTC') COMMENT 'Last change, 1970-01-01 where the portal gave none',
    is_recurring     Bool COMMENT 'A template from which deals are made, no deal itself',
    fields           Map(LowCardinality(String), String) COMMENT 'Custom fields that plans are read from, without the empty ones' CODEC(ZSTD(1)),
    vanished_at      Nullable(DateTime64(3, 'UTC')) COMMENT 'Beginning of the run that found the portal to have the deal no longer',
    hidden_since     Nullable(DateTime64(3, 'UTC')) COMMENT 'Beginning of the first run that the portal did not let read the deal'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY deal_id
SETTINGS non_replicated_deduplication_window = 0
COMMENT 'Deals as the portal last showed them'

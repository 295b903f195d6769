-- The names of the companies of deals as the portal last gave them. Only runs read it: what
-- readers see of a company is in deals, under the run that published it.
CREATE TABLE IF NOT EXISTS landing_companies
(
    company_id UInt64 COMMENT 'Company ID in Bitrix24',
    version    UInt64 COMMENT 'Run and order of landing, the newest row of a company wins',
    run_id     UInt32 COMMENT 'Run that landed the row',
    name       String COMMENT 'Name of the company, empty where the portal does not show it' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY company_id
SETTINGS non_replicated_deduplication_window = 0
COMMENT 'Companies as the portal last showed them'

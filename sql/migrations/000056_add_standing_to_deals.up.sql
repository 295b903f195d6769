-- Where a deal stands follows from its visits. Told from them, it would take all visits to tell it
-- of all deals.
ALTER TABLE stagelag.deals
    ADD COLUMN IF NOT EXISTS visits UInt32 COMMENT 'Visits of the deal' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS first_entered Date COMMENT 'First entry of all visits' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS funnel_id UInt32 COMMENT 'Last visit: funnel' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS stage_id LowCardinality(String) COMMENT 'Last visit: stage, after stages.map' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS semantics Enum8('process' = 0, 'success' = 1, 'failure' = 2) COMMENT 'Last visit: semantics of the stage' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS manager_id UInt64 COMMENT 'Last visit: person responsible on its last day, 0 for nobody' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS is_open Bool COMMENT 'Last visit: the deal is still there' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS is_planned Bool COMMENT 'Last visit: there is a plan' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS planned_end Date COMMENT 'Last visit: last day that is on time, 1970-01-01 without a plan' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS is_late Bool COMMENT 'Last visit: it has ended, with overdue days' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS overdue_days Int64 COMMENT 'Overdue days of the visits that have ended' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS late_visits UInt32 COMMENT 'Visits that have ended with overdue days' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS managers Array(UInt64) COMMENT 'Managers of the deal in the order of their last days: person, 0 for nobody' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS manager_visit_no Array(UInt32) COMMENT 'Managers of the deal: last visit' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS manager_stage_id Array(LowCardinality(String)) COMMENT 'Managers of the deal: stage of that visit' CODEC(ZSTD(1))

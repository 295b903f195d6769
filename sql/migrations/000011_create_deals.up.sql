-- What readers see of a deal beside its visits, appended when it changes: its gaps, and where it
-- stands, so that queries of all deals need not read their visits. The newest row of a deal comes
-- first. Columns that queries of the whole portfolio read are packed with LZ4: they are read up to
-- a third faster than with ZSTD.
CREATE TABLE IF NOT EXISTS deals
(
    run_id           UInt32 COMMENT 'Run that wrote the row, the newest published one of a deal counts' CODEC(LZ4),
    until_run_id     UInt32 DEFAULT 4294967295 COMMENT 'Run that replaced the row, 4294967295 while none has; it counts once that run is published' CODEC(LZ4),
    deal_id          UInt64 COMMENT 'Deal ID in Bitrix24' CODEC(Delta(8), LZ4),
    is_gone          Bool COMMENT 'The deal has left the report; the other columns are those of before',
    gone_why         Enum8('' = 0, 'deleted' = 1, 'outside_funnels' = 2, 'forgotten' = 3, 'template' = 4) COMMENT 'Why the deal has left the report' CODEC(ZSTD(1)),
    title            String COMMENT 'Title of the deal' CODEC(ZSTD(1)),
    amount           Nullable(Decimal(18, 2)) COMMENT 'Amount in currency, NULL where the portal showed none' CODEC(ZSTD(1)),
    currency         LowCardinality(String) COMMENT 'Currency of the amount' CODEC(ZSTD(1)),
    created_date     Date COMMENT 'Date of creation in the zone of the portal, 1970-01-01 where the portal gave none' CODEC(ZSTD(1)),
    company_id       UInt64 COMMENT 'Company of the deal, 0 for none' CODEC(ZSTD(1)),
    company_name     String COMMENT 'Name of the company, empty where none is known' CODEC(ZSTD(1)),
    department_id    UInt64 COMMENT 'Last visit: department of the person responsible on its last day, 0 where none is known' CODEC(ZSTD(1)),
    dimension_name   Array(LowCardinality(String)) COMMENT 'Dimensions of the deal, without the empty ones: name, ascending' CODEC(ZSTD(1)),
    dimension_value  Array(String) COMMENT 'Dimensions of the deal: what the field says' CODEC(ZSTD(1)),
    gap_visit_no     Array(UInt32) COMMENT 'Gaps of the deal: visit, 0 for the deal as a whole' CODEC(ZSTD(1)),
    gap_stage_id     Array(LowCardinality(String)) COMMENT 'Gaps of the deal: stage' CODEC(ZSTD(1)),
    gap_manager_id   Array(UInt64) COMMENT 'Gaps of the deal: manager' CODEC(ZSTD(1)),
    gap_reason       Array(LowCardinality(String)) COMMENT 'Gaps of the deal: reason' CODEC(ZSTD(1)),
    gap_detail       Array(String) COMMENT 'Gaps of the deal: what exactly' CODEC(ZSTD(1)),
    visits           UInt32 COMMENT 'Visits of the deal' CODEC(LZ4),
    first_entered    Date COMMENT 'First entry of all visits' CODEC(LZ4),
    last_entered     Date COMMENT 'Last visit: date of the entry' CODEC(LZ4),
    funnel_id        UInt32 COMMENT 'Last visit: funnel' CODEC(LZ4),
    stage_id         LowCardinality(String) COMMENT 'Last visit: stage, after stages.map' CODEC(LZ4),
    semantics        Enum8('process' = 0, 'success' = 1, 'failure' = 2) COMMENT 'Last visit: semantics of the stage' CODEC(LZ4),
    manager_id       UInt64 COMMENT 'Last visit: person responsible on its last day, 0 for nobody' CODEC(LZ4),
    is_open          Bool COMMENT 'Last visit: the deal is still there' CODEC(LZ4),
    is_planned       Bool COMMENT 'Last visit: there is a plan' CODEC(LZ4),
    planned_end      Date COMMENT 'Last visit: last day that is on time, 1970-01-01 without a plan' CODEC(LZ4),
    is_waiting       Bool COMMENT 'Last visit: the stage waits for somebody else' CODEC(LZ4),
    accrues_number   Int32 COMMENT 'Last visit: number after which the days are overdue, 0 without a plan' CODEC(Delta(4), LZ4),
    due_number       Int32 COMMENT 'Last visit: number of the planned end without paused days to come, 0 without a plan' CODEC(Delta(4), LZ4),
    stops_number     Int32 COMMENT 'Last visit: number at which it stands still, 2147483647 while it goes on' CODEC(LZ4),
    pause_from       Array(Date) COMMENT 'Paused days of the open visit: the first' CODEC(ZSTD(1)),
    pause_until      Array(Date) COMMENT 'Paused days of the open visit: the last, 2149-06-06 until further notice' CODEC(ZSTD(1)),
    pause_source     Array(Enum8('' = 0, 'dates' = 1, 'flag' = 2, 'assumed' = 3)) COMMENT 'Paused days of the open visit: how they are known' CODEC(ZSTD(1)),
    is_late          Bool COMMENT 'Last visit: it began after its planned end, or has ended with overdue days' CODEC(LZ4),
    overdue_days     Int64 COMMENT 'Overdue days of the visits that have ended' CODEC(LZ4),
    late_visits      UInt32 COMMENT 'Visits that have ended with overdue days' CODEC(LZ4),
    is_first_planned Bool COMMENT 'Last visit: it has had a plan, and does not wait' CODEC(LZ4),
    first_accrues_number Int32 COMMENT 'Last visit: accrues_number by its first plan, 0 without one' CODEC(Delta(4), LZ4),
    first_overdue_days Int64 COMMENT 'Overdue days by the first plans of the visits that have ended' CODEC(LZ4),
    managers         Array(UInt64) COMMENT 'Managers of the deal in the order of their last days: person, 0 for nobody' CODEC(ZSTD(1)),
    manager_visit_no Array(UInt32) COMMENT 'Managers of the deal: last visit' CODEC(ZSTD(1)),
    manager_stage_id Array(LowCardinality(String)) COMMENT 'Managers of the deal: stage of that visit' CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY is_open
ORDER BY (deal_id, -toInt64(run_id))
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Deals of the report with their gaps, a row for each change'

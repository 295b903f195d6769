-- The visits that facts are made of, appended when they change: an open visit does not
-- change by the passing of days. The newest row of a visit comes first, so that readers
-- take one row for each visit as they read along the key. Columns that queries of the whole
-- portfolio read are packed with LZ4: they are read up to a third faster than with ZSTD.
--
-- Deals with neighbouring IDs end at about the same time, so that a period is a part of the visits: the index finds it
-- for a condition on left_date as the views show it, of the same expression.
CREATE TABLE IF NOT EXISTS visits
(
    run_id         UInt32 COMMENT 'Run that wrote the row, the newest published one of a visit counts' CODEC(LZ4),
    until_run_id   UInt32 DEFAULT 4294967295 COMMENT 'Run that replaced the row, 4294967295 while none has; it counts once that run is published' CODEC(LZ4),
    deal_id        UInt64 COMMENT 'Deal ID in Bitrix24' CODEC(Delta(8), LZ4),
    visit_no       UInt32 COMMENT 'Number of the visit, from 1, over all visits of the deal' CODEC(Delta(4), LZ4),
    is_gone        Bool COMMENT 'The visit no longer exists' CODEC(LZ4),
    funnel_id      UInt32 COMMENT 'Funnel of the visit' CODEC(LZ4),
    stage_id       LowCardinality(String) COMMENT 'Stage of the visit, after stages.map' CODEC(LZ4),
    semantics      Enum8('process' = 0, 'success' = 1, 'failure' = 2) COMMENT 'Semantics of the stage' CODEC(LZ4),
    is_return      Bool COMMENT 'An earlier visit of the deal was to the same stage' CODEC(LZ4),
    next_funnel_id UInt32 COMMENT 'Where the deal went from here: funnel' CODEC(LZ4),
    next_stage_id  LowCardinality(String) COMMENT 'Where the deal went from here: stage after stages.map, empty for the last visit' CODEC(LZ4),
    change_id      UInt64 COMMENT 'Stage change that began the visit, 0 for a reconstructed one' CODEC(Delta(8), ZSTD(1)),
    history_source Enum8('history' = 0, 'reconstructed' = 1) COMMENT 'Where the entry comes from' CODEC(ZSTD(1)),
    entered_at     DateTime64(3, 'UTC') COMMENT 'Entry' CODEC(Delta(8), ZSTD(1)),
    entered_date   Date COMMENT 'Date of the entry in the zone of the portal' CODEC(Delta(2), LZ4),
    is_open        Bool COMMENT 'The deal is still in the stage' CODEC(LZ4),
    left_date      Date COMMENT 'Date of leaving, 1970-01-01 while the visit is open' CODEC(Delta(2), LZ4),
    plan_source    Enum8('none' = 0, 'deal_date' = 1, 'deal_days' = 2, 'stage_norm' = 3) COMMENT 'Where the plan comes from' CODEC(LZ4),
    plan_days      Int32 COMMENT 'Days of the plan, 0 without one' CODEC(LZ4),
    planned_end    Date COMMENT 'Last day that is on time, 1970-01-01 without a plan' CODEC(Delta(2), LZ4),
    plan_problem   String COMMENT 'Why a value that the deal carries is no plan' CODEC(ZSTD(1)),
    tenure_from    Array(Date) COMMENT 'Managers of the visit: first day' CODEC(ZSTD(1)),
    tenure_manager Array(UInt64) COMMENT 'Managers of the visit: person, 0 for nobody' CODEC(ZSTD(1)),
    tenure_source  Array(Enum8('seen' = 0, 'assumed' = 1)) COMMENT 'Managers of the visit: how they are known' CODEC(ZSTD(1)),
    is_waiting     Bool COMMENT 'The stage waits for somebody else' CODEC(LZ4),
    pause_from     Array(Date) COMMENT 'Paused days of the visit: the first' CODEC(ZSTD(1)),
    pause_until    Array(Date) COMMENT 'Paused days of the visit: the last, 2149-06-06 until further notice' CODEC(ZSTD(1)),
    pause_source   Array(Enum8('' = 0, 'dates' = 1, 'flag' = 2, 'assumed' = 3)) COMMENT 'Paused days of the visit: how they are known' CODEC(ZSTD(1)),
    entered_number Int32 COMMENT 'Number of the day of entry: how many days count up to it' CODEC(Delta(4), LZ4),
    accrues_number Int32 COMMENT 'Number after which the days are overdue, 0 without a plan' CODEC(Delta(4), LZ4),
    due_number     Int32 COMMENT 'Number of the planned end without paused days to come, 0 without a plan' CODEC(Delta(4), LZ4),
    stops_number   Int32 COMMENT 'Number at which the visit stands still: of the day of leaving, or of the day before its pause; 2147483647 while it goes on' CODEC(LZ4),
    paused_days    Int32 COMMENT 'Paused counting days after the entry, without those of a pause that goes on' CODEC(LZ4),
    late_at_entry  Int32 COMMENT 'Counting days after the planned end up to the entry' CODEC(LZ4),
    raw_funnel_id  UInt32 COMMENT 'Funnel as the portal names it in that stage change, where raw_stage_id is not empty' CODEC(LZ4),
    raw_stage_id   LowCardinality(String) COMMENT 'Stage as the portal names it there, empty where it is stage_id of funnel_id' CODEC(LZ4),
    first_plan_source   Enum8('none' = 0, 'deal_date' = 1, 'deal_days' = 2, 'stage_norm' = 3) COMMENT 'Where the first plan came from' CODEC(LZ4),
    first_days_shift    Int32 COMMENT 'plan_days less those of the first plan' CODEC(LZ4),
    first_end_shift     Int32 COMMENT 'planned_end less that of the first plan' CODEC(LZ4),
    first_accrues_shift Int32 COMMENT 'accrues_number less that of the first plan' CODEC(LZ4),
    plan_changes   UInt16 COMMENT 'How often somebody gave the visit another plan' CODEC(LZ4),
    days_moved     Int32 COMMENT 'Calendar days by which the planned end was moved since the first one' CODEC(LZ4),
    plan_log       String COMMENT 'Changes of the plan, JSON: run, date, cause, manager, source, days and end before and after, overdue days before and after, those of the days that an earlier date had shown; empty for none' CODEC(ZSTD(1)),
    manager_id     UInt64 DEFAULT tenure_manager[-1] COMMENT 'Person responsible on the last day of the visit, 0 for nobody' CODEC(LZ4),
    INDEX left_date_range if(is_open, NULL, left_date) TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY is_open
ORDER BY (deal_id, visit_no, -toInt64(run_id))
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Visits, a row for each change of one'

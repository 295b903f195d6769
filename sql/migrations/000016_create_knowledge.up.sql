-- What runs saw of a deal and the portal does not tell again. It stays when the deal leaves the
-- report, and comes back with it. The newest row of a deal comes first.
CREATE TABLE IF NOT EXISTS knowledge
(
    run_id            UInt32 COMMENT 'Run that wrote the row, the newest published one of a deal counts' CODEC(LZ4),
    deal_id           UInt64 COMMENT 'Deal ID in Bitrix24' CODEC(Delta(8), LZ4),
    day_from          Array(Date) COMMENT 'Days that were computed: the first' CODEC(ZSTD(1)),
    day_until         Array(Date) COMMENT 'Days that were computed: the last, 2149-06-06 for the as-of date of the newest run' CODEC(ZSTD(1)),
    day_manager       Array(UInt64) COMMENT 'Days that were computed: person responsible, 0 for nobody' CODEC(ZSTD(1)),
    day_source        Array(Enum8('seen' = 0, 'assumed' = 1)) COMMENT 'Days that were computed: how that is known' CODEC(ZSTD(1)),
    plan_change_id    Array(UInt64) COMMENT 'Plans of visits that were open: stage change that led into the visit, 0 for a reconstructed one' CODEC(ZSTD(1)),
    plan_changed_at   Array(DateTime64(3, 'UTC')) COMMENT 'Plans of visits that were open: when that was' CODEC(ZSTD(1)),
    plan_funnel_id    Array(UInt32) COMMENT 'Plans of visits that were open: funnel' CODEC(ZSTD(1)),
    plan_stage_id     Array(LowCardinality(String)) COMMENT 'Plans of visits that were open: stage as the portal names it' CODEC(ZSTD(1)),
    plan_entered_date Array(Date) COMMENT 'Plans of visits that were open: date of the entry' CODEC(ZSTD(1)),
    plan_until        Array(Date) COMMENT 'Plans of visits that were open: last day that was, 2149-06-06 for the as-of date of the newest run' CODEC(ZSTD(1)),
    plan_source       Array(Enum8('none' = 0, 'deal_date' = 1, 'deal_days' = 2, 'stage_norm' = 3)) COMMENT 'Plans of visits that were open: where the plan comes from' CODEC(ZSTD(1)),
    plan_days         Array(Int32) COMMENT 'Plans of visits that were open: days, 0 without a plan' CODEC(ZSTD(1)),
    planned_end       Array(Date) COMMENT 'Plans of visits that were open: last day that is on time, 1970-01-01 without a plan' CODEC(ZSTD(1)),
    plan_problem      Array(String) COMMENT 'Plans of visits that were open: why a value that the deal carried is no plan' CODEC(ZSTD(1)),
    carried_date      Array(String) COMMENT 'Plans of visits that were open: the planned end that the deal carried' CODEC(ZSTD(1)),
    carried_days      Array(String) COMMENT 'Plans of visits that were open: the days that the deal carried' CODEC(ZSTD(1)),
    plan_is_kept      Array(Bool) COMMENT 'Plans of visits: it is that of an open visit, which stays when the visit ends; else only plan_past counts' CODEC(ZSTD(1)),
    plan_past         Array(String) COMMENT 'Plans of visits: the first plan and its changes, JSON, of a visit that is not in the published state any more; else empty' CODEC(ZSTD(1)),
    pause_from        Array(Date) COMMENT 'Paused days of visits: the first' CODEC(ZSTD(1)),
    pause_until       Array(Date) COMMENT 'Paused days of visits: the last, 2149-06-06 for the as-of date of the newest run' CODEC(ZSTD(1)),
    pause_source      Array(Enum8('' = 0, 'dates' = 1, 'flag' = 2, 'assumed' = 3)) COMMENT 'Paused days of visits: how they are known' CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (deal_id, -toInt64(run_id))
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'What runs saw of deals, a row for each change'

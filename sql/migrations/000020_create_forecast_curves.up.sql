-- What is forecast of open visits, by stage and by the days that a visit has lasted. A run whose forecasts differ from
-- those in force writes all of them. run_events says whose hold for a run.
CREATE TABLE IF NOT EXISTS forecast_curves
(
    run_id         UInt32 COMMENT 'Run that wrote the row' CODEC(ZSTD(1)),
    funnel_id      UInt32 COMMENT 'Funnel of the stage' CODEC(ZSTD(1)),
    stage_id       LowCardinality(String) COMMENT 'Stage of the visits' CODEC(ZSTD(1)),
    days           UInt16 COMMENT 'Days since the entry' CODEC(Delta(2), ZSTD(1)),
    expected_days  Int32 COMMENT 'Visits that have lasted so many days: days from the entry to the expected end, -1 for none' CODEC(ZSTD(1)),
    likely_days    Int32 COMMENT 'Such visits: days from the entry to the likely end, -1 for none' CODEC(ZSTD(1)),
    naive_days     Int32 COMMENT 'Such visits: days from the entry to the end by the median of the stage, or to the as-of date' CODEC(ZSTD(1)),
    basis          UInt32 COMMENT 'Such visits: how many ended ones they are forecast from' CODEC(ZSTD(1)),
    reason         Enum8('' = 0, 'nothing_ended' = 1, 'too_few' = 2, 'worse_than_median' = 3, 'unreliable' = 4, 'most_stay' = 5, 'later_stage' = 6, 'no_way' = 7) COMMENT 'Such visits: why a number is missing' CODEC(ZSTD(1)),
    curve          UInt8 COMMENT 'Such visits: the curve of their late probability, 1 for open_short, 2 for open_year, 3 for open_ever, 0 for none' CODEC(ZSTD(1)),
    open_before    Float64 COMMENT 'Such visits: share of that curve that lasts longer than one day less' CODEC(ZSTD(1)),
    open_last      Float64 COMMENT 'Such visits: share of that curve that lasts longer than all that have ended' CODEC(ZSTD(1)),
    open_short     Float64 COMMENT 'Share that lasts longer than so many days, from the last 182 days' CODEC(ZSTD(1)),
    open_year      Float64 COMMENT 'Share that lasts longer than so many days, from the last 365 days' CODEC(ZSTD(1)),
    open_ever      Float64 COMMENT 'Share that lasts longer than so many days, from all days' CODEC(ZSTD(1)),
    closing_days   Int32 COMMENT 'Days from leaving the stage to the closing by the usual way, -1 for none' CODEC(ZSTD(1)),
    closing_reason Enum8('' = 0, 'nothing_ended' = 1, 'too_few' = 2, 'worse_than_median' = 3, 'unreliable' = 4, 'most_stay' = 5, 'later_stage' = 6, 'no_way' = 7) COMMENT 'Why these are missing' CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (run_id, funnel_id, stage_id, days)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Forecasts by stage and elapsed days, a whole set for each run that found a change'

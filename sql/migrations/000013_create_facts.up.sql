-- One row for each day of each visit, and one with sign = -1 for each that was taken
-- back. Rows are only appended: what the views showed after any earlier run is a filter
-- on run_id away, and a sum of sign * measure is right over any rows.
--
-- The newest row of a fact comes first, so that readers take one row for each fact as they
-- read along the key. A visit's days lie together: all but the day are the same from row to row or
-- grow by one, which Delta turns into constants. Years rather than months are partitions because
-- a first run writes every month of the portal's life in each block.
--
-- A pause moves the planned end of a plan in days, and nothing else of the days before it. These keep their rows, so that
-- planned_end of a visit that has pauses is as of the run, and that of visits is the one of now.
--
-- A run reads its own rows back for day_measures, and a dead run's rows are looked for: the index of runs is
-- for both. That of days finds a period within a year, because deals with neighbouring IDs have much the same days. The
-- engine keeps the sums of a run by stage beside the rows, and answers from them.
CREATE TABLE IF NOT EXISTS facts
(
    run_id         UInt32 COMMENT 'Run that appended the row' CODEC(Delta(4), ZSTD(1)),
    sign           Int8 COMMENT '1: the fact comes in, -1: it is taken back' CODEC(ZSTD(1)),
    day            Date COMMENT 'Day, in the zone of the portal' CODEC(Delta(2), ZSTD(1)),
    deal_id        UInt64 COMMENT 'Deal ID in Bitrix24' CODEC(Delta(8), ZSTD(1)),
    visit_no       UInt32 COMMENT 'Number of the visit, from 1, over all visits of the deal' CODEC(Delta(4), ZSTD(1)),
    funnel_id      UInt32 COMMENT 'Funnel of the visit' CODEC(ZSTD(1)),
    stage_id       LowCardinality(String) COMMENT 'Stage of the visit, after stages.map' CODEC(ZSTD(1)),
    semantics      Enum8('process' = 0, 'success' = 1, 'failure' = 2) COMMENT 'Semantics of the stage' CODEC(ZSTD(1)),
    manager_id     UInt64 COMMENT 'Person responsible on that day, 0 for nobody' CODEC(ZSTD(1)),
    manager_source Enum8('seen' = 0, 'assumed' = 1) COMMENT 'How the manager of that day is known' CODEC(ZSTD(1)),
    entered_date   Date COMMENT 'Date of the entry' CODEC(Delta(2), ZSTD(1)),
    plan_source    Enum8('none' = 0, 'deal_date' = 1, 'deal_days' = 2, 'stage_norm' = 3) COMMENT 'Where the plan comes from' CODEC(ZSTD(1)),
    plan_days      Int32 COMMENT 'Days of the plan, 0 without one' CODEC(ZSTD(1)),
    planned_end    Date COMMENT 'Last day that is on time, 1970-01-01 without a plan' CODEC(Delta(2), ZSTD(1)),
    history_source Enum8('history' = 0, 'reconstructed' = 1) COMMENT 'Where the entry comes from' CODEC(ZSTD(1)),
    overdue_days   Int32 COMMENT 'Overdue days so far, on that day' CODEC(Delta(4), ZSTD(1)),
    overdue_day    UInt8 COMMENT '1 when that day accrued an overdue day' CODEC(ZSTD(1)),
    days_left      Int32 COMMENT 'Days to the planned end, -1 where there are none' CODEC(Delta(4), ZSTD(1)),
    is_open        Bool COMMENT 'The visit has not ended by the end of that day' CODEC(ZSTD(1)),
    is_waiting     Bool COMMENT 'The stage waits for somebody else' CODEC(ZSTD(1)),
    is_counting    Bool COMMENT 'The day counts: under the calendar, and not paused' CODEC(ZSTD(1)),
    pause_source   Enum8('' = 0, 'dates' = 1, 'flag' = 2, 'assumed' = 3) COMMENT 'How the day is known to be paused, empty when it is not' CODEC(ZSTD(1)),
    INDEX run_id_range run_id TYPE minmax GRANULARITY 1,
    INDEX day_range day TYPE minmax GRANULARITY 1,
    PROJECTION sums
    (
        SELECT run_id, funnel_id, stage_id, count(), sum(sign), sum(sign * overdue_day)
        GROUP BY run_id, funnel_id, stage_id
    )
)
ENGINE = MergeTree
PARTITION BY toYear(day)
ORDER BY (deal_id, visit_no, day, -toInt64(run_id), -sign)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Facts, appended and taken back: one day of one visit'

-- What happened to each run. Publishing is the insert of one row here: every view reads
-- the rows of published runs only, so its readers see all of a run or nothing of it.
CREATE TABLE IF NOT EXISTS run_events
(
    run_id          UInt32 COMMENT 'Number of the run, ascending',
    status          Enum8('running' = 1, 'failed' = 2, 'published' = 3, 'withdrawn' = 4) COMMENT 'What happened; the last of a run is its state',
    recorded_at     DateTime64(3, 'UTC') COMMENT 'When this was written',
    as_of           Date COMMENT 'Date in the zone of the portal that the run computes up to',
    started_at      DateTime64(3, 'UTC') COMMENT 'When the run began',
    finished_at     Nullable(DateTime64(3, 'UTC')) COMMENT 'When the run ended, NULL while it runs',
    holder          String COMMENT 'Host and process of the run',
    portal_host     String COMMENT 'Host of the portal, for the addresses of its pages',
    rules_hash      String COMMENT 'Fingerprint of all that decides the numbers beside the deals; another one derives all deals anew',
    rules           String COMMENT 'What the configuration said of the rules, JSON, for a comparison with another one' CODEC(ZSTD(1)),
    as_of_number    Int32 COMMENT 'How many days count up to the as-of date',
    calendar_funnels Array(UInt32) COMMENT 'Funnels with another calendar',
    calendar_numbers Array(Int32) COMMENT 'How many days count up to the as-of date in these funnels',
    curves_run      UInt32 COMMENT 'Run whose forecast curves hold, 0 for none',
    deals_seen      UInt64 COMMENT 'Deals that the portal has',
    deals_changed   UInt64 COMMENT 'Deals of which the run changed more than the days that passed',
    history_rows    UInt64 COMMENT 'Stage changes read from the portal',
    facts_appended  UInt64 COMMENT 'Rows appended to facts',
    portal_requests UInt64 COMMENT 'Requests to the portal',
    seconds_waited  Float64 COMMENT 'Seconds spent waiting for the limits of the portal',
    error           Nullable(String) COMMENT 'Why the run failed',
    warnings        Array(String) COMMENT 'What only thins the result'
)
ENGINE = MergeTree
ORDER BY (run_id, status)
SETTINGS non_replicated_deduplication_window = 0
COMMENT 'One row for each thing that happened to a run: begun, failed, published, withdrawn'

CREATE OR REPLACE VIEW stagelag.runs
(
    run_id          UInt32 COMMENT 'Number of the run, ascending',
    as_of           Date COMMENT 'Date that the run computes up to',
    started_at      DateTime64(3, 'UTC') COMMENT 'When it began',
    finished_at     Nullable(DateTime64(3, 'UTC')) COMMENT 'When it ended',
    status          LowCardinality(String) COMMENT 'published, failed or running',
    deals_seen      UInt64 COMMENT 'Deals that the portal has',
    deals_changed   UInt64 COMMENT 'Deals of which more changed than the days that passed',
    history_rows    UInt64 COMMENT 'Stage changes read from the portal',
    facts_appended  UInt64 COMMENT 'Facts appended and taken back',
    portal_requests UInt64 COMMENT 'Requests to the portal',
    seconds_waited  Float64 COMMENT 'Seconds spent waiting for the limits of the portal',
    error           Nullable(String) COMMENT 'Why the run failed'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
SELECT * FROM stagelag.runs_v1
COMMENT 'One row for each run'

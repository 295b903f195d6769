-- A run that was published after the snapshot is still running in it.
CREATE OR REPLACE VIEW runs_v1
(
    run_id          UInt32 COMMENT 'Number of the run, ascending',
    as_of           Date COMMENT 'Date that the run computes up to',
    started_at      DateTime64(3, 'UTC') COMMENT 'When it began',
    finished_at     Nullable(DateTime64(3, 'UTC')) COMMENT 'When it ended',
    status          LowCardinality(String) COMMENT 'published, failed, running or withdrawn',
    deals_seen      UInt64 COMMENT 'Deals that the portal has',
    deals_changed   UInt64 COMMENT 'Deals of which more changed than the days that passed',
    history_rows    UInt64 COMMENT 'Stage changes read from the portal',
    facts_appended  UInt64 COMMENT 'Facts appended and taken back',
    portal_requests UInt64 COMMENT 'Requests to the portal',
    seconds_waited  Float64 COMMENT 'Seconds spent waiting for the limits of the portal',
    error           Nullable(String) COMMENT 'Why the run failed',
    warnings        Array(String) COMMENT 'What only thins the result',
    time_zone       Nullable(String) COMMENT 'Time zone of the portal, whose dates all days are'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
SELECT
    run_id,
    event.2 AS as_of,
    event.3 AS started_at,
    event.4 AS finished_at,
    CAST(event.1 AS LowCardinality(String)) AS status,
    event.5 AS deals_seen,
    event.6 AS deals_changed,
    event.7 AS history_rows,
    event.8 AS facts_appended,
    event.9 AS portal_requests,
    event.10 AS seconds_waited,
    event.11 AS error,
    event.12 AS warnings,
    nullIf(event.13, '') AS time_zone
FROM
(
    SELECT run_id,
        argMax((status, as_of, started_at, finished_at, deals_seen, deals_changed, history_rows, facts_appended,
            portal_requests, seconds_waited, error, warnings, JSONExtractString(rules, 'TimeZone')), (status, recorded_at)) AS event
    FROM run_events
    WHERE status != 'published' OR run_id <= {newest_run:UInt32}
    GROUP BY run_id
)
COMMENT 'One row for each run'

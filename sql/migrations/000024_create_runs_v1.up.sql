CREATE OR REPLACE VIEW stagelag.runs_v1
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
    event.11 AS error
FROM
(
    SELECT run_id,
        argMax((status, as_of, started_at, finished_at, deals_seen, deals_changed, history_rows, facts_appended,
            portal_requests, seconds_waited, error), (status, recorded_at)) AS event
    FROM stagelag.run_events
    GROUP BY run_id
)

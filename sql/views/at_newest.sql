-- The snapshot of now. Every view that people see takes it from here by the same expression, which
-- the engine evaluates once for a query.
CREATE OR REPLACE VIEW at_newest
(
    newest Tuple(run_id UInt32, hidden_runs Array(UInt32), day Date, host String) COMMENT 'Last published run, 0 before the first; the runs before it that readers do not see; its as-of date; the host of its portal'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
SELECT
(
    maxIf(run_id, is_published),
    arrayFilter(run -> run < maxIf(run_id, is_published), groupArrayIf(run_id, NOT is_published)),
    argMaxIf(run_day, run_id, is_published),
    argMaxIf(run_host, run_id, is_published)
) AS newest
FROM
(
    SELECT run_id, max(status) = 'published' AS is_published, max(as_of) AS run_day, max(portal_host) AS run_host
    FROM run_events
    GROUP BY run_id
)
COMMENT 'What readers see now'

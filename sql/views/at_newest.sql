-- The snapshot of now. Every view that people see takes it from here by the same expression, which
-- the engine evaluates once for a query.
CREATE OR REPLACE VIEW at_newest
(
    newest Tuple(run_id UInt32, hidden_runs Array(UInt32), day Date, host String, number Int32, funnels Array(UInt32), numbers Array(Int32), curves UInt32) COMMENT 'Last published run, 0 before the first; the runs before it that readers do not see; its as-of date; the host of its portal; how many days count up to that date; the funnels with another calendar, and how many do there; the run whose forecast curves hold'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
SELECT
(
    maxIf(run_id, is_published),
    arrayFilter(run -> run < maxIf(run_id, is_published), groupArrayIf(run_id, NOT is_published)),
    argMaxIf(run_day, run_id, is_published),
    argMaxIf(run_host, run_id, is_published),
    argMaxIf(run_number, run_id, is_published),
    argMaxIf(run_funnels, run_id, is_published),
    argMaxIf(run_numbers, run_id, is_published),
    argMaxIf(run_curves, run_id, is_published)
) AS newest
FROM
(
    WITH toDate(ifNull(nullIf(extract(getSetting('log_comment'), '^shown on (.+)$'), ''), '2149-06-06')) AS shown_on
    SELECT run_id, max(status) = 'published' AND max(as_of) <= shown_on AS is_published, max(as_of) AS run_day, max(portal_host) AS run_host,
        max(as_of_number) AS run_number, max(calendar_funnels) AS run_funnels, max(calendar_numbers) AS run_numbers,
        max(curves_run) AS run_curves
    FROM run_events
    GROUP BY run_id
)
COMMENT 'What readers see now'

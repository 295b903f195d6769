-- The snapshot of now. Every view that people see takes it from here by the same expression, which
-- the engine evaluates once for a query.
CREATE OR REPLACE VIEW at_newest
(
    newest UInt32 COMMENT 'Last published run, 0 before the first'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
SELECT max(run_id) AS newest
FROM published_runs
COMMENT 'The last published run'

-- What readers may see of the run_events: a run counts from the moment of this row.
CREATE OR REPLACE VIEW published_runs
(
    run_id      UInt32 COMMENT 'Number of the run, ascending',
    as_of       Date COMMENT 'Date in the zone of the portal that the run computed up to',
    portal_host String COMMENT 'Host of the portal, for the addresses of its pages'
)
AS
SELECT run_id, as_of, portal_host
FROM run_events
WHERE status = 'published'
COMMENT 'Runs that were published'

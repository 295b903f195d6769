-- What readers may see of the run_events: a run counts from the moment when it is published until it is
-- withdrawn.
CREATE OR REPLACE VIEW published_runs
(
    run_id      UInt32 COMMENT 'Number of the run, ascending',
    as_of       Date COMMENT 'Date in the zone of the portal that the run computed up to',
    portal_host String COMMENT 'Host of the portal, for the addresses of its pages',
    numbers     Tuple(number Int32, funnels Array(UInt32), numbers Array(Int32)) COMMENT 'How many days count up to the date; the funnels with another calendar, and how many do there',
    curves      UInt32 COMMENT 'Run whose forecast curves hold'
)
AS
SELECT run_id, max(run_events.as_of) AS as_of, max(run_events.portal_host) AS portal_host,
    (max(as_of_number), max(calendar_funnels), max(calendar_numbers)) AS numbers,
    max(curves_run) AS curves
FROM run_events
GROUP BY run_id
HAVING max(status) = 'published'
COMMENT 'Runs that were published'

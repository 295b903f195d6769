-- A state is shown from the as-of date of its run to the day before that of the next one, and of several runs of
-- one date the last one's.
CREATE OR REPLACE VIEW shown_runs
(
    known_on     Date COMMENT 'Date from the first published as-of date to the last',
    shown_run    UInt32 COMMENT 'Run whose state was shown at the end of that date',
    shown_day    Date COMMENT 'As-of date of that run',
    shown_host   String COMMENT 'Host of its portal',
    shown_number Int32 COMMENT 'How many days count up to its as-of date',
    shown_funnels Array(UInt32) COMMENT 'Funnels with another calendar',
    shown_numbers Array(Int32) COMMENT 'How many days count there',
    shown_curves UInt32 COMMENT 'Run whose forecast curves hold'
)
AS
SELECT
    toDate(arrayJoin(range(toUInt32(run_day), toUInt32(day_after)))) AS known_on,
    run AS shown_run,
    run_day AS shown_day,
    portal_host AS shown_host,
    numbers.1 AS shown_number,
    numbers.2 AS shown_funnels,
    numbers.3 AS shown_numbers,
    curves AS shown_curves
FROM
(
    SELECT run_id AS run, as_of AS run_day, portal_host, numbers, curves,
        leadInFrame(as_of, 1, as_of + 1) OVER (ORDER BY run_id ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) AS day_after
    FROM published_runs
    WHERE run_id <= {newest_run:UInt32}
)
COMMENT 'Which run was shown on each date'

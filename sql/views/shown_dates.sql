CREATE OR REPLACE VIEW shown_dates
(
    known_on     Date COMMENT 'Date from the first published as-of date to the last',
    shown_run    UInt32 COMMENT 'Run whose state was shown at the end of that date',
    shown_day    Date COMMENT 'As-of date of that run',
    shown_host   String COMMENT 'Host of its portal',
    shown_number Int32 COMMENT 'How many days count up to its as-of date',
    shown_funnels Array(UInt32) COMMENT 'Funnels with another calendar',
    shown_numbers Array(Int32) COMMENT 'How many days count there',
    names_run    String COMMENT 'Run that wrote the names of then'
)
AS
WITH (SELECT groupArray(run_id) FROM names WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)}) AS name_runs
SELECT
    known_on, shown_run, shown_day, shown_host, shown_number, shown_funnels, shown_numbers,
    toString(arrayMax(arrayFilter(r -> r <= shown_run, name_runs))) AS names_run
FROM (SELECT * FROM shown_runs)
COMMENT 'What was shown on each date'

CREATE OR REPLACE VIEW shown_dates
(
    known_on     Date COMMENT 'Date from the first published as-of date to the last',
    shown_run    UInt32 COMMENT 'Run whose state was shown at the end of that date',
    shown_day    Date COMMENT 'As-of date of that run',
    shown_host   String COMMENT 'Host of its portal',
    shown_number Int32 COMMENT 'How many days count up to its as-of date',
    shown_funnels Array(UInt32) COMMENT 'Funnels with another calendar',
    shown_numbers Array(Int32) COMMENT 'How many days count there',
    funnels_run  String COMMENT 'Run that wrote the names of the funnels of then',
    stages_run   String COMMENT 'Run that wrote the names of the stages',
    managers_run String COMMENT 'Run that wrote the names of the people',
    departments_run String COMMENT 'Run that wrote the names of the departments'
)
AS
WITH
    (
        SELECT (groupArrayIf(run_id, kind = 'funnel'), groupArrayIf(run_id, kind = 'stage'), groupArrayIf(run_id, kind = 'manager'), groupArrayIf(run_id, kind = 'department'))
        FROM names
        WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)}
    ) AS name_runs
SELECT
    known_on, shown_run, shown_day, shown_host, shown_number, shown_funnels, shown_numbers,
    toString(arrayMax(arrayFilter(r -> r <= shown_run, name_runs.1))) AS funnels_run,
    toString(arrayMax(arrayFilter(r -> r <= shown_run, name_runs.2))) AS stages_run,
    toString(arrayMax(arrayFilter(r -> r <= shown_run, name_runs.3))) AS managers_run,
    toString(arrayMax(arrayFilter(r -> r <= shown_run, name_runs.4))) AS departments_run
FROM (SELECT * FROM shown_runs)
COMMENT 'What was shown on each date'

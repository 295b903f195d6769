-- It reads the snapshot alone, which every query of views has anyway.
CREATE OR REPLACE VIEW shown_run_v1
(
    run_id UInt32 COMMENT 'Number of the run',
    as_of  Date COMMENT 'Date in the zone of the portal that the run computed up to'
)
SQL SECURITY INVOKER
AS
SELECT {newest_run:UInt32} AS run_id, {newest_day:Date} AS as_of
WHERE run_id > 0
COMMENT 'The run whose state the views show, no row before the first one is published'

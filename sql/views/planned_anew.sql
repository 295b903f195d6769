-- A visit carries its changes along, so that they follow it when it gets another number, is withdrawn or comes back.
CREATE OR REPLACE VIEW planned_anew
(
    row_run   UInt32 COMMENT 'Run that wrote the row of the visit',
    deal_id   UInt64 COMMENT 'Deal ID in Bitrix24',
    funnel_id UInt32 COMMENT 'Funnel of the visit',
    visit_no  UInt32 COMMENT 'Number of the visit',
    stage_id  LowCardinality(String) COMMENT 'Stage of the visit',
    change    Tuple(run_id UInt32, known_on UInt16, cause UInt8, manager_id UInt64, source_before UInt8, days_before Int32, end_before UInt16, source UInt8, days Int32, end UInt16, overdue_before Int32, overdue Int32, shown_before Int32, shown Int32) COMMENT 'A change as plan_log has it: of the days that an earlier date had shown the overdue ones before and after stand last'
)
AS
SELECT run_id AS row_run, deal_id, funnel_id, visit_no, stage_id,
    arrayJoin(JSONExtract(plan_log, 'Array(Tuple(run_id UInt32, known_on UInt16, cause UInt8, manager_id UInt64, source_before UInt8, days_before Int32, end_before UInt16, source UInt8, days Int32, end UInt16, overdue_before Int32, overdue Int32, shown_before Int32, shown Int32))')) AS change
FROM visits
WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)} AND (until_run_id > {newest_run:UInt32} OR until_run_id IN {hidden_runs:Array(UInt32)}) AND NOT is_gone
    AND plan_log != ''
COMMENT 'One row for each plan change of a visit as it stands now'

-- As the visits. The rows of before are packed anew as they are merged.
ALTER TABLE stagelag.day_measures
    MODIFY COLUMN run_id CODEC(LZ4),
    MODIFY COLUMN day CODEC(Delta(2), LZ4),
    MODIFY COLUMN funnel_id CODEC(LZ4),
    MODIFY COLUMN stage_id CODEC(LZ4),
    MODIFY COLUMN manager_id CODEC(LZ4),
    MODIFY COLUMN visits_entered CODEC(LZ4),
    MODIFY COLUMN visits_closed CODEC(LZ4),
    MODIFY COLUMN visits_closed_with_plan CODEC(LZ4),
    MODIFY COLUMN visits_on_time CODEC(LZ4),
    MODIFY COLUMN late_days CODEC(LZ4),
    MODIFY COLUMN overdue_days_accrued CODEC(LZ4),
    MODIFY COLUMN visits_open CODEC(LZ4),
    MODIFY COLUMN visits_overdue CODEC(LZ4),
    MODIFY COLUMN visits_no_plan CODEC(LZ4)

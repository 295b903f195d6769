-- As the visits. The rows of before are packed anew as they are merged.
ALTER TABLE stagelag.deals
    MODIFY COLUMN run_id CODEC(LZ4),
    MODIFY COLUMN until_run_id CODEC(LZ4),
    MODIFY COLUMN deal_id CODEC(Delta(8), LZ4),
    MODIFY COLUMN visits CODEC(LZ4),
    MODIFY COLUMN first_entered CODEC(LZ4),
    MODIFY COLUMN funnel_id CODEC(LZ4),
    MODIFY COLUMN stage_id CODEC(LZ4),
    MODIFY COLUMN semantics CODEC(LZ4),
    MODIFY COLUMN manager_id CODEC(LZ4),
    MODIFY COLUMN is_open CODEC(LZ4),
    MODIFY COLUMN is_planned CODEC(LZ4),
    MODIFY COLUMN planned_end CODEC(LZ4),
    MODIFY COLUMN is_late CODEC(LZ4),
    MODIFY COLUMN overdue_days CODEC(LZ4),
    MODIFY COLUMN late_visits CODEC(LZ4)

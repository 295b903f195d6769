-- The difference of two published states, whatever caused it: the last one, and that after the last run of
-- an earlier date. Few visits stand otherwise in both: they are picked first, kept in memory, and the deals
-- read past them. A visit is the same one in both where the same stage change began it.
CREATE OR REPLACE VIEW run_changes_v1
(
    deal_id             UInt64 COMMENT 'Deal ID in Bitrix24',
    deal_title          String COMMENT 'Title of the deal',
    deal_url            String COMMENT 'Page of the deal on the portal',
    funnel_id           UInt32 COMMENT 'Funnel of the visit',
    funnel_name         String COMMENT 'Name of the funnel',
    visit_no            UInt32 COMMENT 'Number of the visit, from 1, over all visits of the deal in its order',
    stage_id            LowCardinality(String) COMMENT 'Stage of the visit',
    stage_name          String COMMENT 'Name of the stage, its id where the portal has no such stage',
    manager_id          UInt64 COMMENT 'Manager of the last day of the visit, 0 for nobody',
    manager_name        String COMMENT 'First and last name, #ID where the portal does not return the person',
    planned_end         Nullable(Date) COMMENT 'Last day that is still on time',
    overdue_days        Int32 COMMENT 'Counting days after the planned end and the entry',
    overdue_days_before Int32 COMMENT 'What these were in the state before',
    change              LowCardinality(String) COMMENT 'newly_overdue, brought_back or finished_late',
    since               Date COMMENT 'As-of date of the published run before',
    as_of               Date COMMENT 'As-of date of the last published run'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH
    (SELECT (max(run_id), max(as_of), argMax(numbers, run_id)) FROM published_runs WHERE run_id <= {newest_run:UInt32} AND as_of < {newest_day:Date}) AS state_before,
    state_before.1 AS run_before,
    state_before.2 AS day_before,
    state_before.3 AS numbers_before,
    (
        SELECT argMax(((funnel_id, funnel_name), (stage_id, stage_name), (manager_id, manager_name), (department_id, department_name)), run_id)
        FROM names
        WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)}
    ) AS names,
    names.1 AS funnel_names,
    names.2 AS stage_names,
    names.3 AS manager_names
SELECT
    v.deal_id AS deal_id,
    d.title AS deal_title,
    concat('https://', {newest_host:String}, '/crm/deal/details/', toString(v.deal_id), '/') AS deal_url,
    v.visit.1 AS funnel_id,
    transform(toString(funnel_id), funnel_names.1, funnel_names.2, concat('#', toString(funnel_id))) AS funnel_name,
    v.visit.2 AS visit_no,
    CAST(v.visit.3 AS LowCardinality(String)) AS stage_id,
    transform(concat(toString(funnel_id), '/', v.visit.3), stage_names.1, stage_names.2, v.visit.3) AS stage_name,
    v.visit.4 AS manager_id,
    transform(toString(manager_id), manager_names.1, manager_names.2, concat('#', toString(manager_id))) AS manager_name,
    if(v.visit.5, v.visit.6, NULL) AS planned_end,
    v.days AS overdue_days,
    v.days_before AS overdue_days_before,
    CAST(multiIf(v.visit.7 AND v.is_late, 'newly_overdue', v.visit.7 OR d.is_in_time, 'brought_back', 'finished_late') AS LowCardinality(String)) AS change,
    day_before AS since,
    {newest_day:Date} AS as_of
FROM
(
    SELECT deal_id, title, is_open AND NOT (is_planned AND (is_late OR least(transform(funnel_id, {newest_funnels:Array(UInt32)}, {newest_numbers:Array(Int32)}, {newest_number:Int32}), stops_number) > accrues_number)) AS is_in_time
    FROM deals
    WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)} AND (until_run_id > {newest_run:UInt32} OR until_run_id IN {hidden_runs:Array(UInt32)}) AND NOT is_gone
) AS d
RIGHT JOIN
(
    SELECT deal_id,
        anyIf((funnel_id, visit_no, toString(stage_id), manager_id, is_planned, planned_end, is_open), is_now) AS visit,
        toInt32(sum(days_now * is_now)) AS days,
        toInt32(sum(days_then * was_then)) AS days_before,
        max(is_late_now AND is_now) AS is_late,
        max(is_late_then AND was_then) AS was_late,
        max(is_late_then AND was_then AND NOT is_open) AS was_finished_late
    FROM
    (
        SELECT deal_id, if(change_id = 0, visit_no, 0) AS no, change_id, funnel_id, visit_no, stage_id, manager_id, planned_end, is_open,
            plan_source != 'none' AS is_planned,
            until_run_id > {newest_run:UInt32} OR until_run_id IN {hidden_runs:Array(UInt32)} AS is_now,
            run_id <= run_before AND (until_run_id > run_before OR until_run_id IN {hidden_runs:Array(UInt32)}) AS was_then,
            least(transform(funnel_id, {newest_funnels:Array(UInt32)}, {newest_numbers:Array(Int32)}, {newest_number:Int32}), stops_number) - accrues_number AS since_now,
            least(transform(funnel_id, numbers_before.2, numbers_before.3, numbers_before.1), stops_number) - accrues_number AS since_then,
            if(is_planned, greatest(0, since_now), 0) AS days_now,
            if(is_planned, greatest(0, since_then), 0) AS days_then,
            is_planned AND (since_now > 0 OR planned_end < entered_date) AS is_late_now,
            is_planned AND (since_then > 0 OR planned_end < entered_date) AS is_late_then
        FROM visits
        WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)} AND NOT is_gone AND run_before > 0
            -- Of a visit that had ended by then and was not replaced nothing has changed.
            AND (is_open OR run_id > run_before OR until_run_id <= {newest_run:UInt32})
            AND (is_now OR was_then) AND (is_now != was_then OR is_late_now != is_late_then)
    )
    GROUP BY deal_id, change_id, no
    HAVING max(is_now) AND if(visit.7, is_late != was_late, is_late AND NOT was_finished_late)
) AS v ON v.deal_id = d.deal_id
COMMENT 'One row for each visit that became late, or ended late, since the last published as-of date before'

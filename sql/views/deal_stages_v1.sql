-- A word is looked up by its number in a dictionary of a few: made for each row and looked for in
-- the dictionary then, the words cost more than all that is read.
-- A forecast is looked up by a subquery for each visit. The engine makes a join of it, or nothing where the column is
-- not asked for: as long as the selection names the subquery once, and all that it refers to comes from one table.
CREATE OR REPLACE VIEW deal_stages_v1
(
    deal_id         UInt64 COMMENT 'Deal ID in Bitrix24',
    deal_title      String COMMENT 'Title of the deal',
    deal_url        String COMMENT 'Page of the deal on the portal',
    funnel_id       UInt32 COMMENT 'Funnel of the visit',
    funnel_name     String COMMENT 'Name of the funnel',
    visit_no        UInt32 COMMENT 'Number of the visit, from 1, over all visits of the deal in its order',
    stage_id        LowCardinality(String) COMMENT 'Stage of the visit',
    stage_name      String COMMENT 'Name of the stage, its id where the portal has no such stage',
    stage_semantics LowCardinality(String) COMMENT 'process, success or failure',
    manager_id      UInt64 COMMENT 'Manager of the last day of the visit, 0 for nobody',
    manager_name    String COMMENT 'First and last name, #ID where the portal does not return the person',
    entered_at      DateTime64(3, 'UTC') COMMENT 'Time of the move into the stage',
    entered_date    Date COMMENT 'Its date in the zone of the portal',
    left_date       Nullable(Date) COMMENT 'Date of the move out',
    plan_days       Nullable(Int32) COMMENT 'Counting days that the stage was given',
    plan_source     LowCardinality(String) COMMENT 'deal_date, deal_days, stage_norm or none',
    planned_end     Nullable(Date) COMMENT 'Last day that is still on time',
    elapsed_days    Int32 COMMENT 'Days from the entry to the end, or to the as-of date',
    overdue_days    Int32 COMMENT 'Counting days after the planned end and the entry',
    days_left       Nullable(Int32) COMMENT 'Days to the planned end of an open visit',
    late_at_entry   Nullable(Int32) COMMENT 'Counting days after the planned end up to the entry, where the visit began after it',
    elapsed_working_days Int32 COMMENT 'Days after the entry up to the end that count under the calendar, paused ones included',
    paused_days     Int32 COMMENT 'Of these, paused',
    first_plan_days Nullable(Int32) COMMENT 'Counting days of the first plan that the visit had',
    first_planned_end Nullable(Date) COMMENT 'Planned end by the first plan; later plans do not move it, corrected entries, calendars and pauses do',
    first_plan_overdue_days Int32 COMMENT 'Counting days after that planned end and the entry',
    plan_changes    UInt16 COMMENT 'How often the visit was given another plan, by the deal or by a norm',
    days_moved      Int32 COMMENT 'Calendar days by which these changes moved the planned end, later is positive',
    expected_end    Nullable(Date) COMMENT 'Date by which half of the visits that lasted as long as this open one had ended; where it is missing, forecasts shows why',
    likely_end      Nullable(Date) COMMENT 'Date by which four in five of such visits had ended',
    late_probability Nullable(Float64) COMMENT 'Share of such visits that end after the planned end, from 0 to 1',
    is_open         UInt8 COMMENT '1 while the deal is in the stage',
    is_paused       UInt8 COMMENT '1 while the open visit is paused',
    is_waiting      UInt8 COMMENT '1 in a stage that waits for somebody else',
    status          LowCardinality(String) COMMENT 'on_time, due_today, overdue, finished_on_time, finished_late, no_plan, waiting or final',
    next_funnel_id  Nullable(UInt32) COMMENT 'Where the deal went from here: funnel, also outside the report; NULL for the last visit',
    next_stage_id   LowCardinality(Nullable(String)) COMMENT 'Where the deal went from here: stage',
    next_stage_name Nullable(String) COMMENT 'Name of that stage',
    history_source  LowCardinality(String) COMMENT 'history or reconstructed'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH
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
    v.title AS deal_title,
    concat('https://', {newest_host:String}, '/crm/deal/details/', toString(v.deal_id), '/') AS deal_url,
    v.funnel_id AS funnel_id,
    transform(toString(v.funnel_id), funnel_names.1, funnel_names.2, concat('#', toString(v.funnel_id))) AS funnel_name,
    v.visit_no AS visit_no,
    CAST(v.stage_id AS LowCardinality(String)) AS stage_id,
    transform(concat(toString(v.funnel_id), '/', v.stage_id), stage_names.1, stage_names.2, toString(v.stage_id)) AS stage_name,
    transform(toLowCardinality(CAST(v.semantics AS Int8)), [0, 1, 2], ['process', 'success', 'failure'], '') AS stage_semantics,
    v.manager_id AS manager_id,
    transform(toString(v.manager_id), manager_names.1, manager_names.2, concat('#', toString(v.manager_id))) AS manager_name,
    v.entered_at AS entered_at,
    v.entered_date AS entered_date,
    if(v.is_open, NULL, v.left_date) AS left_date,
    if(v.plan_source = 'none', NULL, v.plan_days) AS plan_days,
    transform(toLowCardinality(CAST(v.plan_source AS Int8)), [0, 1, 2, 3], ['none', 'deal_date', 'deal_days', 'stage_norm'], '') AS plan_source,
    if(v.plan_source = 'none', NULL, v.planned_end) AS planned_end,
    toInt32(if(v.is_open, {newest_day:Date}, v.left_date) - v.entered_date) AS elapsed_days,
    if(v.plan_source = 'none', 0, greatest(0, v.clock - v.accrues_number)) AS overdue_days,
    if(v.is_open AND v.plan_source != 'none', greatest(0, v.due_number - v.clock), NULL) AS days_left,
    if(v.plan_source != 'none' AND v.planned_end < v.entered_date, v.late_days_at_entry, NULL) AS late_at_entry,
    if(v.is_open, v.number, v.stops_number) - v.entered_number AS elapsed_working_days,
    v.paused_ended + if(v.is_open, greatest(0, v.number - greatest(v.stops_number, v.entered_number)), 0) AS paused_days,
    if(v.has_first_plan, v.days_of_plan - v.first_days_shift, NULL) AS first_plan_days,
    if(v.has_first_plan, toDate(toInt32(v.end_of_plan) - v.first_end_shift), NULL) AS first_planned_end,
    if(v.has_first_plan, greatest(0, v.clock - (v.accrues_number - v.first_accrues_shift)), 0) AS first_plan_overdue_days,
    v.moves AS plan_changes,
    v.moved AS days_moved,
    v.entered_date + (SELECT any(nullIf(expected_days, -1)) FROM forecast_curves AS c WHERE c.run_id = {newest_curves:UInt32} AND c.funnel_id = v.funnel_id AND c.stage_id = v.stage_id AND c.days = v.lasted) AS expected_end,
    v.entered_date + (SELECT any(nullIf(likely_days, -1)) FROM forecast_curves AS c WHERE c.run_id = {newest_curves:UInt32} AND c.funnel_id = v.funnel_id AND c.stage_id = v.stage_id AND c.days = v.lasted) AS likely_end,
    multiIf(
        NOT v.is_open OR v.plan_source = 'none', NULL,
        v.planned_end < {newest_day:Date}, 1,
        arrayMap((o, e) -> if(o.1 = 0, NULL, ifNull([e.1, e.2, e.3][o.1], o.3) / o.2),
            [(SELECT any((curve, open_before, open_last)) FROM forecast_curves AS c WHERE c.run_id = {newest_curves:UInt32} AND c.funnel_id = v.funnel_id AND c.stage_id = v.stage_id AND c.days = v.lasted)],
            [(SELECT any((open_short, open_year, open_ever)) FROM forecast_curves AS c WHERE c.run_id = {newest_curves:UInt32} AND c.funnel_id = v.funnel_id AND c.stage_id = v.stage_id AND c.days = v.days_planned)])[1]) AS late_probability,
    toUInt8(v.is_open) AS is_open,
    toUInt8(v.is_open AND arrayExists((f, u) -> {newest_day:Date} BETWEEN f AND u, v.pause_from, v.pause_until)) AS is_paused,
    toUInt8(v.is_waiting) AS is_waiting,
    transform(
        toLowCardinality(multiIf(
            v.semantics != 'process', 6,
            v.is_waiting, 7,
            v.plan_source = 'none', 5,
            v.clock > v.accrues_number OR v.planned_end < v.entered_date, if(v.is_open, 2, 4),
            NOT v.is_open, 3,
            v.clock >= v.due_number, 1,
            0)),
        [0, 1, 2, 3, 4, 5, 6, 7],
        ['on_time', 'due_today', 'overdue', 'finished_on_time', 'finished_late', 'no_plan', 'final', 'waiting'], '') AS status,
    if(v.next_stage_id = '', NULL, v.next_funnel_id) AS next_funnel_id,
    CAST(nullIf(v.next_stage_id, '') AS LowCardinality(Nullable(String))) AS next_stage_id,
    if(v.next_stage_id = '', NULL, transform(concat(toString(v.next_funnel_id), '/', v.next_stage_id), stage_names.1, stage_names.2, toString(v.next_stage_id))) AS next_stage_name,
    transform(toLowCardinality(CAST(v.history_source AS Int8)), [0, 1], ['history', 'reconstructed'], '') AS history_source
FROM view
(
    SELECT v.*, d.title AS title
    FROM
    (
        SELECT deal_id, visit_no, funnel_id, stage_id, semantics, next_funnel_id, next_stage_id, history_source, entered_at, entered_date, is_open,
            left_date, plan_source, plan_days, planned_end, manager_id,
            is_waiting, pause_from, pause_until, entered_number, accrues_number, due_number, stops_number, paused_days AS paused_ended, late_at_entry AS late_days_at_entry,
            first_plan_source != 'none' AND NOT is_waiting AND semantics = 'process' AS has_first_plan, plan_days AS days_of_plan, planned_end AS end_of_plan,
            first_days_shift, first_end_shift, first_accrues_shift, visits.plan_changes AS moves, visits.days_moved AS moved,
            transform(funnel_id, {newest_funnels:Array(UInt32)}, {newest_numbers:Array(Int32)}, {newest_number:Int32}) AS number,
            least(number, stops_number) AS clock,
            if(is_open, toUInt16({newest_day:Date} - entered_date), 65535) AS lasted, toUInt16(planned_end - entered_date) AS days_planned
        FROM visits
        WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)} AND (until_run_id > {newest_run:UInt32} OR until_run_id IN {hidden_runs:Array(UInt32)}) AND NOT is_gone
    ) AS v
    LEFT JOIN
    (
        SELECT deal_id, title
        FROM deals
        WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)} AND (until_run_id > {newest_run:UInt32} OR until_run_id IN {hidden_runs:Array(UInt32)}) AND NOT is_gone
    ) AS d ON d.deal_id = v.deal_id
) AS v
COMMENT 'One row for each visit as it stands now'

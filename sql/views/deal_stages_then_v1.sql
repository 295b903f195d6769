-- A forecast is looked up by a subquery for each visit. The engine makes a join of it, or nothing where the column is
-- not asked for: as long as the selection names the subquery once, and all that it refers to comes from one table.
-- The conditions stand behind the join, so that one on known_on reaches the dates and one state is read.
CREATE OR REPLACE VIEW deal_stages_then_v1
(
    known_on        Date COMMENT 'Date on which this was shown',
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
    (SELECT lists FROM names_then) AS names,
    names.1 AS funnel_names,
    names.2 AS stage_names,
    names.3 AS manager_names,
    if(has(v.shown_funnels, v.funnel_id), v.shown_numbers[indexOf(v.shown_funnels, v.funnel_id)], v.shown_number) AS number,
    least(number, v.stops_number) AS clock
SELECT
    v.known_on AS known_on,
    v.deal_id AS deal_id,
    v.title AS deal_title,
    concat('https://', v.shown_host, '/crm/deal/details/', toString(v.deal_id), '/') AS deal_url,
    v.funnel_id AS funnel_id,
    transform(concat(v.names_run, '/', toString(v.funnel_id)), funnel_names.1, funnel_names.2, concat('#', toString(v.funnel_id))) AS funnel_name,
    v.visit_no AS visit_no,
    CAST(v.stage_id AS LowCardinality(String)) AS stage_id,
    transform(concat(v.names_run, '/', toString(v.funnel_id), '/', v.stage_id), stage_names.1, stage_names.2, toString(v.stage_id)) AS stage_name,
    transform(toLowCardinality(CAST(v.semantics AS Int8)), [0, 1, 2], ['process', 'success', 'failure'], '') AS stage_semantics,
    v.manager_id AS manager_id,
    transform(concat(v.names_run, '/', toString(v.manager_id)), manager_names.1, manager_names.2, concat('#', toString(v.manager_id))) AS manager_name,
    v.entered_at AS entered_at,
    v.entered_date AS entered_date,
    if(v.is_open, NULL, v.left_date) AS left_date,
    if(v.plan_source = 'none', NULL, v.plan_days) AS plan_days,
    transform(toLowCardinality(CAST(v.plan_source AS Int8)), [0, 1, 2, 3], ['none', 'deal_date', 'deal_days', 'stage_norm'], '') AS plan_source,
    if(v.plan_source = 'none', NULL, v.planned_end) AS planned_end,
    toInt32(if(v.is_open, v.shown_day, v.left_date) - v.entered_date) AS elapsed_days,
    if(v.plan_source = 'none', 0, greatest(0, clock - v.accrues_number)) AS overdue_days,
    if(v.is_open AND v.plan_source != 'none', greatest(0, v.due_number - clock), NULL) AS days_left,
    if(v.plan_source != 'none' AND v.planned_end < v.entered_date, v.late_days_at_entry, NULL) AS late_at_entry,
    if(v.is_open, number, v.stops_number) - v.entered_number AS elapsed_working_days,
    v.paused_ended + if(v.is_open, greatest(0, number - greatest(v.stops_number, v.entered_number)), 0) AS paused_days,
    if(v.has_first_plan, v.days_of_plan - v.first_days_shift, NULL) AS first_plan_days,
    if(v.has_first_plan, toDate(toInt32(v.end_of_plan) - v.first_end_shift), NULL) AS first_planned_end,
    if(v.has_first_plan, greatest(0, clock - (v.accrues_number - v.first_accrues_shift)), 0) AS first_plan_overdue_days,
    v.moves AS plan_changes,
    v.moved AS days_moved,
    v.entered_date + (SELECT any(nullIf(expected_days, -1)) FROM forecasts_then AS c WHERE c.known_on = v.known_on AND c.funnel_id = v.funnel_id AND c.stage_id = v.stage_id AND c.days = v.lasted) AS expected_end,
    v.entered_date + (SELECT any(nullIf(likely_days, -1)) FROM forecasts_then AS c WHERE c.known_on = v.known_on AND c.funnel_id = v.funnel_id AND c.stage_id = v.stage_id AND c.days = v.lasted) AS likely_end,
    multiIf(
        NOT v.is_open OR v.plan_source = 'none', NULL,
        v.planned_end < v.shown_day, 1,
        arrayMap((o, e) -> if(o.1 = 0, NULL, ifNull([e.1, e.2, e.3][o.1], o.3) / o.2),
            [(SELECT any((curve, open_before, open_last)) FROM forecasts_then AS c WHERE c.known_on = v.known_on AND c.funnel_id = v.funnel_id AND c.stage_id = v.stage_id AND c.days = v.lasted)],
            [(SELECT any((open_short, open_year, open_ever)) FROM forecasts_then AS c WHERE c.known_on = v.known_on AND c.funnel_id = v.funnel_id AND c.stage_id = v.stage_id AND c.days = v.days_planned)])[1]) AS late_probability,
    toUInt8(v.is_open) AS is_open,
    toUInt8(v.is_open AND arrayExists((f, u) -> v.shown_day BETWEEN f AND u, v.pause_from, v.pause_until)) AS is_paused,
    toUInt8(v.is_waiting) AS is_waiting,
    transform(
        toLowCardinality(multiIf(
            v.semantics != 'process', 6,
            v.is_waiting, 7,
            v.plan_source = 'none', 5,
            clock > v.accrues_number OR v.planned_end < v.entered_date, if(v.is_open, 2, 4),
            NOT v.is_open, 3,
            clock >= v.due_number, 1,
            0)),
        [0, 1, 2, 3, 4, 5, 6, 7],
        ['on_time', 'due_today', 'overdue', 'finished_on_time', 'finished_late', 'no_plan', 'final', 'waiting'], '') AS status,
    if(v.next_stage_id = '', NULL, v.next_funnel_id) AS next_funnel_id,
    CAST(nullIf(v.next_stage_id, '') AS LowCardinality(Nullable(String))) AS next_stage_id,
    if(v.next_stage_id = '', NULL, transform(concat(v.names_run, '/', toString(v.next_funnel_id), '/', v.next_stage_id), stage_names.1, stage_names.2, toString(v.next_stage_id))) AS next_stage_name,
    transform(toLowCardinality(CAST(v.history_source AS Int8)), [0, 1], ['history', 'reconstructed'], '') AS history_source
FROM view
(
    SELECT v.*, s.* EXCEPT (known_on), s.known_on AS known_on, d.title AS title,
        if(v.is_open, toUInt16(s.shown_day - v.entered_date), 65535) AS lasted, toUInt16(v.planned_end - v.entered_date) AS days_planned
    FROM
    (
        SELECT run_id AS row_run, until_run_id, deal_id, visit_no, funnel_id, stage_id, semantics, next_funnel_id, next_stage_id, history_source, entered_at, entered_date, is_open,
            left_date, plan_source, plan_days, planned_end, manager_id,
            is_waiting, pause_from, pause_until, entered_number, accrues_number, due_number, stops_number, paused_days AS paused_ended, late_at_entry AS late_days_at_entry,
            first_plan_source != 'none' AND NOT is_waiting AND semantics = 'process' AS has_first_plan, plan_days AS days_of_plan, planned_end AS end_of_plan,
            first_days_shift, first_end_shift, first_accrues_shift, visits.plan_changes AS moves, visits.days_moved AS moved
        FROM visits
        WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)} AND NOT is_gone
    ) AS v
    CROSS JOIN (SELECT * FROM shown_dates) AS s
    LEFT JOIN
    (
        SELECT d.deal_id AS deal_id, d.title AS title, s.known_on AS known_on
        FROM
        (
            SELECT run_id AS row_run, until_run_id, deal_id, title
            FROM deals
            WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)} AND NOT is_gone
        ) AS d
        CROSS JOIN (SELECT * FROM shown_dates) AS s
        WHERE d.row_run <= s.shown_run AND (d.until_run_id > s.shown_run OR d.until_run_id IN {hidden_runs:Array(UInt32)})
    ) AS d ON d.deal_id = v.deal_id AND d.known_on = s.known_on
    WHERE v.row_run <= s.shown_run AND (v.until_run_id > s.shown_run OR v.until_run_id IN {hidden_runs:Array(UInt32)})
) AS v
COMMENT 'One row for each visit and each date since the first published one: what deal_stages showed at its end'

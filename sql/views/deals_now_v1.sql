-- A forecast is looked up by a subquery for each deal. The engine makes a join of it, or nothing where the column is
-- not asked for: as long as the selection names the subquery once, and all that it refers to comes from one table.
CREATE OR REPLACE VIEW deals_now_v1
(
    deal_id            UInt64 COMMENT 'Deal ID in Bitrix24',
    deal_title         String COMMENT 'Title of the deal',
    deal_url           String COMMENT 'Page of the deal on the portal',
    funnel_id          UInt32 COMMENT 'Funnel of the last visit',
    funnel_name        String COMMENT 'Name of the funnel',
    stage_id           LowCardinality(String) COMMENT 'Stage of the last visit',
    stage_name         String COMMENT 'Name of the stage',
    manager_id         UInt64 COMMENT 'Manager of the last day of the last visit, 0 for nobody',
    manager_name       String COMMENT 'First and last name, #ID where the portal does not return the person',
    department         Nullable(String) COMMENT 'Department of the manager on that day, the first by ID, #ID where its name is not known; NULL before the first run, and where none is known',
    company_id         Nullable(UInt64) COMMENT 'Company of the deal',
    company_name       Nullable(String) COMMENT 'Its name, #ID where the portal does not show the company',
    amount             Nullable(Decimal(18, 2)) COMMENT 'Amount in currency, NULL where the deal has the gap bad_amount',
    currency           LowCardinality(String) COMMENT 'Currency of the amount',
    created_date       Date COMMENT 'Date of creation in the zone of the portal, of the first entry where the portal gave none',
    closed_date        Nullable(Date) COMMENT 'Date of the entry into the final stage that the deal is in, NULL while it is in none',
    dimensions         Map(String, String) COMMENT 'What the fields of the deal say that dimensions names; no key where the deal has no value',
    is_open            UInt8 COMMENT '1 while the last visit is open',
    is_paused          UInt8 COMMENT '1 while the open visit is paused',
    status             LowCardinality(String) COMMENT 'Status of the last visit',
    planned_end        Nullable(Date) COMMENT 'Last day of the open visit that is still on time',
    days_left          Nullable(Int32) COMMENT 'Days to the planned end of the open visit',
    overdue_days_now   Int64 COMMENT 'Overdue days of the open visit',
    overdue_days_total Int64 COMMENT 'Overdue days of all visits',
    overdue_stages     UInt64 COMMENT 'Visits with overdue days',
    first_plan_overdue_days_total Int64 COMMENT 'Overdue days of all visits by their first plans',
    expected_end       Nullable(Date) COMMENT 'Date by which half of the visits that lasted as long as the open one had ended; where it is missing, forecasts shows why',
    late_probability   Nullable(Float64) COMMENT 'Share of such visits that end after the planned end, from 0 to 1',
    expected_closed_date Nullable(Date) COMMENT 'Date of the closing by the usual way from there: the expected end and the medians of the stages that follow; forecasts shows why it is missing'
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
    names.3 AS manager_names,
    names.4 AS department_names
SELECT
    d.deal_id AS deal_id,
    d.title AS deal_title,
    concat('https://', {newest_host:String}, '/crm/deal/details/', toString(d.deal_id), '/') AS deal_url,
    d.funnel_id AS funnel_id,
    transform(toString(d.funnel_id), funnel_names.1, funnel_names.2, concat('#', toString(d.funnel_id))) AS funnel_name,
    CAST(d.stage_id AS LowCardinality(String)) AS stage_id,
    transform(concat(toString(d.funnel_id), '/', d.stage_id), stage_names.1, stage_names.2, toString(d.stage_id)) AS stage_name,
    d.manager_id AS manager_id,
    transform(toString(d.manager_id), manager_names.1, manager_names.2, concat('#', toString(d.manager_id))) AS manager_name,
    if(d.department_id = 0, NULL, transform(toString(d.department_id), department_names.1, department_names.2, concat('#', toString(d.department_id)))) AS department,
    nullIf(d.company, 0) AS company_id,
    if(d.company = 0, NULL, if(d.company_called = '', concat('#', toString(d.company)), d.company_called)) AS company_name,
    d.amount AS amount,
    CAST(d.currency AS LowCardinality(String)) AS currency,
    if(d.created = toDate(0), d.first_entered, d.created) AS created_date,
    if(d.semantics = 'process', NULL, d.last_entered) AS closed_date,
    CAST((CAST(d.dimension_name AS Array(String)), d.dimension_value) AS Map(String, String)) AS dimensions,
    toUInt8(d.is_open_now) AS is_open,
    toUInt8(arrayExists((f, u) -> {newest_day:Date} BETWEEN f AND u, d.pause_from, d.pause_until)) AS is_paused,
    CAST(multiIf(
        d.semantics != 'process', 'final',
        d.is_waiting, 'waiting',
        NOT d.is_planned, 'no_plan',
        NOT d.is_open_now, if(d.is_late, 'finished_late', 'finished_on_time'),
        d.is_late OR overdue_days_now > 0, 'overdue',
        d.clock >= d.due_number, 'due_today',
        'on_time') AS LowCardinality(String)) AS status,
    if(d.is_open_now AND d.is_planned, d.due, NULL) AS planned_end,
    if(d.is_open_now AND d.is_planned, greatest(0, d.due_number - d.clock), NULL) AS days_left,
    toInt64(if(d.is_open_now AND d.is_planned, greatest(0, d.clock - d.accrues_number), 0)) AS overdue_days_now,
    d.overdue_ended + overdue_days_now AS overdue_days_total,
    toUInt64(d.late_visits) + (overdue_days_now > 0) AS overdue_stages,
    d.first_overdue_ended + if(d.is_open_now AND d.is_first_planned, greatest(0, d.clock - d.first_accrues_number), 0) AS first_plan_overdue_days_total,
    d.last_entered + (SELECT any(nullIf(expected_days, -1)) FROM forecast_curves AS c WHERE c.run_id = {newest_curves:UInt32} AND c.funnel_id = d.funnel_id AND c.stage_id = d.stage_id AND c.days = d.lasted) AS expected_end,
    multiIf(
        NOT d.is_open_now OR NOT d.is_planned, NULL,
        d.due < {newest_day:Date}, 1,
        arrayMap((o, e) -> if(o.1 = 0, NULL, ifNull([e.1, e.2, e.3][o.1], o.3) / o.2),
            [(SELECT any((curve, open_before, open_last)) FROM forecast_curves AS c WHERE c.run_id = {newest_curves:UInt32} AND c.funnel_id = d.funnel_id AND c.stage_id = d.stage_id AND c.days = d.lasted)],
            [(SELECT any((open_short, open_year, open_ever)) FROM forecast_curves AS c WHERE c.run_id = {newest_curves:UInt32} AND c.funnel_id = d.funnel_id AND c.stage_id = d.stage_id AND c.days = d.days_planned)])[1]) AS late_probability,
    d.last_entered + (SELECT any(if(expected_days = -1 OR closing_days = -1, NULL, expected_days + closing_days)) FROM forecast_curves AS c WHERE c.run_id = {newest_curves:UInt32} AND c.funnel_id = d.funnel_id AND c.stage_id = d.stage_id AND c.days = d.lasted) AS expected_closed_date
FROM view
(
    SELECT deal_id, title, department_id, deals.company_id AS company, deals.company_name AS company_called, dimension_name, dimension_value, amount, currency, deals.created_date AS created, first_entered, last_entered, funnel_id, stage_id, semantics, manager_id,
        is_open AS is_open_now, is_planned, planned_end AS due, is_waiting, pause_from, pause_until, accrues_number, due_number, is_late, overdue_days AS overdue_ended, late_visits,
        is_first_planned, first_accrues_number, first_overdue_days AS first_overdue_ended,
        least(transform(funnel_id, {newest_funnels:Array(UInt32)}, {newest_numbers:Array(Int32)}, {newest_number:Int32}), stops_number) AS clock,
        if(is_open, toUInt16({newest_day:Date} - last_entered), 65535) AS lasted, toUInt16(planned_end - last_entered) AS days_planned
    FROM deals
    WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)} AND (until_run_id > {newest_run:UInt32} OR until_run_id IN {hidden_runs:Array(UInt32)}) AND NOT is_gone AND visits > 0
) AS d
COMMENT 'One row for each deal'

-- A forecast is looked up by a subquery for each visit. The engine makes a join of it, or nothing where the column is
-- not asked for: as long as the selection names the subquery once, and all that it refers to comes from one table.
-- The conditions stand behind the join, so that one on known_on reaches the runs and one state is read. What came of a
-- visit is told by the stage change that began it, which stays when a correction gives the visit another number.
CREATE OR REPLACE VIEW forecasts_v1
(
    known_on         Date COMMENT 'As-of date of the run',
    run_id           UInt32 COMMENT 'Run that published the forecast',
    deal_id          UInt64 COMMENT 'Deal ID in Bitrix24',
    visit_no         UInt32 COMMENT 'Number of the visit then',
    funnel_id        UInt32 COMMENT 'Funnel of the visit',
    stage_id         LowCardinality(String) COMMENT 'Stage of the visit',
    elapsed_days     Int32 COMMENT 'Days from the entry to known_on',
    planned_end      Nullable(Date) COMMENT 'Last day on time, as it was planned then',
    expected_end     Nullable(Date) COMMENT 'Date by which half of the visits that lasted as long had ended',
    likely_end       Nullable(Date) COMMENT 'Date by which four in five of such visits had ended',
    late_probability Nullable(Float64) COMMENT 'Share of such visits that end after the planned end, from 0 to 1; NULL without a plan',
    basis            UInt32 COMMENT 'Visits that have ended, of those that this is computed from',
    reason           LowCardinality(Nullable(String)) COMMENT 'Why a number is missing: nothing_ended, too_few, worse_than_median, unreliable or most_stay',
    naive_end        Nullable(Date) COMMENT 'Forecast to beat: the end by the median of the stage, or known_on where the visit has lasted longer',
    expected_closed_date Nullable(Date) COMMENT 'Date of the closing of the deal by the usual way from there',
    closing_reason   LowCardinality(Nullable(String)) COMMENT 'Why that is missing: the reason of the expected end, later_stage or no_way',
    left_date        Nullable(Date) COMMENT 'Date on which the visit was left, once it has ended',
    outcome          LowCardinality(String) COMMENT 'open, ended, or gone: the visit is no longer in the report'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
SELECT
    v.known_on AS known_on,
    v.run AS run_id,
    v.deal_id AS deal_id,
    v.visit_no AS visit_no,
    v.funnel_id AS funnel_id,
    CAST(v.stage_id AS LowCardinality(String)) AS stage_id,
    toInt32(v.lasted) AS elapsed_days,
    if(v.plan_source = 'none', NULL, v.planned_end) AS planned_end,
    v.entered_date + (SELECT any(nullIf(expected_days, -1)) FROM forecasts_published AS c WHERE c.known_on = v.known_on AND c.published_run = v.run AND c.funnel_id = v.funnel_id AND c.stage_id = v.stage_id AND c.days = v.lasted) AS expected_end,
    v.entered_date + (SELECT any(nullIf(likely_days, -1)) FROM forecasts_published AS c WHERE c.known_on = v.known_on AND c.published_run = v.run AND c.funnel_id = v.funnel_id AND c.stage_id = v.stage_id AND c.days = v.lasted) AS likely_end,
    multiIf(
        v.plan_source = 'none', NULL,
        v.planned_end < v.known_on, 1,
        arrayMap((o, e) -> if(o.1 = 0, NULL, ifNull([e.1, e.2, e.3][o.1], o.3) / o.2),
            [(SELECT any((curve, open_before, open_last)) FROM forecasts_published AS c WHERE c.known_on = v.known_on AND c.published_run = v.run AND c.funnel_id = v.funnel_id AND c.stage_id = v.stage_id AND c.days = v.lasted)],
            [(SELECT any((open_short, open_year, open_ever)) FROM forecasts_published AS c WHERE c.known_on = v.known_on AND c.published_run = v.run AND c.funnel_id = v.funnel_id AND c.stage_id = v.stage_id AND c.days = v.days_planned)])[1]) AS late_probability,
    ifNull((SELECT any(basis) FROM forecasts_published AS c WHERE c.known_on = v.known_on AND c.published_run = v.run AND c.funnel_id = v.funnel_id AND c.stage_id = v.stage_id AND c.days = v.lasted), 0) AS basis,
    CAST((SELECT any(nullIf(c.reason, '')) FROM forecasts_published AS c WHERE c.known_on = v.known_on AND c.published_run = v.run AND c.funnel_id = v.funnel_id AND c.stage_id = v.stage_id AND c.days = v.lasted) AS LowCardinality(Nullable(String))) AS reason,
    v.entered_date + (SELECT any(naive_days) FROM forecasts_published AS c WHERE c.known_on = v.known_on AND c.published_run = v.run AND c.funnel_id = v.funnel_id AND c.stage_id = v.stage_id AND c.days = v.lasted) AS naive_end,
    v.entered_date + (SELECT any(if(expected_days = -1 OR closing_days = -1, NULL, expected_days + closing_days)) FROM forecasts_published AS c WHERE c.known_on = v.known_on AND c.published_run = v.run AND c.funnel_id = v.funnel_id AND c.stage_id = v.stage_id AND c.days = v.lasted) AS expected_closed_date,
    CAST((SELECT any(nullIf(if(expected_days = -1, c.reason, c.closing_reason), '')) FROM forecasts_published AS c WHERE c.known_on = v.known_on AND c.published_run = v.run AND c.funnel_id = v.funnel_id AND c.stage_id = v.stage_id AND c.days = v.lasted) AS LowCardinality(Nullable(String))) AS closing_reason,
    (
        SELECT any(if(n.is_open, NULL, n.left_date))
        FROM view
        (
            SELECT deal_id, change_id, if(change_id = 0, visit_no, 0) AS no_without_change, is_open, left_date
            FROM visits
            WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)} AND (until_run_id > {newest_run:UInt32} OR until_run_id IN {hidden_runs:Array(UInt32)}) AND NOT is_gone
        ) AS n
        WHERE n.deal_id = v.deal_id AND n.change_id = v.change_id AND n.no_without_change = v.no_without_change
    ) AS left_date,
    CAST(ifNull((
        SELECT any(if(n.is_open, 'open', 'ended'))
        FROM view
        (
            SELECT deal_id, change_id, if(change_id = 0, visit_no, 0) AS no_without_change, is_open, left_date
            FROM visits
            WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)} AND (until_run_id > {newest_run:UInt32} OR until_run_id IN {hidden_runs:Array(UInt32)}) AND NOT is_gone
        ) AS n
        WHERE n.deal_id = v.deal_id AND n.change_id = v.change_id AND n.no_without_change = v.no_without_change
    ), 'gone') AS LowCardinality(String)) AS outcome
FROM view
(
    SELECT r.as_of AS known_on, r.run_id AS run, v.*, toUInt16(r.as_of - v.entered_date) AS lasted, toUInt16(v.planned_end - v.entered_date) AS days_planned,
        if(v.change_id = 0, v.visit_no, 0) AS no_without_change
    FROM
    (
        SELECT run_id AS row_run, until_run_id, deal_id, visit_no, funnel_id, stage_id, change_id, entered_date, plan_source, planned_end
        FROM visits
        WHERE run_id <= {newest_run:UInt32} AND run_id NOT IN {hidden_runs:Array(UInt32)} AND NOT is_gone AND is_open
    ) AS v
    CROSS JOIN (SELECT * FROM published_runs WHERE run_id <= {newest_run:UInt32}) AS r
    WHERE v.row_run <= r.run_id AND (v.until_run_id > r.run_id OR v.until_run_id IN {hidden_runs:Array(UInt32)})
) AS v
COMMENT 'One row for each open visit and published run: what was forecast, and what came of it'

-- Conditions on known_on and published_run reach the runs, so that the forecasts of one are read.
CREATE OR REPLACE VIEW forecasts_published
(
    known_on       Date COMMENT 'As-of date of a run',
    published_run  UInt32 COMMENT 'The run',
    funnel_id      UInt32 COMMENT 'Funnel of the stage',
    stage_id       LowCardinality(String) COMMENT 'Stage of the visits',
    days           UInt16 COMMENT 'Days since the entry',
    expected_days  Int32 COMMENT 'As in forecast_curves',
    likely_days    Int32 COMMENT 'As in forecast_curves',
    naive_days     Int32 COMMENT 'As in forecast_curves',
    basis          UInt32 COMMENT 'As in forecast_curves',
    reason         String COMMENT 'As in forecast_curves',
    curve          UInt8 COMMENT 'As in forecast_curves',
    open_before    Float64 COMMENT 'As in forecast_curves',
    open_last      Float64 COMMENT 'As in forecast_curves',
    open_short     Float64 COMMENT 'As in forecast_curves',
    open_year      Float64 COMMENT 'As in forecast_curves',
    open_ever      Float64 COMMENT 'As in forecast_curves',
    closing_days   Int32 COMMENT 'As in forecast_curves',
    closing_reason String COMMENT 'As in forecast_curves'
)
AS
SELECT r.as_of AS known_on, r.run_id AS published_run, c.funnel_id AS funnel_id, c.stage_id AS stage_id, c.days AS days, c.expected_days AS expected_days, c.likely_days AS likely_days,
    c.naive_days AS naive_days, c.basis AS basis, toString(c.reason) AS reason, c.curve AS curve, c.open_before AS open_before, c.open_last AS open_last,
    c.open_short AS open_short, c.open_year AS open_year, c.open_ever AS open_ever, c.closing_days AS closing_days, toString(c.closing_reason) AS closing_reason
FROM forecast_curves AS c
INNER JOIN (SELECT * FROM published_runs WHERE run_id <= {newest_run:UInt32}) AS r ON c.run_id = r.curves
COMMENT 'Forecasts as each run published them'

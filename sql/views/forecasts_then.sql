-- A condition on known_on reaches the dates, so that the forecasts of one run are read.
CREATE OR REPLACE VIEW forecasts_then
(
    known_on       Date COMMENT 'Date on which this was shown',
    funnel_id      UInt32 COMMENT 'Funnel of the stage',
    stage_id       LowCardinality(String) COMMENT 'Stage of the visits',
    days           UInt16 COMMENT 'Days since the entry',
    expected_days  Int32 COMMENT 'As in forecast_curves',
    likely_days    Int32 COMMENT 'As in forecast_curves',
    closing_days   Int32 COMMENT 'As in forecast_curves',
    curve          UInt8 COMMENT 'As in forecast_curves',
    open_before    Float64 COMMENT 'As in forecast_curves',
    open_last      Float64 COMMENT 'As in forecast_curves',
    open_short     Float64 COMMENT 'As in forecast_curves',
    open_year      Float64 COMMENT 'As in forecast_curves',
    open_ever      Float64 COMMENT 'As in forecast_curves'
)
AS
SELECT known_on, funnel_id, stage_id, days, expected_days, likely_days, closing_days, curve, open_before, open_last, open_short, open_year, open_ever
FROM forecast_curves AS c
INNER JOIN (SELECT * FROM shown_runs) AS s ON c.run_id = s.shown_curves
COMMENT 'Forecasts as they were shown on each date'

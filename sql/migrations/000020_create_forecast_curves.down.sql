DROP TABLE IF EXISTS forecast_curves

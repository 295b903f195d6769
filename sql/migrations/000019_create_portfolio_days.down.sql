DROP VIEW IF EXISTS stagelag.portfolio_days

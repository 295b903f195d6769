DROP VIEW IF EXISTS stagelag.deal_stage_days_v1

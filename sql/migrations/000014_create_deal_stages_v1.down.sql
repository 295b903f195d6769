DROP VIEW IF EXISTS stagelag.deal_stages_v1

DROP VIEW IF EXISTS stagelag.deals_now_v1

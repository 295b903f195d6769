DROP TABLE IF EXISTS stagelag.landing_deals

DROP TABLE IF EXISTS landing_deals

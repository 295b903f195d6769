DROP TABLE IF EXISTS forgotten_deals

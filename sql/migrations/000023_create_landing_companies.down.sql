DROP TABLE IF EXISTS landing_companies

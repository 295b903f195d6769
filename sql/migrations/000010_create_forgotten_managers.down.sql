DROP TABLE IF EXISTS forgotten_managers

DROP TABLE IF EXISTS stagelag.forgotten_managers

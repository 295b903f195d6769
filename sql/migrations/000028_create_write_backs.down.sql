DROP TABLE IF EXISTS stagelag.write_backs

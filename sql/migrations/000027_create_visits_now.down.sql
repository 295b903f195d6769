DROP VIEW IF EXISTS stagelag.visits_now

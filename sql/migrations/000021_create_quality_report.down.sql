DROP VIEW IF EXISTS stagelag.quality_report

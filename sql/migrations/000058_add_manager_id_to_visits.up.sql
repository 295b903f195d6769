-- Whoever reads many visits reads one number of each in place of arrays.
ALTER TABLE stagelag.visits
    ADD COLUMN IF NOT EXISTS manager_id UInt64 DEFAULT tenure_manager[-1] COMMENT 'Person responsible on the last day of the visit, 0 for nobody' CODEC(ZSTD(1))

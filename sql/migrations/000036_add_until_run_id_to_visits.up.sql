-- A reader filters by two columns in place of looking for the newest row of each visit among
-- all: every query of a whole portfolio reads all visits.
ALTER TABLE stagelag.visits
    ADD COLUMN IF NOT EXISTS until_run_id UInt32 DEFAULT 4294967295 COMMENT 'Run that replaced the row, 4294967295 while none has; it counts once that run is published' CODEC(ZSTD(1)) AFTER run_id

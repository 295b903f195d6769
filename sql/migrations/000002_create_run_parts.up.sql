-- The parts that a run was split into, for other processes to derive some. Only the run that is
-- under way has any.
CREATE TABLE IF NOT EXISTS run_parts
(
    run_id        UInt32 COMMENT 'Number of the run',
    part_no       UInt32 COMMENT 'Number of the part, from 1',
    status        Enum8('open' = 1, 'done' = 2) COMMENT 'What happened: it was made, or somebody has derived it',
    shard_no      UInt32 COMMENT 'Shard that the deals are in, from 1',
    first_deal_id UInt64 COMMENT 'First deal of the part',
    last_deal_id  UInt64 COMMENT 'Last deal of the part',
    clock         DateTime64(3, 'UTC') COMMENT 'Clock of the portal when the run began',
    is_all        Bool COMMENT 'The run derives all deals, not those alone that can have changed',
    stage         String COMMENT 'Beginning of the names of the tables that hold the rows of a part until the run takes them over, empty where the run has derived it itself',
    facts         UInt64 COMMENT 'Rows for facts',
    visits        UInt64 COMMENT 'Rows for visits',
    deals         UInt64 COMMENT 'Rows for deals',
    knowledge     UInt64 COMMENT 'Rows for knowledge',
    deals_changed UInt64 COMMENT 'Deals of which more changed than the days that passed'
)
ENGINE = MergeTree
ORDER BY (run_id, part_no, status)
SETTINGS non_replicated_deduplication_window = 0
COMMENT 'Parts of the run that is under way'

-- Every stage change that the portal ever gave. A change that it no longer returns
-- stays, marked: some portals lose the history of a deal that changes its funnel.
-- The order is that of a derivation, which reads deal by deal.
CREATE TABLE IF NOT EXISTS landing_stage_changes
(
    deal_id        UInt64 COMMENT 'Deal ID in Bitrix24' CODEC(Delta(8), ZSTD(1)),
    change_id      UInt64 COMMENT 'ID of the row in the stage history' CODEC(Delta(8), ZSTD(1)),
    version        UInt64 COMMENT 'Run and order of landing, the newest row of a change wins' CODEC(ZSTD(1)),
    run_id         UInt32 COMMENT 'Run that landed the row' CODEC(ZSTD(1)),
    changed_at     DateTime64(3, 'UTC') COMMENT 'When the deal entered the stage' CODEC(Delta(8), ZSTD(1)),
    funnel_id      UInt32 COMMENT 'Funnel of the stage' CODEC(ZSTD(1)),
    stage_id       LowCardinality(String) COMMENT 'Stage entered, as the portal names it' CODEC(ZSTD(1)),
    semantics      Enum8('process' = 0, 'success' = 1, 'failure' = 2) COMMENT 'Semantics of the stage when it was entered' CODEC(ZSTD(1)),
    type_id        UInt8 COMMENT '1 created, 2 moved, 3 moved to a final stage, 5 changed funnel' CODEC(ZSTD(1)),
    vanished_at    Nullable(DateTime64(3, 'UTC')) COMMENT 'Beginning of the run that found the portal to return the row no longer' CODEC(ZSTD(1)),
    went_with_deal Bool COMMENT 'Nothing was left then of the deal, or of its history' CODEC(ZSTD(1)),
    is_twin        Bool COMMENT 'The portal has given the same change under another id' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (deal_id, change_id)
SETTINGS non_replicated_deduplication_window = 0
COMMENT 'Stage history as the portal gave it, vanished rows included'

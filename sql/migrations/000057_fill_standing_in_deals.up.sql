-- The rows of before get where the deal stands in the published state: of those that are replaced
-- nothing more is shown.
CREATE OR REPLACE TABLE stagelag.deals
(
    run_id       UInt32 COMMENT 'Run that wrote the row, the newest published one of a deal counts' CODEC(ZSTD(1)),
    until_run_id UInt32 DEFAULT 4294967295 COMMENT 'Run that replaced the row, 4294967295 while none has; it counts once that run is published' CODEC(ZSTD(1)),
    deal_id      UInt64 COMMENT 'Deal ID in Bitrix24' CODEC(Delta(8), ZSTD(1)),
    is_gone      Bool COMMENT 'The deal is in the report no more',
    title        String COMMENT 'Title of the deal' CODEC(ZSTD(1)),
    amount       Decimal(18, 2) COMMENT 'Amount in currency' CODEC(ZSTD(1)),
    currency     LowCardinality(String) COMMENT 'Currency of the amount' CODEC(ZSTD(1)),
    created_date Date COMMENT 'Date of creation in the zone of the portal, 1970-01-01 where the portal gave none' CODEC(ZSTD(1)),
    gap_visit_no   Array(UInt32) COMMENT 'Gaps of the deal: visit, 0 for the deal as a whole' CODEC(ZSTD(1)),
    gap_stage_id   Array(LowCardinality(String)) COMMENT 'Gaps of the deal: stage' CODEC(ZSTD(1)),
    gap_manager_id Array(UInt64) COMMENT 'Gaps of the deal: manager' CODEC(ZSTD(1)),
    gap_reason     Array(LowCardinality(String)) COMMENT 'Gaps of the deal: reason' CODEC(ZSTD(1)),
    gap_detail     Array(String) COMMENT 'Gaps of the deal: what exactly' CODEC(ZSTD(1)),
    visits UInt32 COMMENT 'Visits of the deal' CODEC(ZSTD(1)),
    first_entered Date COMMENT 'First entry of all visits' CODEC(ZSTD(1)),
    funnel_id UInt32 COMMENT 'Last visit: funnel' CODEC(ZSTD(1)),
    stage_id LowCardinality(String) COMMENT 'Last visit: stage, after stages.map' CODEC(ZSTD(1)),
    semantics Enum8('process' = 0, 'success' = 1, 'failure' = 2) COMMENT 'Last visit: semantics of the stage' CODEC(ZSTD(1)),
    manager_id UInt64 COMMENT 'Last visit: person responsible on its last day, 0 for nobody' CODEC(ZSTD(1)),
    is_open Bool COMMENT 'Last visit: the deal is still there' CODEC(ZSTD(1)),
    is_planned Bool COMMENT 'Last visit: there is a plan' CODEC(ZSTD(1)),
    planned_end Date COMMENT 'Last visit: last day that is on time, 1970-01-01 without a plan' CODEC(ZSTD(1)),
    is_late Bool COMMENT 'Last visit: it has ended, with overdue days' CODEC(ZSTD(1)),
    overdue_days Int64 COMMENT 'Overdue days of the visits that have ended' CODEC(ZSTD(1)),
    late_visits UInt32 COMMENT 'Visits that have ended with overdue days' CODEC(ZSTD(1)),
    managers Array(UInt64) COMMENT 'Managers of the deal in the order of their last days: person, 0 for nobody' CODEC(ZSTD(1)),
    manager_visit_no Array(UInt32) COMMENT 'Managers of the deal: last visit' CODEC(ZSTD(1)),
    manager_stage_id Array(LowCardinality(String)) COMMENT 'Managers of the deal: stage of that visit' CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (deal_id, -toInt64(run_id))
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Deals of the report with their gaps, a row for each change'
AS
WITH shown_runs AS (SELECT run_id FROM stagelag.run_events WHERE status = 'published')
SELECT d.run_id, d.until_run_id, d.deal_id, d.is_gone, d.title, d.amount, d.currency, d.created_date,
    d.gap_visit_no, d.gap_stage_id, d.gap_manager_id, d.gap_reason, d.gap_detail,
    v.visits, v.first_entered, v.funnel_id, v.stage_id, v.semantics, v.manager_id, v.is_open, v.is_planned, v.planned_end, v.is_late,
    v.overdue_days, v.late_visits,
    arrayMap(last -> last.2, v.lasts) AS managers,
    arrayMap(last -> last.1.1, v.lasts) AS manager_visit_no,
    arrayMap(last -> last.3, v.lasts) AS manager_stage_id
FROM stagelag.deals AS d
LEFT JOIN
(
    SELECT deal_id,
        toUInt32(sum(visits_of_manager)) AS visits,
        min(first) AS first_entered,
        argMax(last_visit.1, last_place) AS funnel_id,
        argMax(last_visit.2, last_place) AS stage_id,
        argMax(last_visit.3, last_place) AS semantics,
        argMax(manager, last_place) AS manager_id,
        argMax(last_visit.4, last_place) AS is_open,
        argMax(last_visit.5, last_place) AS is_planned,
        argMax(last_visit.6, last_place) AS planned_end,
        argMax(last_visit.7, last_place) AS is_late,
        sum(late_days) AS overdue_days,
        toUInt32(sum(late)) AS late_visits,
        arraySort(groupArray((last_place, manager, last_visit.2))) AS lasts
    FROM
    (
        -- A visit counts for its last manager, the others have but their last place.
        SELECT deal_id, manager, max((visit_no, place)) AS last_place, min(entered_date) AS first,
            argMax((funnel_id, stage_id, semantics, is_open, plan_source != 'none', planned_end, overdue_days > 0), (visit_no, place)) AS last_visit,
            countIf(place = length(tenure_manager)) AS visits_of_manager,
            sumIf(visits.overdue_days, place = length(tenure_manager)) AS late_days,
            countIf(place = length(tenure_manager) AND visits.overdue_days > 0) AS late
        FROM stagelag.visits
        ARRAY JOIN tenure_manager AS manager, arrayEnumerate(tenure_manager) AS place
        WHERE run_id IN shown_runs AND until_run_id NOT IN shown_runs AND NOT is_gone
        GROUP BY deal_id, manager
    )
    GROUP BY deal_id
) AS v ON v.deal_id = d.deal_id AND NOT d.is_gone AND d.run_id IN shown_runs AND d.until_run_id NOT IN shown_runs

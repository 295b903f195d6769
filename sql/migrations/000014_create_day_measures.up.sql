-- What each run changed of the measures that add up over deals. Sums over all published
-- runs are the measures themselves; corrections are in them with their sign. The columns are packed
-- with LZ4, as those of visits.
CREATE TABLE IF NOT EXISTS day_measures
(
    run_id                  UInt32 COMMENT 'Run that appended the row' CODEC(LZ4),
    day                     Date COMMENT 'Day, in the zone of the portal' CODEC(Delta(2), LZ4),
    funnel_id               UInt32 COMMENT 'Funnel of the visits' CODEC(LZ4),
    stage_id                LowCardinality(String) COMMENT 'Stage of the visits' CODEC(LZ4),
    manager_id              UInt64 COMMENT 'Manager of that day' CODEC(LZ4),
    visits_entered          Int64 COMMENT 'Visits that began that day, final ones included' CODEC(LZ4),
    visits_closed           Int64 COMMENT 'Visits that were left that day' CODEC(LZ4),
    visits_closed_with_plan Int64 COMMENT 'Of these, with a plan' CODEC(LZ4),
    visits_on_time          Int64 COMMENT 'Of these, without overdue days' CODEC(LZ4),
    late_days               Int64 COMMENT 'Overdue days of the visits that were left that day' CODEC(LZ4),
    overdue_days_accrued    Int64 COMMENT 'Overdue days accrued that day' CODEC(LZ4),
    visits_open             Int64 COMMENT 'Visits open at the end of that day, without waiting ones' CODEC(LZ4),
    visits_overdue          Int64 COMMENT 'Of these, overdue' CODEC(LZ4),
    visits_no_plan          Int64 COMMENT 'Of these, without a plan' CODEC(LZ4),
    visits_waiting          Int64 COMMENT 'Visits open at the end of that day that wait for somebody else' CODEC(LZ4),
    visits_closed_with_first_plan Int64 COMMENT 'Visits that were left that day and had a first plan' CODEC(LZ4),
    visits_on_time_first_plan     Int64 COMMENT 'Of these, in time by it' CODEC(LZ4),
    first_plan_late_days    Int64 COMMENT 'Overdue days by the first plan of the visits that were left that day' CODEC(LZ4),
    overdue_days_assumed    Int64 COMMENT 'Of the overdue days accrued that day, those whose manager is assumed' CODEC(LZ4),
    visits_assumed          Int64 COMMENT 'Of the visits that were left that day, those whose manager of that day is assumed' CODEC(LZ4),
    department_id           UInt64 COMMENT 'Department of the manager on that day, 0 where none is known' CODEC(LZ4)
)
ENGINE = MergeTree
ORDER BY (day, funnel_id, stage_id, manager_id, run_id)
SETTINGS non_replicated_deduplication_window = 0
COMMENT 'Measures of a day that add up, by funnel, stage and manager, as each run changed them'

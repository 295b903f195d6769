-- The calendars that a run counted under. A run that finds others than those published writes all of
-- them; the newest published run that did counts. A visit that is computed anew takes back what was
-- counted under the calendar of then.
CREATE TABLE IF NOT EXISTS calendars
(
    run_id     UInt32 COMMENT 'Run that wrote the row',
    calendar   String COMMENT 'Empty for the default one, else its funnels, joined by commas',
    funnels    Array(UInt32) COMMENT 'Funnels that count by it, none for the default one',
    is_working Bool COMMENT 'Working days count, else every day',
    weekend    Array(UInt8) COMMENT 'Weekly days off, 0 for Sunday',
    day        Array(Date) COMMENT 'Dates that count otherwise than their weekday: the date',
    counts     Array(Bool) COMMENT 'Dates that count otherwise than their weekday: whether it counts',
    why        Array(String) COMMENT 'Dates that count otherwise than their weekday: the reason',
    settings   String COMMENT 'Calendar settings of the portal as they were read last, JSON; empty where they are not used'
)
ENGINE = MergeTree
ORDER BY (run_id, calendar)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Calendars, a whole set for each run that found a change'

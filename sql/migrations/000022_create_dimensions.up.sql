-- What deals are grouped by beside what every portal has. A run that finds other dimensions, or
-- other elements of lists, than those published writes all of them, and derives all deals; the
-- newest published run that did counts.
CREATE TABLE IF NOT EXISTS dimensions
(
    run_id      UInt32 COMMENT 'Run that wrote the row',
    name        String COMMENT 'Name of the dimension, empty in the row of a run without any',
    field       String COMMENT 'Field of the deal that it is read from, upper case',
    type        String COMMENT 'Type of the field in Bitrix24',
    is_multiple Bool COMMENT 'The field holds several values',
    item_id     Array(String) COMMENT 'Elements of a list: ID in Bitrix24',
    item_name   Array(String) COMMENT 'Elements of a list: what people see'
)
ENGINE = MergeTree
ORDER BY (run_id, name)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Dimensions of deals, a whole set for each run that found a change'

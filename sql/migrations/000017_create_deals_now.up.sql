CREATE OR REPLACE VIEW stagelag.deals_now
(
    deal_id            UInt64 COMMENT 'Deal ID in Bitrix24',
    deal_title         String COMMENT 'Title of the deal',
    deal_url           String COMMENT 'Page of the deal on the portal',
    funnel_id          UInt32 COMMENT 'Funnel of the last visit',
    funnel_name        String COMMENT 'Name of the funnel',
    stage_id           LowCardinality(String) COMMENT 'Stage of the last visit',
    stage_name         String COMMENT 'Name of the stage',
    manager_id         UInt64 COMMENT 'Manager of the last day of the last visit, 0 for nobody',
    manager_name       String COMMENT 'First and last name, #ID where the portal does not return the person',
    amount             Decimal(18, 2) COMMENT 'Amount in currency',
    currency           LowCardinality(String) COMMENT 'Currency of the amount',
    created_date       Date COMMENT 'Date of creation in the zone of the portal, of the first entry where the portal gave none',
    is_open            UInt8 COMMENT '1 while the last visit is open',
    status             LowCardinality(String) COMMENT 'Status of the last visit',
    planned_end        Nullable(Date) COMMENT 'Last day of the open visit that is still on time',
    days_left          Nullable(Int32) COMMENT 'Days to the planned end of the open visit',
    overdue_days_now   Int64 COMMENT 'Overdue days of the open visit',
    overdue_days_total Int64 COMMENT 'Overdue days of all visits',
    overdue_stages     UInt64 COMMENT 'Visits with overdue days'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
SELECT * FROM stagelag.deals_now_v1
COMMENT 'One row for each deal'

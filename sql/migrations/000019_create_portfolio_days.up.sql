CREATE OR REPLACE VIEW stagelag.portfolio_days
(
    day                  Date COMMENT 'Day, in the zone of the portal',
    funnel_id            UInt32 COMMENT 'Funnel',
    funnel_name          String COMMENT 'Name of the funnel',
    open_deals           Int64 COMMENT 'Deals open at the end of the day',
    overdue_deals        Int64 COMMENT 'Of these, overdue',
    no_plan_deals        Int64 COMMENT 'Of these, without a plan',
    overdue_days_accrued Int64 COMMENT 'Overdue days accrued on that day',
    overdue_days_total   Int64 COMMENT 'Overdue days accrued up to that day'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
SELECT * FROM stagelag.portfolio_days_v1
COMMENT 'One row for each day and funnel, without holes from the first entry to the as-of date'

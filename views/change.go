package views

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/extractor"
	"stagelag/transform"
)

// A LossChange is one cause for which the days lost are other than on the published date before.
type LossChange struct {
	Cause string // new, plan, norm, calendar, configuration, correction, gone or come
	Days  int64
	Deals uint64
	Since transform.Day // the date before
}

// LossChanges are the causes, whose days add up to the difference; none where nothing has changed, or no earlier date
// was published.
func (v Views) LossChanges(ctx context.Context) ([]LossChange, error) {
	return list(read(ctx, v, "loss_changes", `
		SELECT toString(cause), sum(days) AS sum_of_days, uniqExact(deal_id), toInt32(any(since))
		FROM loss_changes GROUP BY cause
		ORDER BY indexOf(['new', 'plan', 'norm', 'correction', 'calendar', 'configuration', 'gone', 'come'], toString(cause))`,
		func(rows driver.Rows, c *LossChange) error {
			return rows.Scan(&c.Cause, &c.Days, &c.Deals, (*int32)(&c.Since))
		}))
}

// A GoneDeal is a deal that has left the report.
type GoneDeal struct {
	DealID extractor.DealID
	Title  string
	Days   int64  // that it had lost
	Why    string // deleted, outside_funnels or forgotten
}

// GoneSince are the deals that have left the report after a date, those with the most days first, at most so many.
func (v Views) GoneSince(ctx context.Context, day transform.Day, most int) ([]GoneDeal, error) {
	return list(read(ctx, v, "gone_deals", `
		SELECT deal_id, deal_title, overdue_days_total, toString(why) FROM gone_deals
		WHERE gone_on > toDate(`+number(day)+`) ORDER BY overdue_days_total DESC, deal_id LIMIT ?`,
		func(rows driver.Rows, d *GoneDeal) error {
			return rows.Scan((*uint64)(&d.DealID), &d.Title, &d.Days, &d.Why)
		}, most))
}

package views

import (
	"context"
	"iter"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/shopspring/decimal"

	"stagelag/extractor"
	"stagelag/transform"
)

// A DueDeal is an open deal that is late in its stage, or due there today.
type DueDeal struct {
	Subject
	DealID  extractor.DealID
	Title   string // untrusted, as are all names and titles
	URL     string // of its page
	IsLate  bool   // else it is due today
	Planned transform.Day
	// OverdueDays are those of the open visit: 0 on the day on which a deal enters a stage that it had to leave before.
	OverdueDays       int64
	CountsWorkingDays bool // in the funnel
	Amount            *decimal.Decimal
	Currency          string
}

// DueDeals are the deals that are late or due today: late ones first, those with the most overdue days first.
func (v Views) DueDeals(ctx context.Context) iter.Seq2[DueDeal, error] {
	return read(ctx, v, "deals_now", `
		WITH (SELECT (groupUniqArrayArray(funnels), groupUniqArrayArrayIf(funnels, counts = 0), max(counts = 0 AND calendar = '')) FROM calendar_days) AS calendars
		SELECT manager_id, manager_name, funnel_id, funnel_name, toString(stage_id), stage_name, deal_id, deal_title, deal_url,
			status = 'overdue', toInt32(planned_end), toInt64(overdue_days_now),
			if(has(calendars.1, funnel_id), has(calendars.2, funnel_id), calendars.3), amount, toString(currency)
		FROM deals_now WHERE is_open = 1 AND status IN ('overdue', 'due_today')
		ORDER BY status = 'due_today', overdue_days_now DESC, planned_end, deal_id`,
		func(rows driver.Rows, d *DueDeal) error {
			var isLate, countsWorkingDays uint8
			var planned *int32
			err := rows.Scan(append(d.columns(), (*uint64)(&d.DealID), &d.Title, &d.URL,
				&isLate, &planned, &d.OverdueDays, &countsWorkingDays, &d.Amount, &d.Currency)...)
			d.IsLate, d.Planned, d.CountsWorkingDays = isLate == 1, dayOrNone(planned), countsWorkingDays == 1
			return err
		})
}

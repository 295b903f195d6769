package views

import (
	"context"
	"iter"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/shopspring/decimal"

	"stagelag/extractor"
	"stagelag/transform"
)

// An Urgency is why an open deal asks for attention, the most urgent one first.
type Urgency uint8

// A deal is late in its stage, due there today, or on time and more likely than not to become late soon.
const (
	Late Urgency = iota
	DueToday
	LikelyLate
)

// LikelyWithin is how many days ahead of the as-of date a planned end lies at most that a deal is said to miss.
const LikelyWithin = 14

// A DueDeal is an open deal that is late in its stage, due there today, or likely to become late.
type DueDeal struct {
	Subject
	DealID  extractor.DealID
	Title   string // untrusted, as are all names and titles
	URL     string // of its page
	Urgency Urgency
	Planned transform.Day
	// Expected is when the deal will probably leave the stage, NoDay without a forecast.
	Expected transform.Day
	// LateProbability is how likely it is to be late, from 0 to 1, of a deal that is likely to become so.
	LateProbability float64
	// OverdueDays are those of the open visit: 0 on the day on which a deal enters a stage that it had to leave before.
	OverdueDays       int64
	CountsWorkingDays bool // in the funnel
	Amount            *decimal.Decimal
	Currency          string
}

// DueDeals are the deals that are late, due today or likely to become late, as of a date, in this order: of the late ones
// those with the most overdue days first, of the others those with the earliest planned end.
func (v Views) DueDeals(ctx context.Context, asOf transform.Day) iter.Seq2[DueDeal, error] {
	return read(ctx, v, "deals_now", `
		WITH (SELECT (groupUniqArrayArray(funnels), groupUniqArrayArrayIf(funnels, counts = 0), max(counts = 0 AND calendar = '')) FROM calendar_days) AS calendars
		SELECT manager_id, manager_name, funnel_id, funnel_name, toString(stage_id), stage_name, deal_id, deal_title, deal_url,
			toUInt8(indexOf(['overdue', 'due_today', 'on_time'], toString(status)) - 1) AS urgency, toInt32(planned_end), toInt32(expected_end),
			ifNull(late_probability, 0), toInt64(overdue_days_now),
			if(has(calendars.1, funnel_id), has(calendars.2, funnel_id), calendars.3), amount, toString(currency)
		FROM deals_now
		WHERE is_open = 1 AND (status IN ('overdue', 'due_today') OR status = 'on_time' AND late_probability >= 0.5 AND toInt32(planned_end) <= `+number(asOf+LikelyWithin)+`)
		ORDER BY urgency, overdue_days_now DESC, planned_end, deal_id`,
		func(rows driver.Rows, d *DueDeal) error {
			var countsWorkingDays uint8
			var planned, expected *int32
			err := rows.Scan(append(d.columns(), (*uint64)(&d.DealID), &d.Title, &d.URL,
				(*uint8)(&d.Urgency), &planned, &expected, &d.LateProbability, &d.OverdueDays, &countsWorkingDays, &d.Amount, &d.Currency)...)
			d.Planned, d.Expected, d.CountsWorkingDays = dayOrNone(planned), dayOrNone(expected), countsWorkingDays == 1
			return err
		})
}

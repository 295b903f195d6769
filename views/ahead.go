package views

import (
	"context"
	"iter"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/shopspring/decimal"

	"stagelag/extractor"
	"stagelag/transform"
)

// An Amount is what the open deals of a currency are worth.
type Amount struct {
	Currency string
	// Open are the deals, Overdue those of them that are late in their stage.
	Open, Overdue             int64
	OpenAmount, OverdueAmount decimal.Decimal
	// NoAmount are the overdue deals of which no amount is known.
	NoAmount int64
}

// Amounts are those of the deals that are open and wait for nobody else, the most overdue deals first.
func (v Views) Amounts(ctx context.Context, in Funnels) ([]Amount, error) {
	return list(read(ctx, v, "deals_now", `
		SELECT toString(currency) AS code, toInt64(count()), toInt64(countIf(status = 'overdue')) AS late, toDecimal128(sum(ifNull(amount, 0)), 2),
			toDecimal128(sumIf(ifNull(amount, 0), status = 'overdue'), 2), toInt64(countIf(status = 'overdue' AND isNull(amount)))
		FROM deals_now
		WHERE is_open = 1 AND status != 'waiting' AND `+in.hold("funnel_id")+` AND `+v.dealsNow()+`
		GROUP BY code ORDER BY late DESC, code`,
		func(rows driver.Rows, a *Amount) error {
			return rows.Scan(&a.Currency, &a.Open, &a.Overdue, &a.OpenAmount, &a.OverdueAmount, &a.NoAmount)
		}))
}

// Likely is the probability from which a deal is called probably late.
const Likely = 0.5

// likely is the condition that a deal is probably late.
const likely = "ifNull(late_probability >= 0.5, 0)"

// billionths of a probability are whole numbers, whose sum is the same in whatever order the engine adds them.
const billionths = "round(1e9 * ifNull(late_probability, 0))"

// coming is the condition that a deal is not late, and can be within so many days if it does not leave its stage.
func (v Views) coming(asOf transform.Day, days int, in Funnels) string {
	return "is_open = 1 AND status IN ('on_time', 'due_today') AND toInt32(planned_end) < " + number(asOf+transform.Day(days)) + " AND " + in.hold("funnel_id") + " AND " + v.dealsNow()
}

// A Horizon is how many of the deals that are on time have a planned end within some days, and what becomes of them.
type Horizon struct {
	Days int
	// Coming are the deals, LikelyLate those of them that will probably be late, Unknown those without a probability.
	Coming, LikelyLate, Unknown int64
	// Expected is how many deals will be late, by adding the probabilities up.
	Expected float64
}

// Horizons are one for each of the numbers of days after the as-of date, in their order. They ascend.
func (v Views) Horizons(ctx context.Context, asOf transform.Day, days []int, in Funnels) ([]Horizon, error) {
	var horizons []string
	for _, n := range days {
		horizons = append(horizons, number(transform.Day(n)))
	}
	return list(read(ctx, v, "deals_now", `
		WITH arrayJoin([`+strings.Join(horizons, ", ")+`]) AS horizon
		SELECT toInt32(horizon), toInt64(countIf(planned_number < `+number(asOf)+` + horizon) AS coming), toInt64(countIf(is_likely AND planned_number < `+number(asOf)+` + horizon)),
			toInt64(countIf(isNull(late_probability) AND planned_number < `+number(asOf)+` + horizon)), sumIf(`+billionths+`, planned_number < `+number(asOf)+` + horizon) / 1e9
		FROM
		(
			SELECT late_probability, assumeNotNull(toInt32(planned_end)) AS planned_number, `+likely+` AS is_likely
			FROM deals_now
			WHERE `+v.coming(asOf, days[len(days)-1], in)+`
		)
		GROUP BY horizon ORDER BY horizon`,
		func(rows driver.Rows, h *Horizon) error {
			var n int32
			err := rows.Scan(&n, &h.Coming, &h.LikelyLate, &h.Unknown, &h.Expected)
			h.Days = int(n)
			return err
		}))
}

// A LikelyDeal is a deal that is on time and will probably be late.
type LikelyDeal struct {
	Subject
	DealID          extractor.DealID
	DealTitle       string // untrusted, as are all names and titles
	DealURL         string
	Planned         transform.Day
	LateProbability float64 // from 0 to 1
	// Expected is the date by which half of such visits had ended, Likely that by which four in five had; NoDay without one.
	Expected, Likely transform.Day
	Amount           *decimal.Decimal // nil where none is known
	Currency         string
}

// LikelyDeals are the deals that are on time and will probably be late within so many days after the as-of date, the most
// probable first, then the largest.
func (v Views) LikelyDeals(ctx context.Context, asOf transform.Day, days int, in Funnels) iter.Seq2[LikelyDeal, error] {
	return read(ctx, v, "deals_now", `
		SELECT d.manager_id, d.manager_name, d.funnel_id, d.funnel_name, toString(d.stage_id), d.stage_name, d.deal_id, d.deal_title, d.deal_url,
			toInt32(assumeNotNull(d.planned_end)), assumeNotNull(d.late_probability) AS probability, toInt32(d.expected_end), toInt32(s.likely), d.amount, toString(d.currency)
		FROM (SELECT * FROM deals_now WHERE `+v.coming(asOf, days, in)+` AND `+likely+`) AS d
		LEFT JOIN (SELECT deal_id, likely_end AS likely FROM deal_stages WHERE is_open = 1) AS s ON s.deal_id = d.deal_id
		ORDER BY probability DESC, d.amount DESC NULLS LAST, d.deal_id`,
		func(rows driver.Rows, d *LikelyDeal) error {
			var expected, likely *int32
			err := rows.Scan(append(d.columns(), (*uint64)(&d.DealID), &d.DealTitle, &d.DealURL,
				(*int32)(&d.Planned), &d.LateProbability, &expected, &likely, &d.Amount, &d.Currency)...)
			d.Expected, d.Likely = dayOrNone(expected), dayOrNone(likely)
			return err
		})
}

// A Record is how good past forecasts have been: those that were published as of the Mondays of the last half year and
// have come due. What is still open counts as ended on the as-of date.
type Record struct {
	// Forecasts are those of expected ends. Off is by how many days these were off in the median, NaiveOff by how many the
	// naive forecast was: the median of the stage, or the date of the forecast where the visit had lasted longer.
	Forecasts     int64
	Off, NaiveOff int64
	// Bins are the forecasts of being late, by tenths of the probability; those without a forecast are missing.
	Bins []Bin
}

// A Bin is what came of the forecasts with a probability from From to From + 0.1.
type Bin struct {
	From      float64
	Forecasts int64
	// Foreseen is the mean probability, CameLate the share that was late.
	Foreseen, CameLate float64
}

// ForecastRecord holds the forecasts for visits in the funnels against what came.
func (v Views) ForecastRecord(ctx context.Context, asOf transform.Day, in Funnels) (Record, error) {
	type sums struct {
		tenths                       []uint8
		forecasts, foreseen, wasLate []float64
	}
	var bins sums
	record, err := one(read(ctx, v, "forecasts", `
		WITH
			ifNull(toInt32(left_date), `+number(asOf)+`) AS came,
			isNotNull(expected_end) AND toInt32(greatest(expected_end, naive_end)) < `+number(asOf)+` AS has_come,
			isNotNull(late_probability) AND planned_end >= known_on AND toInt32(planned_end) < `+number(asOf)+` AS is_due,
			ifNull(late_probability, 0) AS probability,
			sumMapIf([least(9, toUInt8(floor(10 * probability)))], [1.], [`+billionths+`], [toFloat64(came > ifNull(toInt32(planned_end), 0))], ifNull(is_due, 0)) AS bins
		SELECT toInt64(countIf(ifNull(has_come, 0))), toInt64(ifNull(quantileExactOrNullIf(0.5)(abs(ifNull(toInt32(expected_end), 0) - came), ifNull(has_come, 0)), 0)),
			toInt64(ifNull(quantileExactOrNullIf(0.5)(abs(ifNull(toInt32(naive_end), 0) - came), ifNull(has_come, 0)), 0)), bins.1, bins.2, bins.3, bins.4
		FROM forecasts
		WHERE toInt32(known_on) >= `+number(asOf-182)+` AND toDayOfWeek(known_on) = 1 AND outcome != 'gone' AND `+in.hold("funnel_id"),
		func(rows driver.Rows, r *Record) error {
			return rows.Scan(&r.Forecasts, &r.Off, &r.NaiveOff, &bins.tenths, &bins.forecasts, &bins.foreseen, &bins.wasLate)
		}))
	for i, tenth := range bins.tenths {
		n := bins.forecasts[i]
		record.Bins = append(record.Bins, Bin{From: float64(tenth) / 10, Forecasts: int64(n), Foreseen: bins.foreseen[i] / 1e9 / n, CameLate: bins.wasLate[i] / n})
	}
	return record, err
}

package views

import (
	"context"
	"iter"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/extractor"
	"stagelag/transform"
	"stagelag/warehouse/access"
)

// A DealGroup is what a deal is grouped by, and what is open of it for the chosen people in the funnels, each number 0
// or 1.
type DealGroup struct {
	DealID                extractor.DealID
	CompanyID             extractor.CompanyID // 0 without one
	Company               string              // its name, which others can have too
	Value                 string              // what the deal has under the dimension, empty for nothing
	Open, Overdue, NoPlan int64
	Waiting               int64 // not among the others
}

// DealGroups are the chosen deals, in no order, with their values under a dimension, or without one their companies.
func (v Views) DealGroups(ctx context.Context, dimension string, in Funnels) iter.Seq2[DealGroup, error] {
	group := "ifNull(company_id, 0), ifNull(company_name, ''), ''"
	if dimension != "" {
		group = "toUInt64(0), '', dimensions[" + access.Literal(dimension) + "]"
	}
	return read(ctx, v, "deals_now", `
		WITH is_open = 1 AND `+in.hold("funnel_id")+` AND `+v.choice.ofPeople()+` AS counts
		SELECT deal_id, `+group+`, toInt64(counts AND status != 'waiting'), toInt64(counts AND status = 'overdue'), toInt64(counts AND status = 'no_plan'),
			toInt64(counts AND status = 'waiting')
		FROM deals_now WHERE `+v.choice.hasChosen(),
		func(rows driver.Rows, d *DealGroup) error {
			return rows.Scan((*uint64)(&d.DealID), (*uint64)(&d.CompanyID), &d.Company, &d.Value, &d.Open, &d.Overdue, &d.NoPlan, &d.Waiting)
		})
}

// A DealQuality is what the days of a period add up to for a deal.
type DealQuality struct {
	DealID extractor.DealID
	// Period and the measures are those of Quality.
	Period                                             int
	Closed, ClosedWithPlan, OnTime, Late, DaysLost     int64
	ClosedWithFirstPlan, OnTimeFirstPlan               int64
	ClosedAssumed, DaysLostAssumed                     int64
	OpenAtEnd, OverdueAtEnd, NoPlanAtEnd, WaitingAtEnd int64
}

// DealQuality adds up the quality report by deal from each start to the next one, in no order. The starts ascend; what is
// before the first or after the last one is left out.
func (v Views) DealQuality(ctx context.Context, starts []transform.Day, in Funnels) iter.Seq2[DealQuality, error] {
	var numbers, ends []string
	for _, start := range starts {
		numbers, ends = append(numbers, number(start)), append(ends, number(start-1))
	}
	return read(ctx, v, "quality_by_deal", `
		WITH has([`+strings.Join(ends, ", ")+`], toInt32(day)) AS is_end
		SELECT deal_id, toInt64(arrayCount(start -> toInt32(day) >= start, [`+strings.Join(numbers, ", ")+`])) AS period,
			sum(visits_closed) AS closed, sum(visits_closed_with_plan), sum(visits_on_time), sum(visits_late), sum(overdue_days_accrued) AS lost,
			sum(visits_closed_with_first_plan), sum(visits_on_time_first_plan), sum(visits_assumed), sum(overdue_days_assumed),
			sumIf(visits_open, is_end) AS open, sumIf(visits_overdue, is_end), sumIf(visits_no_plan, is_end), sumIf(visits_waiting, is_end) AS waiting
		FROM quality_by_deal AS q
		WHERE toInt32(day) >= `+numbers[0]+` AND toInt32(day) < `+numbers[len(numbers)-1]+` AND `+in.hold("funnel_id")+` AND `+v.ofPeopleOn("q.manager_id", "q.day")+` AND `+v.ofDeals()+`
		GROUP BY deal_id, period
		HAVING closed != 0 OR lost != 0 OR open != 0 OR waiting != 0`,
		func(rows driver.Rows, q *DealQuality) error {
			var period int64
			err := rows.Scan((*uint64)(&q.DealID), &period, &q.Closed, &q.ClosedWithPlan, &q.OnTime, &q.Late, &q.DaysLost,
				&q.ClosedWithFirstPlan, &q.OnTimeFirstPlan, &q.ClosedAssumed, &q.DaysLostAssumed, &q.OpenAtEnd, &q.OverdueAtEnd, &q.NoPlanAtEnd, &q.WaitingAtEnd)
			q.Period = int(period)
			return err
		})
}

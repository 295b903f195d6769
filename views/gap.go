package views

import (
	"context"
	"fmt"
	"iter"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/extractor"
	"stagelag/transform"
)

// A GapCount is how many gaps have one reason, and in how many deals.
type GapCount struct {
	Reason string
	Count  uint64
	Deals  uint64
}

// GapCounts counts the gaps, the most frequent reason first.
func (v Views) GapCounts(ctx context.Context) ([]GapCount, error) {
	return list(read(ctx, v, "data_gaps", `
		SELECT toString(reason), count(), uniqExact(deal_id) FROM data_gaps GROUP BY reason ORDER BY count() DESC, reason`,
		func(rows driver.Rows, g *GapCount) error { return rows.Scan(&g.Reason, &g.Count, &g.Deals) }))
}

// A Gap is one thing that the numbers can't cover.
type Gap struct {
	Reason    string
	DealID    extractor.DealID
	DealTitle string
	DealURL   string
	VisitNo   *uint32 // nil for the deal as a whole
	StageID   extractor.StageID
	Detail    string // as the run put it, in English
	// IsInPeriod is whether a visit that the gap is about was under way in the period. A gap of a
	// deal as a whole, or of its manager, is about all visits of the deal.
	IsInPeriod bool
}

// Gaps are the gaps of visits in the funnels, by reason, deal and visit.
func (v Views) Gaps(ctx context.Context, from, to transform.Day, in Funnels) iter.Seq2[Gap, error] {
	return read(ctx, v, "data_gaps", fmt.Sprintf(`
		SELECT toString(reason), deal_id, deal_title, deal_url, visit_no, toString(stage_id), detail,
			arrayExists(v -> v.3, touched), arrayExists(v -> %s, touched) AS is_asked
		FROM
		(
			SELECT g.*, arrayFilter(v -> isNull(g.visit_no) OR g.reason = 'unknown_manager' OR v.1 = g.visit_no, d.visits) AS touched
			FROM data_gaps AS g
			LEFT JOIN
			(
				SELECT deal_id, groupArray((visit_no, funnel_id, entered_date <= toDate(%d) AND (is_open = 1 OR ifNull(left_date >= toDate(%d), 0)))) AS visits
				FROM deal_stages
				GROUP BY deal_id
			) AS d ON d.deal_id = g.deal_id
		)
		WHERE (%t OR is_asked) AND %s
		ORDER BY reason, deal_id, visit_no, detail`, in.hold("v.2"), to, from, len(in) == 0, v.gapsChosen()),
		func(rows driver.Rows, g *Gap) error {
			var isInPeriod, isAsked uint8
			err := rows.Scan(&g.Reason, (*uint64)(&g.DealID), &g.DealTitle, &g.DealURL, &g.VisitNo, (*string)(&g.StageID), &g.Detail, &isInPeriod, &isAsked)
			g.IsInPeriod = isInPeriod == 1
			return err
		})
}

// gapsChosen is the condition for gaps that count for the chosen managers, in chosen deals that people of the chosen
// departments have.
func (v Views) gapsChosen() string {
	condition := v.choice.ofManagers("manager_id")
	if len(v.choice.Departments) > 0 || v.choice.IsOfDeals() {
		condition += " AND deal_id IN (SELECT deal_id FROM deals_now WHERE " + v.choice.inDepartments() + " AND " + v.choice.hasChosen() + ")"
	}
	return condition
}

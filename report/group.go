package report

import (
	"context"
	"fmt"
	"slices"

	"stagelag/extractor"
	"stagelag/plain"
	"stagelag/views"
)

// readGroups reads the level whose rows are what deals have, where it is asked for: it takes the measures of each deal.
// Plan changes have been read before.
func (r *reading) readGroups(ctx context.Context) error {
	report, by := &r.report, r.query.By
	if !by.isOfDeals() {
		return nil
	}
	if by == ByDimension {
		report.Dimension = r.query.Dimension.Name
	}
	report.groups = map[extractor.DealID][]Key{}
	rows := map[Key]*Row{}
	each := func(deal extractor.DealID, change func(*Row)) {
		for _, key := range report.groupsOf(deal) {
			if rows[key] == nil {
				rows[key] = &Row{Key: key, Name: key.Value, Trend: make([]int64, len(report.Trend))}
			}
			change(rows[key])
		}
	}
	companies := map[extractor.CompanyID]string{}
	keys := map[string][]Key{} // by what deals have under the dimension
	for deal, err := range r.DealGroups(ctx, report.Dimension, r.query.Funnels) {
		if err != nil {
			return err
		}
		switch {
		case by == ByCompany && deal.CompanyID != 0:
			report.groups[deal.DealID] = []Key{{CompanyID: deal.CompanyID}}
			companies[deal.CompanyID] = deal.Company
		case by == ByDimension && deal.Value != "":
			if keys[deal.Value] == nil {
				for _, value := range r.query.Dimension.Values(deal.Value) {
					keys[deal.Value] = append(keys[deal.Value], Key{Value: value})
				}
			}
			report.groups[deal.DealID] = keys[deal.Value]
		}
		each(deal.DealID, func(row *Row) {
			row.Now.add(State{Open: deal.Open, Overdue: deal.Overdue, NoPlan: deal.NoPlan, Waiting: deal.Waiting})
		})
	}
	for q, err := range r.DealQuality(ctx, report.starts(), r.query.Funnels) {
		if err != nil {
			return err
		}
		isLast := q.Period == len(report.Trend)
		each(q.DealID, func(row *Row) {
			row.addIn(q.Period-1, qualityOf(&q))
			if isLast {
				row.AtEnd.add(State{Open: q.OpenAtEnd, Overdue: q.OverdueAtEnd, NoPlan: q.NoPlanAtEnd, Waiting: q.WaitingAtEnd})
			}
		})
	}
	for i := range report.PlanChanges {
		c := &report.PlanChanges[i]
		each(c.DealID, func(row *Row) { row.addChange(c) })
	}
	if by == ByCompany {
		nameCompanies(rows, companies)
	}
	level := Level{By: by, Rows: sortedRows(rows)}
	for _, keys := range report.groups {
		if len(keys) > 1 {
			level.IsOverlapping = true
		}
	}
	report.Levels = slices.Insert(report.Levels, 0, level)
	return nil
}

// nameCompanies names the rows of companies, with the id where another one has a name that looks the same.
func nameCompanies(rows map[Key]*Row, companies map[extractor.CompanyID]string) {
	count := map[string]int{}
	for _, name := range companies {
		count[plain.Look(name)]++
	}
	for key, row := range rows {
		row.Name = companies[key.CompanyID]
		if count[plain.Look(row.Name)] > 1 {
			row.Name += fmt.Sprintf(" (#%d)", key.CompanyID)
		}
	}
}

func qualityOf(q *views.DealQuality) Quality {
	return Quality{
		Closed: q.Closed, ClosedWithPlan: q.ClosedWithPlan, OnTime: q.OnTime, Late: q.Late, DaysLost: q.DaysLost,
		ClosedWithFirstPlan: q.ClosedWithFirstPlan, OnTimeFirstPlan: q.OnTimeFirstPlan,
		ClosedAssumed: q.ClosedAssumed, DaysLostAssumed: q.DaysLostAssumed,
	}
}

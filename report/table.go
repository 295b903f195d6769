package report

import "stagelag/transform"

// A table is what CSV writes and what XLSX has a sheet for.
type table struct {
	name    string // of the sheet
	columns []column
	rows    [][]any // of text, int64, share, transform.Day, link, or nil for nothing
	total   bool    // the sums of its columns agree with the report's total
}

// A column says what stands in it.
type column struct {
	title string
	width float64
	// isSum is whether the column adds up.
	isSum bool
	// isLate is whether a number above zero is something late.
	isLate bool
	// part and whole are the titles of the columns that a share is made of.
	part, whole string
}

// A text comes from the portal or was made by a person: no program may take it for a
// formula. A label is this program's own.
type (
	text  string
	label string
	link  string
	share float64
)

// A Table names one of the tables of a report.
type Table string

// The tables.
const (
	RowsTable        Table = "rows"
	VisitsTable      Table = "visits"
	PlanChangesTable Table = "plan_changes"
	TrendTable       Table = "trend"
	GapsTable        Table = "gaps"
)

// Tables are all tables.
var Tables = []Table{RowsTable, VisitsTable, PlanChangesTable, TrendTable, GapsTable}

func (v *voice) levelTable(level Level) table {
	t := table{name: v.ByTitle[level.By], total: true}
	t.columns = append(t.columns, column{title: "ID", width: 12}, column{title: v.ByName[level.By], width: 30})
	if level.By == ByStage {
		t.columns = append(t.columns, column{title: v.Funnel, width: 24})
	}
	t.columns = append(t.columns,
		column{title: v.DaysLost, width: 14, isSum: true, isLate: true},
		column{title: v.DaysLostBefore, width: 14, isSum: true},
		column{title: v.Closed, width: 14, isSum: true},
		column{title: v.WithPlan, width: 12, isSum: true},
		column{title: v.OnTime, width: 12, isSum: true},
		column{title: v.Late, width: 12, isSum: true, isLate: true},
		column{title: v.NoPlan, width: 12, isSum: true},
		column{title: v.OnTimeRate, width: 12, part: v.OnTime, whole: v.WithPlan},
		column{title: v.FirstPlanRate, width: 14, part: v.OnTimeFirstPlan, whole: v.WithFirstPlan},
		column{title: v.WithFirstPlan, width: 14, isSum: true},
		column{title: v.OnTimeFirstPlan, width: 14, isSum: true},
		column{title: v.Coverage, width: 12, part: v.WithPlan, whole: v.Closed},
		column{title: v.Few, width: 12},
		column{title: v.Open, width: 14, isSum: true},
		column{title: v.OpenOverdue, width: 14, isSum: true, isLate: true},
		column{title: v.OpenNoPlan, width: 14, isSum: true},
		column{title: v.Waiting, width: 14, isSum: true},
		column{title: v.PlanChanges, width: 14, isSum: true},
		column{title: v.DaysMoved, width: 14, isSum: true},
		column{title: v.DaysForgiven, width: 14, isSum: true},
	)
	for i := range level.Rows {
		row := &level.Rows[i]
		var cells []any
		switch level.By {
		case ByStage:
			cells = append(cells, text(row.Key.StageID), text(row.Name), text(row.Funnel))
		case ByFunnel:
			cells = append(cells, int64(row.Key.FunnelID), text(row.Name))
		default:
			cells = append(cells, int64(row.Key.ManagerID), text(row.Name))
		}
		t.rows = append(t.rows, append(cells,
			row.DaysLost, row.DaysLostBefore, row.Closed, row.ClosedWithPlan, row.OnTime, row.Late, row.ClosedNoPlan(),
			orNothing(row.Rate()), orNothing(row.FirstPlanRate()), row.ClosedWithFirstPlan, row.OnTimeFirstPlan,
			orNothing(row.Coverage()), v.ifSo(row.IsFew(), v.Few),
			row.Open, row.OpenOverdue, row.OpenNoPlan, row.Waiting, row.PlanChanges, row.DaysMoved, row.DaysForgiven))
	}
	return t
}

func (v *voice) visitsTable(r *Report) table {
	t := table{name: v.VisitsSheet, total: true, columns: []column{
		{title: v.Deal, width: 10}, {title: v.DealTitle, width: 40}, {title: v.Visit, width: 12},
		{title: v.Funnel, width: 22}, {title: v.Stage, width: 24}, {title: v.Manager, width: 24},
		{title: v.Entered, width: 13}, {title: v.PlanDays, width: 12}, {title: v.PlannedEnd, width: 13}, {title: v.Left, width: 13},
		{title: v.State, width: 24}, {title: v.OverdueDays, width: 14, isLate: true}, {title: v.PausedDays, width: 14},
		{title: v.LostInPeriod, width: 14, isSum: true, isLate: true},
		{title: v.ClosedHere, width: 14, isSum: true}, {title: v.OpenOverdue, width: 14, isSum: true}, {title: v.Link, width: 44},
	}}
	for i := range r.Visits {
		visit := &r.Visits[i]
		var plan any
		if visit.Planned != transform.NoDay {
			plan = int64(visit.PlanDays)
		}
		t.rows = append(t.rows, []any{
			int64(visit.DealID), text(visit.DealTitle), int64(visit.VisitNo), text(visit.Funnel), text(visit.Stage), text(visit.Manager),
			visit.Entered, plan, visit.Planned, visit.Left, label(v.status(visit.Status)), visit.OverdueDays, visit.PausedDays,
			visit.DaysLost, one(visit.IsClosed), one(visit.IsOpenOverdue), link(visit.DealURL),
		})
	}
	return t
}

func (v *voice) planChangesTable(r *Report) table {
	t := table{name: v.PlansMoved, total: true, columns: []column{
		{title: v.Deal, width: 10}, {title: v.DealTitle, width: 40}, {title: v.Visit, width: 12},
		{title: v.Funnel, width: 22}, {title: v.Stage, width: 24}, {title: v.Manager, width: 24}, {title: v.KnownOn, width: 13},
		{title: v.PlannedEndBefore, width: 16}, {title: v.PlannedEndAfter, width: 16}, {title: v.DaysMoved, width: 14, isSum: true},
		{title: v.DaysForgiven, width: 14, isSum: true, isLate: true}, {title: v.Link, width: 44},
	}}
	for i := range r.PlanChanges {
		c := &r.PlanChanges[i]
		var moved any
		if c.DaysMoved != nil {
			moved = int64(*c.DaysMoved)
		}
		t.rows = append(t.rows, []any{
			int64(c.DealID), text(c.DealTitle), int64(c.VisitNo), text(c.Funnel), text(c.Stage), text(c.Manager), c.KnownOn,
			c.Before, c.After, moved, c.DaysForgiven, link(c.DealURL),
		})
	}
	return t
}

func (v *voice) trendTable(r *Report) table {
	t := table{name: v.TrendSheet, columns: []column{
		{title: v.From, width: 13}, {title: v.To, width: 13}, {title: v.DaysLost, width: 14, isLate: true}, {title: v.Closed, width: 14},
		{title: v.WithPlan, width: 12}, {title: v.OnTime, width: 12}, {title: v.Late, width: 12, isLate: true}, {title: v.NoPlan, width: 12},
		{title: v.OnTimeRate, width: 12}, {title: v.FirstPlanRate, width: 14}, {title: v.WithFirstPlan, width: 14}, {title: v.OnTimeFirstPlan, width: 14},
		{title: v.Coverage, width: 12}, {title: v.Few, width: 12},
	}}
	for _, p := range r.Trend {
		cells := []any{p.Period.From, p.Period.To}
		if p.HasData {
			cells = append(cells, p.DaysLost, p.Closed, p.ClosedWithPlan, p.OnTime, p.Late, p.ClosedNoPlan(),
				orNothing(p.Rate()), orNothing(p.FirstPlanRate()), p.ClosedWithFirstPlan, p.OnTimeFirstPlan, orNothing(p.Coverage()), v.ifSo(p.IsFew(), v.Few))
		}
		for len(cells) < len(t.columns) {
			cells = append(cells, nil)
		}
		t.rows = append(t.rows, cells)
	}
	return t
}

func (v *voice) gapsTable(r *Report) table {
	t := table{name: v.Gaps, columns: []column{
		{title: v.Reason, width: 44}, {title: v.Deal, width: 10}, {title: v.DealTitle, width: 40}, {title: v.Visit, width: 12},
		{title: v.Stage, width: 20}, {title: v.InPeriod, width: 14}, {title: v.Detail, width: 60}, {title: v.Link, width: 44},
	}}
	for _, gap := range r.Gaps {
		for _, item := range gap.Items {
			var no any
			if item.VisitNo != nil {
				no = int64(*item.VisitNo)
			}
			t.rows = append(t.rows, []any{
				label(v.reason(gap.Reason)), int64(item.DealID), text(item.DealTitle), no, text(item.StageID),
				one(item.IsInPeriod), text(item.Detail), link(item.DealURL),
			})
		}
	}
	return t
}

func (v *voice) ifSo(is bool, words string) any {
	if !is {
		return nil
	}
	return label(words)
}

func one(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

func orNothing(s float64, ok bool) any {
	if !ok {
		return nil
	}
	return share(s)
}

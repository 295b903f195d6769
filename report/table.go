package report

import (
	"github.com/shopspring/decimal"
)

// A table is what CSV writes and what XLSX has a sheet for.
type table struct {
	name    string // of the sheet
	columns []column
	rows    [][]any // of text, label, int64, share, money, transform.Day, link, or nil for nothing
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
	money decimal.Decimal
)

// A Table names one of the tables of a report.
type Table string

// The tables.
const (
	RowsTable        Table = "rows"
	CellsTable       Table = "managers_by_stage"
	StageTimesTable  Table = "stage_times"
	AheadTable       Table = "ahead"
	AmountsTable     Table = "amounts"
	VisitsTable      Table = "visits"
	PlanChangesTable Table = "plan_changes"
	TrendTable       Table = "trend"
	GapsTable        Table = "gaps"
)

// Tables are all tables.
var Tables = []Table{RowsTable, CellsTable, StageTimesTable, AheadTable, AmountsTable, VisitsTable, PlanChangesTable, TrendTable, GapsTable}

// table is the one that is named.
func (v *voice) table(r *Report, which Table) table {
	switch which {
	case CellsTable:
		return v.cellsTable(r)
	case StageTimesTable:
		return v.stageTimesTable(r)
	case AheadTable:
		return v.aheadTable(r)
	case AmountsTable:
		return v.amountsTable(r)
	case VisitsTable:
		return v.visitsTable(r)
	case PlanChangesTable:
		return v.planChangesTable(r)
	case TrendTable:
		return v.trendTable(r)
	case GapsTable:
		return v.gapsTable(r)
	default:
		return v.levelTable(r, r.Level())
	}
}

// qualityColumns are those of qualityCells.
func (v *voice) qualityColumns() []column {
	return []column{
		{title: v.Closed, width: 14, isSum: true},
		{title: v.WithPlan, width: 12, isSum: true},
		{title: v.OnTime, width: 12, isSum: true},
		{title: v.Late, width: 12, isSum: true, isLate: true},
		{title: v.NoPlan, width: 12, isSum: true},
		{title: v.OnTimeRate, width: 12, part: v.OnTime, whole: v.WithPlan},
		{title: v.FirstPlanRate, width: 14, part: v.OnTimeFirstPlan, whole: v.WithFirstPlan},
		{title: v.WithFirstPlan, width: 14, isSum: true},
		{title: v.OnTimeFirstPlan, width: 14, isSum: true},
		{title: v.Coverage, width: 12, part: v.WithPlan, whole: v.Closed},
		{title: v.Few, width: 12},
		{title: v.ClosedAssumed, width: 14, isSum: true},
		{title: v.DaysLostAssumed, width: 14, isSum: true},
	}
}

func (v *voice) qualityCells(q Quality) []any {
	return []any{
		q.Closed, q.ClosedWithPlan, q.OnTime, q.Late, q.ClosedNoPlan(), orNothing(q.Rate()), orNothing(q.FirstPlanRate()), q.ClosedWithFirstPlan, q.OnTimeFirstPlan,
		orNothing(q.Coverage()), v.ifSo(q.IsFew(), v.Few), q.ClosedAssumed, q.DaysLostAssumed,
	}
}

func (v *voice) levelTable(r *Report, level Level) table {
	t := table{name: v.ByTitle[level.By], total: !level.IsOverlapping}
	if level.By != ByDepartment && level.By != ByDimension {
		t.columns = append(t.columns, column{title: "ID", width: 12})
	}
	t.columns = append(t.columns, column{title: v.levelName(r, level.By), width: 30})
	if level.By == ByStage {
		t.columns = append(t.columns, column{title: v.Funnel, width: 24})
	}
	isComparable := r.isComparable(level.By.isOfPeople() || r.Choice.IsOfPeople())
	t.columns = append(t.columns, column{title: v.DaysLost, width: 14, isSum: true, isLate: true}, column{title: v.DaysLostBefore, width: 14, isSum: isComparable})
	t.columns = append(t.columns, v.qualityColumns()...)
	isEndKnown := r.isEndKnown()
	t.columns = append(t.columns,
		column{title: v.OpenAtEnd, width: 14, isSum: isEndKnown},
		column{title: v.OverdueAtEnd, width: 14, isSum: isEndKnown, isLate: true},
		column{title: v.NoPlanAtEnd, width: 14, isSum: isEndKnown},
		column{title: v.WaitingAtEnd, width: 14, isSum: isEndKnown},
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
		case ByDepartment, ByDimension:
			cells = append(cells, text(v.name(level.By, row)))
		case ByCompany:
			var id any
			if row.Key.CompanyID != 0 {
				id = int64(row.Key.CompanyID)
			}
			cells = append(cells, id, text(v.name(level.By, row)))
		default:
			cells = append(cells, int64(row.Key.ManagerID), text(row.Name))
		}
		cells = append(cells, row.DaysLost, orNone(row.DaysLostBefore, isComparable))
		cells = append(cells, v.qualityCells(row.Quality)...)
		t.rows = append(t.rows, append(cells,
			orNone(row.AtEnd.Open, isEndKnown), orNone(row.AtEnd.Overdue, isEndKnown), orNone(row.AtEnd.NoPlan, isEndKnown), orNone(row.AtEnd.Waiting, isEndKnown),
			row.Now.Open, row.Now.Overdue, row.Now.NoPlan, row.Now.Waiting, row.PlanChanges, row.DaysMoved, row.DaysForgiven))
	}
	return t
}

func (v *voice) cellsTable(r *Report) table {
	t := table{name: v.Cells, total: true, columns: []column{
		{title: "ID", width: 12}, {title: v.Manager, width: 30}, {title: v.Stage, width: 30}, {title: v.Funnel, width: 24}, {title: v.DaysLost, width: 14, isSum: true, isLate: true},
	}}
	t.columns = append(t.columns, v.qualityColumns()...)
	for i := range r.Cells {
		c := &r.Cells[i]
		t.rows = append(t.rows, append([]any{int64(c.ManagerID), text(c.Manager), text(c.Stage), text(c.Funnel), c.DaysLost}, v.qualityCells(c.Quality)...))
	}
	return t
}

func (v *voice) stageTimesTable(r *Report) table {
	t := table{name: v.StageTimes, columns: []column{
		{title: v.Stage, width: 30}, {title: v.Funnel, width: 24}, {title: v.Closed, width: 14}, {title: v.WithPlan, width: 12}, {title: v.Median, width: 14}, {title: v.P85, width: 14},
		{title: v.MedianPlan, width: 14}, {title: v.Over, width: 26}, {title: v.MedianElapsed, width: 16}, {title: v.P85Elapsed, width: 16},
	}}
	for i := range r.StageTimes {
		s := &r.StageTimes[i]
		t.rows = append(t.rows, []any{
			text(s.Stage), text(s.Funnel), s.Closed, s.WithPlan, s.Median, s.P85, orNone(s.MedianPlan, s.WithPlan > 0), v.ifSo(s.IsOver() || s.IsFew(), v.stageTimeMark(s)),
			s.MedianElapsed, s.P85Elapsed,
		})
	}
	return t
}

func (v *voice) aheadTable(r *Report) table {
	t := table{name: v.Ahead, columns: []column{
		{title: v.Deal, width: 10}, {title: v.DealTitle, width: 40}, {title: v.Funnel, width: 22}, {title: v.Stage, width: 24}, {title: v.Manager, width: 24},
		{title: v.LateProbability, width: 14}, {title: v.PlannedEnd, width: 13}, {title: v.ExpectedEnd, width: 14}, {title: v.LikelyEnd, width: 14},
		{title: v.Amount, width: 16}, {title: v.Currency, width: 10}, {title: v.Link, width: 44},
	}}
	for i := range r.Ahead.Deals {
		d := &r.Ahead.Deals[i]
		var amount any
		if d.Amount != nil {
			amount = money(*d.Amount)
		}
		t.rows = append(t.rows, []any{
			int64(d.DealID), text(d.DealTitle), text(d.Funnel), text(d.Stage), text(d.Manager), share(d.LateProbability), d.Planned, d.Expected, d.Likely,
			amount, text(d.Currency), link(d.DealURL),
		})
	}
	return t
}

func (v *voice) amountsTable(r *Report) table {
	t := table{name: v.Amounts, columns: []column{
		{title: v.Currency, width: 14}, {title: v.OverdueDeals, width: 14, isLate: true}, {title: v.OverdueAmount, width: 20}, {title: v.NoAmount, width: 16},
		{title: v.OpenDeals, width: 14}, {title: v.OpenAmount, width: 20},
	}}
	for i := range r.Amounts {
		a := &r.Amounts[i]
		var currency any = label(v.NoCurrency)
		if a.Currency != "" {
			currency = text(a.Currency)
		}
		t.rows = append(t.rows, []any{currency, a.Overdue, money(a.OverdueAmount), a.NoAmount, a.Open, money(a.OpenAmount)})
	}
	return t
}

func (v *voice) visitsTable(r *Report) table {
	t := table{name: v.VisitsSheet, total: true, columns: []column{
		{title: v.Deal, width: 10}, {title: v.DealTitle, width: 40}, {title: v.Visit, width: 12},
		{title: v.Funnel, width: 22}, {title: v.Stage, width: 24}, {title: v.Manager, width: 24}, {title: v.Department, width: 20},
		{title: v.Entered, width: 13}, {title: v.PlanDays, width: 12}, {title: v.PlannedEnd, width: 13}, {title: v.Left, width: 13},
		{title: v.State, width: 24}, {title: v.OverdueDays, width: 14, isLate: true}, {title: v.PausedDays, width: 14},
		{title: v.LostInPeriod, width: 14, isSum: true, isLate: true},
		{title: v.ClosedHere, width: 14, isSum: true}, {title: v.OpenOverdue, width: 14, isSum: true}, {title: v.Link, width: 44},
	}}
	for i := range r.Visits {
		visit := &r.Visits[i]
		t.rows = append(t.rows, []any{
			int64(visit.DealID), text(visit.DealTitle), int64(visit.VisitNo), text(visit.Funnel), text(visit.Stage), text(visit.Manager), text(visit.Department),
			visit.Entered, orNone(int64(visit.PlanDays), visit.HasPlan()), visit.Planned, visit.Left, label(v.status(visit.Status)), visit.OverdueDays, visit.PausedDays,
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
		{title: v.Coverage, width: 12}, {title: v.Few, width: 12}, {title: v.ClosedAssumed, width: 14}, {title: v.DaysLostAssumed, width: 14},
		{title: v.OpenAtEnd, width: 14}, {title: v.OverdueAtEnd, width: 14, isLate: true},
	}}
	for _, p := range r.Trend {
		cells := []any{p.Period.From, p.Period.To}
		if p.HasData {
			isEndKnown := p.Period.To <= r.Run.AsOf
			cells = append(append(append(cells, p.DaysLost), v.qualityCells(p.Quality)...), orNone(p.AtEnd.Open, isEndKnown), orNone(p.AtEnd.Overdue, isEndKnown))
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

// orNone is a number, or nothing where it is none.
func orNone(n int64, is bool) any {
	if !is {
		return nil
	}
	return n
}

func orNothing(s float64, ok bool) any {
	if !ok {
		return nil
	}
	return share(s)
}

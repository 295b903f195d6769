package report

import (
	"cmp"
	"slices"

	"stagelag/views"
)

// rowOf is the empty row of a subject on a level.
func rowOf(s *views.Subject, department string, by By) Row {
	row := Row{Key: keyOf(by, s, department)}
	switch by {
	case ByDepartment:
		row.Name = department
	case ByStage:
		row.Name, row.Funnel = s.Stage, s.Funnel
	case ByFunnel:
		row.Name = s.Funnel
	default:
		row.Name = s.Manager
	}
	return row
}

// levels sums measures up by every level at once.
type levels struct {
	periods int
	rows    map[By]map[Key]*Row
	cells   map[Key]*Cell
	total   Row
}

func newLevels(periods int) *levels {
	l := &levels{periods: periods, rows: map[By]map[Key]*Row{}, cells: map[Key]*Cell{}, total: Row{Trend: make([]int64, periods)}}
	for _, by := range subjectLevels {
		l.rows[by] = map[Key]*Row{}
	}
	return l
}

// each calls change for the total and the row of the subject on each level.
func (l *levels) each(s *views.Subject, department string, change func(*Row)) {
	change(&l.total)
	for _, by := range subjectLevels {
		fresh := rowOf(s, department, by)
		row := l.rows[by][fresh.Key]
		if row == nil {
			row = &fresh
			row.Trend = make([]int64, l.periods)
			l.rows[by][fresh.Key] = row
		}
		change(row)
	}
}

// add adds the measures of a subject in a period of the trend.
func (l *levels) add(row *views.Quality, period int, q Quality) {
	l.each(&row.Subject, row.Department, func(row *Row) { row.addIn(period, q) })
	if period != l.periods-1 || q == (Quality{}) {
		return
	}
	key := Key{ManagerID: row.ManagerID, FunnelID: row.FunnelID, StageID: row.StageID}
	if l.cells[key] == nil {
		l.cells[key] = &Cell{Key: key, Manager: row.Manager, Stage: row.Stage, Funnel: row.Funnel}
	}
	l.cells[key].add(q)
}

// addNow adds what is open of a subject as of the run, addAtEnd what was at the end of the period.
func (l *levels) addNow(s *views.Standing) {
	now := State{Open: s.Open, Overdue: s.Overdue, NoPlan: s.NoPlan, Waiting: s.Waiting}
	l.each(&s.Subject, s.Department, func(row *Row) { row.Now.add(now) })
}

func (l *levels) addAtEnd(q *views.Quality, state State) {
	if state != (State{}) {
		l.each(&q.Subject, q.Department, func(row *Row) { row.AtEnd.add(state) })
	}
}

// addChange adds a change of a plan in the period.
func (l *levels) addChange(c *views.PlanChange) {
	l.each(&c.Subject, c.Department, func(row *Row) { row.addChange(c) })
}

// addIn adds the measures of a period of the trend.
func (r *Row) addIn(period int, q Quality) {
	r.Trend[period] += q.DaysLost
	switch period {
	case len(r.Trend) - 1:
		r.add(q)
	case len(r.Trend) - 2:
		r.DaysLostBefore += q.DaysLost
	}
}

// addChange adds a change of a plan in the period.
func (r *Row) addChange(c *views.PlanChange) {
	r.PlanChanges++
	if c.DaysMoved != nil {
		r.DaysMoved += int64(*c.DaysMoved)
	}
	r.DaysForgiven += c.DaysForgiven
}

// mostRows is how many companies, or values of a dimension, the page and the text show. There can be thousands.
const mostRows = 100

// shown is the level as the page and the text show it, and how many rows are not in it.
func (l Level) shown() (level Level, more int64) {
	if !l.By.isOfDeals() || len(l.Rows) <= mostRows {
		return l, 0
	}
	more = int64(len(l.Rows) - mostRows)
	l.Rows = l.Rows[:mostRows]
	return l, more
}

// sortedRows are the rows of a level in their order. One with nothing in the period, in the one before and now is left out.
func sortedRows(rows map[Key]*Row) (sorted []Row) {
	for _, row := range rows {
		if row.Quality != (Quality{}) || row.DaysLostBefore != 0 || row.Now != (State{}) || row.AtEnd != (State{}) || row.PlanChanges != 0 {
			sorted = append(sorted, *row)
		}
	}
	slices.SortFunc(sorted, compareRows)
	return sorted
}

// sorted gives the levels, the one asked for first, and the total. The level by department is left out where no
// department is known.
func (l *levels) sorted(first By) (sorted []Level, total Row) {
	for _, by := range subjectLevels {
		if by == ByDepartment && by != first && !l.knowsDepartments() {
			continue
		}
		level := Level{By: by}
		level.Rows = sortedRows(l.rows[by])
		if by == first {
			sorted = slices.Insert(sorted, 0, level)
			continue
		}
		sorted = append(sorted, level)
	}
	return sorted, l.total
}

func (l *levels) knowsDepartments() bool {
	for key := range l.rows[ByDepartment] {
		if key.Department != "" {
			return true
		}
	}
	return false
}

// sortedCells are the numbers of each manager in each stage, the most days lost first.
func (l *levels) sortedCells() []Cell {
	var cells []Cell
	for _, cell := range l.cells {
		cells = append(cells, *cell)
	}
	slices.SortFunc(cells, func(a, b Cell) int {
		return cmp.Or(
			cmp.Compare(b.DaysLost, a.DaysLost), cmp.Compare(b.Late, a.Late), cmp.Compare(b.Closed, a.Closed),
			cmp.Compare(a.ManagerID, b.ManagerID), cmp.Compare(a.FunnelID, b.FunnelID), cmp.Compare(a.StageID, b.StageID),
		)
	})
	return cells
}

func compareRows(a, b Row) int {
	return cmp.Or(
		cmp.Compare(b.DaysLost, a.DaysLost), cmp.Compare(b.Late, a.Late), cmp.Compare(b.Now.Overdue, a.Now.Overdue),
		cmp.Compare(b.Closed, a.Closed), cmp.Compare(a.Name, b.Name),
		cmp.Compare(a.Key.ManagerID, b.Key.ManagerID), cmp.Compare(a.Key.FunnelID, b.Key.FunnelID), cmp.Compare(a.Key.StageID, b.Key.StageID),
		cmp.Compare(a.Key.CompanyID, b.Key.CompanyID), cmp.Compare(a.Key.Value, b.Key.Value),
	)
}

// compareVisits brings the most days lost first, then the latest, then what is late now.
func compareVisits(a, b Visit) int {
	return cmp.Or(
		cmp.Compare(b.DaysLost, a.DaysLost), cmp.Compare(b.OverdueDays, a.OverdueDays),
		cmp.Compare(a.DealID, b.DealID), cmp.Compare(a.VisitNo, b.VisitNo), cmp.Compare(a.ManagerID, b.ManagerID),
	)
}

func compareGaps(a, b Gap) int {
	return cmp.Or(cmp.Compare(b.InPeriod, a.InPeriod), cmp.Compare(b.Count, a.Count), cmp.Compare(a.Reason, b.Reason))
}

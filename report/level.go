package report

import (
	"cmp"
	"slices"

	"stagelag/views"
)

// rowOf is the empty row of a subject on a level.
func rowOf(s views.Subject, by By) Row {
	row := Row{Key: keyOf(by, s.ManagerID, s.FunnelID, s.StageID)}
	switch by {
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
	total   Row
}

func newLevels(periods int) *levels {
	l := &levels{periods: periods, rows: map[By]map[Key]*Row{}, total: Row{Trend: make([]int64, periods)}}
	for _, by := range Levels {
		l.rows[by] = map[Key]*Row{}
	}
	return l
}

// each calls change for the total and the row of the subject on each level.
func (l *levels) each(s views.Subject, change func(*Row)) {
	change(&l.total)
	for _, by := range Levels {
		fresh := rowOf(s, by)
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
func (l *levels) add(s views.Subject, period int, q Quality) {
	l.each(s, func(row *Row) {
		row.Trend[period] += q.DaysLost
		switch period {
		case l.periods - 1:
			row.add(q)
		case l.periods - 2:
			row.DaysLostBefore += q.DaysLost
		}
	})
}

// addNow adds what is open of a subject as of the run.
func (l *levels) addNow(s *views.Standing) {
	l.each(s.Subject, func(row *Row) {
		row.Open += s.Open
		row.OpenOverdue += s.Overdue
		row.OpenNoPlan += s.NoPlan
		row.Waiting += s.Waiting
	})
}

// addChange adds a change of a plan in the period.
func (l *levels) addChange(c *views.PlanChange) {
	l.each(c.Subject, func(row *Row) {
		row.PlanChanges++
		if c.DaysMoved != nil {
			row.DaysMoved += int64(*c.DaysMoved)
		}
		row.DaysForgiven += c.DaysForgiven
	})
}

// sorted gives the levels, the one asked for first, and the total. A row with nothing in
// the period, in the one before and now is left out.
func (l *levels) sorted(first By) (sorted []Level, total Row) {
	for _, by := range Levels {
		level := Level{By: by}
		for _, row := range l.rows[by] {
			if row.Quality != (Quality{}) || row.DaysLostBefore != 0 || row.Open != 0 || row.Waiting != 0 || row.PlanChanges != 0 {
				level.Rows = append(level.Rows, *row)
			}
		}
		slices.SortFunc(level.Rows, compareRows)
		if by == first {
			sorted = slices.Insert(sorted, 0, level)
			continue
		}
		sorted = append(sorted, level)
	}
	return sorted, l.total
}

func compareRows(a, b Row) int {
	return cmp.Or(
		cmp.Compare(b.DaysLost, a.DaysLost), cmp.Compare(b.Late, a.Late), cmp.Compare(b.OpenOverdue, a.OpenOverdue),
		cmp.Compare(b.Closed, a.Closed), cmp.Compare(a.Name, b.Name),
		cmp.Compare(a.Key.ManagerID, b.Key.ManagerID), cmp.Compare(a.Key.FunnelID, b.Key.FunnelID), cmp.Compare(a.Key.StageID, b.Key.StageID),
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

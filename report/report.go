// Package report tells how well the work was done in a period, from the warehouse's views
// and nothing else: one Report, read in one published state, and its forms (text, JSON,
// CSV, XLSX and HTML) in the reader's language.
package report

import (
	"cmp"
	"slices"
	"time"

	"stagelag/extractor"
	"stagelag/loader"
	"stagelag/transform"
	"stagelag/views"
)

// A Query says which report is read.
type Query struct {
	// Period is what the report is about; the zero Period is the last full month.
	Period Period
	By     By
	// Funnels are the ids of those that count; none: all.
	Funnels views.Funnels
	// Departments are those that count, by name; none: all. What the report is read from has to be held to them.
	Departments []string
}

// By is what a level has a row for.
type By string

// The levels.
const (
	ByManager By = "manager"
	ByStage   By = "stage"
	ByFunnel  By = "funnel"
)

// Levels are all levels, in the order in which they are shown.
var Levels = []By{ByManager, ByStage, ByFunnel}

// A Report is the quality of a period as one published run shows it.
type Report struct {
	Run    Run
	Period Period
	// IsPeriodOver is whether the run knows every day of the period to its end. The as-of
	// date itself still runs.
	IsPeriodOver bool
	Before       Period // as long as Period, right before it
	Funnels      []views.Funnel
	// IsFiltered is whether Funnels were asked for, rather than all there are.
	IsFiltered bool
	// Departments are those that were asked for, none where all count.
	Departments []string
	// CountsWorkingDays is whether some days are days off in these funnels: then all numbers of days are of working days.
	CountsWorkingDays bool
	// Total is over all rows of any level; its Key is empty.
	Total Row
	// DaysLostToDate are the overdue days accrued up to the as-of date, ever.
	DaysLostToDate int64
	// Trend is the last twelve periods, Period at the end.
	Trend []TrendPeriod
	// Levels has all levels, the one asked for first. Each sums up to Total.
	Levels []Level
	// Visits are the visits behind the numbers, the most days lost first.
	Visits []Visit
	// PlanChanges are the changes of plans in deals that runs of the period saw, the most days forgiven first.
	PlanChanges []views.PlanChange
	// OtherPlanChanges are the numbers of changes with other causes, the most frequent first.
	OtherPlanChanges []views.CauseCount
	Gaps             []Gap
}

// A Run is the published run that a report shows.
type Run struct {
	ID          loader.RunID
	AsOf        transform.Day
	PublishedAt time.Time
}

// A Level is the same numbers split by one thing.
type Level struct {
	By   By
	Rows []Row // the most days lost first
}

// A Key names the thing that a row is about; what does not belong to the level is zero.
type Key struct {
	ManagerID extractor.ManagerID
	FunnelID  extractor.FunnelID
	StageID   extractor.StageID
}

// A Row is the quality of one manager, stage or funnel.
type Row struct {
	Key    Key
	Name   string // untrusted, as are all names and titles
	Funnel string // of a stage
	Quality
	DaysLostBefore int64 // in the period before
	// Trend is the days lost in each of the trend's periods.
	Trend []int64
	// PlanChanges is how many of the period's changes of plans in deals count for the row, DaysMoved the calendar days
	// by which these plans were moved altogether, earlier ones negative, and DaysForgiven the days lost that the
	// changes took back.
	PlanChanges, DaysMoved, DaysForgiven int64
	// What is open as of the run, whatever the period.
	Open, OpenOverdue, OpenNoPlan int64
	// Waiting are the deals that wait for somebody else as of the run. They are in no other number.
	Waiting int64
}

// Quality is what a period's days add up to.
type Quality struct {
	Closed         int64
	ClosedWithPlan int64
	OnTime         int64
	Late           int64
	DaysLost       int64 // overdue days accrued in the period
	// ClosedWithFirstPlan are the closed visits that ever had a plan, OnTimeFirstPlan those of them that were on time by
	// their first one, which no later plan moves.
	ClosedWithFirstPlan, OnTimeFirstPlan int64
}

// Few is the number of closed visits with a plan below which a rate says little.
const Few = 5

// Rate is the share of the closed visits with a plan that were on time. Without any there
// is none.
func (q Quality) Rate() (rate float64, ok bool) { return part(q.OnTime, q.ClosedWithPlan) }

// FirstPlanRate is the share of the closed visits with a first plan that were on time by it. Without any there is none.
func (q Quality) FirstPlanRate() (rate float64, ok bool) {
	return part(q.OnTimeFirstPlan, q.ClosedWithFirstPlan)
}

// Coverage is the share of the closed visits that had a plan: what the rate speaks for.
func (q Quality) Coverage() (coverage float64, ok bool) { return part(q.ClosedWithPlan, q.Closed) }

// IsFew is whether a rate rests on few cases.
func (q Quality) IsFew() bool { return q.ClosedWithPlan > 0 && q.ClosedWithPlan < Few }

// IsFewFirstPlan is whether the rate by first plans rests on few cases.
func (q Quality) IsFewFirstPlan() bool {
	return q.ClosedWithFirstPlan > 0 && q.ClosedWithFirstPlan < Few
}

// ClosedNoPlan are the closed visits that no rate speaks for.
func (q Quality) ClosedNoPlan() int64 { return q.Closed - q.ClosedWithPlan }

func part(n, whole int64) (float64, bool) {
	if whole == 0 {
		return 0, false
	}
	return float64(n) / float64(whole), true
}

func (q *Quality) add(other Quality) {
	q.Closed += other.Closed
	q.ClosedWithPlan += other.ClosedWithPlan
	q.OnTime += other.OnTime
	q.Late += other.Late
	q.DaysLost += other.DaysLost
	q.ClosedWithFirstPlan += other.ClosedWithFirstPlan
	q.OnTimeFirstPlan += other.OnTimeFirstPlan
}

// A TrendPeriod is the quality of one of the periods of a trend.
type TrendPeriod struct {
	Period Period
	Quality
	// HasData is whether the facts reach into the period: an earlier one is not zero, it is
	// unknown.
	HasData bool
}

// A Visit is a visit behind the numbers, for one manager: the days that it lost count for
// whoever was responsible on each day, its end for the manager of its last day.
type Visit struct {
	// Visit has the overdue days over all of its managers. It is closed, and late now, for the
	// manager whom that counts for.
	views.Visit
	// DaysLost are those that accrued in the period under this manager.
	DaysLost int64
}

// Key is the row that the visit stands behind.
func (v *Visit) Key(by By) Key {
	return keyOf(by, v.ManagerID, v.FunnelID, v.StageID)
}

func keyOf(by By, manager extractor.ManagerID, funnel extractor.FunnelID, stage extractor.StageID) Key {
	switch by {
	case ByStage:
		return Key{FunnelID: funnel, StageID: stage}
	case ByFunnel:
		return Key{FunnelID: funnel}
	default:
		return Key{ManagerID: manager}
	}
}

// A Gap is one reason why something is not covered.
type Gap struct {
	Reason   string // as the views have it
	Count    int64
	Deals    int64
	InPeriod int64 // of these, with a visit that was under way in the period
	Items    []views.Gap
}

// Level is the level that the report was asked for.
func (r *Report) Level() Level { return r.Levels[0] }

// movers are the managers with changes of plans, those who forgave most days first.
func (r *Report) movers() []Row {
	var rows []Row
	for _, level := range r.Levels {
		if level.By != ByManager {
			continue
		}
		for i := range level.Rows {
			if level.Rows[i].PlanChanges > 0 {
				rows = append(rows, level.Rows[i])
			}
		}
	}
	slices.SortStableFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(b.DaysForgiven, a.DaysForgiven), cmp.Compare(b.PlanChanges, a.PlanChanges), cmp.Compare(b.DaysMoved, a.DaysMoved))
	})
	return rows
}

// trendBefore is the period before among those of the trend, nil where dates begin later.
func (r *Report) trendBefore() *TrendPeriod {
	if len(r.Trend) < 2 {
		return nil
	}
	return &r.Trend[len(r.Trend)-2]
}

// Behind gives the visits behind a row, in their order.
func (r *Report) Behind(by By, key Key) []Visit {
	var visits []Visit
	for i := range r.Visits {
		if r.Visits[i].Key(by) == key {
			visits = append(visits, r.Visits[i])
		}
	}
	return visits
}

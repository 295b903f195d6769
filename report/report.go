// Package report tells how well the work was done in a period, from the warehouse's views
// and nothing else: one Report, read in one published state, and its forms (text, JSON,
// CSV, XLSX and HTML) in the reader's language.
package report

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"stagelag/config"
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
	// Dimension is the one that ByDimension groups by, as the published run has it.
	Dimension loader.Dimension
	// Funnels are the ids of those that count; none: all.
	Funnels views.Funnels
	// Choice is what the report is held to: some people, or some deals. What it is read from has to be held to it too.
	Choice views.Choice
	// Targets are what the page colours rates by; without one a rate has no colour.
	Targets config.Targets
}

// By is what a level has a row for.
type By string

// The levels.
const (
	ByManager    By = "manager"
	ByStage      By = "stage"
	ByFunnel     By = "funnel"
	ByDepartment By = "department"
	ByCompany    By = "company"
	ByDimension  By = "dimension" // the values that deals have under one of the dimensions of the configuration
)

// Levels are the levels that every portal has, in the order in which they are shown. That by department is left out where
// no department is known, unless it is asked for; that by company is there only where it is asked for, like that by
// dimension.
var Levels = []By{ByManager, ByStage, ByFunnel, ByDepartment, ByCompany}

// subjectLevels are those that every report has: their rows are sums over managers and stages.
var subjectLevels = []By{ByManager, ByStage, ByFunnel, ByDepartment}

// isOfPeople is whether the rows of a level are people, or groups of them.
func (by By) isOfPeople() bool { return by == ByManager || by == ByDepartment }

// isOfDeals is whether the rows of a level are what deals have.
func (by By) isOfDeals() bool { return by == ByCompany || by == ByDimension }

// A Report is the quality of a period as one published run shows it.
type Report struct {
	Targets config.Targets
	Run     Run
	Period  Period
	// IsPeriodOver is whether the run knows every day of the period to its end. The as-of
	// date itself still runs.
	IsPeriodOver bool
	Before       Period // as long as Period, right before it
	Funnels      []views.Funnel
	// IsFiltered is whether Funnels were asked for, rather than all there are.
	IsFiltered bool
	// Choice is what the report is held to, the zero Choice where all count.
	Choice views.Choice
	// ManagersKnownFrom is the first date whose managers were seen: the days before count for whoever was responsible when
	// they were computed.
	ManagersKnownFrom transform.Day
	// CountsWorkingDays is whether some days are days off in these funnels: then all numbers of days are of working days.
	CountsWorkingDays bool
	// Dimension is the name of the one that ByDimension groups by.
	Dimension string
	// Total is over all visits and days; its Key is empty.
	Total Row
	// DaysLostToDate are the overdue days accrued up to the as-of date, ever.
	DaysLostToDate int64
	// Amounts are what the open deals are worth, by currency, as of the run.
	Amounts []views.Amount
	// Trend is the last twelve periods, Period at the end.
	Trend []TrendPeriod
	// Levels has the levels, the one asked for first. Each sums up to Total, except where it says otherwise.
	Levels []Level
	// Cells are the numbers of each manager in each stage, the most days lost first.
	Cells []Cell
	// StageTimes are how long the visits lasted that were closed in the period, those first that exceed their plans most.
	StageTimes []StageTime
	// Ahead is what is to be expected as of the run, whatever the period.
	Ahead Ahead
	// Visits are the visits behind the numbers, the most days lost first.
	Visits []Visit
	// PlanChanges are the changes of plans in deals that runs of the period saw, the most days forgiven first.
	PlanChanges []views.PlanChange
	// OtherPlanChanges are the numbers of changes with other causes, the most frequent first.
	OtherPlanChanges []views.CauseCount
	Gaps             []Gap
	// labels name people, and stages where their names stand without their funnels.
	labels views.Labels
	// groups are the rows that a deal counts in, of a level whose rows are what deals have. A deal that is not there has
	// nothing.
	groups map[extractor.DealID][]Key
}

// managerLabel is the name of a manager.
func (r *Report) managerLabel(id extractor.ManagerID) string {
	if label, ok := r.labels.Managers[id]; ok {
		return label
	}
	return fmt.Sprintf("#%d", id)
}

// companyLabel is the name of a company.
func (r *Report) companyLabel(id extractor.CompanyID) string {
	if label, ok := r.labels.Companies[id]; ok {
		return label
	}
	return fmt.Sprintf("#%d", id)
}

// stageLabel is the name of a stage where it stands without its funnel: no two look the same.
func (r *Report) stageLabel(funnel extractor.FunnelID, stage extractor.StageID, name string) string {
	if label, ok := r.labels.Stages[views.StageID{FunnelID: funnel, StageID: stage}]; ok {
		return label
	}
	return name
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
	// IsOverlapping is whether some deal has several values and counts in several rows, so that these do not sum up to the
	// total.
	IsOverlapping bool
}

// A Key names the thing that a row is about; what does not belong to the level is zero.
type Key struct {
	ManagerID  extractor.ManagerID
	FunnelID   extractor.FunnelID
	StageID    extractor.StageID
	Department string // empty where none is known
	CompanyID  extractor.CompanyID
	Value      string // of a dimension, empty for deals without one
}

// A Row is the quality of one manager, stage, funnel, department, company or value of a dimension.
type Row struct {
	Key    Key
	Name   string // untrusted, as are all names and titles; empty where a department, company or value is missing
	Funnel string // of a stage
	Quality
	DaysLostBefore int64 // in the period before
	// Trend is the days lost in each of the trend's periods.
	Trend []int64
	// PlanChanges is how many of the period's changes of plans in deals count for the row, DaysMoved the calendar days
	// by which these plans were moved altogether, earlier ones negative, and DaysForgiven the days lost that the
	// changes took back.
	PlanChanges, DaysMoved, DaysForgiven int64
	// Now is what is open as of the run, whatever the period, AtEnd at the end of the period's last day. While that day is
	// to come, AtEnd is zero.
	Now, AtEnd State
}

// A State is what is open on a day.
type State struct {
	Open, Overdue, NoPlan int64
	// Waiting are the deals that wait for somebody else. They are in no other number.
	Waiting int64
}

func (s *State) add(other State) {
	s.Open += other.Open
	s.Overdue += other.Overdue
	s.NoPlan += other.NoPlan
	s.Waiting += other.Waiting
}

// A Cell is the quality of a manager in a stage.
type Cell struct {
	Key
	Manager, Stage, Funnel string
	Quality
}

// A StageTime is how long the visits to a stage lasted that were closed in the period.
type StageTime struct {
	Key
	Stage, Funnel string
	Closed        int64
	WithPlan      int64
	// Median and P85 are what half and 85 % of them kept within, in counting days; MedianElapsed and P85Elapsed are the
	// same in calendar days.
	Median, P85, MedianElapsed, P85Elapsed int64
	// MedianPlan is the median of the plans, in counting days, of those with a plan.
	MedianPlan int64
}

// IsFew is whether the times rest on few cases.
func (s *StageTime) IsFew() bool { return s.Closed < Few }

// IsOver is whether 85 % of the visits took longer than the plan. Of few cases it is never said.
func (s *StageTime) IsOver() bool { return s.WithPlan >= Few && s.P85 > s.MedianPlan }

// Ahead is what is to be expected of the deals that are on time as of the run, and how good such forecasts have been.
type Ahead struct {
	Horizons []views.Horizon
	// Deals are those that will probably be late within the last horizon, the most probable first.
	Deals []views.LikelyDeal
	// Record is that of all forecasts in the funnels, whatever else is chosen.
	Record views.Record
}

// horizons are the numbers of days after the as-of date for which the deals ahead are counted.
var horizons = []int{7, 14, 30}

// fewForecasts is the number of forecasts below which nothing is said of their quality.
const fewForecasts = 20

// IsJudged is whether enough forecasts have come due to say how good they have been.
func (a *Ahead) IsJudged() bool { return a.Record.Forecasts >= fewForecasts }

// IsBetter is whether the forecasts have been better than the naive ones.
func (a *Ahead) IsBetter() bool { return a.IsJudged() && a.Record.Off < a.Record.NaiveOff }

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
	// ClosedAssumed are the closed visits, DaysLostAssumed the days lost, that count for a manager who is assumed.
	ClosedAssumed, DaysLostAssumed int64
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

// Assumed is the share of the closed visits and of the days lost whose manager is assumed. Without any there is none.
func (q Quality) Assumed() (share float64, ok bool) {
	return part(q.ClosedAssumed+q.DaysLostAssumed, q.Closed+q.DaysLost)
}

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
	q.ClosedAssumed += other.ClosedAssumed
	q.DaysLostAssumed += other.DaysLostAssumed
}

// A TrendPeriod is the quality of one of the periods of a trend.
type TrendPeriod struct {
	Period Period
	Quality
	// HasData is whether the facts reach into the period: an earlier one is not zero, it is
	// unknown.
	HasData bool
	// IsAssumed is whether the managers of the period are assumed: people are not compared over it.
	IsAssumed bool
	// AtEnd is what is open at the end of the period's last day, zero while that is to come.
	AtEnd State
}

// mostAssumed is the share of assumed visits and days from which on the managers of a period count as assumed.
const mostAssumed = 0.05

// A Visit is a visit behind the numbers, for one manager: the days that it lost count for
// whoever was responsible on each day, its end for the manager of its last day.
type Visit struct {
	// Visit has the overdue days over all of its managers. It is closed, and late now, for the
	// manager whom that counts for.
	views.Visit
	// DaysLost are those that accrued in the period under this manager.
	DaysLost int64
	// lostIn are these by the manager's departments, where some of them are not of the visit's.
	lostIn []departmentDays
}

type departmentDays struct {
	department string
	days       int64
}

// Key is the row of a manager, stage, funnel or department that the visit stands behind.
func (v *Visit) Key(by By) Key { return keyOf(by, &v.Subject, v.Department) }

// in are the visit behind each row of a level: itself, or for departments one for each of those that it lost days in.
func (v *Visit) in(by By) []Visit {
	if by != ByDepartment || len(v.lostIn) == 0 {
		return []Visit{*v}
	}
	own := *v
	own.DaysLost, own.lostIn = 0, nil
	var all []Visit
	for _, lost := range v.lostIn {
		if lost.department == v.Department {
			own.DaysLost = lost.days
			continue
		}
		other := own
		other.Department, other.DaysLost, other.IsClosed, other.IsOpenOverdue = lost.department, lost.days, false, false
		all = append(all, other)
	}
	if own.IsClosed || own.IsOpenOverdue || own.DaysLost > 0 {
		all = append(all, own)
	}
	return all
}

func keyOf(by By, s *views.Subject, department string) Key {
	switch by {
	case ByStage:
		return Key{FunnelID: s.FunnelID, StageID: s.StageID}
	case ByFunnel:
		return Key{FunnelID: s.FunnelID}
	case ByDepartment:
		return Key{Department: department}
	default:
		return Key{ManagerID: s.ManagerID}
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
func (r *Report) Behind(by By, key Key) []Visit { return r.behind(by)[key] }

// behind are the visits behind each row of a level, in their order.
func (r *Report) behind(by By) map[Key][]Visit {
	visits := map[Key][]Visit{}
	for i := range r.Visits {
		for _, v := range r.Visits[i].in(by) {
			keys := []Key{v.Key(by)}
			if by.isOfDeals() {
				keys = r.groupsOf(v.DealID)
			}
			for _, key := range keys {
				visits[key] = append(visits[key], v)
			}
		}
	}
	if by == ByDepartment { // a visit with days in two departments is ordered by both
		for _, list := range visits {
			slices.SortStableFunc(list, compareVisits)
		}
	}
	return visits
}

// groupsOf are the rows that a deal counts in, of a level whose rows are what deals have.
func (r *Report) groupsOf(deal extractor.DealID) []Key {
	if keys := r.groups[deal]; len(keys) > 0 {
		return keys
	}
	return []Key{{}}
}

// isComparable is whether the period can be compared with the one before: numbers of people only where the managers of
// neither are assumed.
func (r *Report) isComparable(ofPeople bool) bool {
	before := r.trendBefore()
	if before == nil || !before.HasData {
		return false
	}
	return !ofPeople || !before.IsAssumed && !r.Trend[len(r.Trend)-1].IsAssumed
}

// isShown is whether a period of the trend can stand beside the others: for people only where its managers are not assumed.
func (r *Report) isShown(period int, ofPeople bool) bool {
	return !ofPeople || period < len(r.Trend) && !r.Trend[period].IsAssumed
}

// isEndKnown is whether the state at the end of the period is known.
func (r *Report) isEndKnown() bool { return r.Period.To <= r.Run.AsOf }

// isAssumed is whether some of the period's visits and days count for a manager who is assumed.
func (r *Report) isAssumed() bool { return r.Total.ClosedAssumed+r.Total.DaysLostAssumed > 0 }

// isBeforeManagers is whether the managers of the whole period are assumed.
func (r *Report) isBeforeManagers() bool {
	return r.ManagersKnownFrom == transform.NoDay || r.Period.To < r.ManagersKnownFrom
}

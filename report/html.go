package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"stagelag/config"
	"stagelag/plain"
	"stagelag/transform"
	"stagelag/views"
)

//go:embed report.html.tmpl
var pageText string

var page = template.Must(template.New("report").Parse(pageText))

// How many visits the page names for each row: at once, and unfolded. The rest is in the
// other forms, so that a page of any portal can be sent by mail.
const (
	pageVisits       = 5
	pageVisitsFolded = 95
	// The changes of plans that the page names: at once, and unfolded.
	pagePlanChanges       = 10
	pagePlanChangesFolded = 90
	// The deals that will probably be late that the page names: at once, and unfolded.
	pageDeals       = 10
	pageDealsFolded = 90
	// The managers and stages whose numbers stand in a table.
	pageManagers = 25
	pageStages   = 6
	// groupsOpen is how many rows have their visits unfolded on a screen.
	groupsOpen = 3
)

// A pageView is what the template of the page sees.
type pageView struct {
	*voice
	R            *Report
	Level        Level
	MoreLevel    int64 // how many rows of the level are not on the page
	Heading      string
	Stamp        string
	Scope        string
	Against      string
	AgainstRate  string
	Coverage     []string
	LostFigure   figure
	ClosedFigure figure
	Groups       []pageGroup
	FirstPlans   string // what the rate by first plans speaks for
	Found        []string
	Known        string // from when managers are known, empty where nothing is assumed
	EndState     string
	AmountsLate  []string
	Cross        pageCross
	Likely       pageLikely
	Movers       []Row
	Changes      pageChanges
	OtherMoved   string
}

// pageChanges are the changes of plans that the page names.
type pageChanges struct {
	Shown, Folded   []views.PlanChange
	More, Elsewhere int64 // how many are not among Shown, and how many of these not among Folded
}

// A pageCross is the numbers of managers in stages as a table.
type pageCross struct {
	Stages    []string
	Rows      []pageCrossRow
	Elsewhere int64  // how many of the numbers are not in it
	Unknown   string // why there are none
}

type pageCrossRow struct {
	Manager string
	Cells   []pageCell
}

// A pageCell is a number of a table, Cell nil where there is none.
type pageCell struct {
	Stage string
	Cell  *Cell
}

// A pageLikely is the deals that will probably be late.
type pageLikely struct {
	Shown, Folded   []views.LikelyDeal
	More, Elsewhere int64
}

// A pageGroup is the visits behind a row.
type pageGroup struct {
	Row             *Row
	IsOpen          bool
	Shown, Folded   []Visit
	More, Elsewhere int64 // how many are not among Shown, and how many of these not among Folded
}

// WriteHTML writes the report as one page that needs nothing else: no network, no scripts.
func WriteHTML(out io.Writer, r *Report, l Language) error {
	v := voiceOf(r, l)
	v.Late = strings.ReplaceAll(v.Late, "опозданием", "опоз\u00adданием") // it heads a narrow column
	p := pageView{
		voice: v, R: r, Heading: v.title(r), Stamp: v.asOf(r), Scope: v.scope(r),
		Found: v.findingsOrNone(r), Known: v.knownFrom(r), EndState: v.atEnd(r), AmountsLate: v.amounts(r), Cross: v.cross(r),
		Against: v.against(r), Coverage: v.coverage(r.Total.Quality),
		FirstPlans: v.firstPlanCoverage(r.Total.Quality), Movers: r.movers(), OtherMoved: v.otherPlanChanges(r),
	}
	p.Level, p.MoreLevel = r.Level().shown()
	if before := r.trendBefore(); before != nil && before.ClosedWithPlan > 0 && r.isComparable(r.Choice.IsOfPeople()) {
		p.AgainstRate = v.Span(r.Before) + ": " + v.Rate(before.Quality)
	}
	var err error
	if p.LostFigure, p.ClosedFigure, err = v.figures(r); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	behind := r.behind(p.Level.By)
	for i := range p.Level.Rows {
		row := &p.Level.Rows[i]
		visits := behind[row.Key]
		if len(visits) == 0 {
			continue
		}
		group := pageGroup{Row: row, IsOpen: len(p.Groups) < groupsOpen}
		group.Shown, group.Folded, group.More, group.Elsewhere = fold(visits, pageVisits, pageVisitsFolded)
		p.Groups = append(p.Groups, group)
	}
	p.Changes.Shown, p.Changes.Folded, p.Changes.More, p.Changes.Elsewhere = fold(r.PlanChanges, pagePlanChanges, pagePlanChangesFolded)
	p.Likely.Shown, p.Likely.Folded, p.Likely.More, p.Likely.Elsewhere = fold(r.Ahead.Deals, pageDeals, pageDealsFolded)
	if err := page.Execute(out, &p); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

// fold divides a list into what is named at once, what is named unfolded, how many are not among the first, and how many
// are in neither.
func fold[T any](list []T, most, mostFolded int) (shown, folded []T, more, elsewhere int64) {
	first := min(len(list), most)
	second := min(len(list), first+mostFolded)
	return list[:first], list[first:second], int64(len(list) - first), int64(len(list) - second)
}

// cross is the numbers of managers in stages: the managers and the stages with the most days lost.
func (v *voice) cross(r *Report) pageCross {
	if r.isBeforeManagers() {
		return pageCross{Unknown: fmt.Sprintf(v.CellsUnknown, v.Date(r.ManagersKnownFrom))}
	}
	var c pageCross
	cells := map[Key]*Cell{}
	hasAny := map[Key]bool{} // of a manager or stage
	for i := range r.Cells {
		cell := &r.Cells[i]
		cells[cell.Key] = cell
		hasAny[Key{ManagerID: cell.ManagerID}], hasAny[Key{FunnelID: cell.FunnelID, StageID: cell.StageID}] = true, true
	}
	var stages []Row
	for _, row := range r.levelBy(ByStage).Rows {
		if hasAny[row.Key] && len(stages) < pageStages {
			stages = append(stages, row)
			c.Stages = append(c.Stages, plain.Text(r.stageLabel(row.Key.FunnelID, row.Key.StageID, row.Name), 0))
		}
	}
	shown := 0
	for _, row := range r.levelBy(ByManager).Rows {
		if !hasAny[row.Key] || len(c.Rows) == pageManagers {
			continue
		}
		line := pageCrossRow{Manager: plain.Text(row.Name, 0)}
		isEmpty := true
		for i, stage := range stages {
			cell := cells[Key{ManagerID: row.Key.ManagerID, FunnelID: stage.Key.FunnelID, StageID: stage.Key.StageID}]
			line.Cells = append(line.Cells, pageCell{Stage: c.Stages[i], Cell: cell})
			if cell != nil {
				shown++
				isEmpty = false
			}
		}
		if !isEmpty {
			c.Rows = append(c.Rows, line)
		}
	}
	c.Elsewhere = int64(len(r.Cells) - shown)
	return c
}

// What the template asks for.

// StageOf is the name of a stage where it stands without its funnel.
func (p *pageView) StageOf(s views.Subject) string {
	return plain.Text(p.R.stageLabel(s.FunnelID, s.StageID, s.Stage), 0)
}

// LevelTitle is the heading of the rows, LevelName what one of them is.
func (p *pageView) LevelTitle() string { return p.levelTitle(p.R, p.Level.By) }

// LevelName is what a row is.
func (p *pageView) LevelName() string { return p.levelName(p.R, p.Level.By) }

// MoreRowsOf says how many rows are not on the page.
func (p *pageView) MoreRowsOf(n int64) string { return fmt.Sprintf(p.MoreRows, p.Number(n)) }

// NameOf is the name of a row.
func (p *pageView) NameOf(row Row) string { return plain.Text(p.name(p.Level.By, &row), 0) }

// AssumedOf says how much of a row is assumed, empty where nothing is or the row is no person.
func (p *pageView) AssumedOf(row Row) string {
	share, _ := row.Assumed()
	if !p.Level.By.isOfPeople() || share == 0 {
		return ""
	}
	return fmt.Sprintf(p.AssumedShare, p.Percent(share))
}

// AtEndText is a number of the state at the end of the period, empty while that is to come.
func (p *pageView) AtEndText(n int64) string {
	if !p.R.isEndKnown() {
		return ""
	}
	return fmt.Sprintf(p.AtEndShort, p.Number(n))
}

// OnTimeOf is how many of the closed visits with a plan of a cell were on time.
func (p *pageView) OnTimeOf(q Quality) string {
	if q.ClosedWithPlan == 0 {
		return ""
	}
	return p.OnTime + ": " + p.Number(q.OnTime) + "/" + p.Number(q.ClosedWithPlan)
}

// MoreCellsOf says how many numbers of managers in stages are not on the page.
func (p *pageView) MoreCellsOf(n int64) string { return fmt.Sprintf(p.MoreCells, p.Number(n)) }

// PlanOf is the plan of a stage, MarkOf says that it is exceeded, or that the cases are few.
func (p *pageView) PlanOf(t StageTime) string { return p.medianPlan(&t) }

// MarkOf says that a stage exceeds its plan, or that its cases are few.
func (p *pageView) MarkOf(t StageTime) string { return p.stageTimeMark(&t) }

// HasComing is whether a planned end comes at all.
func (p *pageView) HasComing() bool { return p.R.Ahead.hasComing() }

// AheadNoteOf says what is ahead, RecordOf how good such forecasts have been.
func (p *pageView) AheadNoteOf() string { return p.aheadNote(p.R) }

// RecordOf says how good the forecasts have been.
func (p *pageView) RecordOf() string { return p.record(p.R) }

// WithinOf is a horizon.
func (p *pageView) WithinOf(h views.Horizon) string { return p.within(h) }

// NotShown says why a period of the trend has no numbers: there are none, or its managers are assumed. It is empty for one
// that has.
func (p *pageView) NotShown(i int) string { return p.notShown(p.R, i) }

// Decimal is a number with one decimal.
func (p *pageView) Decimal(n float64) string { return p.decimal(n) }

// BinOf is a range of probabilities.
func (p *pageView) BinOf(b views.Bin) string { return p.bin(b) }

// AmountOf is the amount of a deal.
func (p *pageView) AmountOf(d views.LikelyDeal) string { return p.dealAmount(&d) }

// MoneyOf is an amount of a currency.
func (p *pageView) MoneyOf(amount decimal.Decimal, currency string) string {
	return p.money(amount, currency)
}

// MoreDealsOf says how many deals that will probably be late are folded.
func (p *pageView) MoreDealsOf(n int64) string { return fmt.Sprintf(p.More, p.Count(n, "deals")) }

// ElsewhereDealsOf says how many of them are not on the page.
func (p *pageView) ElsewhereDealsOf(n int64) string { return fmt.Sprintf(p.MoreDealsXLSX, p.Number(n)) }

// Plain is a text of the portal.
func (p *pageView) Plain(text string) string { return plain.Text(text, 0) }

// Share is a rate by itself; a dash where there is none.
func (p *pageView) Share(q Quality) string {
	return p.share(q.Rate())
}

// RateClass is how the page shows an on-time rate beside its target: reached or missed, or nothing without a target or
// a rate.
func (p *pageView) RateClass(q Quality) string {
	rate, ok := q.Rate()
	return classOf(rate, ok, p.R.Targets.OnTimeRate)
}

// CoverageClass is RateClass for the share that has a plan.
func (p *pageView) CoverageClass(q Quality) string {
	coverage, ok := q.Coverage()
	return classOf(coverage, ok, p.R.Targets.Coverage)
}

func classOf(share float64, isThere bool, target *config.Share) string {
	switch {
	case !isThere || target == nil:
		return ""
	case share >= float64(*target):
		return "reached"
	default:
		return "missed"
	}
}

// TargetText is the target of the on-time rate, empty where there is none.
func (p *pageView) TargetText() string {
	target := p.R.Targets.OnTimeRate
	if target == nil {
		return ""
	}
	return p.Target + ": " + p.share(float64(*target), true)
}

// FirstPlanShare is the rate by first plans by itself; a dash where there is none.
func (p *pageView) FirstPlanShare(q Quality) string { return p.share(q.FirstPlanRate()) }

// FirstPlanCovered is what the rate by first plans speaks for.
func (p *pageView) FirstPlanCovered(q Quality) string {
	return p.Number(q.ClosedWithFirstPlan) + "/" + p.Number(q.Closed)
}

// MovedOf is by how many calendar days a plan was moved.
func (p *pageView) MovedOf(c views.PlanChange) string { return p.moved(&c) }

// PlannedOf is the end of a plan, in words where there is none.
func (p *pageView) PlannedOf(end transform.Day) string { return p.planned(end) }

// MoreChangesOf says how many changes of plans are folded.
func (p *pageView) MoreChangesOf(n int64) string {
	return fmt.Sprintf(p.More, p.Count(n, "more changes"))
}

// ElsewhereChangesOf says how many changes of plans are not on the page.
func (p *pageView) ElsewhereChangesOf(n int64) string {
	return fmt.Sprintf(p.MoreChangesXLSX, p.Count(n, "more changes"))
}

// Covered is what a rate speaks for.
func (p *pageView) Covered(q Quality) string {
	return p.Number(q.ClosedWithPlan) + "/" + p.Number(q.Closed)
}

// TrendSpan is all the days of the trend.
func (p *pageView) TrendSpan() string {
	first, last := p.R.Trend[0].Period, p.R.Trend[len(p.R.Trend)-1].Period
	if first.Months() == 1 {
		return p.Span(first) + " – " + p.Span(last)
	}
	return p.Span(Period{From: first.From, To: last.To})
}

// A pageBar is a period of a row: its height in percent of the highest of all rows, none where it is not shown.
type pageBar struct {
	Height  int64
	IsShown bool
}

// SparkOf are the periods of a row, on one scale for all rows.
func (p *pageView) SparkOf(row Row) []pageBar {
	isOfPeople := p.Level.By.isOfPeople() || p.R.Choice.IsOfPeople()
	most := int64(1)
	for _, other := range p.Level.Rows {
		for i, n := range other.Trend {
			if p.R.isShown(i, isOfPeople) {
				most = max(most, n)
			}
		}
	}
	bars := make([]pageBar, len(row.Trend))
	for i, n := range row.Trend {
		if p.R.isShown(i, isOfPeople) {
			bars[i] = pageBar{Height: (n*100 + most - 1) / most, IsShown: true}
		}
	}
	return bars
}

// HasBars is whether the rows have bars: some period can be shown.
func (p *pageView) HasBars() bool {
	isOfPeople := p.Level.By.isOfPeople() || p.R.Choice.IsOfPeople()
	return slices.ContainsFunc(p.R.Trend, func(t TrendPeriod) bool { return t.HasData && (!isOfPeople || !t.IsAssumed) })
}

// StatusOf is the state of a visit in words.
func (p *pageView) StatusOf(v Visit) string { return p.status(v.Status) }

// Kind is how a state is shown: late, ontime or noplan. What is paused has a text of its own beside it.
func (p *pageView) Kind(status string) string {
	switch status {
	case "overdue", "finished_late":
		return "late"
	case "no_plan":
		return "noplan"
	default:
		return "ontime"
	}
}

// LeftOf is when a visit ended.
func (p *pageView) LeftOf(v Visit) string { return p.left(&v) }

// PausedOf is for how long a visit was paused, empty for not at all.
func (p *pageView) PausedOf(v Visit) string {
	if v.PausedDays == 0 {
		return ""
	}
	return fmt.Sprintf(p.Paused, p.Count(v.PausedDays, p.DaysNoun))
}

// WaitingText says how many deals wait.
func (p *pageView) WaitingText(n int64) string { return fmt.Sprintf(p.OfWaiting, p.Number(n)) }

// ReasonOf is a reason in words.
func (p *pageView) ReasonOf(reason string) string { return p.reason(reason) }

// ChangeOf is what a row lost more than in the period before.
func (p *pageView) ChangeOf(row Row, by By) string { return p.change(p.R, by, &row) }

// MoreOf says how many visits are folded.
func (p *pageView) MoreOf(n int64) string { return fmt.Sprintf(p.More, p.Count(n, "more")) }

// ElsewhereOf says how many visits are not on the page.
func (p *pageView) ElsewhereOf(n int64) string { return fmt.Sprintf(p.MoreXLSX, p.Count(n, "more")) }

// OverdueText says how many of the open ones are overdue.
func (p *pageView) OverdueText(n int64) string { return fmt.Sprintf(p.OfOpen, p.Number(n)) }

// NoPlanText says how many of the open ones have no plan.
func (p *pageView) NoPlanText(n int64) string { return fmt.Sprintf(p.OfOpenNoPlan, p.Number(n)) }

// A pageRow is a row with the page that it is on, pageVisitList are visits with theirs, pageChangeList changes of plans.
type (
	pageRow struct {
		P   *pageView
		Row Row
		By  By // empty for the total
	}
	pageDealList struct {
		P     *pageView
		Deals []views.LikelyDeal
	}
	pageChangeList struct {
		P       *pageView
		Changes []views.PlanChange
	}
	pageVisitList struct {
		P      *pageView
		Visits []Visit
	}
)

// With is a row for a template of its own.
func (p *pageView) With(row Row, by By) pageRow { return pageRow{P: p, Row: row, By: by} }

// TheseDeals are deals for a template of their own.
func (p *pageView) TheseDeals(deals []views.LikelyDeal) pageDealList {
	return pageDealList{P: p, Deals: deals}
}

// These are visits for a template of their own.
func (p *pageView) These(visits []Visit) pageVisitList { return pageVisitList{P: p, Visits: visits} }

// TheseChanges are changes of plans for a template of their own.
func (p *pageView) TheseChanges(changes []views.PlanChange) pageChangeList {
	return pageChangeList{P: p, Changes: changes}
}

// ManagerOf is whom a visit is shown with: its manager, where the page is not by them.
func (p *pageView) ManagerOf(v Visit) string {
	if p.Level.By == ByManager {
		return ""
	}
	return plain.Text(v.Manager, 0)
}

package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"

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
	// groupsOpen is how many rows have their visits unfolded on a screen.
	groupsOpen = 3
)

// A pageView is what the template of the page sees.
type pageView struct {
	*voice
	R            *Report
	Level        Level
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
	Movers       []Row
	Changes      pageChanges
	OtherMoved   string
}

// pageChanges are the changes of plans that the page names.
type pageChanges struct {
	Shown, Folded   []views.PlanChange
	More, Elsewhere int64 // how many are not among Shown, and how many of these not among Folded
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
	p := pageView{
		voice: v, R: r, Level: r.Level(), Heading: v.title(r), Stamp: v.asOf(r), Scope: v.funnels(r),
		Against: v.against(r), Coverage: v.coverage(r.Total.Quality),
		FirstPlans: v.firstPlanCoverage(r.Total.Quality), Movers: r.movers(), OtherMoved: v.otherPlanChanges(r),
	}
	if before := r.trendBefore(); before != nil && before.ClosedWithPlan > 0 {
		p.AgainstRate = v.Span(r.Before) + ": " + v.Rate(before.Quality)
	}
	var err error
	if p.LostFigure, p.ClosedFigure, err = v.figures(r); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	behind := map[Key][]Visit{}
	for i := range r.Visits {
		key := r.Visits[i].Key(p.Level.By)
		behind[key] = append(behind[key], r.Visits[i])
	}
	for i := range p.Level.Rows {
		row := &p.Level.Rows[i]
		visits := behind[row.Key]
		if len(visits) == 0 {
			continue
		}
		shown := min(len(visits), pageVisits)
		folded := min(len(visits), shown+pageVisitsFolded)
		p.Groups = append(p.Groups, pageGroup{
			Row: row, IsOpen: len(p.Groups) < groupsOpen, Shown: visits[:shown], Folded: visits[shown:folded],
			More: int64(len(visits) - shown), Elsewhere: int64(len(visits) - folded),
		})
	}
	shown := min(len(r.PlanChanges), pagePlanChanges)
	folded := min(len(r.PlanChanges), shown+pagePlanChangesFolded)
	p.Changes = pageChanges{
		Shown: r.PlanChanges[:shown], Folded: r.PlanChanges[shown:folded],
		More: int64(len(r.PlanChanges) - shown), Elsewhere: int64(len(r.PlanChanges) - folded),
	}
	if err := page.Execute(out, &p); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

// What the template asks for.

// Plain is a text of the portal.
func (p *pageView) Plain(text string) string { return plain.Text(text, 0) }

// Share is a rate by itself; a dash where there is none.
func (p *pageView) Share(q Quality) string {
	return p.share(q.Rate())
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

// SparkOf is the height of each of a row's periods in percent of its highest.
func (p *pageView) SparkOf(row Row) []int64 {
	most := int64(1)
	for _, n := range row.Trend {
		most = max(most, n)
	}
	heights := make([]int64, len(row.Trend))
	for i, n := range row.Trend {
		heights[i] = (n*100 + most - 1) / most
	}
	return heights
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
func (p *pageView) ChangeOf(row Row) string { return p.change(p.R, &row) }

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
func (p *pageView) With(row Row) pageRow { return pageRow{P: p, Row: row} }

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

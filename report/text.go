package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"stagelag/plain"
	"stagelag/transform"
	"stagelag/views"
)

// textDeals is how many visits the text names.
const textDeals = 10

// textChanges is how many changes of plans the text names.
const textChanges = 10

// WriteText writes the report for a terminal. What came from the portal has nothing in it
// that a terminal would obey.
func WriteText(out io.Writer, r *Report, l Language) error {
	v := voiceOf(r, l)
	var b strings.Builder
	fmt.Fprintf(&b, "%s · %s\n%s\n%s\n\n", v.Title, v.title(r), v.asOf(r), v.funnels(r))
	writeTable(&b, "lrl", v.headline(r))
	level := r.Level()
	fmt.Fprintf(&b, "\n%s\n\n", v.ByTitle[level.By])
	writeTable(&b, "lrrrrrrllrrr", v.levelLines(r, level))

	fmt.Fprintf(&b, "\n%s\n\n", v.Trend)
	lines := [][]string{{v.Period, v.DaysLost, v.Closed, v.OnTime, v.Late, v.NoPlan, v.OnTimeRate, v.FirstPlanRate}}
	for _, t := range r.Trend {
		if !t.HasData {
			lines = append(lines, []string{v.Span(t.Period), v.NoData})
			continue
		}
		lines = append(lines, []string{
			v.Span(t.Period), v.Number(t.DaysLost), v.Number(t.Closed), v.Number(t.OnTime), v.Number(t.Late), v.Number(t.ClosedNoPlan()), v.Rate(t.Quality), v.firstPlanRate(t.Quality),
		})
	}
	writeTable(&b, "lrrrrrll", lines)

	fmt.Fprintf(&b, "\n%s\n\n", v.Behind)
	if len(r.Visits) == 0 {
		fmt.Fprintf(&b, "  %s\n", v.NothingBehind)
	} else {
		lines = [][]string{{v.LostInPeriod, v.Deal, "", v.Stage, v.Manager, v.State}}
		for _, visit := range r.Visits[:min(len(r.Visits), textDeals)] {
			lines = append(lines, []string{
				v.Count(visit.DaysLost, v.DaysNoun), fmt.Sprintf("#%d", visit.DealID), plain.Text(visit.DealTitle, 36),
				plain.Text(visit.Stage, 22), plain.Text(visit.Manager, 22), v.visitState(&visit),
			})
		}
		writeTable(&b, "rlllll", lines)
		if more := len(r.Visits) - textDeals; more > 0 {
			fmt.Fprintf(&b, "  "+v.MoreXLSX+"\n", v.Count(int64(more), "more"))
		}
	}

	v.writePlansMoved(&b, r)

	fmt.Fprintf(&b, "\n%s\n\n", v.Gaps)
	if len(r.Gaps) == 0 {
		fmt.Fprintf(&b, "  %s\n", v.GapsNone)
	} else {
		lines = [][]string{{v.InPeriod, v.Cases, v.Deals, v.Reason, ""}}
		for _, gap := range r.Gaps {
			lines = append(lines, []string{v.Number(gap.InPeriod), v.Number(gap.Count), v.Number(gap.Deals), v.reason(gap.Reason), gap.Reason})
		}
		writeTable(&b, "rrrll", lines)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// writePlansMoved writes who moved plans in the period, and the changes that forgave most.
func (v *voice) writePlansMoved(b *strings.Builder, r *Report) {
	fmt.Fprintf(b, "\n%s\n\n", v.PlansMoved)
	if len(r.PlanChanges) == 0 {
		fmt.Fprintf(b, "  %s\n", v.NothingMoved)
	} else {
		lines := [][]string{{v.Manager, v.PlanChanges, v.DaysMoved, v.DaysForgiven}}
		line := func(name string, row *Row) {
			lines = append(lines, []string{name, v.Number(row.PlanChanges), v.Signed(row.DaysMoved), v.Number(row.DaysForgiven)})
		}
		for _, row := range r.movers() {
			line(plain.Text(row.Name, 28), &row)
		}
		line(v.Total, &r.Total)
		writeTable(b, "lrrr", lines)
		b.WriteString("\n")
		lines = [][]string{{v.DaysForgiven, v.DaysMoved, v.Deal, "", v.Stage, v.Manager, v.KnownOn, v.PlannedEnd}}
		for i := range r.PlanChanges[:min(len(r.PlanChanges), textChanges)] {
			c := &r.PlanChanges[i]
			lines = append(lines, []string{
				v.Number(c.DaysForgiven), v.moved(c), fmt.Sprintf("#%d", c.DealID), plain.Text(c.DealTitle, 36),
				plain.Text(c.Stage, 22), plain.Text(c.Manager, 22), v.Date(c.KnownOn), v.planned(c.Before) + " → " + v.planned(c.After),
			})
		}
		writeTable(b, "rrllllll", lines)
		if more := len(r.PlanChanges) - textChanges; more > 0 {
			fmt.Fprintf(b, "  "+v.MoreChangesXLSX+"\n", v.Count(int64(more), "more changes"))
		}
	}
	if other := v.otherPlanChanges(r); other != "" {
		fmt.Fprintf(b, "  %s\n", other)
	}
}

// moved is by how many calendar days a plan was moved; a dash where there was or is none.
func (v *voice) moved(c *views.PlanChange) string {
	if c.DaysMoved == nil {
		return "–"
	}
	return v.Signed(int64(*c.DaysMoved))
}

// planned is the end of a plan.
func (v *voice) planned(end transform.Day) string {
	if end == transform.NoDay {
		return v.WithoutPlan
	}
	return v.Date(end)
}

// otherPlanChanges counts the changes that nobody made in a deal; empty without any.
func (v *voice) otherPlanChanges(r *Report) string {
	var counts []string
	for _, other := range r.OtherPlanChanges {
		name, ok := v.CauseText[other.Cause]
		if !ok {
			name = other.Cause
		}
		counts = append(counts, v.Number(other.Count)+" ("+name+")")
	}
	if len(counts) == 0 {
		return ""
	}
	return v.OtherChanges + ": " + strings.Join(counts, " · ")
}

// title is the period, and whether it still runs.
func (v *voice) title(r *Report) string {
	if r.IsPeriodOver {
		return v.Span(r.Period)
	}
	return v.Span(r.Period) + " (" + v.Running + ")"
}

func (v *voice) asOf(r *Report) string {
	return fmt.Sprintf(v.AsOf, v.Date(r.Run.AsOf), strconv.FormatUint(uint64(r.Run.ID), 10), v.Time(r.Run.PublishedAt))
}

func (v *voice) funnels(r *Report) string {
	departments := ""
	if len(r.Departments) > 0 {
		var names []string
		for _, name := range r.Departments {
			names = append(names, plain.Text(name, 60))
		}
		departments = "; " + v.OnlyDepartments + ": " + strings.Join(names, ", ")
	}
	if !r.IsFiltered {
		return v.AllFunnels + departments
	}
	var names []string
	for _, f := range r.Funnels {
		names = append(names, plain.Text(f.Name, 60))
	}
	return v.OnlyFunnels + ": " + strings.Join(names, ", ") + departments
}

// against is a number of the period before, and the change since.
func (v *voice) against(r *Report) string {
	if before := r.trendBefore(); before == nil || !before.HasData {
		return fmt.Sprintf("%s: %s", v.Span(r.Before), v.NoData)
	}
	return fmt.Sprintf("%s: %s (%s)", v.Span(r.Before), v.Number(r.Total.DaysLostBefore), v.change(r, &r.Total))
}

// change is what a row lost more than in the period before; a dash where that is unknown.
func (v *voice) change(r *Report, row *Row) string {
	if before := r.trendBefore(); before == nil || !before.HasData {
		return "–"
	}
	return v.Signed(row.DaysLost - row.DaysLostBefore)
}

// headline is the report in seven lines: what, how much, and what to compare it with.
func (v *voice) headline(r *Report) [][]string {
	total := &r.Total
	rate, firstRate := v.share(total.Rate()), v.share(total.FirstPlanRate())
	return [][]string{
		{v.DaysLost, v.Number(total.DaysLost), v.against(r)},
		{v.DaysLostToDate, v.Number(r.DaysLostToDate), ""},
		{v.OnTimeRate, rate, strings.Join(v.coverage(total.Quality), "; ")},
		{v.FirstPlanRate, firstRate, v.firstPlanCoverage(total.Quality)},
		{v.Closed, v.Number(total.Closed), fmt.Sprintf("%s: %s · %s: %s · %s: %s", v.OnTime, v.Number(total.OnTime), v.Late, v.Number(total.Late), v.NoPlan, v.Number(total.ClosedNoPlan()))},
		{v.Open, v.Number(total.Open), fmt.Sprintf(v.OfOpen, v.Number(total.OpenOverdue)) + " · " + fmt.Sprintf(v.OfOpenNoPlan, v.Number(total.OpenNoPlan))},
		{v.Waiting, v.Number(total.Waiting), ""},
	}
}

// coverage says what a rate speaks for, or why there is none.
func (v *voice) coverage(q Quality) []string {
	coverage, ok := q.Coverage()
	switch {
	case !ok:
		return []string{v.NoneClosed}
	case q.ClosedWithPlan == 0:
		return []string{fmt.Sprintf(v.NonePlanned, v.Number(q.Closed))}
	}
	lines := []string{
		fmt.Sprintf(v.OfPlanned, v.Number(q.OnTime), v.Number(q.ClosedWithPlan)),
		fmt.Sprintf(v.OfClosed, v.Percent(coverage), v.Number(q.ClosedWithPlan), v.Number(q.Closed)),
	}
	if q.IsFew() {
		lines = append(lines, v.Few)
	}
	return lines
}

// Rate is a rate with what it speaks for, short; a dash where there is none.
func (v *voice) Rate(q Quality) string {
	share, ok := q.Rate()
	if !ok {
		return "–"
	}
	text := fmt.Sprintf("%s (%s/%s)", v.Percent(share), v.Number(q.ClosedWithPlan), v.Number(q.Closed))
	if q.IsFew() {
		text += " " + v.Few
	}
	return text
}

// share is a rate by itself; a dash where there is none.
func (v *voice) share(rate float64, ok bool) string {
	if !ok {
		return "–"
	}
	return v.Percent(rate)
}

// firstPlanRate is the rate by first plans with what it speaks for, short; a dash where there is none.
func (v *voice) firstPlanRate(q Quality) string {
	share, ok := q.FirstPlanRate()
	if !ok {
		return "–"
	}
	text := fmt.Sprintf("%s (%s/%s)", v.Percent(share), v.Number(q.ClosedWithFirstPlan), v.Number(q.Closed))
	if q.IsFewFirstPlan() {
		text += " " + v.Few
	}
	return text
}

// firstPlanCoverage says what the rate by first plans speaks for; empty without a rate.
func (v *voice) firstPlanCoverage(q Quality) string {
	if q.ClosedWithFirstPlan == 0 {
		return ""
	}
	text := fmt.Sprintf(v.OfFirstPlanned, v.Number(q.OnTimeFirstPlan), v.Number(q.ClosedWithFirstPlan))
	if q.IsFewFirstPlan() {
		text += "; " + v.Few
	}
	return text
}

func (v *voice) levelLines(r *Report, level Level) [][]string {
	lines := [][]string{{
		v.ByName[level.By], v.DaysLost, v.Change, v.Closed, v.OnTime, v.Late, v.NoPlan, v.OnTimeRate, v.FirstPlanRate, v.Open, v.OpenOverdue, v.Waiting,
	}}
	line := func(name string, row *Row) {
		lines = append(lines, []string{
			name, v.Number(row.DaysLost), v.change(r, row), v.Number(row.Closed), v.Number(row.OnTime), v.Number(row.Late), v.Number(row.ClosedNoPlan()),
			v.Rate(row.Quality), v.firstPlanRate(row.Quality), v.Number(row.Open), v.Number(row.OpenOverdue), v.Number(row.Waiting),
		})
	}
	for i := range level.Rows {
		row := &level.Rows[i]
		name := plain.Text(row.Name, 28)
		if level.By == ByStage {
			name += " · " + plain.Text(row.Funnel, 20)
		}
		line(name, row)
	}
	line(v.Total, &r.Total)
	return lines
}

// visitState is the state of a visit in words, with how late it was.
func (v *voice) visitState(visit *Visit) string {
	text := v.status(visit.Status)
	if visit.OverdueDays > 0 {
		text += ", +" + v.Count(visit.OverdueDays, v.DaysNoun)
	}
	if visit.PausedDays > 0 {
		text += ", " + fmt.Sprintf(v.Paused, v.Count(visit.PausedDays, v.DaysNoun))
	}
	return text
}

func (v *voice) status(status string) string {
	if text, ok := v.Status[status]; ok {
		return text
	}
	return status
}

func (v *voice) reason(reason string) string {
	if text, ok := v.ReasonText[reason]; ok {
		return text
	}
	return reason
}

// left is when a visit ended.
func (v *voice) left(visit *Visit) string {
	if visit.Left == transform.NoDay {
		return v.StillOpen
	}
	return v.Date(visit.Left)
}

// writeTable writes lines in columns, to the left (l) or to the right (r). A short line is
// filled up.
func writeTable(b *strings.Builder, alignment string, lines [][]string) {
	widths := make([]int, len(alignment))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, line := range lines {
		var text strings.Builder
		for i, cell := range line {
			padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			text.WriteString("  ")
			if alignment[i] == 'r' {
				text.WriteString(padding + cell)
			} else {
				text.WriteString(cell + padding)
			}
		}
		b.WriteString(strings.TrimRight(text.String(), " ") + "\n")
	}
}

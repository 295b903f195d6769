package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/shopspring/decimal"

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
	fmt.Fprintf(&b, "%s · %s\n%s\n%s\n\n", v.Title, v.title(r), v.asOf(r), v.scope(r))
	writeTable(&b, "lrl", v.headline(r))
	fmt.Fprintf(&b, "\n%s\n\n", v.Findings)
	for _, sentence := range v.findingsOrNone(r) {
		fmt.Fprintf(&b, "  %s\n", sentence)
	}
	level, more := r.Level().shown()
	fmt.Fprintf(&b, "\n%s\n\n", v.levelTitle(r, level.By))
	writeTable(&b, "lrrrrrrllrrrrr", v.levelLines(r, level))
	if more > 0 {
		fmt.Fprintf(&b, "  "+v.MoreRows+"\n", v.Number(more))
	}
	if level.IsOverlapping {
		fmt.Fprintf(&b, "  %s\n", v.Overlapping)
	}
	if known := v.knownFrom(r); known != "" {
		fmt.Fprintf(&b, "  %s\n", known)
	}

	fmt.Fprintf(&b, "\n%s\n\n", v.Trend)
	lines := [][]string{{v.Period, v.DaysLost, v.Closed, v.OnTime, v.Late, v.NoPlan, v.OnTimeRate, v.FirstPlanRate}}
	for i, t := range r.Trend {
		if why := v.notShown(r, i); why != "" {
			lines = append(lines, []string{v.Span(t.Period), why})
			continue
		}
		lines = append(lines, []string{
			v.Span(t.Period), v.Number(t.DaysLost), v.Number(t.Closed), v.Number(t.OnTime), v.Number(t.Late), v.Number(t.ClosedNoPlan()), v.Rate(t.Quality), v.firstPlanRate(t.Quality),
		})
	}
	writeTable(&b, "lrrrrrll", lines)

	v.writeStageTimes(&b, r)
	v.writeCells(&b, r)
	v.writeAhead(&b, r)

	fmt.Fprintf(&b, "\n%s\n\n", v.Behind)
	if len(r.Visits) == 0 {
		fmt.Fprintf(&b, "  %s\n", v.NothingBehind)
	} else {
		lines = [][]string{{v.LostInPeriod, v.Deal, "", v.Stage, v.Manager, v.State}}
		for _, visit := range r.Visits[:min(len(r.Visits), textDeals)] {
			lines = append(lines, []string{
				v.Count(visit.DaysLost, v.DaysNoun), fmt.Sprintf("#%d", visit.DealID), plain.Text(visit.DealTitle, 36),
				plain.Text(r.stageLabel(visit.FunnelID, visit.StageID, visit.Stage), 30), plain.Text(visit.Manager, 22), v.visitState(&visit),
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

// writeStageTimes writes how long the visits lasted that were closed in the period.
func (v *voice) writeStageTimes(b *strings.Builder, r *Report) {
	fmt.Fprintf(b, "\n%s\n\n", v.StageTimes)
	if len(r.StageTimes) == 0 {
		fmt.Fprintf(b, "  %s\n", v.NoStageTimes)
		return
	}
	lines := [][]string{{v.Stage, v.Closed, v.Median, v.P85, v.MedianPlan, ""}}
	for i := range r.StageTimes {
		t := &r.StageTimes[i]
		lines = append(lines, []string{
			plain.Text(r.stageLabel(t.FunnelID, t.StageID, t.Stage), 40), v.Number(t.Closed), v.Number(t.Median), v.Number(t.P85), v.medianPlan(t), v.stageTimeMark(t),
		})
	}
	writeTable(b, "lrrrrl", lines)
}

// medianPlan is the plan of a stage; a dash where no visit had one.
func (v *voice) medianPlan(t *StageTime) string {
	if t.WithPlan == 0 {
		return "–"
	}
	return v.Number(t.MedianPlan)
}

// stageTimeMark says that a stage exceeds its plan, or that its cases are few.
func (v *voice) stageTimeMark(t *StageTime) string {
	switch {
	case t.IsOver():
		return v.Over
	case t.IsFew():
		return v.Few
	default:
		return ""
	}
}

// textCells is how many numbers of managers in stages the text names.
const textCells = 15

// writeCells writes the numbers of managers in stages.
func (v *voice) writeCells(b *strings.Builder, r *Report) {
	if len(r.Cells) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n\n", v.Cells)
	if r.isBeforeManagers() {
		fmt.Fprintf(b, "  "+v.CellsUnknown+"\n", v.Date(r.ManagersKnownFrom))
		return
	}
	lines := [][]string{{v.DaysLost, v.Manager, v.Stage, v.OnTimeRate, v.Assumed}}
	for i := range r.Cells[:min(len(r.Cells), textCells)] {
		c := &r.Cells[i]
		lines = append(lines, []string{
			v.Number(c.DaysLost), plain.Text(c.Manager, 28), plain.Text(r.stageLabel(c.FunnelID, c.StageID, c.Stage), 40), v.Rate(c.Quality), v.share(c.Assumed()),
		})
	}
	writeTable(b, "rlllr", lines)
	if more := len(r.Cells) - textCells; more > 0 {
		fmt.Fprintf(b, "  "+v.MoreCells+"\n", v.Number(int64(more)))
	}
}

// writeAhead writes what is to be expected, and how good such forecasts have been.
func (v *voice) writeAhead(b *strings.Builder, r *Report) {
	fmt.Fprintf(b, "\n%s\n\n  %s\n", v.Ahead, v.aheadNote(r))
	if !r.Ahead.hasComing() {
		fmt.Fprintf(b, "  %s\n", v.NothingAhead)
	} else {
		b.WriteString("\n")
		lines := [][]string{{"", v.Coming, v.LikelyLate, v.ExpectedLate, v.Unknown}}
		for _, h := range r.Ahead.Horizons {
			lines = append(lines, []string{v.within(h), v.Number(h.Coming), v.Number(h.LikelyLate), v.decimal(h.Expected), v.Number(h.Unknown)})
		}
		writeTable(b, "lrrrr", lines)
		b.WriteString("\n")
		if len(r.Ahead.Deals) == 0 {
			fmt.Fprintf(b, "  %s\n", v.NoLikelyDeals)
		} else {
			lines = [][]string{{v.LateProbability, v.Deal, "", v.Stage, v.Manager, v.PlannedEnd, v.ExpectedEnd, v.LikelyEnd, v.Amount}}
			for i := range r.Ahead.Deals[:min(len(r.Ahead.Deals), textDeals)] {
				d := &r.Ahead.Deals[i]
				lines = append(lines, []string{
					v.Percent(d.LateProbability), fmt.Sprintf("#%d", d.DealID), plain.Text(d.DealTitle, 36), plain.Text(r.stageLabel(d.FunnelID, d.StageID, d.Stage), 30),
					plain.Text(d.Manager, 22), v.Date(d.Planned), v.Date(d.Expected), v.Date(d.Likely), v.dealAmount(d),
				})
			}
			writeTable(b, "rlllllllr", lines)
			if more := len(r.Ahead.Deals) - textDeals; more > 0 {
				fmt.Fprintf(b, "  "+v.MoreDealsXLSX+"\n", v.Number(int64(more)))
			}
		}
	}
	fmt.Fprintf(b, "\n  %s: %s\n", v.Record, v.record(r))
}

// hasComing is whether a planned end comes at all.
func (a *Ahead) hasComing() bool {
	return len(a.Horizons) > 0 && a.Horizons[len(a.Horizons)-1].Coming > 0
}

func (v *voice) aheadNote(r *Report) string { return fmt.Sprintf(v.AheadNote, v.Date(r.Run.AsOf)) }

// within is a horizon.
func (v *voice) within(h views.Horizon) string {
	return fmt.Sprintf(v.Within, v.Count(int64(h.Days), "days"))
}

// record says how good the forecasts have been.
func (v *voice) record(r *Report) string {
	past := &r.Ahead.Record
	switch {
	case !r.Ahead.IsJudged():
		return fmt.Sprintf(v.RecordUnknown, v.Number(past.Forecasts))
	case r.Ahead.IsBetter():
		return fmt.Sprintf(v.RecordBetter, v.Number(past.Forecasts), v.Count(past.Off, "days"), v.Count(past.NaiveOff, "days"))
	default:
		return fmt.Sprintf(v.RecordNotBetter, v.Number(past.Forecasts), v.Count(past.Off, "days"), v.Count(past.NaiveOff, "days"))
	}
}

// notShown says why a period of the trend has no numbers, empty for one that has.
func (v *voice) notShown(r *Report, period int) string {
	switch {
	case !r.Trend[period].HasData:
		return v.NoData
	case !r.isShown(period, r.Choice.IsOfPeople()):
		return v.Unsaid
	default:
		return ""
	}
}

// bin is the range of probabilities of a bin.
func (v *voice) bin(b views.Bin) string {
	return fmt.Sprintf("%.0f–%s", 100*b.From, v.Percent(b.From+0.1))
}

// money is an amount with its currency.
func (v *voice) money(amount decimal.Decimal, currency string) string {
	if currency == "" {
		currency = v.NoCurrency
	}
	return v.Money(amount) + "\u00a0" + plain.Text(currency, 8)
}

// dealAmount is the amount of a deal; a dash where none is known.
func (v *voice) dealAmount(d *views.LikelyDeal) string {
	if d.Amount == nil {
		return "–"
	}
	return v.money(*d.Amount, d.Currency)
}

// amounts are what the overdue deals are worth, by currency; empty where nothing is overdue.
func (v *voice) amounts(r *Report) []string {
	var all []string
	for i := range r.Amounts {
		a := &r.Amounts[i]
		if a.Overdue == 0 {
			continue
		}
		text := v.money(a.OverdueAmount, a.Currency) + " (" + v.Count(a.Overdue, "deals")
		if a.NoAmount > 0 {
			text += ", " + fmt.Sprintf(v.OfNoAmount, v.Number(a.NoAmount))
		}
		all = append(all, text+")")
	}
	return all
}

// knownFrom says from when managers are known, and how much of the period is assumed; empty where nothing is.
func (v *voice) knownFrom(r *Report) string {
	if !r.isAssumed() {
		return ""
	}
	return fmt.Sprintf(v.KnownFrom, v.Date(r.ManagersKnownFrom), v.share(r.Total.Assumed()))
}

// findingsOrNone are the findings in words, or that there are none.
func (v *voice) findingsOrNone(r *Report) []string {
	if found := v.findings(r); len(found) > 0 {
		return found
	}
	return []string{v.NoFindings}
}

// atEnd is what was open at the end of the period; empty while that is to come.
func (v *voice) atEnd(r *Report) string {
	if !r.isEndKnown() {
		return ""
	}
	return fmt.Sprintf(v.AtEnd, v.Date(r.Period.To), v.Number(r.Total.AtEnd.Open), v.Number(r.Total.AtEnd.Overdue))
}

// stateNumber is a number of the state at the end of the period; a dash while that is to come.
func (v *voice) stateNumber(r *Report, n int64) string {
	if !r.isEndKnown() {
		return "–"
	}
	return v.Number(n)
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
				plain.Text(r.stageLabel(c.FunnelID, c.StageID, c.Stage), 30), plain.Text(c.Manager, 22), v.Date(c.KnownOn), v.planned(c.Before) + " → " + v.planned(c.After),
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

// scope is what the report is held to.
func (v *voice) scope(r *Report) string {
	named := func(title string, names []string) string {
		for i := range names {
			names[i] = plain.Text(names[i], 60)
		}
		return title + ": " + strings.Join(names, ", ")
	}
	parts := []string{v.AllFunnels}
	if r.IsFiltered {
		var names []string
		for _, f := range r.Funnels {
			names = append(names, f.Name)
		}
		parts[0] = named(v.OnlyFunnels, names)
	}
	if len(r.Choice.Departments) > 0 {
		parts = append(parts, named(v.OnlyDepartments, slices.Clone(r.Choice.Departments)))
	}
	if len(r.Choice.Managers) > 0 {
		var names []string
		for _, id := range r.Choice.Managers {
			names = append(names, r.managerLabel(id))
		}
		parts = append(parts, named(v.OnlyManagers, names))
	}
	if len(r.Choice.Companies) > 0 {
		var names []string
		for _, id := range r.Choice.Companies {
			names = append(names, r.companyLabel(id))
		}
		parts = append(parts, named(v.OnlyCompanies, names))
	}
	values := map[string][]string{}
	for _, d := range r.Choice.Dimensions {
		values[d.Name] = append(values[d.Name], d.Value)
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		parts = append(parts, named(fmt.Sprintf(v.OnlyDeals, plain.Text(name, 40)), values[name]))
	}
	return strings.Join(parts, "; ")
}

// against is a number of the period before, and the change since.
func (v *voice) against(r *Report) string {
	before := r.trendBefore()
	switch {
	case before == nil || !before.HasData:
		return fmt.Sprintf("%s: %s", v.Span(r.Before), v.NoData)
	case !r.isComparable(r.Choice.IsOfPeople()):
		return fmt.Sprintf("%s: %s", v.Span(r.Before), v.Unsaid)
	}
	return fmt.Sprintf("%s: %s (%s)", v.Span(r.Before), v.Number(r.Total.DaysLostBefore), v.change(r, "", &r.Total))
}

// change is what a row of a level, or the total without one, lost more than in the period before; a dash where that is
// unknown or the managers are assumed.
func (v *voice) change(r *Report, by By, row *Row) string {
	if !r.isComparable(by.isOfPeople() || r.Choice.IsOfPeople()) {
		return "–"
	}
	return v.Signed(row.DaysLost - row.DaysLostBefore)
}

// headline is the report in some lines: what, how much, and what to compare it with.
func (v *voice) headline(r *Report) [][]string {
	total := &r.Total
	rate, firstRate := v.share(total.Rate()), v.share(total.FirstPlanRate())
	return [][]string{
		{v.DaysLost, v.Number(total.DaysLost), v.against(r)},
		{v.DaysLostToDate, v.Number(r.DaysLostToDate), ""},
		{v.OnTimeRate, rate, strings.Join(v.coverage(total.Quality), "; ")},
		{v.FirstPlanRate, firstRate, v.firstPlanCoverage(total.Quality)},
		{v.Closed, v.Number(total.Closed), fmt.Sprintf("%s: %s · %s: %s · %s: %s", v.OnTime, v.Number(total.OnTime), v.Late, v.Number(total.Late), v.NoPlan, v.Number(total.ClosedNoPlan()))},
		{v.Open, v.Number(total.Now.Open), strings.Join(slices.DeleteFunc([]string{
			fmt.Sprintf(v.OfOpen, v.Number(total.Now.Overdue)), fmt.Sprintf(v.OfOpenNoPlan, v.Number(total.Now.NoPlan)), v.atEnd(r),
		}, func(text string) bool { return text == "" }), " · ")},
		{v.Waiting, v.Number(total.Now.Waiting), ""},
		{v.Amounts, "", strings.Join(v.amounts(r), " · ")},
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
		v.levelName(r, level.By), v.DaysLost, v.Change, v.Closed, v.OnTime, v.Late, v.NoPlan, v.OnTimeRate, v.FirstPlanRate, v.OverdueAtEnd, v.Open, v.OpenOverdue, v.Waiting,
	}}
	hasAssumed := r.isAssumed()
	if hasAssumed {
		lines[0] = append(lines[0], v.Assumed)
	}
	line := func(name string, by By, row *Row) {
		cells := []string{
			name, v.Number(row.DaysLost), v.change(r, by, row), v.Number(row.Closed), v.Number(row.OnTime), v.Number(row.Late), v.Number(row.ClosedNoPlan()),
			v.Rate(row.Quality), v.firstPlanRate(row.Quality), v.stateNumber(r, row.AtEnd.Overdue), v.Number(row.Now.Open), v.Number(row.Now.Overdue), v.Number(row.Now.Waiting),
		}
		if hasAssumed {
			cells = append(cells, v.share(row.Assumed()))
		}
		lines = append(lines, cells)
	}
	for i := range level.Rows {
		row := &level.Rows[i]
		name := plain.Text(v.name(level.By, row), 28)
		if level.By == ByStage {
			name += " · " + plain.Text(row.Funnel, 20)
		}
		line(name, level.By, row)
	}
	line(v.Total, "", &r.Total)
	return lines
}

// levelTitle is the heading of a level.
func (v *voice) levelTitle(r *Report, by By) string {
	if by == ByDimension {
		return fmt.Sprintf(v.ByDimensionTitle, v.levelName(r, by))
	}
	return v.ByTitle[by]
}

// levelName is what one row of a level is.
func (v *voice) levelName(r *Report, by By) string {
	if by == ByDimension {
		return plain.Text(r.Dimension, 40)
	}
	return v.ByName[by]
}

// name is the name of a row.
func (v *voice) name(by By, row *Row) string {
	switch {
	case by == ByDepartment && row.Key.Department == "":
		return v.NoDepartment
	case by == ByCompany && row.Key.CompanyID == 0:
		return v.NoCompany
	case by == ByDimension && row.Key.Value == "":
		return v.NoValue
	default:
		return row.Name
	}
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

package letter

import (
	"fmt"
	"strconv"
	"strings"

	"stagelag/extractor"
	"stagelag/plain"
	"stagelag/report"
	"stagelag/transform"
	"stagelag/views"
)

// A document is a letter in a language, in no form yet.
type document struct {
	title    string
	intro    []line
	sections []section
	closing  []line
}

// A section is a list under a heading. A form shows as many of the lines as it has room for, and says how many there are
// more.
type section struct {
	heading string
	lines   []line
	total   int // of the lines that there are, at least as many as are here
	// isOfDeals is whether the lines are deals, which can all be seen under link.
	isOfDeals bool
	link      string
}

// A line is a line of text.
type line []span

// A span is a piece of a line. Its text is of the portal, or ours; in neither case does it hold a form's own signs.
type span struct {
	text   string
	link   string // empty for none
	isBold bool
}

func textLine(text string) line { return line{{text: text}} }

// labelled is a line such as Late: 41 deals.
func labelled(label, value string) line {
	return line{{text: label + ": "}, {text: value, isBold: true}}
}

// How many characters of titles and names a letter shows.
const (
	longestTitle = 80
	longestName  = 60
)

// How many lines of a list a letter shows; a longer one is not read in the morning.
const (
	longestList  = 25 // of a manager
	shownOverdue = 10
	shownLikely  = 5
	shownByName  = 15
)

// ofManager is the letter to a manager.
func (c *content) ofManager(v *voice, p portfolio) document {
	lateDeals, dueDeals, likelyDeals := late(p.deals), due(p.deals), likely(p.deals)
	d := document{title: fmt.Sprintf(v.YourTitle, v.Date(c.run.AsOf))}
	for _, counted := range []struct {
		label string
		deals []views.DueDeal
	}{{v.Late, lateDeals}, {v.DueToday, dueDeals}, {v.Likely, likelyDeals}} {
		if len(counted.deals) > 0 {
			d.intro = append(d.intro, labelled(counted.label, v.Count(int64(len(counted.deals)), plain.Deals)))
		}
	}
	d.add(c.dealSection(v, v.Late, lateDeals))
	d.add(c.dealSection(v, v.DueToday, dueDeals))
	d.add(c.dealSection(v, v.Likely, likelyDeals))
	return d
}

// add adds a section with anything in it.
func (d *document) add(s section) {
	if len(s.lines) > 0 {
		d.sections = append(d.sections, s)
	}
}

// list is a section of lines that are all here.
func list(heading string, lines []line) section {
	return section{heading: heading, lines: lines, total: len(lines)}
}

func (c *content) dealSection(v *voice, heading string, list []views.DueDeal) section {
	return section{
		heading: heading, lines: c.dealLines(v, list[:min(len(list), longestList)], false), total: len(list),
		isOfDeals: true, link: c.dealList(),
	}
}

func (c *content) dealLines(v *voice, list []views.DueDeal, namesManagers bool) []line {
	lines := make([]line, len(list))
	for i := range list {
		lines[i] = c.dealLine(v, &list[i], namesManagers)
	}
	return lines
}

// dealLine is a deal, its stage, and how late it is.
func (c *content) dealLine(v *voice, d *views.DueDeal, namesManager bool) line {
	parts := []string{c.stage(d)}
	if namesManager {
		parts = append(parts, c.manager(v, d.ManagerID, d.Manager))
	}
	switch {
	case d.Urgency == views.LikelyLate:
		parts = append(parts, fmt.Sprintf(v.LateProbability, v.Share(d.LateProbability)))
	case d.Urgency == views.Late && d.OverdueDays == 0:
		parts = append(parts, v.LateAtEntry)
	case d.Urgency == views.Late:
		parts = append(parts, fmt.Sprintf(v.DaysLate, v.Days(d.OverdueDays, d.CountsWorkingDays)))
	}
	if d.Urgency != views.DueToday && d.Planned != transform.NoDay {
		parts = append(parts, fmt.Sprintf(v.PlannedEnd, v.Date(d.Planned)))
	}
	if d.Urgency == views.LikelyLate && d.Expected != transform.NoDay {
		parts = append(parts, fmt.Sprintf(v.ExpectedEnd, v.Date(d.Expected)))
	}
	title := strings.TrimSpace(fmt.Sprintf("#%d %s", d.DealID, plain.Text(d.Title, longestTitle)))
	return line{{text: title, link: d.URL}, {text: " · " + strings.Join(parts, " · ")}}
}

// stage is the stage of a deal, with its funnel where there are several: stages of two funnels often have one name.
func (c *content) stage(d *views.DueDeal) string {
	name := plain.Text(d.Stage, longestName)
	if c.hasSeveralFunnels {
		name += " (" + plain.Text(d.Funnel, longestName) + ")"
	}
	return name
}

// manager is a manager's name, with the ID where another one has the same name.
func (c *content) manager(v *voice, id extractor.ManagerID, name string) string {
	if id == 0 {
		return v.Nobody
	}
	text := plain.Text(name, longestName)
	if c.shared[name] {
		text += " (#" + idOf(id) + ")"
	}
	return text
}

// summary is the letter to leadership.
func (c *content) summary(v *voice) document {
	lateDeals, likelyDeals := late(c.deals), likely(c.deals)
	d := document{title: fmt.Sprintf(v.Title, v.Date(c.run.AsOf))}
	d.intro = append(d.intro, labelled(v.Open, v.Count(int64(c.Open), plain.Deals)))
	overdue := v.Count(int64(c.Overdue), plain.Deals)
	if c.Open > 0 {
		overdue += " (" + v.Percent(int64(c.Overdue), int64(c.Open)) + ")"
	}
	d.intro = append(d.intro, labelled(v.Late, overdue), labelled(v.DueToday, v.Count(int64(c.DueToday), plain.Deals)))
	if len(likelyDeals) > 0 {
		d.intro = append(d.intro, labelled(v.Likely, v.Count(int64(len(likelyDeals)), plain.Deals)))
	}
	if amounts := c.amountsLate(); len(amounts) > 0 {
		var texts []string
		for _, a := range amounts {
			texts = append(texts, v.Amount(a))
		}
		d.intro = append(d.intro, labelled(v.AmountLate, strings.Join(texts, " + ")))
	}
	if c.Waiting > 0 {
		d.intro = append(d.intro, labelled(v.Waiting, v.Count(int64(c.Waiting), plain.Deals)))
	}
	if c.noPlan > 0 {
		d.intro = append(d.intro, labelled(v.NoPlan, v.Count(c.noPlan, plain.Deals)))
	}
	d.intro = append(d.intro, c.daysLost(v))
	if c.Open > c.Waiting && c.noPlan == int64(c.Open-c.Waiting) {
		d.intro = append(d.intro, textLine(v.NothingPlanned))
	}

	d.add(list(v.WhyChanged, c.changeLines(v)))
	d.add(section{
		heading: v.MostOverdue, lines: c.dealLines(v, lateDeals[:min(len(lateDeals), shownOverdue)], true), total: len(lateDeals),
		isOfDeals: true, link: c.dealList(),
	})
	d.add(c.managerSection(v))
	d.add(section{
		heading: v.Likely, lines: c.dealLines(v, likelyDeals[:min(len(likelyDeals), shownLikely)], true), total: len(likelyDeals),
		isOfDeals: true, link: c.dealList(),
	})
	d.add(list(v.Gone, c.goneLines(v)))
	d.add(list(v.NotCovered, c.gapLines(v)))
	d.closing = append(d.closing,
		line{{text: fmt.Sprintf(v.Run, strconv.FormatUint(uint64(c.run.RunID), 10), v.Date(c.run.AsOf)) + " "}, {text: v.AllDealsHere, link: c.dealList()}})
	return d
}

// daysLost is how many days are lost altogether, and how many more than before.
func (c *content) daysLost(v *voice) line {
	label := v.DaysLost
	if c.countsWorkingDays {
		label = v.WorkingDaysLost
	}
	l := labelled(label, v.Number(c.DaysLost))
	if c.before == transform.NoDay {
		return l
	}
	var since int64
	for _, change := range c.changes {
		since += change.Days
	}
	return append(l, span{text: " (" + fmt.Sprintf(v.Since, v.Signed(since), v.Date(c.before)) + ")"})
}

// changeLines say why the days lost are other than before, where it is not for the days that passed alone.
func (c *content) changeLines(v *voice) []line {
	var lines []line
	isPlain := true
	for _, change := range c.changes {
		isPlain = isPlain && change.Cause == "new"
		lines = append(lines, textLine(orSelf(v.ChangeText, change.Cause)+": "+v.Signed(change.Days)+" · "+v.Count(int64(change.Deals), plain.Deals)))
	}
	if isPlain {
		return nil
	}
	return lines
}

// orSelf is the text for a code; one that has none yet stands for itself.
func orSelf(texts map[string]string, code string) string {
	if text, ok := texts[code]; ok {
		return text
	}
	return code
}

// managerSection are the managers with late deals.
func (c *content) managerSection(v *voice) section {
	all := c.portfolios
	var lines []line
	for i := range all {
		p := &all[i]
		n := int64(len(late(p.deals)))
		if n == 0 {
			continue
		}
		name := c.manager(v, p.manager, p.name)
		if person, isKnown := c.people[p.manager]; isKnown && !person.IsActive {
			name += ", " + v.Dismissed
		}
		lines = append(lines, textLine(name+": "+v.Count(n, plain.Deals)+", "+v.Days(p.daysLate(), c.countsWorkingDays)))
	}
	return section{heading: v.ByManager, lines: lines[:min(len(lines), shownByName)], total: len(lines)}
}

func (c *content) goneLines(v *voice) []line {
	var lines []line
	for _, d := range c.gone {
		title := strings.TrimSpace(fmt.Sprintf("#%d %s", d.DealID, plain.Text(d.Title, longestTitle)))
		lines = append(lines, textLine(title+": "+orSelf(v.GoneText, d.Why)+", "+v.Days(d.Days, c.countsWorkingDays)))
	}
	return lines
}

func (c *content) gapLines(v *voice) []line {
	var lines []line
	for _, gap := range c.gaps {
		lines = append(lines, textLine(orSelf(v.GapText, gap.Reason)+": "+v.Number(int64(gap.Count))+" · "+v.Count(int64(gap.Deals), plain.Deals)))
	}
	return lines
}

// subject is the subject of mail with the summary.
func (c *content) subject(v *voice) string {
	return fmt.Sprintf(v.Subject, fmt.Sprintf(v.Title, v.Date(c.run.AsOf)), v.Number(int64(c.Overdue)), v.Number(int64(c.DueToday)))
}

// reportPeriod is the period of the report that goes along, as a reader names it.
func reportPeriod(r *report.Report, v *voice) string {
	return v.Date(r.Period.From) + " – " + v.Date(r.Period.To)
}

// Package calendar makes the calendars that plans are counted in: it reads the lists that
// the configuration names, lays them over each other, and says of each date whether it
// counts and why.
package calendar

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"stagelag/calendar/lists"
	"stagelag/config"
	"stagelag/extractor"
	"stagelag/transform"
)

// Loaded are all calendars of a configuration.
type Loaded struct {
	Each []Calendar // the default one first, then the others by the first of their funnels
}

// A Calendar is one that some funnels have.
type Calendar struct {
	// Name is empty for the default calendar, else the ids of its funnels: 5,7.
	Name string
	// Funnels are those that have it, by id; none for the default calendar, which all others have.
	Funnels []extractor.FunnelID
	Days    transform.Calendar
	// Lists are those that it is made of, each outweighs the ones before; none where every day counts.
	Lists []List
	// Exceptions are by date, one for each. What weighs less is not among them.
	Exceptions []Exception
}

// A List says for some dates whether they count.
type List struct {
	Name string // ru, company.csv or portal
	// From and Until are the first and the last date that it speaks for. FirstDay and LastDay are no ends: it
	// speaks without one.
	From, Until transform.Day
}

// An Exception is a date that counts, or does not, whatever its weekday.
type Exception struct {
	Day    transform.Day
	Counts bool
	Name   string // New Year holidays; may be empty
	Source string // the law, where the list names it, else the list or the key of the configuration
}

// Why is what the date is and who says so.
func (e Exception) Why() string {
	name := e.Name
	switch {
	case name != "":
	case e.Counts:
		name = "working day"
	default:
		name = "day off"
	}
	return name + " (" + e.Source + ")"
}

// NeedsSettings is whether Load wants the portal's settings.
func NeedsSettings(cfg config.Calendar) bool { return cfg.HasList(config.PortalList) }

// Load reads the lists of all calendars. The settings are those of the portal, nil where
// NeedsSettings is false. What is wrong in the lists and the settings is a *config.Error.
func Load(cfg config.Calendar, settings *Settings) (*Loaded, error) {
	var p problems
	r := reader{settings: settings, problems: &p, read: map[string]list{}}
	loaded := &Loaded{Each: []Calendar{r.calendar("calendar", cfg.Default())}}
	same := map[string]int{} // by what is configured
	for _, funnel := range slices.Sorted(maps.Keys(cfg.Funnels)) {
		own := cfg.Funnels[funnel]
		key := keyOf(own)
		at, isKnown := same[key]
		if !isKnown {
			at = len(loaded.Each)
			same[key] = at
			loaded.Each = append(loaded.Each, r.calendar("calendar.funnels["+strconv.FormatUint(uint64(funnel), 10)+"]", own))
		}
		c := &loaded.Each[at]
		c.Funnels = append(c.Funnels, funnel)
		c.Name = strings.TrimPrefix(c.Name+","+strconv.FormatUint(uint64(funnel), 10), ",")
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	return loaded, nil
}

// keyOf is the same for configurations of the same calendar.
func keyOf(c config.FunnelCalendar) string {
	names := make([]string, len(c.Lists))
	for i, list := range c.Lists {
		names[i] = list.Name
	}
	return fmt.Sprintf("%s %v %q %v %v", c.Kind, weekendOf(c.Weekend), names, sorted(c.Off), sorted(c.Work))
}

func sorted(dates []time.Time) []time.Time {
	return slices.SortedFunc(slices.Values(dates), time.Time.Compare)
}

// weekendOf is the weekdays as transform has them.
func weekendOf(days []time.Weekday) (weekend [7]bool) {
	for _, day := range days {
		weekend[day] = true
	}
	return weekend
}

// Of is the calendar of a funnel.
func (l *Loaded) Of(funnel extractor.FunnelID) *Calendar {
	for i := range l.Each {
		if slices.Contains(l.Each[i].Funnels, funnel) {
			return &l.Each[i]
		}
	}
	return &l.Each[0]
}

// Calendars are what transform counts by.
func (l *Loaded) Calendars() *transform.Calendars {
	all := &transform.Calendars{Default: l.Each[0].Days, Funnels: map[extractor.FunnelID]transform.Calendar{}}
	for _, c := range l.Each[1:] {
		for _, funnel := range c.Funnels {
			all.Funnels[funnel] = c.Days
		}
	}
	return all
}

// HasEnd is whether any list speaks up to a date only.
func (l *Loaded) HasEnd() bool { return len(l.Ends(transform.LastDay)) > 0 }

// Ends says of each list that speaks no further than a date before furthest when it ends, a
// sentence each. A date beyond that counts by its weekday.
func (l *Loaded) Ends(furthest transform.Day) []string {
	var sentences []string
	for _, c := range l.Each {
		for _, list := range c.Lists {
			if list.Until < furthest {
				of := "the calendar"
				if c.Name != "" {
					of = "the calendar of the funnels " + c.Name
				}
				sentences = append(sentences, fmt.Sprintf("the list %s of %s ends on %s, and plans reach to %s: later dates count by their weekday alone", list.Name, of, list.Until, furthest))
			}
		}
	}
	return sentences
}

// Explain is whether a date counts, and why, where it is not an ordinary one.
func (c *Calendar) Explain(day transform.Day) (counts bool, why string) {
	if i, ok := slices.BinarySearchFunc(c.Exceptions, day, func(e Exception, day transform.Day) int { return cmp.Compare(e.Day, day) }); ok {
		return c.Exceptions[i].Counts, c.Exceptions[i].Why()
	}
	if counts = c.Days.Counts(day); !counts {
		why = "weekly day off"
	}
	return counts, why
}

// A reader makes calendars. A list that several of them have is read once.
type reader struct {
	settings *Settings
	problems *problems
	read     map[string]list
}

// A list is one that was read.
type list struct {
	List
	days []Exception
}

// calendar is one, which the configuration has at path.
func (r *reader) calendar(path string, cfg config.FunnelCalendar) Calendar {
	if cfg.Kind != config.WorkingDays {
		return Calendar{Days: transform.CalendarDays{}}
	}
	var c Calendar
	merged := map[transform.Day]Exception{}
	lay := func(days []Exception) {
		for _, e := range days {
			merged[e.Day] = e
		}
	}
	for _, named := range cfg.Lists {
		l := r.list(named)
		c.Lists = append(c.Lists, l.List)
		lay(l.days)
	}
	for _, set := range []struct {
		key    string
		counts bool
		dates  []time.Time
	}{{path + ".off", false, cfg.Off}, {path + ".work", true, cfg.Work}} {
		for _, date := range set.dates {
			lay([]Exception{{Day: transform.DayOf(date, time.UTC), Counts: set.counts, Source: set.key}})
		}
	}
	c.Exceptions = slices.SortedFunc(maps.Values(merged), func(a, b Exception) int { return cmp.Compare(a.Day, b.Day) })
	exceptions := make([]transform.Exception, len(c.Exceptions))
	for i, e := range c.Exceptions {
		exceptions[i] = transform.Exception{Day: e.Day, Counts: e.Counts, Why: e.Why()}
	}
	working := transform.NewWorkingDays(weekendOf(cfg.Weekend), exceptions)
	c.Days = working
	// What could not be read may be what makes days count.
	if len(r.problems.complaints) == 0 {
		r.checkGaps(path, cfg, &c, working)
	}
	return c
}

// longestGap is how many days in a row may be off.
const longestGap = 366

// checkGaps complains of the first year in which no day counts: a plan could not end in it.
func (r *reader) checkGaps(path string, cfg config.FunnelCalendar, c *Calendar, days *transform.WorkingDays) {
	last := transform.FirstDay - 1
	for day := transform.FirstDay; day <= transform.LastDay+1; day++ {
		if day <= transform.LastDay && !days.Counts(day) {
			continue
		}
		if day-last-1 > longestGap {
			_, why := c.Explain(last + 1)
			r.problems.add(cfg.Place, "%s: no day counts from %s to %s, which is over a year, and a plan could not end; the first of them is: %s", path, last+1, day-1, why)
			return
		}
		last = day
	}
}

func (r *reader) list(named config.List) list {
	l, isRead := r.read[named.Name]
	if isRead {
		return l
	}
	shipped, text, isShipped := lists.Find(named.Name)
	switch {
	case isShipped:
		l.days = r.csv(named.Name, named.Name, text)
		l.From, l.Until = mustDay(shipped.From), mustDay(shipped.Until)
	case named.Name == config.PortalList:
		l.days = r.portal()
		l.From, l.Until = transform.FirstDay, transform.LastDay
	default:
		l.days = r.file(named)
		l.From, l.Until = yearsOf(l.days)
	}
	l.Name = filepath.Base(named.Name)
	r.read[named.Name] = l
	return l
}

// mustDay reads a date of the program's own index, which a test reads as well.
func mustDay(text string) transform.Day {
	day, err := transform.ParseDay(text)
	if err != nil {
		panic("calendar: the index of the lists: " + err.Error())
	}
	return day
}

// yearsOf are the first day of the first year and the last day of the last one that the days,
// which are in their order, lie in.
func yearsOf(days []Exception) (from, until transform.Day) {
	if len(days) == 0 {
		return transform.FirstDay, transform.FirstDay
	}
	first, last := days[0].Day.Time().Year(), days[len(days)-1].Day.Time().Year()
	return transform.DayOf(time.Date(first, time.January, 1, 0, 0, 0, 0, time.UTC), time.UTC),
		transform.DayOf(time.Date(last, time.December, 31, 0, 0, 0, 0, time.UTC), time.UTC)
}

// problems are what is wrong with lists.
type problems struct {
	complaints []config.Complaint
	left       map[string]int // of a file: how many more there are
	shown      map[string]int
}

// mostComplaints is how many complaints are shown of one list: a file of another kind has one
// for each of its lines.
const mostComplaints = 5

// add complains of a list, or about a place in the configuration.
func (p *problems) add(place, format string, args ...any) {
	p.complaints = append(p.complaints, config.Complaint{Place: place, Text: fmt.Sprintf(format, args...)})
}

// addLine complains of a line of a list.
func (p *problems) addLine(file string, line int, format string, args ...any) {
	if p.shown == nil {
		p.shown, p.left = map[string]int{}, map[string]int{}
	}
	if p.shown[file]++; p.shown[file] > mostComplaints {
		p.left[file]++
		return
	}
	place := file
	if line > 0 {
		place += ":" + strconv.Itoa(line)
	}
	p.add(place, format, args...)
}

func (p *problems) err() error {
	for _, file := range slices.Sorted(maps.Keys(p.left)) {
		if n := p.left[file]; n > 0 {
			p.add(file, "%d more lines that can't be read", n)
		}
	}
	if len(p.complaints) == 0 {
		return nil
	}
	return &config.Error{Complaints: p.complaints}
}

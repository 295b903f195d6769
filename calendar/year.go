package calendar

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"stagelag/locale"
	"stagelag/transform"
)

// The years that a calendar can be shown for.
const (
	FirstYear = 1970
	LastYear  = 2148 // the last whole one
)

// A Month is how a month counts.
type Month struct {
	Month    time.Month
	Days     int
	Counting int
	// Dates are the days that count, those in a row as one: 12-16 19-23.
	Dates string
}

// Months are those of a year from FirstYear to LastYear.
func (c *Calendar) Months(year int) []Month {
	months := make([]Month, 0, 12)
	for month := time.January; month <= time.December; month++ {
		first, next := dayAt(year, month, 1), dayAt(year, month+1, 1)
		m := Month{Month: month, Days: int(next - first), Counting: int(c.Days.Number(next-1) - c.Days.Number(first-1))}
		var rows []string
		for day := first; day < next; day++ {
			if !c.Days.Counts(day) {
				continue
			}
			last := day
			for last+1 < next && c.Days.Counts(last+1) {
				last++
			}
			row := strconv.Itoa(int(day-first) + 1)
			if last > day {
				row += "-" + strconv.Itoa(int(last-first)+1)
			}
			rows = append(rows, row)
			day = last
		}
		m.Dates = strings.Join(rows, " ")
		months = append(months, m)
	}
	return months
}

func dayAt(year int, month time.Month, day int) transform.Day {
	return transform.DayOf(time.Date(year, month, day, 0, 0, 0, 0, time.UTC), time.UTC)
}

// In are the exceptions of a year.
func (c *Calendar) In(year int) []Exception {
	var list []Exception
	for _, e := range c.Exceptions {
		if e.Day.Time().Year() == year {
			list = append(list, e)
		}
	}
	return list
}

// WriteTable writes a year for people: the months with their counting days, the exceptions
// with their reasons, and until when the lists speak.
func (l *Loaded) WriteTable(w io.Writer, c *Calendar, year int, p *locale.Printer) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	dayAndMonth := "_2 Jan"
	if p.Language() == locale.Russian {
		dayAndMonth = "_2.01"
	}
	line("%s %d: %s", p.Text(l.title(c)), year, p.Text(c.rule()))
	line("")
	line("%10s\t%4s\t%8s\t%s", "", p.Text("days"), p.Text("counting"), "")
	days, counting := 0, 0
	for _, m := range c.Months(year) {
		line("%-10s\t%4d\t%8d\t%s", p.Text(m.Month.String()), m.Days, m.Counting, m.Dates)
		days, counting = days+m.Days, counting+m.Counting
		if m.Month%3 == 0 && m.Month < time.December {
			line("\t\t\t")
		}
	}
	line("\t\t\t")
	line("%-10d\t%4d\t%8d\t", year, days, counting)
	if exceptions := c.In(year); len(exceptions) > 0 {
		line("")
		for _, e := range exceptions {
			line("%s %s\t%s\t%s", p.Text(e.Day.Time().Format("Mon")), e.Day.Time().Format(dayAndMonth), p.Text(kindOf(e)), p.Text(e.Why()))
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	remarks := append(c.Absent(year), c.remarks(year)...)
	if funnels := l.others(c); funnels != "" {
		remarks = append(remarks, funnels)
	}
	if len(remarks) > 0 {
		remarks = append([]string{""}, remarks...)
	}
	for _, remark := range remarks {
		if _, err := fmt.Fprintln(w, p.Text(remark)); err != nil {
			return err
		}
	}
	return nil
}

// WriteTSV writes a year for programs, as three tables with a head each, divided by an empty
// line: the months and the whole year, the exceptions, and the lists. An end that a list has
// not is empty.
func (c *Calendar) WriteTSV(w io.Writer, year int) error {
	var b strings.Builder
	fmt.Fprintln(&b, "month\tdays\tcounting\tdates")
	days, counting := 0, 0
	for _, m := range c.Months(year) {
		fmt.Fprintf(&b, "%d-%02d\t%d\t%d\t%s\n", year, m.Month, m.Days, m.Counting, m.Dates)
		days, counting = days+m.Days, counting+m.Counting
	}
	fmt.Fprintf(&b, "%d\t%d\t%d\t\n\ndate\tkind\twhy\n", year, days, counting)
	for _, e := range c.In(year) {
		fmt.Fprintf(&b, "%s\t%s\t%s\n", e.Day, kindOf(e), e.Why())
	}
	fmt.Fprintln(&b, "\nlist\tfrom\tuntil")
	for _, list := range c.Lists {
		from, until := list.From.String(), list.Until.String()
		if list.From == transform.FirstDay {
			from = ""
		}
		if list.Until == transform.LastDay {
			until = ""
		}
		fmt.Fprintf(&b, "%s\t%s\t%s\n", list.Name, from, until)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func kindOf(e Exception) string {
	if e.Counts {
		return "work"
	}
	return "off"
}

// title names the calendar.
func (l *Loaded) title(c *Calendar) string {
	switch {
	case len(c.Funnels) > 1:
		return fmt.Sprintf("The calendar of the funnels %s in", strings.ReplaceAll(c.Name, ",", ", "))
	case c.Name != "":
		return fmt.Sprintf("The calendar of funnel %s in", c.Name)
	case len(l.Each) > 1:
		return "The default calendar in"
	default:
		return "The calendar in"
	}
}

// rule says which days count.
func (c *Calendar) rule() string {
	working, ok := c.Days.(*transform.WorkingDays)
	if !ok {
		return "every day counts"
	}
	var off []string
	for i := range 7 {
		if day := time.Weekday((i + 1) % 7); working.Weekend[day] {
			off = append(off, day.String())
		}
	}
	if len(off) == 0 {
		return "no weekly days off"
	}
	return fmt.Sprintf("weekly days off are %s", strings.Join(off, ", "))
}

// Absent says which of a year's exceptions and lists there are none of, a sentence for each.
func (c *Calendar) Absent(year int) []string {
	if _, ok := c.Days.(*transform.WorkingDays); !ok {
		return []string{"Every day counts, so there are no exceptions and no lists."}
	}
	var absent []string
	if len(c.In(year)) == 0 {
		absent = append(absent, fmt.Sprintf("There are no exceptions in %d.", year))
	}
	if len(c.Lists) == 0 {
		absent = append(absent, "There are no lists of days off: calendar.lists names none.")
	}
	return absent
}

// remarks say how far the lists speak, and which of them say nothing of the year.
func (c *Calendar) remarks(year int) []string {
	var remarks []string
	for _, list := range c.Lists {
		switch {
		case list.Until == transform.LastDay:
			remarks = append(remarks, fmt.Sprintf("The list %s has no end.", list.Name))
		case list.Until < dayAt(year, time.December, 31):
			remarks = append(remarks, fmt.Sprintf("The list %s ends on %s: later dates count by their weekday alone.", list.Name, list.Until))
		case list.From > dayAt(year, time.January, 1):
			remarks = append(remarks, fmt.Sprintf("The list %s begins on %s: earlier dates count by their weekday alone.", list.Name, list.From))
		default:
			remarks = append(remarks, fmt.Sprintf("The list %s ends on %s.", list.Name, list.Until))
		}
	}
	return remarks
}

// others says which funnels have another calendar than the default one.
func (l *Loaded) others(c *Calendar) string {
	var names []string
	for _, other := range l.Each[1:] {
		names = append(names, other.Name)
	}
	if c.Name != "" || len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("Other calendars: funnels %s (--funnel ID shows one).", strings.Join(names, "; "))
}

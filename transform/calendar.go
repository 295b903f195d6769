package transform

import (
	"cmp"
	"maps"
	"slices"

	"stagelag/extractor"
)

// A Calendar says which dates count against a plan. Elapsed days are calendar days under every calendar.
type Calendar interface {
	// Counts is whether the date counts.
	Counts(day Day) bool
	// Number is how many dates up to the day count, from a beginning of the calendar's own: the difference of two
	// numbers is the counting days after the one day up to the other.
	Number(day Day) int32
	// PlannedEnd is the last day on which a visit entered on the day is still on time: the n-th counting day after
	// it, and for 0 the day itself if it counts, else the next that does. It is after LastDay where there is none.
	PlannedEnd(entered Day, planDays int32) Day
}

// Calendars are the calendars of the funnels.
type Calendars struct {
	Default Calendar
	Funnels map[extractor.FunnelID]Calendar // those with another one
}

// Of is the calendar of a funnel.
func (c *Calendars) Of(funnel extractor.FunnelID) Calendar {
	if calendar, ok := c.Funnels[funnel]; ok {
		return calendar
	}
	return c.Default
}

// Groups are the funnels with a calendar other than the default one, those with the same one together.
func (c *Calendars) Groups() (groups [][]extractor.FunnelID) {
	for _, funnel := range slices.Sorted(maps.Keys(c.Funnels)) {
		i := slices.IndexFunc(groups, func(g []extractor.FunnelID) bool { return isSameCalendar(c.Funnels[g[0]], c.Funnels[funnel]) })
		if i < 0 {
			groups = append(groups, nil)
			i = len(groups) - 1
		}
		groups[i] = append(groups[i], funnel)
	}
	return groups
}

// Equal is whether the same dates count in all funnels, and for the same reasons.
func (c *Calendars) Equal(d *Calendars) bool {
	return isSameCalendar(c.Default, d.Default) && maps.EqualFunc(c.Funnels, d.Funnels, isSameCalendar)
}

func isSameCalendar(a, b Calendar) bool {
	v, isWorking := a.(*WorkingDays)
	w, areBoth := b.(*WorkingDays)
	if !isWorking || !areBoth {
		return isWorking == areBoth
	}
	return v == w || v.Weekend == w.Weekend && slices.Equal(v.Exceptions, w.Exceptions)
}

// CalendarDays counts every day.
type CalendarDays struct{}

// Counts is true.
func (CalendarDays) Counts(Day) bool { return true }

// Number is the days since 1970-01-01.
func (CalendarDays) Number(day Day) int32 { return int32(day) }

// PlannedEnd adds the days of the plan to the day of entry.
func (CalendarDays) PlannedEnd(entered Day, planDays int32) Day { return entered + Day(planDays) }

// WorkingDays count all dates but the weekly days off and some that are off by themselves, and some dates that are
// worked although they are one of these.
type WorkingDays struct {
	Weekend    [7]bool // by time.Weekday
	Exceptions []Exception
	numbers    []int32 // by day
	days       []Day   // those that count, in their order
}

// An Exception is a date that counts, or does not, whatever its weekday.
type Exception struct {
	Day    Day
	Counts bool
	Why    string
}

// NewWorkingDays makes the calendar. Of several exceptions of one date the last one holds.
func NewWorkingDays(weekend [7]bool, exceptions []Exception) *WorkingDays {
	w := &WorkingDays{Weekend: weekend, numbers: make([]int32, LastDay+1)}
	last := map[Day]Exception{}
	for _, e := range exceptions {
		last[e.Day] = e
	}
	w.Exceptions = slices.SortedFunc(maps.Values(last), func(a, b Exception) int { return cmp.Compare(a.Day, b.Day) })
	weekday := FirstDay.Time().Weekday()
	next := 0
	for day := FirstDay; day <= LastDay; day++ {
		counts := !weekend[weekday]
		if next < len(w.Exceptions) && w.Exceptions[next].Day == day {
			counts = w.Exceptions[next].Counts
			next++
		}
		if counts {
			w.days = append(w.days, day)
		}
		w.numbers[day] = int32(len(w.days))
		weekday = (weekday + 1) % 7
	}
	return w
}

// Counts is whether the date is worked.
func (w *WorkingDays) Counts(day Day) bool { return w.Number(day) > w.Number(day-1) }

// Number counts the days that are worked from 1970-01-01 on.
func (w *WorkingDays) Number(day Day) int32 {
	if day < FirstDay {
		return 0
	}
	return w.numbers[min(day, LastDay)]
}

// PlannedEnd is the n-th day after the entry that is worked.
func (w *WorkingDays) PlannedEnd(entered Day, planDays int32) Day {
	n := int(w.Number(entered)) + int(planDays) // the place behind the one that is looked for
	if planDays == 0 && !w.Counts(entered) {
		n++
	}
	if n < 1 || n > len(w.days) {
		return LastDay + 1
	}
	return w.days[n-1]
}

// between counts the days d with after < d <= until that count; 0 when until is not after.
func between(c Calendar, after, until Day) int32 { return max(0, c.Number(until)-c.Number(after)) }

package schedule

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Times are the moments at which runs are due.
type Times struct {
	spec *cron.SpecSchedule
	zone *time.Location
}

// The five fields of cron, without the @daily and CRON_TZ= that the library would take
// as well: the zone is the portal's.
var fields = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

// Parse reads five cron fields, for the clocks on the walls of the zone. Of the days of the week,
// 0 and 7 are Sunday.
func Parse(spec string, zone *time.Location) (Times, error) {
	if parts := strings.Fields(spec); len(parts) == 5 {
		var err error
		if parts[4], err = fromSunday(parts[4]); err != nil {
			return Times{}, err
		}
		spec = strings.Join(parts, " ")
	}
	parsed, err := fields.Parse(spec)
	if err != nil {
		return Times{}, err
	}
	fixed, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return Times{}, fmt.Errorf("%s is not five cron fields", spec)
	}
	return Times{fixed, zone}, nil
}

// fromSunday writes a field of days of the week for the library, which knows Sunday as 0 only.
func fromSunday(field string) (string, error) {
	items := strings.Split(field, ",")
	for i, item := range items {
		span, step, hasStep := strings.Cut(item, "/")
		low, high, isRange := strings.Cut(span, "-")
		if !isRange {
			high = low
		}
		first, isDay := weekday(low)
		last, isToo := weekday(high)
		if isToo && last > 7 {
			// The library would say that 6 is the most.
			return "", fmt.Errorf("end of range (%d) above maximum (7): %s", last, item)
		}
		if !isDay || !isToo || last != 7 || first > last {
			continue
		}
		by := 1
		if hasStep {
			var err error
			if by, err = strconv.Atoi(step); err != nil || by < 1 {
				items[i] = "0/" + step // the library says what is wrong with the step
				continue
			}
		}
		var days []string
		for day := first; day <= 7; day += by {
			days = append(days, strconv.Itoa(day%7))
		}
		items[i] = strings.Join(days, ",")
	}
	return strings.Join(items, ","), nil
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func weekday(text string) (day int, ok bool) {
	if day = slices.Index(weekdays, strings.ToLower(text)); day >= 0 {
		return day, true
	}
	day, err := strconv.Atoi(text)
	return day, err == nil
}

// isAny is the bit that the library sets in a field of days that leaves them open, such as *.
const isAny = 1 << 63

// Either says in words on which days runs are due where both the days of the month and those of
// the week are limited, which cron joins by "or". Else it is empty.
func (s Times) Either() string {
	if s.spec.Dom&isAny > 0 || s.spec.Dow&isAny > 0 {
		return ""
	}
	var dates, days []string
	for first := 1; first <= 31; first++ {
		last := first
		for last <= 31 && s.spec.Dom&(1<<last) > 0 {
			last++
		}
		switch last - first {
		case 0:
		case 1, 2: // two in a row are not worth a range
			dates = append(dates, strconv.Itoa(first))
		default:
			dates = append(dates, fmt.Sprintf("%d-%d", first, last-1))
			first = last
		}
	}
	for day := time.Sunday; day <= time.Saturday; day++ {
		if s.spec.Dow&(1<<day) > 0 {
			days = append(days, day.String()+"s")
		}
	}
	return fmt.Sprintf("on the days %s of a month, and also on %s: cron joins the two by \"or\"", listed(dates), listed(days))
}

// listed is: a, b and c.
func listed(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// Next is the first moment after t, in the zone, or the zero time where none comes within
// five years.
//
// A time that the clocks skip comes at the moment when they do, and one that they show
// twice comes the first time: a night has one run. The library by itself would leave out a
// night at 02:30 when clocks are put forward at 02:00, and run it twice when they are put
// back at 03:00. So it is asked about a calendar without such days, that of UTC.
func (s Times) Next(t time.Time) time.Time {
	t = t.In(s.zone)
	wall := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	for {
		if wall = s.spec.Next(wall); wall.IsZero() {
			return time.Time{}
		}
		// While the clocks show an hour for the second time, what is next on them has been.
		if next := firstShown(wall, s.zone); next.After(t) {
			return next
		}
	}
}

// firstShown is the first moment at which the clocks of a zone show a time or a later one.
// The time is given as one of UTC.
func firstShown(wall time.Time, zone *time.Location) time.Time {
	// No zone is a day ahead of UTC.
	at := wall.Add(-24 * time.Hour).In(zone)
	for {
		_, offset := at.Zone()
		start, end := at.ZoneBounds()
		first := wall.Add(-time.Duration(offset) * time.Second).In(zone)
		if first.Before(start) {
			first = start
		}
		if end.IsZero() || first.Before(end) {
			return first
		}
		at = end
	}
}

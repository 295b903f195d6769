package schedule

import (
	"time"

	"github.com/robfig/cron/v3"
)

// Times are the moments at which runs are due.
type Times struct {
	spec cron.Schedule
	zone *time.Location
}

// The five fields of cron, without the @daily and CRON_TZ= that the library would take
// as well: the zone is the portal's.
var fields = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

// Parse reads five cron fields, for the clocks on the walls of the zone.
func Parse(spec string, zone *time.Location) (Times, error) {
	parsed, err := fields.Parse(spec)
	return Times{parsed, zone}, err
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

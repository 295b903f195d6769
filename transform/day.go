package transform

import (
	"errors"
	"fmt"
	"time"

	"stagelag/plain"
)

// A Day is a calendar date, counted in days from 1970-01-01. Arithmetic is on dates,
// never on hours, so daylight saving moves nothing.
type Day int32

// The dates that the warehouse's Date type can hold. NoDay is none of them: it stands
// for an absent date.
const (
	FirstDay Day = 0     // 1970-01-01
	LastDay  Day = 65535 // 2149-06-06
	NoDay    Day = -1 << 31
)

const secondsPerDay = 24 * 60 * 60

// DayOf is the calendar date of an instant in a zone, held within FirstDay and LastDay.
func DayOf(t time.Time, zone *time.Location) Day {
	local := t.In(zone)
	_, offset := local.Zone()
	seconds := local.Unix() + int64(offset)
	day := seconds / secondsPerDay
	if seconds%secondsPerDay < 0 {
		day--
	}
	return Day(min(max(day, int64(FirstDay)), int64(LastDay)))
}

// isDated is whether the date of an instant in a zone is one from FirstDay to LastDay.
func isDated(t time.Time, zone *time.Location) bool {
	year, month, date := t.In(zone).Date()
	day := time.Date(year, month, date, 0, 0, 0, 0, time.UTC).Unix() / secondsPerDay
	return int64(FirstDay) <= day && day <= int64(LastDay)
}

// ParseDay reads a date of the form 2006-01-02.
func ParseDay(text string) (Day, error) {
	t, err := time.Parse(time.DateOnly, text)
	if wrong := plain.WrongDate(text); wrong != "" {
		return NoDay, errors.New(wrong)
	}
	if err != nil {
		return NoDay, fmt.Errorf("%q is not a date of the form YYYY-MM-DD", text)
	}
	day := t.Unix() / secondsPerDay
	if day < int64(FirstDay) || day > int64(LastDay) {
		return NoDay, fmt.Errorf("%s is outside %s to %s", text, FirstDay, LastDay)
	}
	return Day(day), nil
}

// Time is midnight UTC of the date.
func (d Day) Time() time.Time { return time.Unix(int64(d)*secondsPerDay, 0).UTC() }

// Start is the first instant of the date in a zone.
func (d Day) Start(zone *time.Location) time.Time {
	t := d.Time()
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, zone)
}

// String is the date as 2006-01-02, empty for NoDay.
func (d Day) String() string {
	if d == NoDay {
		return ""
	}
	return d.Time().Format(time.DateOnly)
}

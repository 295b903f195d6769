package simulator

import "time"

// CalendarSettings are what calendar.settings.get tells of days off, as an administrator wrote
// it into the portal's settings.
type CalendarSettings struct {
	YearHolidays string   // days and months: 1.01,8.03
	YearWorkdays string   // the same
	WeekHolidays []string // SA, SU
}

// defaultCalendar is what a new portal has.
var defaultCalendar = CalendarSettings{YearHolidays: "1.01,2.01,7.01,23.02,8.03,1.05,9.05,12.06,4.11", WeekHolidays: []string{"SA", "SU"}}

// SetCalendar changes the portal's calendar settings.
func (w *World) SetCalendar(at time.Time, settings CalendarSettings) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at(toUnix(at), func() { w.calendar = settings })
}

func (in *invocation) calendarSettings() (outcome, *Error) {
	settings := in.world.calendar
	b := append(in.out, `{"work_time_start":"9","work_time_end":"18"`...)
	b = appendText(append(b, `,"year_holidays":`...), settings.YearHolidays)
	b = appendText(append(b, `,"year_workdays":`...), settings.YearWorkdays)
	b = append(b, `,"week_holidays":[`...)
	for i, day := range settings.WeekHolidays {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, day)
	}
	in.out = append(b, `],"week_start":"MO"}`...)
	return in.result(), nil
}

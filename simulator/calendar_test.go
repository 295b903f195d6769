package simulator_test

import (
	"testing"
	"time"

	"stagelag/simulator"
)

func TestCalendarSettings(t *testing.T) {
	w := newWorld()
	s := serve(t, w, simulator.Options{Scopes: []string{"crm", "calendar"}})
	wantEqual(t, "the settings of a new portal", s.call("calendar.settings.get", nil).at("result"), any(object{
		"work_time_start": "9", "work_time_end": "18", "week_start": "MO",
		"year_holidays": "1.01,2.01,7.01,23.02,8.03,1.05,9.05,12.06,4.11", "year_workdays": "", "week_holidays": []any{"SA", "SU"},
	}))
	w.SetCalendar(time.Time{}, simulator.CalendarSettings{YearHolidays: "1.01", YearWorkdays: "31.12"})
	got := s.call("calendar.settings.get", nil)
	wantEqual(t, "changed holidays", got.at("result", "year_holidays"), any("1.01"))
	wantEqual(t, "changed working days", got.at("result", "year_workdays"), any("31.12"))
	wantEqual(t, "no weekly days off", got.at("result", "week_holidays"), any([]any{}))
}

package schedule_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"stagelag/schedule"
)

func location(t rapid.TB, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func times(t rapid.TB, spec, zone string) schedule.Times {
	t.Helper()
	s, err := schedule.Parse(spec, location(t, zone))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestNext(t *testing.T) {
	tests := []struct {
		name, spec, zone, from string
		want                   []string
	}{
		{"every night", "30 2 * * *", "Europe/Moscow", "2026-11-24T12:00:00+03:00",
			[]string{"2026-11-25T02:30:00+03:00", "2026-11-26T02:30:00+03:00"}},
		{"a moment is not after itself", "30 2 * * *", "UTC", "2026-11-24T02:30:00Z",
			[]string{"2026-11-25T02:30:00Z"}},
		{"a second before", "30 2 * * *", "UTC", "2026-11-24T02:29:59Z",
			[]string{"2026-11-24T02:30:00Z"}},
		{"a time that the clocks skip comes when they do", "30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00+01:00",
			[]string{"2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"}},
		{"a time that the clocks show twice comes the first time", "30 2 * * *", "Europe/Berlin", "2026-10-24T00:00:00+02:00",
			[]string{"2026-10-24T02:30:00+02:00", "2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"}},
		{"from between the two showings", "30 2 * * *", "Europe/Berlin", "2026-10-25T02:10:00+01:00",
			[]string{"2026-10-26T02:30:00+01:00"}},
		{"the hour's beginning belongs to the day that it begins", "0 3 * * *", "Europe/Berlin", "2026-03-28T12:00:00+01:00",
			[]string{"2026-03-29T03:00:00+02:00", "2026-03-30T03:00:00+02:00"}},
		{"two times that are skipped together come once", "0,30 2 * * *", "Europe/Berlin", "2026-03-29T00:00:00+01:00",
			[]string{"2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00"}},
		{"midnight is skipped", "0 0 * * *", "America/Sao_Paulo", "2018-11-03T12:00:00-03:00",
			[]string{"2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00"}},
		{"midnight is shown twice", "30 23 * * *", "America/Sao_Paulo", "2018-02-16T12:00:00-02:00",
			[]string{"2018-02-16T23:30:00-02:00", "2018-02-17T23:30:00-02:00", "2018-02-18T23:30:00-03:00"}},
		{"the clocks go by half an hour", "15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00+10:30",
			[]string{"2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"}},
		{"a day that a zone has skipped", "30 2 * * *", "Pacific/Apia", "2011-12-29T12:00:00-10:00",
			[]string{"2011-12-31T00:00:00+14:00", "2011-12-31T02:30:00+14:00"}},
		{"Sundays at an hour that one of them skips", "30 2 * * 0", "Europe/Berlin", "2026-03-23T00:00:00+01:00",
			[]string{"2026-03-29T03:00:00+02:00", "2026-04-05T02:30:00+02:00"}},
		{"7 is Sunday", "30 2 * * 7", "UTC", "2026-03-02T12:00:00Z",
			[]string{"2026-03-08T02:30:00Z", "2026-03-15T02:30:00Z"}},
		{"the 15th or a Monday", "0 3 15 * MON", "UTC", "2026-03-10T00:00:00Z",
			[]string{"2026-03-15T03:00:00Z", "2026-03-16T03:00:00Z", "2026-03-23T03:00:00Z"}},
		{"every hour", "0 * * * *", "Europe/Berlin", "2026-03-29T00:30:00+01:00",
			[]string{"2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T04:00:00+02:00"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			at, err := time.Parse(time.RFC3339, test.from)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for range test.want {
				at = times(t, test.spec, test.zone).Next(at)
				got = append(got, at.Format(time.RFC3339))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("%s in %s from %s = %v, want %v", test.spec, test.zone, test.from, got, test.want)
			}
		})
	}
}

func TestNextThatNeverComes(t *testing.T) {
	if next := times(t, "0 0 31 2 *", "UTC").Next(time.Now()); !next.IsZero() {
		t.Errorf("the 31st of February is %v, want none", next)
	}
}

// Sunday is 0, 7 and SUN, alone and in ranges, lists and steps.
func TestDaysOfTheWeek(t *testing.T) {
	tests := []struct{ field, want string }{
		{"0", "Sun"}, {"7", "Sun"}, {"07", "Sun"}, {"SUN", "Sun"}, {"sun", "Sun"},
		{"5-7", "Sun Fri Sat"}, {"FRI-7", "Sun Fri Sat"}, {"7-7", "Sun"}, {"6,7", "Sun Sat"}, {"1,7", "Sun Mon"}, {"7,MON", "Sun Mon"},
		{"0-7", "Sun Mon Tue Wed Thu Fri Sat"}, {"1-7", "Sun Mon Tue Wed Thu Fri Sat"}, {"1-5,7", "Sun Mon Tue Wed Thu Fri"},
		{"1-7/2", "Sun Mon Wed Fri"}, {"2-7/2", "Tue Thu Sat"}, {"7/2", "Sun"}, {"*/7", "Sun"}, {"1-6/7", "Mon"},
		{"*", "Sun Mon Tue Wed Thu Fri Sat"}, {"MON-FRI", "Mon Tue Wed Thu Fri"},
	}
	for _, test := range tests {
		s := times(t, "0 12 * * "+test.field, "UTC")
		var got []string
		sunday := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		for at := s.Next(sunday); at.Before(sunday.AddDate(0, 0, 7)); at = s.Next(at) {
			got = append(got, at.Weekday().String()[:3])
		}
		if got := strings.Join(got, " "); got != test.want {
			t.Errorf("the days %s are %s, want %s", test.field, got, test.want)
		}
	}
	for _, field := range []string{"8", "7-8", "7-2", "6-0", "1-7/0", "1-7/x", "7/-1", "-7", "1-3-7", "77", ""} {
		if _, err := schedule.Parse("0 12 * * "+field, time.UTC); err == nil {
			t.Errorf("the days %q are taken", field)
		}
	}
	_, err := schedule.Parse("0 12 * * 1-8", time.UTC)
	if want := "end of range (8) above maximum (7): 1-8"; err == nil || err.Error() != want {
		t.Errorf("the days 1-8: %v, want %s", err, want)
	}
}

func TestDaysThatCronJoinsByOr(t *testing.T) {
	tests := []struct{ spec, want string }{
		{"30 2 * * *", ""}, {"30 2 1 * *", ""}, {"30 2 * * 7", ""}, {"30 2 ? * MON", ""}, {"30 2 */2 * *", ""},
		{"0 3 15 * MON", `on the days 15 of a month, and also on Mondays: cron joins the two by "or"`},
		{"0 3 */2 * MON", `on the days 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29 and 31 of a month, and also on Mondays: cron joins the two by "or"`},
		{"0 3 1-7,14,15,29-31 6 5-7", `on the days 1-7, 14, 15 and 29-31 of a month, and also on Sundays, Fridays and Saturdays: cron joins the two by "or"`},
	}
	for _, test := range tests {
		if got := times(t, test.spec, "UTC").Either(); got != test.want {
			t.Errorf("%s runs %q, want %q", test.spec, got, test.want)
		}
	}
}

// Every date of every zone has one run, and it is the first minute at which the clocks show
// the time or a later one.
func TestEveryDateHasOneRun(t *testing.T) {
	zones := []string{
		"Europe/Berlin", "Europe/Moscow", "America/New_York", "America/Sao_Paulo", "America/St_Johns", "Africa/Casablanca",
		"Asia/Tehran", "Asia/Kathmandu", "Australia/Lord_Howe", "Antarctica/Troll", "Pacific/Chatham", "UTC",
	}
	rapid.Check(t, func(t *rapid.T) {
		zone := location(t, rapid.SampledFrom(zones).Draw(t, "zone"))
		hour, minute := rapid.IntRange(0, 23).Draw(t, "hour"), rapid.IntRange(0, 59).Draw(t, "minute")
		spec := time.Date(0, 1, 1, hour, minute, 0, 0, time.UTC).Format("4 15") + " * * *"
		year, yearDay := rapid.IntRange(1990, 2036).Draw(t, "year"), rapid.IntRange(1, 365).Draw(t, "date")
		noon := func(day int) time.Time { return time.Date(year, 1, yearDay+day, 12, 0, 0, 0, zone) }
		s := times(t, spec, zone.String())

		// Some zones' dates have no midnight, so that a date is begun by its first minute.
		next := s.Next(firstMinute(noon(0), 0, 0).Add(-time.Nanosecond))
		for day := range 8 {
			date := noon(day)
			want := firstMinute(date, hour, minute)
			if !next.Equal(want) {
				t.Fatalf("%s in %s on %s = %v, want %v", spec, zone, date.Format(time.DateOnly), next, want)
			}
			from := next.Add(time.Duration(rapid.IntRange(0, 3*60*60).Draw(t, "later")) * time.Second)
			next = s.Next(from)
		}
	})
}

// firstMinute walks through a date.
func firstMinute(noon time.Time, hour, minute int) time.Time {
	for at := noon.Add(-15 * time.Hour).Truncate(time.Minute); ; at = at.Add(time.Minute) {
		if at.Day() == noon.Day() && at.Hour()*60+at.Minute() >= hour*60+minute || at.After(noon) && at.Day() != noon.Day() {
			return at
		}
	}
}

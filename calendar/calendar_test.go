package calendar_test

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"stagelag/calendar"
	"stagelag/calendar/lists"
	"stagelag/config"
	"stagelag/extractor"
	"stagelag/transform"
)

func day(text string) transform.Day {
	d, err := transform.ParseDay(text)
	if err != nil {
		panic(err)
	}
	return d
}

func date(text string) time.Time { return day(text).Time() }

var weekend = []time.Weekday{time.Saturday, time.Sunday}

// working is a calendar of working days with these lists.
func working(names ...string) config.Calendar {
	c := config.Calendar{Kind: config.WorkingDays, Weekend: weekend, Place: "stagelag.yaml:1"}
	for _, name := range names {
		c.Lists = append(c.Lists, config.List{Name: name, Place: "stagelag.yaml:2"})
	}
	return c
}

func mustLoad(t *testing.T, cfg config.Calendar, settings *calendar.Settings) *calendar.Loaded {
	t.Helper()
	loaded, err := calendar.Load(cfg, settings)
	if err != nil {
		t.Fatalf("Load(%+v): %v", cfg, err)
	}
	return loaded
}

// The months of the production calendars, as they were published.
func TestMonthsOfRussia(t *testing.T) {
	days := mustLoad(t, working("ru"), nil).Calendars().Default
	for year, want := range map[int][]int32{
		2024: {17, 20, 20, 21, 20, 19, 23, 22, 21, 23, 21, 21},
		2025: {17, 20, 21, 22, 18, 19, 23, 21, 22, 23, 19, 22},
		2026: {15, 19, 21, 22, 19, 21, 23, 21, 22, 22, 20, 22},
	} {
		var got []int32
		for month := time.January; month <= time.December; month++ {
			first := transform.DayOf(time.Date(year, month, 1, 0, 0, 0, 0, time.UTC), time.UTC)
			next := transform.DayOf(time.Date(year, month+1, 1, 0, 0, 0, 0, time.UTC), time.UTC)
			got = append(got, days.Number(next-1)-days.Number(first-1))
		}
		if !slices.Equal(got, want) {
			t.Errorf("the months of %d have %v working days, want %v", year, got, want)
		}
	}
}

// Each list that comes with the program can be read, is in its order, lies within its index,
// names the source of each date, and has nothing that the weekday says by itself.
func TestShippedLists(t *testing.T) {
	if len(lists.All()) < 3 {
		t.Fatalf("the lists are %v, want ru, kz and by", lists.Names())
	}
	for _, list := range lists.All() {
		_, text, _ := lists.Find(list.Name)
		loaded := mustLoad(t, working(list.Name), nil)
		c := loaded.Each[0]
		if rows := strings.Count(string(text), "\n") - 1; len(c.Exceptions) != rows {
			t.Errorf("%s has %d lines and %d dates", list.Name, rows, len(c.Exceptions))
		}
		last := ""
		for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n")[1:] {
			at, _, _ := strings.Cut(line, ",")
			if at <= last || at < list.From || at > list.Until {
				t.Errorf("%s: %s stands after %q, and the list speaks from %s to %s", list.Name, at, last, list.From, list.Until)
			}
			last = at
		}
		for _, e := range c.Exceptions {
			if e.Source == "" || e.Source == list.Name || e.Name == "" {
				t.Errorf("%s: %s has the name %q and the source %q", list.Name, e.Day, e.Name, e.Source)
			}
			if isWeekend := slices.Contains(weekend, e.Day.Time().Weekday()); isWeekend != e.Counts {
				t.Errorf("%s: %s counts: %v, as by its weekday", list.Name, e.Day, e.Counts)
			}
		}
		want := calendar.List{Name: list.Name, From: day(list.From), Until: day(list.Until)}
		if !reflect.DeepEqual(c.Lists, []calendar.List{want}) {
			t.Errorf("%s speaks for %v, want %v", list.Name, c.Lists, want)
		}
	}
}

// write makes a file and gives its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// shown are the exceptions of a calendar, one a line.
func shown(c calendar.Calendar) []string {
	var lines []string
	for _, e := range c.Exceptions {
		kind := "off"
		if e.Counts {
			kind = "work"
		}
		lines = append(lines, e.Day.String()+" "+kind+" "+e.Why())
	}
	return lines
}

// A later list outweighs an earlier one, and off and work outweigh both, day by day.
func TestWhatOutweighsWhat(t *testing.T) {
	first := write(t, "first.csv", "date,kind,name\n2026-03-09,off,A\n2026-03-10,off,B\n2026-03-11,off,C\n2026-03-12,off,D\n")
	second := write(t, "second.csv", "date,kind,name,source\n2026-03-10,work,E,order 7\n2026-03-11,work,,\n2026-03-14,work,F,\n")
	cfg := working(first, second)
	cfg.Off = []time.Time{date("2026-03-11")}
	cfg.Work = []time.Time{date("2026-03-12"), date("2026-03-15")}
	c := mustLoad(t, cfg, nil).Each[0]
	want := []string{
		"2026-03-09 off A (first.csv)", "2026-03-10 work E (order 7)", "2026-03-11 off day off (calendar.off)",
		"2026-03-12 work working day (calendar.work)", "2026-03-14 work F (second.csv)", "2026-03-15 work working day (calendar.work)",
	}
	if got := shown(c); !slices.Equal(got, want) {
		t.Errorf("the exceptions are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for at, want := range map[string]string{"2026-03-10": "true E (order 7)", "2026-03-13": "true ", "2026-03-21": "false weekly day off", "2026-03-09": "false A (first.csv)"} {
		counts, why := c.Explain(day(at))
		if got := map[bool]string{true: "true ", false: "false "}[counts] + why; got != want || counts != c.Days.Counts(day(at)) {
			t.Errorf("Explain(%s) = %s, want %s, and Counts is %v", at, got, want, c.Days.Counts(day(at)))
		}
	}
}

func TestFunnelsOfOneCalendarAreOne(t *testing.T) {
	cfg := working("ru")
	cfg.Funnels = map[extractor.FunnelID]config.FunnelCalendar{
		9: {Kind: config.WorkingDays, Weekend: []time.Weekday{time.Sunday, time.Saturday}, Lists: []config.List{{Name: "kz", Place: "stagelag.yaml:9"}}},
		7: {Kind: config.WorkingDays, Weekend: weekend, Lists: []config.List{{Name: "kz", Place: "stagelag.yaml:7"}}},
		8: {Kind: config.CalendarDays},
	}
	loaded := mustLoad(t, cfg, nil)
	var got []string
	for _, c := range loaded.Each {
		got = append(got, c.Name)
	}
	if want := []string{"", "7,9", "8"}; !slices.Equal(got, want) {
		t.Errorf("the calendars are %q, want %q", got, want)
	}
	saturday, holiday := day("2026-01-03"), day("2026-03-23") // Nauryz, in Kazakhstan alone
	for funnel, want := range map[extractor.FunnelID][2]bool{1: {false, true}, 7: {false, false}, 9: {false, false}, 8: {true, true}} {
		c := loaded.Calendars().Of(funnel)
		if got := [2]bool{c.Counts(saturday), c.Counts(holiday)}; got != want || loaded.Of(funnel).Days != c {
			t.Errorf("funnel %d counts a Saturday and a holiday of Kazakhstan: %v, want %v", funnel, got, want)
		}
	}
}

func TestEnds(t *testing.T) {
	cfg := working("ru", write(t, "company.csv", "2026-12-30,off\n"), "portal")
	cfg.Funnels = map[extractor.FunnelID]config.FunnelCalendar{7: {Kind: config.WorkingDays, Weekend: weekend, Lists: []config.List{{Name: "kz"}}}}
	loaded := mustLoad(t, cfg, &calendar.Settings{YearHolidays: "1.01"})
	for furthest, want := range map[string][]string{
		"2026-12-31": nil,
		"2027-01-11": {
			"the list company.csv of the calendar ends on 2026-12-31, and plans reach to 2027-01-11: later dates count by their weekday alone",
			"the list kz of the calendar of the funnels 7 ends on 2026-12-31, and plans reach to 2027-01-11: later dates count by their weekday alone",
		},
	} {
		if got := loaded.Ends(day(furthest)); !slices.Equal(got, want) {
			t.Errorf("Ends(%s) = %q, want %q", furthest, got, want)
		}
	}
	if got := mustLoad(t, config.Calendar{Kind: config.CalendarDays}, nil).Ends(transform.LastDay); len(got) > 0 {
		t.Errorf("where every day counts, Ends = %q, want nothing", got)
	}
}

// Every mistake in a list is a line of its own, with the file and the line.
func TestBadLists(t *testing.T) {
	const event = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\n%s\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	ics := func(lines string) string { return strings.Replace(event, "%s", lines, 1) }
	tests := []struct{ name, file, text, want string }{
		{"a date twice with two meanings", "a.csv", "date,kind\n2026-01-05,off\n2026-01-05,work\n", "a.csv:3: 2026-01-05 is work here and off on line 2, take one of them out"},
		{"no date", "a.csv", "date,kind\n2026-02-30,off\n", `a.csv:2: 2026-02-30 does not exist: this month has 28 days`},
		{"a date of another form", "a.csv", "30.12.2026;off\n", `a.csv:1: "30.12.2026" is not a date of the form YYYY-MM-DD`},
		{"a date of another age", "a.csv", "1926-12-30,off\n", "a.csv:1: 1926-12-30 is outside 1970-01-01 to 2149-06-06"},
		{"another kind", "a.csv", "date,kind\n2026-01-05,holiday\n", `a.csv:2: "holiday" is not a kind of day, write off or work`},
		{"no kind", "a.csv", "date,kind\n2026-01-05,off\n2026-01-0", "a.csv:3: the line has no kind, off or work; the file may be cut off"},
		{"a quote that does not end", "a.csv", "date,kind,name\n2026-01-05,off,\"New", `a.csv:2: not CSV: extraneous or missing " in quoted-field; the file may be cut off`},
		{"a head without a kind", "a.csv", "date,what\n2026-01-05,off\n", "a.csv:1: there is no column kind; expected the head date,kind,name,source"},
		{"nothing", "a.csv", "date,kind\n", "a.csv: has no day; expected lines such as 2026-12-31,off,Inventory, or a calendar with all-day events"},
		{"several mistakes", "a.csv", "date,kind\nx1,off\nx2,off\nx3,off\nx4,off\nx5,off\nx6,off\nx7,off\n",
			`a.csv:2: "x1" is not a date of the form YYYY-MM-DD; a.csv:3: "x2" is not a date of the form YYYY-MM-DD; a.csv:4: "x3" is not a date of the form YYYY-MM-DD; ` +
				`a.csv:5: "x4" is not a date of the form YYYY-MM-DD; a.csv:6: "x5" is not a date of the form YYYY-MM-DD; a.csv: 2 more lines that can't be read`},
		{"an event that is cut off", "a.ics", ics("DTSTART;VALUE=DATE:20260105")[:80], "a.ics: not a whole calendar: failed to parse event: ran out of lines; the file may be cut off"},
		{"a calendar that is cut off", "a.ics", strings.TrimSuffix(ics("DTSTART;VALUE=DATE:20260105"), "END:VCALENDAR\r\n"),
			"a.ics: not a whole calendar: it does not end with END:VCALENDAR; the file may be cut off"},
		{"an end before its beginning", "a.ics", ics("DTSTART;VALUE=DATE:20260105\r\nDTEND;VALUE=DATE:20260104"), "a.ics:4: the event ends (2026-01-04) before it begins (2026-01-05)"},
		{"an event without a date", "a.ics", ics("DTSTART;VALUE=DATE:20260135"), `a.ics:4: DTSTART: "20260135" is not a date such as 20260901`},
		{"an event without a beginning", "a.ics", ics("SUMMARY:x"), "a.ics:4: the event has no beginning (DTSTART)"},
		{"events at a time alone", "a.ics", ics("DTSTART:20260105T100000Z"), "a.ics: has no day; expected lines such as 2026-12-31,off,Inventory, or a calendar with all-day events"},
		{"an event of years", "a.ics", ics("DTSTART;VALUE=DATE:20260105\r\nDTEND;VALUE=DATE:20460105"), "a.ics:4: the event lasts 7305 days, and no day would count for over a year"},
		{"a rule of another form", "a.ics", ics("DTSTART;VALUE=DATE:20260105\r\nRRULE:FREQ=SOMETIMES"), "a.ics:4: RRULE: undefined frequency: SOMETIMES"},
		{"a rule by hours", "a.ics", ics("DTSTART;VALUE=DATE:20260105\r\nRRULE:FREQ=HOURLY"), "a.ics:4: RRULE: an event that lasts all day recurs by days, weeks, months or years"},
		{"two rules", "a.ics", ics("DTSTART;VALUE=DATE:20260105\r\nRRULE:FREQ=YEARLY\r\nRRULE:FREQ=WEEKLY"), "a.ics:4: the event has several RRULE; write an event for each"},
		{"no day that counts", "a.ics", ics("DTSTART;VALUE=DATE:20260105\r\nSUMMARY:Closed\r\nRRULE:FREQ=DAILY"),
			"stagelag.yaml:1: calendar: no day counts from 2026-01-03 to 2149-06-06, which is over a year, and a plan could not end; the first of them is: weekly day off"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, test.file, test.text)
			_, err := calendar.Load(working(path), nil)
			if err == nil {
				t.Fatalf("Load of %q: no error, want %s", test.text, test.want)
			}
			if got := strings.ReplaceAll(err.Error(), filepath.Dir(path)+"/", ""); got != "configuration: "+test.want {
				t.Errorf("Load of %q:\n got %s\nwant configuration: %s", test.text, got, test.want)
			}
		})
	}
}

func TestMissingFile(t *testing.T) {
	folder := t.TempDir()
	for _, test := range []struct{ path, want string }{
		{filepath.Join(folder, "none.csv"), "configuration: stagelag.yaml:2: calendar.lists: there is no file " + folder + "/none.csv"},
		{folder, "configuration: stagelag.yaml:2: calendar.lists: " + folder + ": is a directory"},
	} {
		if _, err := calendar.Load(working(test.path), nil); err == nil || err.Error() != test.want {
			t.Errorf("Load with %s: %v, want %s", test.path, err, test.want)
		}
	}
}

package calendar_test

import (
	"slices"
	"strings"
	"testing"

	"stagelag/transform"
)

// offIn are the days off of a calendar with an event of these lines, up to a date.
func offIn(t *testing.T, events []string, until string) []string {
	t.Helper()
	text := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n"
	for _, event := range events {
		text += "BEGIN:VEVENT\r\n" + strings.ReplaceAll(event, "\n", "\r\n") + "\r\nEND:VEVENT\r\n"
	}
	text += "END:VCALENDAR\r\n"
	var off []string
	for _, e := range mustLoad(t, working(write(t, "team.ics", text)), nil).Each[0].Exceptions {
		if e.Counts {
			t.Errorf("%s is worked, and all events are off", e.Day)
		}
		if e.Day <= day(until) {
			off = append(off, e.Day.String()+" "+e.Why())
		}
	}
	return off
}

func TestAllDayEvents(t *testing.T) {
	const other = "UID:other\nDTSTART;VALUE=DATE:20260701\nSUMMARY:Other"
	tests := []struct {
		name   string
		events []string
		want   []string
	}{
		{"a day", []string{"UID:1\nDTSTART;VALUE=DATE:20260302\nSUMMARY:Inventory\\, all day"}, []string{"2026-03-02 Inventory, all day (team.ics)"}},
		{"the end is the day after", []string{"UID:1\nDTSTART;VALUE=DATE:20260302\nDTEND;VALUE=DATE:20260304"}, []string{"2026-03-02 day off (team.ics)", "2026-03-03 day off (team.ics)"}},
		{"an end that is the beginning", []string{"UID:1\nDTSTART;VALUE=DATE:20260302\nDTEND;VALUE=DATE:20260302\nSUMMARY:A"}, []string{"2026-03-02 A (team.ics)"}},
		{"a duration", []string{"UID:1\nDTSTART:20260302\nDURATION:P2D\nSUMMARY:A"}, []string{"2026-03-02 A (team.ics)", "2026-03-03 A (team.ics)"}},
		{"over a leap day", []string{"UID:1\nDTSTART;VALUE=DATE:20240228\nDTEND;VALUE=DATE:20240302\nSUMMARY:A"},
			[]string{"2024-02-28 A (team.ics)", "2024-02-29 A (team.ics)", "2024-03-01 A (team.ics)"}},
		{"a time of the day", []string{"UID:1\nDTSTART:20260302T100000Z\nDTEND:20260302T110000Z", other}, nil},
		{"a cancelled event", []string{"UID:1\nDTSTART;VALUE=DATE:20260302\nSTATUS:CANCELLED", other}, nil},
		{"one day under two events", []string{"UID:1\nDTSTART;VALUE=DATE:20260302\nSUMMARY:A", "UID:2\nDTSTART;VALUE=DATE:20260302\nSUMMARY:B"}, []string{"2026-03-02 A (team.ics)"}},
		{"a year's rule, until a date", []string{"UID:1\nDTSTART;VALUE=DATE:20240302\nRRULE:FREQ=YEARLY;UNTIL=20260301\nSUMMARY:A"},
			[]string{"2024-03-02 A (team.ics)", "2025-03-02 A (team.ics)"}},
		{"29 February of each year", []string{"UID:1\nDTSTART;VALUE=DATE:20200229\nRRULE:FREQ=YEARLY\nSUMMARY:A"}, []string{"2020-02-29 A (team.ics)", "2024-02-29 A (team.ics)"}},
		{"the last Monday of May", []string{"UID:1\nDTSTART;VALUE=DATE:20240527\nRRULE:FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO;COUNT=2\nSUMMARY:A"},
			[]string{"2024-05-27 A (team.ics)", "2025-05-26 A (team.ics)"}},
		{"a rule without two of its days, and with one more", []string{"UID:1\nDTSTART;VALUE=DATE:20260302\nRRULE:FREQ=DAILY;COUNT=4\nEXDATE;VALUE=DATE:20260303,20260305\nRDATE;VALUE=DATE:20260310\nSUMMARY:A"},
			[]string{"2026-03-02 A (team.ics)", "2026-03-04 A (team.ics)", "2026-03-10 A (team.ics)"}},
		{"a rule of which one day is moved", []string{"UID:1\nDTSTART;VALUE=DATE:20240302\nRRULE:FREQ=YEARLY;COUNT=3\nSUMMARY:A", "UID:1\nRECURRENCE-ID;VALUE=DATE:20250302\nDTSTART;VALUE=DATE:20250304\nSUMMARY:B"},
			[]string{"2024-03-02 A (team.ics)", "2025-03-04 B (team.ics)", "2026-03-02 A (team.ics)"}},
		{"a rule of which one day is cancelled", []string{"UID:1\nDTSTART;VALUE=DATE:20240302\nRRULE:FREQ=YEARLY;COUNT=3\nSUMMARY:A", "UID:1\nRECURRENCE-ID;VALUE=DATE:20250302\nDTSTART;VALUE=DATE:20250302\nSTATUS:CANCELLED"},
			[]string{"2024-03-02 A (team.ics)", "2026-03-02 A (team.ics)"}},
		{"a folded line", []string{"UID:1\nDTSTART;VALUE=DATE:20260302\nSUMMARY:A l\n ong name\nDESCRIPTION:x\n BEGIN:VEVENT"}, []string{"2026-03-02 A long name (team.ics)"}},
		{"an alarm inside", []string{"UID:1\nDTSTART;VALUE=DATE:20260302\nSUMMARY:A\nBEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT15M\nEND:VALARM"}, []string{"2026-03-02 A (team.ics)"}},
		{"before the dates that there are", []string{"UID:1\nDTSTART;VALUE=DATE:19691231\nDTEND;VALUE=DATE:19700102\nSUMMARY:A"}, []string{"1970-01-01 A (team.ics)"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := offIn(t, test.events, "2026-06-30"); !slices.Equal(got, test.want) {
				t.Errorf("the days off of %q are\n%q, want\n%q", test.events, got, test.want)
			}
		})
	}
}

// A rule without an end goes on as long as there are dates.
func TestAnEndlessRule(t *testing.T) {
	text := "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:18000101\nRRULE:FREQ=YEARLY\nSUMMARY:New Year\nEND:VEVENT\nEND:VCALENDAR\n"
	c := mustLoad(t, working(write(t, "a.ics", text)), nil).Each[0]
	if first, last := c.Exceptions[0].Day, c.Exceptions[len(c.Exceptions)-1].Day; len(c.Exceptions) != 180 || first != transform.FirstDay || last != day("2149-01-01") || c.Lists[0].Until != transform.LastDay {
		t.Errorf("the rule has %d dates from %s to %s, and the list speaks until %s", len(c.Exceptions), first, last, c.Lists[0].Until)
	}
}

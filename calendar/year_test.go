package calendar_test

import (
	"strings"
	"testing"
	"time"

	"stagelag/calendar"
	"stagelag/config"
	"stagelag/extractor"
)

func TestWriteTable(t *testing.T) {
	cfg := working("ru")
	cfg.Work = []time.Time{date("2026-02-21")}
	cfg.Funnels = map[extractor.FunnelID]config.FunnelCalendar{
		7: {Kind: config.WorkingDays, Weekend: weekend, Lists: []config.List{{Name: "kz"}}},
		9: {Kind: config.WorkingDays, Weekend: weekend, Lists: []config.List{{Name: "kz"}}},
		8: {Kind: config.CalendarDays},
	}
	loaded := mustLoad(t, cfg, nil)
	tests := []struct {
		funnel extractor.FunnelID
		year   int
		want   []string // lines that are shown
	}{
		{1, 2026, []string{
			"The default calendar in 2026: weekly days off are Saturday, Sunday",
			"January       31        15  12-16 19-23 26-30",
			"February      28        20  2-6 9-13 16-21 24-27",
			"2026         365       248  ",
			"Thu  1 Jan  off   New Year holidays (Labour Code of Russia, article 112)",
			"Sat 21 Feb  work  working day (calendar.work)",
			"The list ru ends on 2027-12-31.",
			"Other calendars: funnels 7,9; 8 (--funnel ID shows one).",
		}},
		{1, 2028, []string{"The list ru ends on 2027-12-31: later dates count by their weekday alone."}},
		{9, 2020, []string{"The calendar of the funnels 7, 9 in 2020: weekly days off are Saturday, Sunday", "The list kz begins on 2021-01-01: earlier dates count by their weekday alone."}},
		{8, 2026, []string{"The calendar of funnel 8 in 2026: every day counts", "Every day counts, so there are no exceptions and no lists.", "2026         365       365  ", "January       31        31  1-31"}},
	}
	for _, test := range tests {
		var b strings.Builder
		if err := loaded.WriteTable(&b, loaded.Of(test.funnel), test.year, nil); err != nil {
			t.Fatal(err)
		}
		for _, want := range test.want {
			if !strings.Contains("\n"+b.String(), "\n"+want+"\n") {
				t.Errorf("the calendar of funnel %d in %d lacks the line %q:\n%s", test.funnel, test.year, want, b.String())
			}
		}
	}
}

func TestWriteTSV(t *testing.T) {
	cfg := working("ru", "portal")
	cfg.Off = []time.Time{date("2026-12-30")}
	loaded := mustLoad(t, cfg, &calendar.Settings{})
	var b strings.Builder
	if err := loaded.Each[0].WriteTSV(&b, 2026); err != nil {
		t.Fatal(err)
	}
	tables := strings.Split(b.String(), "\n\n")
	if len(tables) != 3 {
		t.Fatalf("there are %d tables, want 3:\n%s", len(tables), b.String())
	}
	for i, want := range []struct {
		head, line string
		lines      int
	}{
		{"month\tdays\tcounting\tdates\n2026-01\t31\t15\t12-16 19-23 26-30\n", "2026\t365\t246\t", 14},
		{"date\tkind\twhy\n2026-01-01\toff\tNew Year holidays (Labour Code of Russia, article 112)\n", "2026-12-30\toff\tday off (calendar.off)", len(loaded.Each[0].In(2026)) + 1},
		{"list\tfrom\tuntil\n", "ru\t2019-01-01\t2027-12-31\nportal\t\t\n", 3},
	} {
		table := strings.TrimSuffix(tables[i], "\n") + "\n"
		if !strings.HasPrefix(table, want.head) || !strings.Contains(table, "\n"+strings.TrimSuffix(want.line, "\n")+"\n") || strings.Count(table, "\n") != want.lines {
			t.Errorf("the table has %d lines, want %d with %q and %q:\n%s", strings.Count(table, "\n"), want.lines, want.head, want.line, table)
		}
	}
}

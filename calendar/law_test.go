package calendar_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"stagelag/calendar"
	"stagelag/config"
	"stagelag/transform"
)

// Whatever lists say, a date is what the last word on it says, looked for one by one.
func TestTheLastWordHolds(t *testing.T) {
	folder := t.TempDir()
	first := day("2026-01-01")
	const span = 60
	rapid.Check(t, func(t *rapid.T) {
		word := func(label string) map[transform.Day]string {
			said := map[transform.Day]string{}
			for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(0, span-1), 0, 12, rapid.ID).Draw(t, label) {
				said[first+transform.Day(n)] = rapid.SampledFrom([]string{"off", "work"}).Draw(t, "kind")
			}
			return said
		}
		var words []map[transform.Day]string // the heaviest last
		cfg := config.Calendar{Kind: config.WorkingDays, Place: "stagelag.yaml:1"}
		cfg.Weekend = rapid.SliceOfNDistinct(rapid.SampledFrom([]time.Weekday{0, 1, 2, 3, 4, 5, 6}), 0, 6, rapid.ID).Draw(t, "weekend")
		for i := range rapid.IntRange(0, 3).Draw(t, "lists") {
			said := word(fmt.Sprint("list ", i))
			var b strings.Builder
			fmt.Fprintln(&b, "2000-01-03,work") // a list has a day
			for day, kind := range said {
				fmt.Fprintf(&b, "%s,%s\n", day, kind)
			}
			path := filepath.Join(folder, fmt.Sprint(i, ".csv"))
			if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			cfg.Lists = append(cfg.Lists, config.List{Name: path})
			words = append(words, said)
		}
		own := word("own")
		for day, kind := range own {
			if kind == "off" {
				cfg.Off = append(cfg.Off, day.Time())
			} else {
				cfg.Work = append(cfg.Work, day.Time())
			}
		}
		words = append(words, own)
		loaded, err := calendar.Load(cfg, nil)
		if err != nil {
			t.Fatalf("Load(%+v): %v", cfg, err)
		}
		c := loaded.Each[0]
		for day := first - 10; day < first+span+10; day++ {
			want, isSaid := true, false
			for _, weekday := range cfg.Weekend {
				want = want && day.Time().Weekday() != weekday
			}
			for _, said := range words {
				if kind, ok := said[day]; ok {
					want, isSaid = kind == "work", true
				}
			}
			counts, why := c.Explain(day)
			if c.Days.Counts(day) != want || counts != want || (why == "") != (want && !isSaid) {
				t.Fatalf("%s counts: %v, explained as %v %q, want %v", day, c.Days.Counts(day), counts, why, want)
			}
		}
	})
}

// Whatever a file holds, it is read or refused.
func FuzzFile(f *testing.F) {
	for _, seed := range []string{
		"date,kind\n2026-01-05,off\n", "date;kind\n", "\"", "#\n", "BEGIN:VCALENDAR\nEND:VCALENDAR\n",
		"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:20260105\nRRULE:FREQ=YEARLY;BYDAY=-1MO\nEXDATE:20270105\nEND:VEVENT\nEND:VCALENDAR\n",
	} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, text []byte, isICalendar bool) {
		path := filepath.Join(t.TempDir(), map[bool]string{true: "a.ics", false: "a.csv"}[isICalendar])
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		loaded, err := calendar.Load(working(path), nil)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\x00\x1b") {
				t.Errorf("the error would be obeyed by a terminal: %q", err)
			}
			return
		}
		if len(loaded.Each[0].Exceptions) == 0 {
			t.Errorf("%q is read as a list without a day", text)
		}
	})
}

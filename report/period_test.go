package report_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"stagelag/report"
)

// Every day is in the week and in the quarter that are named after it, and these are whole.
func TestWeeksAndQuarters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := time.Date(1971, 1, 1+rapid.IntRange(0, 65000).Draw(t, "day"), 0, 0, 0, 0, time.UTC)
		year, week := d.ISOWeek()
		holds := func(p report.Period, err error, days ...int) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			from, to := p.From.Time(), p.To.Time()
			if d.Before(from) || d.After(to) {
				t.Fatalf("%s is not in %s", d.Format(time.DateOnly), p)
			}
			if n := p.Days(); n < days[0] || n > days[len(days)-1] {
				t.Fatalf("%s has %d days", p, n)
			}
		}
		p, err := report.ParseWeek(fmt.Sprintf("%04d-W%02d", year, week))
		holds(p, err, 7)
		if p.From.Time().Weekday() != time.Monday {
			t.Fatalf("the week %s begins on a %s", p, p.From.Time().Weekday())
		}
		p, err = report.ParseQuarter(fmt.Sprintf("%04d-Q%d", d.Year(), (int(d.Month())+2)/3))
		holds(p, err, 90, 92)
		if p.Months() != 3 {
			t.Fatalf("the quarter %s has %d whole months", p, p.Months())
		}
	})
	for _, text := range []string{"", "2026", "2026-W", "2026-W0", "2026-W5", "2026-W00", "2026-W54", "2025-W53", "2026-W05 ", "w", "1969-W52", "2149-W30"} {
		if p, err := report.ParseWeek(text); err == nil {
			t.Errorf("the week %q is %s", text, p)
		}
	}
	for _, text := range []string{"", "2026", "2026-Q", "2026-Q0", "2026-Q5", "2026-Q11", "26-Q1", "2149-Q3"} {
		if p, err := report.ParseQuarter(text); err == nil {
			t.Errorf("the quarter %q is %s", text, p)
		}
	}
}

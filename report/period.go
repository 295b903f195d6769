package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"stagelag/transform"
)

// trendPeriods is how many periods a trend has.
const trendPeriods = 12

// A Period is the days from From to To, both included. The zero Period is none.
type Period struct{ From, To transform.Day }

// NewPeriod is the period between two dates, both included.
func NewPeriod(from, to transform.Day) (Period, error) {
	if to < from {
		return Period{}, fmt.Errorf("the period ends on %s, before it begins on %s", to, from)
	}
	return Period{From: from, To: to}, nil
}

// ParseMonth reads a month of the form 2006-01.
func ParseMonth(text string) (Period, error) {
	t, err := time.Parse("2006-01", text)
	if err != nil || t.Before(transform.FirstDay.Time()) || t.AddDate(0, 1, 0).After(transform.LastDay.Time()) {
		return Period{}, fmt.Errorf("%q is not a month; write it as YYYY-MM, such as 2026-10", text)
	}
	return months(t, 1), nil
}

// ParseWeek reads a week of the form 2006-W05, from Monday to Sunday, as ISO 8601 numbers them.
func ParseWeek(text string) (Period, error) {
	var year, week int
	if n, err := fmt.Sscanf(text, "%4d-W%2d", &year, &week); err == nil && n == 2 && text == fmt.Sprintf("%04d-W%02d", year, week) {
		// The fourth of January is always in the first week.
		first := time.Date(year, time.January, 4, 0, 0, 0, 0, time.UTC)
		monday := first.AddDate(0, 0, -(int(first.Weekday())+6)%7+7*(week-1))
		isYear, isWeek := monday.ISOWeek()
		if isYear == year && isWeek == week && !monday.Before(transform.FirstDay.Time()) && monday.AddDate(0, 0, 6).Before(transform.LastDay.Time()) {
			return Period{From: dayOf(monday), To: dayOf(monday) + 6}, nil
		}
	}
	return Period{}, fmt.Errorf("%q is not a week; write it as YYYY-Www, such as 2026-W05", text)
}

// ParseQuarter reads a quarter of a year of the form 2006-Q1.
func ParseQuarter(text string) (Period, error) {
	year, quarter, _ := strings.Cut(text, "-Q")
	if len(quarter) == 1 && quarter >= "1" && quarter <= "4" {
		if first, err := ParseMonth(fmt.Sprintf("%s-%02d", year, 3*int(quarter[0]-'1')+1)); err == nil {
			return months(first.From.Time(), 3), nil
		}
	}
	return Period{}, fmt.Errorf("%q is not a quarter; write it as YYYY-Qn, such as 2026-Q1", text)
}

// lastFullMonth is the month before the one of a date: that one still runs.
func lastFullMonth(asOf transform.Day) Period {
	return months(firstOfMonth(asOf).AddDate(0, -1, 0), 1)
}

// months is a number of whole months from the first day of one on.
func months(first time.Time, n int) Period {
	return Period{From: dayOf(first), To: dayOf(first.AddDate(0, n, -1))}
}

func firstOfMonth(d transform.Day) time.Time {
	t := d.Time()
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

func dayOf(t time.Time) transform.Day { return transform.DayOf(t, time.UTC) }

// Days is how many days the period has.
func (p Period) Days() int { return int(p.To-p.From) + 1 }

// Months is how many whole months the period is, 0 when it is none.
func (p Period) Months() int {
	from, after := p.From.Time(), (p.To + 1).Time()
	if from.Day() != 1 || after.Day() != 1 {
		return 0
	}
	return (after.Year()-from.Year())*12 + int(after.Month()) - int(from.Month())
}

// before is the period that ends where this one begins: as many months where it is whole
// months, else as many days. It is cut where dates begin.
func (p Period) before() Period {
	if n := p.Months(); n > 0 {
		first := p.From.Time().AddDate(0, -n, 0)
		return Period{From: max(dayOf(first), transform.FirstDay), To: p.From - 1}
	}
	return Period{From: max(p.From-transform.Day(p.Days()), transform.FirstDay), To: p.From - 1}
}

// trend is the periods that end with this one, the oldest first.
func (p Period) trend() []Period {
	periods := make([]Period, 0, trendPeriods)
	for len(periods) < trendPeriods && p.From >= transform.FirstDay {
		periods = append(periods, p)
		if p.From == transform.FirstDay {
			break
		}
		p = p.before()
	}
	slices.Reverse(periods)
	return periods
}

// String is the period as 2006-01-02 to 2006-01-02.
func (p Period) String() string { return p.From.String() + " to " + p.To.String() }

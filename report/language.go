package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"

	"stagelag/plain"
	"stagelag/transform"
)

// A Language is what a form of the report is written in.
type Language string

// The languages.
const (
	English Language = "en"
	Russian Language = "ru"
)

// Languages are all languages.
var Languages = []Language{English, Russian}

// A voice writes words, numbers and dates in a language.
type voice struct {
	Language
	words
	DaysNoun    string // of Count, for numbers of days in which plans are
	printer     *message.Printer
	shortDate   string
	decimalMark string
	// months are the names of months as they stand alone, shortMonths begin them.
	months, shortMonths [12]string
}

func newVoice(l Language) *voice {
	if l == Russian {
		return &voice{
			Language: Russian, words: russian, DaysNoun: "days", shortDate: "02.01.2006", decimalMark: ",",
			printer:     message.NewPrinter(language.Russian, message.Catalog(counts)),
			months:      [12]string{"январь", "февраль", "март", "апрель", "май", "июнь", "июль", "август", "сентябрь", "октябрь", "ноябрь", "декабрь"},
			shortMonths: [12]string{"янв", "фев", "мар", "апр", "май", "июн", "июл", "авг", "сен", "окт", "ноя", "дек"},
		}
	}
	v := &voice{
		Language: English, words: english, DaysNoun: "days", shortDate: "2 Jan 2006", decimalMark: ".",
		printer: message.NewPrinter(language.English, message.Catalog(counts)),
	}
	for i := range v.months {
		v.months[i] = time.Month(i + 1).String()
		v.shortMonths[i] = v.months[i][:3]
	}
	return v
}

// voiceOf is the voice for a report: where it counts working days, what has a number of days says so.
func voiceOf(r *Report, l Language) *voice {
	v := newVoice(l)
	if r.CountsWorkingDays {
		v.DaysNoun = "working days"
		v.DaysLost, v.DaysLostToDate, v.DaysLostBefore = v.WorkingDaysLost, v.WorkingDaysLostToDate, v.WorkingDaysLostBefore
		v.PlanDays, v.OverdueDays, v.LostInPeriod, v.PausedDays = v.WorkingPlanDays, v.WorkingOverdueDays, v.WorkingLostInPeriod, v.WorkingPausedDays
		v.DaysForgiven, v.DaysLostAssumed = v.WorkingDaysForgiven, v.WorkingDaysLostAssumed
		v.Median, v.P85, v.MedianPlan = v.WorkingMedian, v.WorkingP85, v.WorkingMedianPlan
	}
	return v
}

// counts are the numbers with a noun.
var counts = plain.Nouns(plain.Days, plain.WorkingDays, plain.Deals,
	plain.Noun{
		Key: "more changes", One: "%d more", Other: "%d more",
		RussianOne: "ещё %d изменение", RussianFew: "ещё %d изменения", RussianMany: "ещё %d изменений",
	},
	plain.Noun{Key: "more", One: "%d more", Other: "%d more", RussianOne: "ещё %d стадия", RussianFew: "ещё %d стадии", RussianMany: "ещё %d стадий"},
)

// Count is a number with its noun, in the right form: days, working days, deals, more or more changes.
func (v *voice) Count(n int64, noun string) string {
	return v.printer.Sprintf(message.Key(noun, noun), n)
}

// Number is a whole number.
func (v *voice) Number(n int64) string { return v.printer.Sprint(number.Decimal(n)) }

// decimal is a number with one decimal.
func (v *voice) decimal(n float64) string {
	return v.printer.Sprint(number.Decimal(n, number.MinFractionDigits(1), number.MaxFractionDigits(1)))
}

// Money is an amount in whole units of its currency, with cents where there are some.
func (v *voice) Money(amount decimal.Decimal) string {
	units := amount.Truncate(0)
	text := v.Number(units.IntPart())
	if cents := amount.Sub(units).Abs(); !cents.IsZero() {
		text += v.decimalMark + strings.TrimPrefix(cents.StringFixed(2), "0.")
	}
	if amount.IsNegative() && units.IsZero() {
		text = "-" + text
	}
	return text
}

// Signed is a number with its sign.
func (v *voice) Signed(n int64) string {
	switch {
	case n > 0:
		return "+" + v.Number(n)
	case n < 0:
		return "−" + v.Number(-n)
	default:
		return v.Number(0)
	}
}

// Percent is a share in whole percent. Only all are 100 % and only none are 0 %.
func (v *voice) Percent(share float64) string {
	switch {
	case share > 0.99 && share < 1:
		share = 0.99
	case share > 0 && share < 0.01:
		share = 0.01
	}
	return v.printer.Sprint(number.Percent(share, number.MaxFractionDigits(0)))
}

// Date is a date, a dash for none.
func (v *voice) Date(d transform.Day) string {
	if d == transform.NoDay {
		return "–"
	}
	return d.Time().Format(v.shortDate)
}

// Time is an instant.
func (v *voice) Time(t time.Time) string {
	return t.UTC().Format(v.shortDate + " 15:04 UTC")
}

// Span is a period: the month's name where it is one.
func (v *voice) Span(p Period) string {
	from := p.From.Time()
	switch n := p.Months(); {
	case n == 1:
		return fmt.Sprintf("%s %d", v.months[from.Month()-1], from.Year())
	case n == 12 && from.Month() == time.January:
		return fmt.Sprintf("%d", from.Year())
	case p.From == p.To:
		return v.Date(p.From)
	}
	return v.Date(p.From) + " – " + v.Date(p.To)
}

// Tick is a period in the fewest letters, by its first day or month.
func (v *voice) Tick(p Period) string {
	from := p.From.Time()
	switch n := p.Months(); {
	case n == 0 && v.Language == Russian:
		return from.Format("02.01")
	case n == 0:
		return from.Format("2 Jan")
	case n == 1:
		return v.shortMonths[from.Month()-1]
	case v.Language == Russian:
		return from.Format("01.06")
	default:
		return from.Format("01/06")
	}
}

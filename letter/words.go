package letter

import (
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"

	"stagelag/config"
	"stagelag/plain"
	"stagelag/transform"
)

// words are the texts of a language. Those with a verb are formats.
type words struct {
	Title, YourTitle string // date
	Subject          string // title, late, due today

	Open, Late, DueToday, Likely, Waiting, NoPlan string
	AmountLate                                    string
	DaysLost, WorkingDaysLost                     string
	Since                                         string // change, date
	NothingPlanned                                string

	WhyChanged  string
	ChangeText  map[string]string
	MostOverdue string
	ByManager   string
	Dismissed   string // behind a name
	Gone        string
	GoneText    map[string]string
	NotCovered  string
	GapText     map[string]string
	More        string // number

	DaysLate    string // behind a deal: days
	LateAtEntry string
	PlannedEnd  string // date
	// Of a deal that is likely to be late: a share, and a date.
	LateProbability, ExpectedEnd string
	AllDeals                     string
	AllDealsHere                 string // at the beginning of a sentence
	Run                          string // run, date
	ReportBeside                 string // period
	Nobody                       string
}

var english = words{
	Title:     "Deals on %s",
	YourTitle: "Your deals on %s",
	Subject:   "%s: %s overdue, %s due today",

	Open: "Open", Late: "Overdue", DueToday: "Due today", Likely: "Probably late", Waiting: "Waiting", NoPlan: "Without a plan",
	AmountLate: "Amount of the overdue deals",
	DaysLost:   "Lost days", WorkingDaysLost: "Lost working days",
	Since:          "%s since %s",
	NothingPlanned: "No open deal has a plan, so none of them can be overdue.",

	WhyChanged: "Why the lost days changed",
	ChangeText: map[string]string{
		"new": "new overdue days", "plan": "plans that were moved", "norm": "norms in the settings", "correction": "corrections of the history",
		"calendar": "other days count", "configuration": "other settings", "gone": "deals that left the report", "come": "deals that came into the report",
	},
	MostOverdue: "Most overdue",
	ByManager:   "Overdue deals by manager",
	Dismissed:   "dismissed",
	Gone:        "Left the report",
	GoneText:    map[string]string{"deleted": "deleted", "outside_funnels": "in a funnel that is not in the report", "forgotten": "taken out of the report"},
	More:        "and %s more",
	NotCovered:  "Gaps",
	GapText: map[string]string{
		"no_plan":               "stages without a plan",
		"bad_plan":              "plans that cannot be read",
		"history_reconstructed": "stages that the history does not show",
		"history_starts_late":   "histories that start later than the deal",
		"unknown_stage":         "stages that Bitrix24 no longer has",
		"unknown_manager":       "deals of a person whose name is not known",
		"time_in_future":        "times later than the clock of Bitrix24",
		"hidden":                "deals that may not be read",
		"bad_date":              "dates that cannot be right",
		"bad_amount":            "amounts that cannot be read",
		"bad_pause":             "pauses that cannot be read",
	},

	DaysLate:    "%s overdue",
	LateAtEntry: "overdue from the day it entered the stage",
	PlannedEnd:  "planned end %s",

	LateProbability: "probability to be late %s",
	ExpectedEnd:     "expected end %s",

	AllDeals:     "all deals in Bitrix24",
	AllDealsHere: "All deals in Bitrix24",
	Run:          "Run %s, data as of %s.",
	ReportBeside: "The quality report for %s is attached.",
	Nobody:       "nobody is responsible",
}

var russian = words{
	Title:     "Сделки на %s",
	YourTitle: "Ваши сделки на %s",
	Subject:   "%s: просрочено %s, срок сегодня %s",

	Open: "Открыто", Late: "Просрочено", DueToday: "Срок сегодня", Likely: "Скорее опоздают", Waiting: "Ожидание", NoPlan: "Без плана",
	AmountLate: "Сумма просроченных сделок",
	DaysLost:   "Потерянные дни", WorkingDaysLost: "Потерянные рабочие дни",
	Since:          "%s с %s",
	NothingPlanned: "Ни у одной открытой сделки нет планового срока, поэтому просрочек быть не может.",

	WhyChanged: "Почему изменились потерянные дни",
	ChangeText: map[string]string{
		"new": "новые дни просрочки", "plan": "перенос планов", "norm": "нормы в настройках", "correction": "исправления в истории",
		"calendar": "изменение календаря", "configuration": "другие настройки", "gone": "сделки ушли из отчёта", "come": "сделки появились в отчёте",
	},
	MostOverdue: "Самые просроченные",
	ByManager:   "Просроченные сделки по ответственным",
	Dismissed:   "уволен(а)",
	Gone:        "Ушли из отчёта",
	GoneText:    map[string]string{"deleted": "удалена", "outside_funnels": "в воронке, которой нет в отчёте", "forgotten": "исключена из отчёта"},
	More:        "и ещё %s",
	NotCovered:  "Пробелы",
	GapText: map[string]string{
		"no_plan":               "стадии без плана",
		"bad_plan":              "план не читается",
		"history_reconstructed": "стадии, которых нет в истории",
		"history_starts_late":   "история начинается позже сделки",
		"unknown_stage":         "стадии, которых в Битрикс24 больше нет",
		"unknown_manager":       "сделки сотрудника, чьё имя неизвестно",
		"time_in_future":        "время позже часов Битрикс24",
		"hidden":                "сделки, которые нельзя прочитать",
		"bad_date":              "даты, которых не может быть",
		"bad_amount":            "сумма не читается",
		"bad_pause":             "пауза не читается",
	},

	DaysLate:    "просрочка %s",
	LateAtEntry: "просрочена со дня входа в стадию",
	PlannedEnd:  "плановый срок %s",

	LateProbability: "вероятность опоздания %s",
	ExpectedEnd:     "ожидаемый конец %s",

	AllDeals:     "все сделки в Битрикс24",
	AllDealsHere: "Все сделки в Битрикс24",
	Run:          "Расчёт № %s, данные на %s.",
	ReportBeside: "Отчёт о качестве за период «%s» приложен.",
	Nobody:       "ответственного нет",
}

// A voice writes words, numbers and dates in a language. It is for one goroutine.
type voice struct {
	words
	language config.Language
	printer  *message.Printer
	date     string
}

func newVoice(l config.Language) *voice {
	if l == config.Russian {
		return &voice{words: russian, language: l, date: "02.01.2006", printer: message.NewPrinter(language.Russian, message.Catalog(counts))}
	}
	return &voice{words: english, language: config.English, date: "2 Jan 2006", printer: message.NewPrinter(language.English, message.Catalog(counts))}
}

// moreDeals is how many deals a letter leaves out.
var moreDeals = plain.Noun{
	Key: "more deals", One: "and %d more deal", Other: "and %d more deals",
	RussianOne: "и ещё %d сделка", RussianFew: "и ещё %d сделки", RussianMany: "и ещё %d сделок",
}

// counts are the numbers with a noun.
var counts = plain.Nouns(plain.Days, plain.WorkingDays, plain.Deals, moreDeals)

// Count is a number with its noun, in the right form.
func (v *voice) Count(n int64, noun plain.Noun) string {
	return v.printer.Sprintf(message.Key(noun.Key, noun.Key), n)
}

// Days is a number of days, or of working days.
func (v *voice) Days(n int64, areWorking bool) string {
	if areWorking {
		return v.Count(n, plain.WorkingDays)
	}
	return v.Count(n, plain.Days)
}

// Number is a whole number.
func (v *voice) Number(n int64) string { return v.printer.Sprint(number.Decimal(n)) }

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

// Percent is a part of a whole in whole percent.
func (v *voice) Percent(part, whole int64) string { return v.Share(float64(part) / float64(whole)) }

// Share is a share in whole percent. Only all are 100 % and only none are 0 %.
func (v *voice) Share(share float64) string {
	switch {
	case share > 0.99 && share < 1:
		share = 0.99
	case share > 0 && share < 0.01:
		share = 0.01
	}
	return v.printer.Sprint(number.Percent(share, number.MaxFractionDigits(0)))
}

// Amount is money, in whole units of its currency.
func (v *voice) Amount(a amount) string {
	whole, _ := a.sum.Round(0).Float64() // for a person; it is exact to 15 digits
	text := v.printer.Sprint(number.Decimal(whole, number.MaxFractionDigits(0)))
	if a.currency == "" {
		return text
	}
	return text + " " + a.currency
}

// Date is a date.
func (v *voice) Date(d transform.Day) string { return d.Time().Format(v.date) }

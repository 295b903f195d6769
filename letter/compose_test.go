package letter

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"stagelag/config"
	"stagelag/extractor"
	"stagelag/transform"
	"stagelag/views"
)

func day(t testing.TB, text string) transform.Day {
	t.Helper()
	d, err := transform.ParseDay(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// aMorning is a content with deals of two managers.
func aMorning(t testing.TB) *content {
	t.Helper()
	million := decimal.RequireFromString("1234567.89")
	deal := func(id extractor.DealID, title string, manager extractor.ManagerID, daysLate int64) views.DueDeal {
		d := views.DueDeal{
			DealID: id, Title: title, URL: fmt.Sprintf("https://portal.example/crm/deal/details/%d/", id), Expected: transform.NoDay,
			OverdueDays: max(0, daysLate), Planned: day(t, "2026-11-30") - transform.Day(max(0, daysLate)), Amount: &million, Currency: "RUB",
		}
		if daysLate < 0 {
			d.Urgency = views.DueToday
		}
		d.ManagerID, d.Manager, d.Stage, d.Funnel = manager, "Анна Ли", "Документы", "Квартиры"
		return d
	}
	c := &content{
		run: views.Published{RunID: 17, AsOf: day(t, "2026-11-30")}, host: "portal.example",
		Totals: views.Totals{Deals: 900, Open: 342, Overdue: 4, DueToday: 1, Waiting: 2, DaysLost: 1204}, noPlan: 21,
		hasSeveralFunnels: true, before: day(t, "2026-11-27"),
		changes: []views.LossChange{{Cause: "new", Days: 40, Deals: 31}, {Cause: "plan", Days: -3, Deals: 1}},
		gone:    []views.GoneDeal{{DealID: 5, Title: "Дом", Days: 2, Why: "deleted"}},
		gaps:    []views.GapCount{{Reason: "no_plan", Count: 22, Deals: 21}},
		deals: []views.DueDeal{
			deal(1, "Кухня", 7, 21), deal(2, "Баня", 8, 2), deal(3, "", 7, 1), deal(4, "Цех", 8, 0), deal(6, "Гараж", 7, -1),
		},
		people: map[extractor.ManagerID]extractor.Manager{7: {ID: 7, Name: "Анна Ли", IsActive: true}, 8: {ID: 8, Name: "Анна Ли"}},
	}
	c.deals[0].CountsWorkingDays = true
	soon := deal(9, "Сарай", 7, -1)
	soon.Urgency, soon.Planned, soon.Expected, soon.LateProbability = views.LikelyLate, day(t, "2026-12-03"), day(t, "2026-12-08"), 0.714
	c.deals = append(c.deals, soon)
	c.portfolios, c.shared = portfoliosOf(c.deals), sharedNames(c.deals)
	return c
}

func TestSummaryInBothLanguages(t *testing.T) {
	t.Parallel()
	for language, want := range map[config.Language]string{
		config.English: `Deals on 30 Nov 2026

Open: 342 deals
Overdue: 4 deals (1%)
Due today: 1 deal
Probably late: 1 deal
Amount of the overdue deals: 4,938,272 RUB
Waiting: 2 deals
Without a plan: 21 deals
Lost days: 1,204 (+37 since 27 Nov 2026)

Why the lost days changed
- new overdue days: +40 · 31 deals
- plans that were moved: −3 · 1 deal

Most overdue
- #1 Кухня · Документы (Квартиры) · Анна Ли (#7) · 21 working days overdue · planned end 9 Nov 2026
  https://portal.example/crm/deal/details/1/
- #2 Баня · Документы (Квартиры) · Анна Ли (#8) · 2 days overdue · planned end 28 Nov 2026
  https://portal.example/crm/deal/details/2/
- #3 · Документы (Квартиры) · Анна Ли (#7) · 1 day overdue · planned end 29 Nov 2026
  https://portal.example/crm/deal/details/3/
- #4 Цех · Документы (Квартиры) · Анна Ли (#8) · overdue from the day it entered the stage · planned end 30 Nov 2026
  https://portal.example/crm/deal/details/4/

Overdue deals by manager
- Анна Ли (#7): 2 deals, 22 days
- Анна Ли (#8), dismissed: 2 deals, 2 days

Probably late
- #9 Сарай · Документы (Квартиры) · Анна Ли (#7) · probability to be late 71% · planned end 3 Dec 2026 · expected end 8 Dec 2026
  https://portal.example/crm/deal/details/9/

Left the report
- #5 Дом: deleted, 2 days

Gaps
- stages without a plan: 22 · 21 deals

Run 17, data as of 30 Nov 2026. All deals in Bitrix24
https://portal.example/crm/deal/list/
`,
		config.Russian: `Сделки на 30.11.2026

Открыто: 342 сделки
Просрочено: 4 сделки (1 %)
Срок сегодня: 1 сделка
Скорее опоздают: 1 сделка
Сумма просроченных сделок: 4 938 272 RUB
Ожидание: 2 сделки
Без плана: 21 сделка
Потерянные дни: 1 204 (+37 с 27.11.2026)

Почему изменились потерянные дни
- новые дни просрочки: +40 · 31 сделка
- перенос планов: −3 · 1 сделка

Самые просроченные
- #1 Кухня · Документы (Квартиры) · Анна Ли (#7) · просрочка 21 рабочий день · плановый срок 09.11.2026
  https://portal.example/crm/deal/details/1/
- #2 Баня · Документы (Квартиры) · Анна Ли (#8) · просрочка 2 дня · плановый срок 28.11.2026
  https://portal.example/crm/deal/details/2/
- #3 · Документы (Квартиры) · Анна Ли (#7) · просрочка 1 день · плановый срок 29.11.2026
  https://portal.example/crm/deal/details/3/
- #4 Цех · Документы (Квартиры) · Анна Ли (#8) · просрочена со дня входа в стадию · плановый срок 30.11.2026
  https://portal.example/crm/deal/details/4/

Просроченные сделки по ответственным
- Анна Ли (#7): 2 сделки, 22 дня
- Анна Ли (#8), уволен(а): 2 сделки, 2 дня

Скорее опоздают
- #9 Сарай · Документы (Квартиры) · Анна Ли (#7) · вероятность опоздания 71 % · плановый срок 03.12.2026 · ожидаемый конец 08.12.2026
  https://portal.example/crm/deal/details/9/

Ушли из отчёта
- #5 Дом: удалена, 2 дня

Пробелы
- стадии без плана: 22 · 21 сделка

Расчёт № 17, данные на 30.11.2026. Все сделки в Битрикс24
https://portal.example/crm/deal/list/
`,
	} {
		d := aMorning(t).summary(newVoice(language))
		if got := withBlanks(d.text(newVoice(language))); got != want {
			t.Errorf("in %s the summary is\n%s\nwant\n%s", language, got, want)
		}
	}
}

// withBlanks has plain blanks for the spaces of several widths that numbers have in them.
func withBlanks(text string) string {
	return strings.NewReplacer("\u00a0", " ", "\u202f", " ").Replace(text)
}

func TestManagersLetter(t *testing.T) {
	t.Parallel()
	c := aMorning(t)
	c.hasSeveralFunnels = false
	v := newVoice(config.Russian)
	d := c.ofManager(v, c.portfolios[0])
	const want = `[b]Ваши сделки на 30.11.2026[/b]
Просрочено: [b]2 сделки[/b]
Срок сегодня: [b]1 сделка[/b]
Скорее опоздают: [b]1 сделка[/b]

[b]Просрочено[/b]
• [url=https://portal.example/crm/deal/details/1/]#1 Кухня[/url] · Документы · просрочка 21 рабочий день · плановый срок 09.11.2026
• [url=https://portal.example/crm/deal/details/3/]#3[/url] · Документы · просрочка 1 день · плановый срок 29.11.2026

[b]Срок сегодня[/b]
• [url=https://portal.example/crm/deal/details/6/]#6 Гараж[/url] · Документы

[b]Скорее опоздают[/b]
• [url=https://portal.example/crm/deal/details/9/]#9 Сарай[/url] · Документы · вероятность опоздания 71 % · плановый срок 03.12.2026 · ожидаемый конец 08.12.2026`
	if got := withBlanks(d.message(v, 20_000)); got != want {
		t.Errorf("the letter is\n%s\nwant\n%s", got, want)
	}
}

// A portfolio in which nothing can be late says so rather than showing that nothing is.
func TestNothingCanBeLateWithoutPlans(t *testing.T) {
	t.Parallel()
	v := newVoice(config.English)
	c := &content{Totals: views.Totals{Open: 5, Waiting: 2}, noPlan: 3, run: views.Published{AsOf: day(t, "2026-11-30")}, before: transform.NoDay}
	d := c.summary(v)
	if text := d.text(v); !strings.Contains(text, v.NothingPlanned) {
		t.Errorf("the summary does not say that there are no plans: %s", text)
	}
	c.noPlan = 2
	d = c.summary(v)
	if text := d.text(v); strings.Contains(text, v.NothingPlanned) {
		t.Errorf("the summary says that there are no plans: %s", text)
	}
}

// What people write into deals is shown, and neither a messenger nor a mail reader obeys it.
func TestTitlesAreNotObeyed(t *testing.T) {
	t.Parallel()
	c := aMorning(t)
	const hostile = "[url=https://evil.example]pay[/url] [USER=all]x[/USER] <a href=\"https://evil.example\">pay</a>\n[b]\x1b[31m"
	for i := range c.deals {
		c.deals[i].Title, c.deals[i].Stage, c.deals[i].Funnel, c.deals[i].Manager = hostile, hostile, hostile, hostile
	}
	c.portfolios, c.shared = portfoliosOf(c.deals), sharedNames(c.deals)
	v := newVoice(config.English)
	for _, d := range []document{c.summary(v), c.ofManager(v, c.portfolios[0])} {
		message := d.message(v, 20_000)
		for _, code := range []string{"[url=https://evil", "[USER", "[b]\x1b", "\x1b"} {
			if strings.Contains(message, code) {
				t.Errorf("the message has %q: %s", code, message)
			}
		}
		page, err := d.html(v)
		if err != nil || strings.Contains(page, "<a href=\"https://evil") || strings.Contains(page, "\x1b") {
			t.Errorf("the page is %s (%v)", page, err)
		}
	}
}

// However many deals there are and however long their texts, a message has no more characters than the portal takes, and
// names and counts every deal.
func TestMessagesFit(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 0))
		c := &content{host: "portal.example", run: views.Published{AsOf: day(t, "2026-11-30")}, hasSeveralFunnels: true}
		nLate, nDue := r.IntN(400), 1+r.IntN(400)
		for i := range nLate + nDue {
			d := views.DueDeal{
				DealID: extractor.DealID(1 + r.Uint64N(1<<60)), Title: strings.Repeat("Ж😀", r.IntN(300)), OverdueDays: 3, Expected: transform.NoDay,
				URL: "https://portal.example/crm/deal/details/1/",
			}
			if i >= nLate {
				d.Urgency = views.DueToday
			}
			d.Stage, d.Funnel = strings.Repeat("Щ", r.IntN(200)), strings.Repeat("😀", r.IntN(200))
			c.deals = append(c.deals, d)
		}
		c.portfolios, c.shared = portfoliosOf(c.deals), sharedNames(c.deals)
		v := newVoice([]config.Language{config.English, config.Russian}[r.IntN(2)])
		limit := []int{2000, 5000, 20_000}[r.IntN(3)]
		d := c.ofManager(v, c.portfolios[0])
		text := d.message(v, limit)
		if n := length(text); n > limit {
			t.Fatalf("seed %d: %d characters, want %d at most", seed, n, limit)
		}
		shown := strings.Count(text, "/crm/deal/details/")
		hidden := nLate + nDue - shown
		isTold := strings.Contains(text, "/crm/deal/list/")
		if hidden > 0 != isTold {
			t.Errorf("seed %d: %d deals are not shown, and that there are more is said: %v", seed, hidden, isTold)
		}
	}
}

package locale_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"stagelag/locale"
)

func TestOf(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		environ []string
		want    locale.Language
		fails   bool
	}{
		{"English where nothing is set", nil, locale.English, false},
		{"the system's locale", []string{"LANG=ru_RU.UTF-8"}, locale.Russian, false},
		{"a locale without a country", []string{"LANG=ru.UTF-8"}, locale.Russian, false},
		{"the language alone", []string{"LANG=ru"}, locale.Russian, false},
		{"messages outweigh the rest", []string{"LANG=en_US.UTF-8", "LC_MESSAGES=ru_RU.UTF-8"}, locale.Russian, false},
		{"all outweighs messages", []string{"LC_ALL=C", "LC_MESSAGES=ru_RU.UTF-8"}, locale.English, false},
		{"an empty variable is not set", []string{"LC_ALL=", "LANG=ru_RU.UTF-8"}, locale.Russian, false},
		{"another language", []string{"LANG=run_BI.UTF-8"}, locale.English, false},
		{"the program's variable outweighs the system's", []string{"LC_ALL=ru_RU.UTF-8", "STAGELAG_LANG=en"}, locale.English, false},
		{"a language that there is not", []string{"STAGELAG_LANG=de", "LANG=ru_RU.UTF-8"}, locale.English, true},
	} {
		got, err := locale.Of(test.environ)
		if got != test.want || (err != nil) != test.fails {
			t.Errorf("%s: Of(%q) = %s, %v, want %s", test.name, test.environ, got, err, test.want)
		}
	}
}

func TestEnglishStaysAsItIs(t *testing.T) {
	t.Parallel()
	var none *locale.Printer
	for _, p := range []*locale.Printer{none, {}, locale.For(locale.English)} {
		if got := p.Text("no run was published yet"); got != "no run was published yet" {
			t.Errorf("Text = %q", got)
		}
		if got := p.Sprintf("%d of %d", 1, 2) + p.Count(1, "%d deal", "%d deals") + p.Count(2, "%d deal", "%d deals"); got != "1 of 21 deal2 deals" {
			t.Errorf("Sprintf and Count = %q", got)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	p := locale.For(locale.Russian)
	for _, test := range []struct{ name, english, want string }{
		{"a whole text", "no run was published yet", "ещё ни один расчёт не опубликован"},
		{"an empty text", "", ""},
		{"what is not known stays", "code: 60, message: odd", "code: 60, message: odd"},
		{"what was being done, and a foreign answer", "extract: crm.deal.list: Internal error (QUERY_LIMIT_EXCEEDED)", "чтение с портала: crm.deal.list: Internal error (QUERY_LIMIT_EXCEEDED)"},
		{
			"an advice behind a foreign text", "load: disk of sda1; the warehouse's disk is full: free some space and run again, nothing is lost",
			"load: disk of sda1; диск хранилища полон: освободите место и запустите снова, ничего не потеряно",
		},
		{
			"texts in the places of texts", `run: --as-of: "yesterday" is not a date of the form YYYY-MM-DD`,
			`run: --as-of: "yesterday" — не дата вида ГГГГ-ММ-ДД`,
		},
		{
			"several complaints", "configuration: a.yaml:2: portal.tme_zone: unknown key, the nearest is portal.time_zone; a.yaml:4: funnels: not set",
			"конфигурация: a.yaml:2: portal.tme_zone: неизвестный ключ, ближайший — portal.time_zone; a.yaml:4: funnels: не задано",
		},
		{
			"a number with its noun", "run 7 was published at 2026-03-10 02:31 MSK, with 1 deal and 22 requests",
			"расчёт 7 опубликован 2026-03-10 02:31 MSK: 1 сделка, 22 запроса",
		},
		{
			"a text that ends with what follows it", "no warehouse in /srv/stagelag with the database north; stagelag run makes it; for another one, set warehouse.database",
			"нет хранилища в /srv/stagelag с базой north; его создаст stagelag run; для другого задайте warehouse.database",
		},
		{
			"a beginning without its end", "no warehouse in /srv/stagelag; stagelag run makes one; if it lies elsewhere, name its configuration with --config, or set warehouse.path or warehouse.url",
			"нет хранилища в /srv/stagelag; его создаст stagelag run; если оно лежит в другом месте, назовите его конфигурацию в --config или задайте warehouse.path или warehouse.url",
		},
		{"a name in quotes is no text", `letter: --lang: "deleted" is not en or ru`, `letter: --lang: "deleted" — не en или ru`},
	} {
		if got := p.Text(test.english); got != test.want {
			t.Errorf("%s: Text(%q) =\n %q, want\n %q", test.name, test.english, got, test.want)
		}
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	p := locale.For(locale.Russian)
	for n, want := range map[int64]string{
		0: "0 дней", 1: "1 день", 2: "2 дня", 5: "5 дней", 11: "11 дней", 14: "14 дней", 21: "21 день", 22: "22 дня", 111: "111 дней",
		-1: "-1 день", 1_000_000_000_001: "1000000000001 день", 1012: "1012 дней",
	} {
		if got := p.Count(n, "%d day", "%d days"); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestFprintf(t *testing.T) {
	t.Parallel()
	p := locale.For(locale.Russian)
	var b bytes.Buffer
	p.Fprintf(&b, "Backed up to %s.\n", "a.tar.zst")
	p.Fprintf(&b, "%s: %v\n", "init", fmt.Errorf("restore: %w", &fs.PathError{Op: "open", Path: "x", Err: syscall.ENOENT}))
	const want = "Сохранено в a.tar.zst.\ninit: восстановление: открыть x: нет такого файла или папки\n"
	if b.String() != want {
		t.Errorf("Fprintf wrote %q, want %q", b.String(), want)
	}
	if got := p.Error(errors.New("the engine did not answer")); got != "движок не ответил" {
		t.Errorf("Error = %q", got)
	}
}

func TestFractionsInRussianHaveAComma(t *testing.T) {
	t.Parallel()
	for lang, want := range map[locale.Language]string{locale.English: "0.7 s", locale.Russian: "0,7 с"} {
		if got := locale.For(lang).Sprintf("%.1f s", 0.7); got != want {
			t.Errorf("%s: %q, want %q", lang, got, want)
		}
	}
}

package report

import (
	"reflect"
	"strings"
	"testing"

	"stagelag/transform"
)

func TestPlurals(t *testing.T) {
	tests := []struct {
		language Language
		n        int64
		want     string
	}{
		{Russian, 0, "0 дней"},
		{Russian, 1, "1 день"},
		{Russian, 2, "2 дня"},
		{Russian, 4, "4 дня"},
		{Russian, 5, "5 дней"},
		{Russian, 11, "11 дней"},
		{Russian, 12, "12 дней"},
		{Russian, 14, "14 дней"},
		{Russian, 21, "21 день"},
		{Russian, 22, "22 дня"},
		{Russian, 25, "25 дней"},
		{Russian, 101, "101 день"},
		{Russian, 111, "111 дней"},
		{Russian, 1002, "1\u00a0002 дня"},
		{English, 0, "0 days"},
		{English, 1, "1 day"},
		{English, 21, "21 days"},
		{English, 1001, "1,001 days"},
	}
	for _, test := range tests {
		if got := newVoice(test.language).Count(test.n, "days"); got != test.want {
			t.Errorf("%d days in %s: %q, want %q", test.n, test.language, got, test.want)
		}
	}
}

func TestNumbersAndDates(t *testing.T) {
	ru, en := newVoice(Russian), newVoice(English)
	day := transform.Day(20422) // 2025-11-30
	month := Period{From: day - 29, To: day}
	tests := []struct{ name, got, want string }{
		{"a thousand has a blank that does not break", ru.Number(12345), "12\u00a0345"},
		{"a thousand has a comma", en.Number(12345), "12,345"},
		{"a rise has a plus", ru.Signed(1234), "+1\u00a0234"},
		{"a fall has a true minus", en.Signed(-5), "−5"},
		{"no change has no sign", en.Signed(0), "0"},
		{"percent stand off in Russian", ru.Percent(0.833), "83\u00a0%"},
		{"and close up in English", en.Percent(0.833), "83%"},
		{"nearly all are not all", en.Percent(0.9999), "99%"},
		{"nearly none are not none", en.Percent(0.0001), "1%"},
		{"all are all", en.Percent(1), "100%"},
		{"a date", ru.Date(day), "30.11.2025"},
		{"a date with its month's name", en.Date(day), "30 Nov 2025"},
		{"no date is a dash", en.Date(transform.NoDay), "–"},
		{"a month by its name", ru.Span(month), "ноябрь 2025"},
		{"another span by its ends", en.Span(Period{From: day, To: day + 1}), "30 Nov 2025 – 1 Dec 2025"},
		{"a day by itself", en.Span(Period{From: day, To: day}), "30 Nov 2025"},
		{"a mark of a month", ru.Tick(month), "ноя"},
		{"a mark of a day in English", en.Tick(Period{From: day, To: day}), "30 Nov"},
		{"a mark of a day in Russian", ru.Tick(Period{From: day, To: day}), "30.11"},
		{"a mark of months", en.Tick(Period{From: day + 1, To: day + 62}), "12/25"},
		{"a year by its number", en.Span(Period{From: 20089, To: 20453}), "2025"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.got != test.want {
				t.Errorf("got %q, want %q", test.got, test.want)
			}
		})
	}
}

// Both languages say everything, and a format of one takes what that of the other takes.
func TestWordsAreWhole(t *testing.T) {
	en, ru := reflect.ValueOf(english), reflect.ValueOf(russian)
	for i := range en.NumField() {
		name := en.Type().Field(i).Name
		for _, v := range []reflect.Value{en.Field(i), ru.Field(i)} {
			if v.Len() == 0 {
				t.Errorf("%s is empty in a language", name)
			}
		}
		if en.Field(i).Len() != ru.Field(i).Len() && en.Field(i).Kind() != reflect.String {
			t.Errorf("%s has %d texts in English, %d in Russian", name, en.Field(i).Len(), ru.Field(i).Len())
		}
		if en.Field(i).Kind() == reflect.String {
			if e, r := strings.Count(en.Field(i).String(), "%s"), strings.Count(ru.Field(i).String(), "%s"); e != r {
				t.Errorf("%s takes %d values in English, %d in Russian", name, e, r)
			}
		}
	}
}

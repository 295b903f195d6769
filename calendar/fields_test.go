package calendar_test

import (
	"testing"

	"stagelag/bitrix24"
	"stagelag/calendar"
	"stagelag/config"
)

func TestCheckFields(t *testing.T) {
	portal := bitrix24.Description{Fields: []bitrix24.Field{
		{Name: "UF_HOLD_FROM", Type: "date"}, {Name: "UF_HOLD_UNTIL", Type: "datetime"}, {Name: "UF_WAITS", Type: "boolean"},
		{Name: "UF_DATES", Type: "date", IsMultiple: true}, {Name: "UF_TEXT", Type: "string"},
	}}
	for _, test := range []struct {
		pauses config.Pauses
		want   string
	}{
		{config.Pauses{}, ""},
		{config.Pauses{Flag: "UF_WAITS", From: "UF_HOLD_FROM", Until: "UF_HOLD_UNTIL"}, ""},
		{config.Pauses{Flag: "UF_WAIT"}, `pauses.flag: the portal has no deal field "UF_WAIT"; did you mean UF_WAITS?`},
		{config.Pauses{Flag: "UF_TEXT"}, "pauses.flag: the portal's field UF_TEXT is of type string and has to be of type boolean, which holds yes or no"},
		{config.Pauses{From: "UF_WAITS", Until: "UF_TEXT"},
			"pauses.from: the portal's field UF_WAITS is of type boolean and has to be of type date or datetime, which holds a date; " +
				"pauses.until: the portal's field UF_TEXT is of type string and has to be of type date or datetime, which holds a date"},
		{config.Pauses{From: "UF_DATES"}, "pauses.from: the portal's field UF_DATES has several values; name one with a single value"},
	} {
		got := ""
		if err := calendar.CheckFields(test.pauses, portal); err != nil {
			got = err.Error()[len("configuration: "):]
		}
		if got != test.want {
			t.Errorf("CheckFields(%+v)\n got %s\nwant %s", test.pauses, got, test.want)
		}
	}
}

package writeback

import (
	"testing"

	"stagelag/config"
)

func TestStateText(t *testing.T) {
	tests := []struct {
		name     string
		language config.Language
		status   string
		days     int64
		want     string
	}{
		{"on time", config.English, "on_time", 0, "on time"},
		{"on time", config.Russian, "on_time", 0, "в срок"},
		{"due today", config.English, "due_today", 0, "due today"},
		{"due today", config.Russian, "due_today", 0, "срок сегодня"},
		{"one day", config.English, "overdue", 1, "1 day late"},
		{"several days", config.English, "overdue", 21, "21 days late"},
		{"ends in 1", config.Russian, "overdue", 1, "просрочка 1 день"},
		{"ends in 2", config.Russian, "overdue", 2, "просрочка 2 дня"},
		{"ends in 4", config.Russian, "overdue", 24, "просрочка 24 дня"},
		{"ends in 5", config.Russian, "overdue", 5, "просрочка 5 дней"},
		{"11 is like 5", config.Russian, "overdue", 11, "просрочка 11 дней"},
		{"14 is like 5", config.Russian, "overdue", 14, "просрочка 14 дней"},
		{"21 is like 1", config.Russian, "overdue", 21, "просрочка 21 день"},
		{"111 is like 5", config.Russian, "overdue", 111, "просрочка 111 дней"},
		{"122 is like 2", config.Russian, "overdue", 122, "просрочка 122 дня"},
		{"100 is like 5", config.Russian, "overdue", 100, "просрочка 100 дней"},
		{"no plan", config.Russian, "no_plan", 0, "без плана"},
		{"waiting for somebody else", config.English, "waiting", 0, "waiting"},
		{"waiting for somebody else", config.Russian, "waiting", 0, "ожидание"},
		{"a final stage", config.English, "final", 0, "closed"},
		{"a status of a later version", config.English, "paused", 0, "paused"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := stateText(test.language, test.status, test.days, false); got != test.want {
				t.Errorf("stateText(%s, %s, %d, false) = %q, want %q", test.language, test.status, test.days, got, test.want)
			}
		})
	}
}

func TestLateTextOfWorkingDays(t *testing.T) {
	tests := []struct {
		name     string
		language config.Language
		days     int64
		want     string
	}{
		{"one day", config.English, 1, "1 working day late"},
		{"several days", config.English, 21, "21 working days late"},
		{"ends in 1", config.Russian, 21, "просрочка 21 рабочий день"},
		{"ends in 2", config.Russian, 2, "просрочка 2 рабочих дня"},
		{"ends in 5", config.Russian, 5, "просрочка 5 рабочих дней"},
		{"11 is like 5", config.Russian, 11, "просрочка 11 рабочих дней"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := stateText(test.language, "overdue", test.days, true); got != test.want {
				t.Errorf("stateText(%s, overdue, %d, true) = %q, want %q", test.language, test.days, got, test.want)
			}
		})
	}
}

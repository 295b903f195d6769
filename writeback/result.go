package writeback

import (
	"strconv"

	"stagelag/config"
)

// states are the texts of the statuses of deals_now, but for the one that has a number in it.
var states = map[config.Language]map[string]string{
	config.English: {
		"on_time": "on time", "due_today": "due today", "no_plan": "no plan", "waiting": "waiting", "final": "closed",
		"finished_on_time": "finished on time", "finished_late": "finished late",
	},
	config.Russian: {
		"on_time": "в срок", "due_today": "срок сегодня", "no_plan": "без плана", "waiting": "ожидание", "final": "сделка закрыта",
		"finished_on_time": "завершён в срок", "finished_late": "завершён поздно",
	},
}

// stateText is a status in words. One that is not known yet stands for itself.
func stateText(language config.Language, status string, daysLate int64, isWorking bool) string {
	if status == "overdue" {
		return lateText(language, daysLate, isWorking)
	}
	if text, ok := states[language][status]; ok {
		return text
	}
	return status
}

// lateText says by how many days, or working days, a stage is late.
func lateText(language config.Language, days int64, isWorking bool) string {
	count := strconv.FormatInt(days, 10)
	switch {
	case language == config.Russian:
		return "просрочка " + count + " " + russianDays(days, isWorking)
	case days == 1 && isWorking:
		return "1 working day late"
	case days == 1:
		return "1 day late"
	case isWorking:
		return count + " working days late"
	default:
		return count + " days late"
	}
}

// russianDays is the form of the word that follows the number: 1 день, 2 дня, 5 дней, 1 рабочий день, 2 рабочих дня.
func russianDays(days int64, isWorking bool) string {
	one, other := "", ""
	if isWorking {
		one, other = "рабочий ", "рабочих "
	}
	tens, units := days%100, days%10
	switch {
	case tens >= 11 && tens <= 14:
		return other + "дней"
	case units == 1:
		return one + "день"
	case units >= 2 && units <= 4:
		return other + "дня"
	default:
		return other + "дней"
	}
}

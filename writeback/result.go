package writeback

import (
	"strconv"

	"stagelag/config"
)

// states are the texts of the statuses of deals_now, but for the one that has a number in it.
var states = map[config.Language]map[string]string{
	config.English: {
		"on_time": "on time", "due_today": "due today", "no_plan": "no plan", "final": "closed",
		"finished_on_time": "finished on time", "finished_late": "finished late",
	},
	config.Russian: {
		"on_time": "в срок", "due_today": "срок сегодня", "no_plan": "без плана", "final": "сделка закрыта",
		"finished_on_time": "завершён в срок", "finished_late": "завершён поздно",
	},
}

// stateText is a status in words. One that is not known yet stands for itself.
func stateText(language config.Language, status string, daysLate int64) string {
	if status == "overdue" {
		return lateText(language, daysLate)
	}
	if text, ok := states[language][status]; ok {
		return text
	}
	return status
}

func lateText(language config.Language, days int64) string {
	count := strconv.FormatInt(days, 10)
	switch {
	case language == config.Russian:
		return "просрочка " + count + " " + russianDays(days)
	case days == 1:
		return "1 day late"
	default:
		return count + " days late"
	}
}

// russianDays is the form of the word that follows the number: 1 день, 2 дня, 5 дней.
func russianDays(days int64) string {
	tens, units := days%100, days%10
	switch {
	case tens >= 11 && tens <= 14:
		return "дней"
	case units == 1:
		return "день"
	case units >= 2 && units <= 4:
		return "дня"
	default:
		return "дней"
	}
}

package simulator

import (
	"strconv"
	"time"
)

// ADay does to a generated world what people do in a day and a report is to show: the plans of some deals that are
// late are moved to a later end, that of one to an earlier end, and a deal that is late is deleted. It
// says how many plans it moved and how many deals it deleted.
func ADay(world *World, suggested Suggested, at time.Time) (moved, deleted int) {
	const longer, shorter, gone = 3, 1, 1
	hasLonger, hasShorter := 0, 0
	for _, deal := range world.Deals() {
		history := world.History(deal.ID)
		field := suggested.Fields[string(deal.Stage)].Days
		planned, err := strconv.Atoi(text(deal.Fields[field]))
		if field == "" || deal.IsRecurring || err != nil || len(history) == 0 || history[len(history)-1].Stage != deal.Stage {
			continue
		}
		elapsed := int(at.Sub(history[len(history)-1].At).Hours() / 24)
		// Working days are fewer than calendar days: a deal that is late by these is late by those as well.
		isLate := elapsed*5/7 > planned+2
		switch {
		case isLate && hasLonger < longer:
			world.SetField(deal.ID, at, field, elapsed*5/7+5)
			hasLonger++
		case isLate && deleted < gone:
			world.DeleteDeal(deal.ID, at)
			deleted++
		case !isLate && planned > 2 && hasShorter < shorter:
			world.SetField(deal.ID, at, field, 1)
			hasShorter++
		}
	}
	return hasLonger + hasShorter, deleted
}

// text is a field's value as the portal shows it, empty for none.
func text(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case int:
		return strconv.Itoa(value)
	case int64:
		return strconv.FormatInt(value, 10)
	default:
		return ""
	}
}

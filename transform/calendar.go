package transform

// A Calendar says how a plan in days becomes a date and which days count against it.
// Elapsed days are calendar days under every calendar.
type Calendar interface {
	// PlannedEnd is the last day on which a visit entered on the day is still on time.
	PlannedEnd(entered Day, planDays int32) Day
	// Between counts the days d with after < d <= until; 0 when until is not after.
	Between(after, until Day) int32
}

// CalendarDays counts every day.
type CalendarDays struct{}

// PlannedEnd adds the days of the plan to the day of entry.
func (CalendarDays) PlannedEnd(entered Day, planDays int32) Day { return entered + Day(planDays) }

// Between is the plain difference of the dates.
func (CalendarDays) Between(after, until Day) int32 { return max(0, int32(until-after)) }

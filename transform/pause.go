package transform

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"stagelag/extractor"
)

// PauseSource tells how a pause is known.
type PauseSource uint8

// The sources of a pause, under the names that the views show.
const (
	NoPause      PauseSource = iota
	PauseDates               // the deal carries its dates
	PauseFlag                // the portal showed the deal's flag set on that day
	PauseAssumed             // a flag of a later day
)

// String is the name in the views, empty for none.
func (s PauseSource) String() string { return [...]string{"", "dates", "flag", "assumed"}[s] }

// A Pause is days that don't count for a deal, both ends included.
type Pause struct {
	From   Day
	Until  Day // Still where it goes on and no end of it is known
	Source PauseSource
}

// PauseFields name the custom fields of the deal that carry its pauses; an empty name is no field.
type PauseFields struct {
	Flag  string // whether it pauses today
	From  string // the first day of a pause
	Until string // its last day, empty until further notice
}

// pauses are those of a deal up to the as-of date, and later ones with an end, in their order: days that were published
// as paused stay so, others are told by the dates of the deal, then by its flag. told are they without the flag of now.
// problem says what is wrong with a value that is none.
func (r *Rules) pauses(h *History, known []Pause, dates Dates) (pauses, told []Pause, problem string) {
	from, until, problem := r.pauseDates(&h.Deal)
	goesOn := from != NoDay && from <= dates.AsOf && until == NoDay
	told = slices.Clone(known)
	switch {
	case goesOn:
		told = cover(told, Pause{from, dates.AsOf, PauseDates})
	case from != NoDay && until != NoDay:
		told = cover(told, Pause{from, until, PauseDates})
	}
	pauses = slices.Clone(told)
	isSet, flagProblem := r.pauseFlag(&h.Deal)
	if flagProblem != "" {
		problem = strings.TrimPrefix(problem+"; "+flagProblem, "; ")
	}
	if isSet {
		today := NoDay
		if h.HiddenSince.IsZero() {
			today = DayOf(dates.Clock, r.Zone)
		}
		if dates.PublishedAsOf != NoDay && dates.PublishedAsOf < dates.AsOf {
			pauses = cover(pauses, Pause{dates.PublishedAsOf + 1, dates.AsOf - 1, PauseAssumed})
		}
		switch {
		case dates.AsOf == today:
			pauses = cover(pauses, Pause{today, today, PauseFlag})
		case dates.AsOf > dates.PublishedAsOf: // a published day of the past stays as it is
			pauses = cover(pauses, Pause{dates.AsOf, dates.AsOf, PauseAssumed})
		}
	}
	// What pauses the as-of date and has no end goes on.
	if last := len(pauses) - 1; last >= 0 && pauses[last].Until == dates.AsOf && (isSet || goesOn) {
		pauses[last].Until = Still
	}
	return pauses, told, problem
}

// pauseDates reads the dates that a deal carries, NoDay for an absent one.
func (r *Rules) pauseDates(deal *extractor.Deal) (from, until Day, problem string) {
	read := func(field string) Day {
		text := deal.Fields[field]
		if field == "" || text == "" {
			return NoDay
		}
		day, err := r.date(text)
		if err != nil {
			problem = strings.TrimPrefix(fmt.Sprintf("%s; %s = %s: %v", problem, field, quote(text), err), "; ")
		}
		return day
	}
	from, until = read(r.Pauses.From), read(r.Pauses.Until)
	switch {
	case problem != "":
		return NoDay, NoDay, problem
	case from == NoDay && until != NoDay:
		return NoDay, NoDay, fmt.Sprintf("the pause ends on %s (%s) and %s is empty", until, r.Pauses.Until, r.Pauses.From)
	case until != NoDay && until < from:
		return NoDay, NoDay, fmt.Sprintf("the pause ends on %s (%s), before it begins on %s (%s)", until, r.Pauses.Until, from, r.Pauses.From)
	}
	return from, until, ""
}

// pauseFlag reads the flag that a deal carries.
func (r *Rules) pauseFlag(deal *extractor.Deal) (isSet bool, problem string) {
	if r.Pauses.Flag == "" {
		return false, ""
	}
	switch text := deal.Fields[r.Pauses.Flag]; strings.ToUpper(strings.TrimSpace(text)) {
	case "Y", "1", "TRUE":
		return true, ""
	case "", "N", "0", "FALSE":
		return false, ""
	default:
		return false, fmt.Sprintf("%s = %s: not yes or no", r.Pauses.Flag, quote(text))
	}
}

// cover adds the days of a pause that none of the others has. All are in their order, and none has a day of another.
func cover(pauses []Pause, p Pause) []Pause {
	var list []Pause
	from := p.From
	for _, q := range pauses {
		list = append(list, q)
		if q.Until < from || p.Until < q.From {
			continue
		}
		if from < q.From {
			list = append(list, Pause{from, q.From - 1, p.Source})
		}
		from = q.Until + 1
	}
	if from <= p.Until {
		list = append(list, Pause{from, p.Until, p.Source})
	}
	slices.SortFunc(list, func(a, b Pause) int { return cmp.Compare(a.From, b.From) })
	return joined(list)
}

// joined makes one of pauses that follow each other day by day and are known alike.
func joined(pauses []Pause) []Pause {
	list := pauses[:0]
	for _, p := range pauses {
		if last := len(list) - 1; last >= 0 && list[last].Until+1 == p.From && list[last].Source == p.Source {
			list[last].Until = p.Until
		} else {
			list = append(list, p)
		}
	}
	return list
}

// within are the pauses of the days from first to last, both included.
func within(pauses []Pause, first, last Day) []Pause {
	var list []Pause
	for _, p := range pauses {
		p.From, p.Until = max(p.From, first), min(p.Until, last)
		if p.From <= p.Until {
			list = append(list, p)
		}
	}
	return list
}

// ended are the pauses as they were at an as-of date: one that still went on ends there.
func ended(pauses []Pause, asOf Day) []Pause {
	list := slices.Clone(pauses)
	for i := range list {
		if list[i].Until == Still {
			list[i].Until = asOf
		}
	}
	return list
}

// A counting is which days count for a visit: those of its calendar that are not paused.
type counting struct {
	calendar Calendar
	pauses   []Pause // each with an end
}

// countingOf is the one of a visit up to an as-of date.
func countingOf(v *Visit, calendar Calendar, asOf Day) counting {
	if len(v.Pauses) == 0 {
		return counting{calendar: calendar}
	}
	return counting{calendar, ended(v.Pauses, asOf)}
}

// paused counts the days d with after < d <= until that the calendar counts and a pause takes away.
func (c *counting) paused(after, until Day) int32 {
	n := int32(0)
	for _, p := range c.pauses {
		n += between(c.calendar, max(after, p.From-1), min(until, p.Until))
	}
	return n
}

// between counts the days d with after < d <= until; 0 when until is not after.
func (c *counting) between(after, until Day) int32 {
	n := between(c.calendar, after, until)
	if n > 0 && len(c.pauses) > 0 {
		n -= c.paused(after, until)
	}
	return n
}

// pauseOn is how a day is paused.
func (c *counting) pauseOn(day Day) PauseSource {
	for _, p := range c.pauses {
		if p.From <= day && day <= p.Until {
			return p.Source
		}
	}
	return NoPause
}

// plannedEnd is the n-th counting day after the entry; for 0 the day itself if it counts, else the next that does.
func (c *counting) plannedEnd(entered Day, planDays int32) Day {
	if len(c.pauses) == 0 {
		return c.calendar.PlannedEnd(entered, planDays)
	}
	if planDays == 0 {
		if c.calendar.Counts(entered) && c.pauseOn(entered) == NoPause {
			return entered
		}
		planDays = 1
	}
	// Each paused day moves the end by one, which may lead over further ones.
	for moved := int32(0); ; {
		end := c.calendar.PlannedEnd(entered, planDays+moved)
		paused := c.paused(entered, min(end, LastDay))
		if paused == moved || end > LastDay {
			return end
		}
		moved = paused
	}
}

// Numbers are what the counting days of a visit follow from as the days pass, so that readers subtract: with number
// the calendar's number of a day, overdue are min(number, Stops) - Accrues of them, left are Due - min(number, Stops),
// and none where that is below zero.
type Numbers struct {
	Entered int32 // the calendar's number of the day of entry
	// Accrues is the number of the day after which days are overdue, and the paused ones since.
	Accrues int32
	// Due is the number of the planned end without the paused days up to it that are still to come.
	Due int32
	// Stops is the number at which the visit stands still: of its last day when it has ended, of the day before its
	// pause while it pauses, else GoesOn.
	Stops int32
	// Paused are the paused days after the entry up to the end, without those of a pause that goes on.
	Paused int32
	// FirstAccrues is Accrues under the first plan.
	FirstAccrues int32
	// LateAtEntry are the days after the planned end up to the entry; 0 also where the visit began in time.
	LateAtEntry int32
}

// GoesOn is the Stops of a visit that is open and does not pause.
const GoesOn int32 = 1<<31 - 1

// numbers makes the numbers of a visit at an as-of date, without its LateAtEntry: the visit does not know the pauses
// before it.
func (v *Visit) numbers(calendar Calendar, asOf Day) Numbers {
	c := countingOf(v, calendar, asOf)
	n := Numbers{Entered: calendar.Number(v.EnteredDate), Stops: GoesOn}
	stands := asOf // the last day of which something counts
	if !v.IsOpen() {
		stands = v.LeftDate
		n.Stops = calendar.Number(stands)
	} else {
		for _, p := range slices.Backward(c.pauses) {
			if p.From <= stands && stands <= p.Until {
				stands = p.From - 1
				n.Stops = calendar.Number(stands)
			}
		}
	}
	n.Paused = c.paused(v.EnteredDate, stands)
	if v.Plan.IsPlanned() {
		after := v.AccruesAfter()
		n.Accrues = calendar.Number(after) + c.paused(after, stands)
		n.Due = calendar.Number(v.Plan.End) - c.paused(stands, v.Plan.End)
	}
	if v.Past.First.IsPlanned() {
		after := max(v.Past.First.End, v.EnteredDate)
		n.FirstAccrues = calendar.Number(after) + c.paused(after, stands)
	}
	return n
}

// badPause is the gap of a value that tells no pause.
func (r *Rules) badPause(visits []Visit, problem string) []Gap {
	if problem == "" || len(visits) == 0 || !visits[len(visits)-1].IsOpen() {
		return nil
	}
	last := &visits[len(visits)-1]
	return []Gap{{StageID: last.StageID, ManagerID: last.ManagerID(), Reason: GapBadPause, Detail: problem}}
}

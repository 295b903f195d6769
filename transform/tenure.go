package transform

import (
	"time"

	"stagelag/extractor"
)

// ManagerSource tells how the manager of a day is known.
type ManagerSource uint8

// The sources of a day's manager, under the names that the views show.
const (
	Seen    ManagerSource = iota // the portal showed it on that day
	Assumed                      // the day was computed later than it happened
)

// String is the name in the views.
func (s ManagerSource) String() string { return [...]string{"seen", "assumed"}[s] }

// A Tenure is who was responsible from a day on.
type Tenure struct {
	From      Day
	ManagerID extractor.ManagerID
	Source    ManagerSource
}

// tenures tells who was responsible on each day of the visit: as seen where a run has computed the day, the manager
// of now on a day that comes in for the first time. The portal shows that one today, unless the deal is hidden.
func tenures(seen []KnownDays, visit *Visit, now extractor.ManagerID, dates Dates, isShown bool, zone *time.Location) []Tenure {
	var list []Tenure
	add := func(t Tenure) {
		if last := len(list) - 1; last >= 0 && list[last].ManagerID == t.ManagerID && list[last].Source == t.Source {
			return
		}
		list = append(list, t)
	}
	today := NoDay
	if isShown {
		today = DayOf(dates.Clock, zone)
	}
	end := visit.End(dates.AsOf)
	fresh := func(from, until Day) {
		if from < today || from > today {
			add(Tenure{from, now, Assumed})
		}
		if from <= today && today <= until {
			add(Tenure{today, now, Seen})
		}
	}
	day := visit.EnteredDate
	for i := range seen {
		s := &seen[i]
		if s.Until < day || day > end {
			continue
		}
		if s.From > end {
			break
		}
		if day < s.From {
			fresh(day, s.From-1)
		}
		add(Tenure{max(day, s.From), s.ManagerID, s.Source})
		day = s.Until + 1
	}
	if day <= end {
		fresh(day, end)
	}
	return list
}

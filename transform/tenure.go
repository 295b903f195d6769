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

// span is a tenure with its last day.
type span struct {
	Tenure
	until Day
}

// knownTenures are the days that a published run has given a manager, in their order.
// A correction keeps it, whichever visit the day belongs to now: the manager is the
// deal's, not the visit's.
func knownTenures(published []Visit, asOf Day) []span {
	var known []span
	for i := range published {
		visit := &published[i]
		for k, tenure := range visit.Tenures {
			until := visit.End(asOf)
			if k+1 < len(visit.Tenures) {
				until = visit.Tenures[k+1].From - 1
			}
			// The day of a move belongs to both visits, under the same manager.
			if last := len(known) - 1; last >= 0 && tenure.From <= known[last].until {
				tenure.From = known[last].until + 1
			}
			if tenure.From <= until {
				known = append(known, span{tenure, until})
			}
		}
	}
	return known
}

// tenures tells who was responsible on each day of the visit: as published where the
// day was, the manager of now on a day that comes in for the first time.
func tenures(known []span, visit *Visit, now extractor.ManagerID, dates Dates, zone *time.Location) []Tenure {
	var list []Tenure
	add := func(t Tenure) {
		if last := len(list) - 1; last >= 0 && list[last].ManagerID == t.ManagerID && list[last].Source == t.Source {
			return
		}
		list = append(list, t)
	}
	today := DayOf(dates.Clock, zone)
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
	for _, k := range known {
		if k.until < day || day > end {
			continue
		}
		if k.From > end {
			break
		}
		if day < k.From {
			fresh(day, k.From-1)
		}
		add(Tenure{max(day, k.From), k.ManagerID, k.Source})
		day = k.until + 1
	}
	if day <= end {
		fresh(day, end)
	}
	return list
}

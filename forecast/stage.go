package forecast

import (
	"iter"
	"slices"

	"stagelag/transform"
)

// A Stage goes through the dates of one stage of one funnel, and knows on each of them what was known when it began.
type Stage struct {
	visits  []Visit                // by entry
	begun   transform.Day          // the tables hold what happened before
	today   walk                   // over the dates that come into the periods
	past    [len(periods) - 1]walk // over those that leave them; nothing leaves the last
	tables  [len(periods)]table
	pledges []pledge
	record  Record
	// isSettled is whether the record is that of the last Monday.
	isSettled bool
}

// NewStage is a stage with all of its visits, in any order. Nothing is used before the date on which it happens is over.
func NewStage(visits []Visit) *Stage {
	s := &Stage{visits: slices.Clone(visits), begun: transform.LastDay}
	slices.SortStableFunc(s.visits, func(a, b Visit) int { return int(a.Entered - b.Entered) })
	s.today.visits = s.visits
	for i := range s.past {
		s.past[i].visits = s.visits
	}
	if len(visits) > 0 {
		s.begun = s.visits[0].Entered
	}
	return s
}

// At is what is known when a date begins. Dates must not go back from one call to the next.
func (s *Stage) At(asOf transform.Day) Model {
	for s.begun < asOf {
		s.pass(s.begun)
		s.begun++
		if isMonday(s.begun) {
			s.isSettled = false
			if s.begun >= asOf-recorded-7 { // those of earlier Mondays are no longer compared
				s.pledge()
			}
		}
	}
	if !s.isSettled {
		s.settle(lastMonday(asOf))
	}
	return s.model(asOf)
}

// pass adds a date to the tables, and removes from each the date that its period no longer reaches.
func (s *Stage) pass(date transform.Day) {
	seen := s.today.step(date)
	for i := range s.tables {
		s.tables[i].count(seen, 1)
	}
	for i := range s.past {
		if last := date - periods[i]; last >= s.visits[0].Entered {
			s.tables[i].count(s.past[i].step(last), -1)
		}
	}
}

func (s *Stage) model(asOf transform.Day) Model { return newModel(&s.tables, asOf, s.record) }

// Open are the visits that stood in the stage when the date of the last call of At began, by entry.
func (s *Stage) Open() iter.Seq[Visit] {
	return func(yield func(Visit) bool) {
		for _, visit := range s.today.in {
			if !yield(s.visits[visit]) {
				return
			}
		}
	}
}

func isMonday(date transform.Day) bool { return date == lastMonday(date) }

// lastMonday is the date, or the last Monday before it. Dates count from a Thursday.
func lastMonday(date transform.Day) transform.Day { return date - (date+3)%7 }

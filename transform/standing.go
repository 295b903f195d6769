package transform

import (
	"slices"

	"stagelag/extractor"
)

// A Standing is where a deal stands by its visits. It does not change by the passing of days: what an
// open visit is overdue follows from its numbers.
type Standing struct {
	Visits       uint32 // how many, 0 leaves the rest empty
	FirstEntered Day    // of all visits

	// Of the last visit, which alone can be open.
	EnteredDate Day
	FunnelID    extractor.FunnelID
	StageID     extractor.StageID
	Semantics   extractor.Semantics
	ManagerID   extractor.ManagerID
	IsOpen      bool
	IsPlanned   bool
	IsWaiting   bool
	PlannedEnd  Day // NoDay without a plan
	// Accrues, Due and Stops are of its Numbers.
	Accrues, Due, Stops int32
	// Pauses are those of the visit while it is open.
	Pauses []Pause
	IsLate bool // it began after its planned end, or has ended with overdue days
	// FirstAccrues is of its Numbers, where IsFirstPlanned.
	IsFirstPlanned bool // it has had a plan, and does not wait
	FirstAccrues   int32

	// Of the visits that have ended.
	OverdueDays      int64
	LateVisits       uint32 // those with overdue days
	FirstOverdueDays int64  // by the first plans

	// Managers are those of all days, in the order of their last ones.
	Managers []LastVisit
}

// A LastVisit is the last one of a deal with a day of a manager.
type LastVisit struct {
	ManagerID extractor.ManagerID
	VisitNo   uint32
	StageID   extractor.StageID
}

// Stand gives where a deal with the visits, which are by number, stands.
func Stand(visits []Visit) Standing {
	s := Standing{FirstEntered: NoDay, EnteredDate: NoDay, PlannedEnd: NoDay}
	for i := range visits {
		v := &visits[i]
		if s.Visits == 0 || v.EnteredDate < s.FirstEntered {
			s.FirstEntered = v.EnteredDate
		}
		s.Visits++
		overdue := v.OverdueDays()
		s.EnteredDate, s.FunnelID, s.StageID, s.Semantics, s.ManagerID = v.EnteredDate, v.FunnelID, v.StageID, v.Semantics, v.ManagerID()
		s.IsOpen, s.IsPlanned, s.IsWaiting = v.IsOpen(), v.Plan.IsPlanned(), v.IsWaiting
		s.PlannedEnd, s.IsLate = v.Plan.End, overdue > 0 || v.WasLateAtEntry()
		s.Accrues, s.Due, s.Stops = v.Numbers.Accrues, v.Numbers.Due, v.Numbers.Stops
		s.Pauses = nil
		if s.IsOpen {
			s.Pauses = v.Pauses
		}
		s.IsFirstPlanned, s.FirstAccrues = v.hasFirstPlan(), v.Numbers.FirstAccrues
		s.OverdueDays += int64(overdue)
		s.FirstOverdueDays += int64(v.FirstOverdueDays())
		if overdue > 0 {
			s.LateVisits++
		}
		for _, t := range v.Tenures {
			s.Managers = slices.DeleteFunc(s.Managers, func(m LastVisit) bool { return m.ManagerID == t.ManagerID })
			s.Managers = append(s.Managers, LastVisit{t.ManagerID, v.No, v.StageID})
		}
	}
	return s
}

// Equal is whether both are the same.
func (s *Standing) Equal(t *Standing) bool {
	return s.Visits == t.Visits && s.FirstEntered == t.FirstEntered && s.EnteredDate == t.EnteredDate &&
		s.FunnelID == t.FunnelID && s.StageID == t.StageID && s.Semantics == t.Semantics && s.ManagerID == t.ManagerID &&
		s.IsOpen == t.IsOpen && s.IsPlanned == t.IsPlanned && s.IsWaiting == t.IsWaiting &&
		s.PlannedEnd == t.PlannedEnd && s.Accrues == t.Accrues && s.Due == t.Due && s.Stops == t.Stops && s.IsLate == t.IsLate &&
		s.IsFirstPlanned == t.IsFirstPlanned && s.FirstAccrues == t.FirstAccrues && s.FirstOverdueDays == t.FirstOverdueDays &&
		s.OverdueDays == t.OverdueDays && s.LateVisits == t.LateVisits && slices.Equal(s.Managers, t.Managers) &&
		slices.Equal(s.Pauses, t.Pauses)
}

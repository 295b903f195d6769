package transform

import (
	"testing"
)

func TestStand(t *testing.T) {
	in := func(no uint32, entered, left Day, planDays int32, managers ...Tenure) Visit {
		v := Visit{DealID: 1, No: no, FunnelID: 5, StageID: "C5:NEW", EnteredDate: entered, LeftDate: left, Tenures: managers,
			Plan: Plan{Source: PlanDealDays, Days: planDays, End: entered + Day(planDays)}}
		v.Numbers = v.numbers(CalendarDays{}, 120)
		return v
	}
	if s := Stand(nil); s.Visits != 0 || !s.Equal(&Standing{FirstEntered: NoDay, EnteredDate: NoDay, PlannedEnd: NoDay}) {
		t.Errorf("a deal without visits stands at %+v", s)
	}
	visits := []Visit{
		in(1, 100, 110, 3, Tenure{100, 12, Assumed}, Tenure{105, 13, Seen}), // 7 days late
		in(2, 110, 112, 5, Tenure{110, 12, Seen}),
		in(4, 112, NoDay, 1, Tenure{112, 14, Seen}), // open: what it is late is not in the standing
	}
	s := Stand(visits)
	if s.Visits != 3 || s.FirstEntered != 100 || s.OverdueDays != 7 || s.LateVisits != 1 {
		t.Errorf("the visits are %+v, want 3 from day 100, one of them 7 days late", s)
	}
	if !s.IsOpen || !s.IsPlanned || s.PlannedEnd != 113 || s.EnteredDate != 112 || s.IsLate || s.ManagerID != 14 {
		t.Errorf("the last visit is %+v, want the open one from day 112, due on day 113", s)
	}
	want := []LastVisit{{13, 1, "C5:NEW"}, {12, 2, "C5:NEW"}, {14, 4, "C5:NEW"}}
	if len(s.Managers) != 3 || s.Managers[0] != want[0] || s.Managers[1] != want[1] || s.Managers[2] != want[2] {
		t.Errorf("the managers are %+v, want %+v", s.Managers, want)
	}
	if s = Stand(visits[:1]); !s.IsLate || s.IsOpen || s.ManagerID != 13 {
		t.Errorf("the last visit is %+v, want one that ended late", s)
	}
}

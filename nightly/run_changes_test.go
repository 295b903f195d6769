package nightly_test

import (
	"slices"
	"testing"
)

// TestWhatHasChanged lets nights pass until every kind of change was there to be told.
func TestWhatHasChanged(t *testing.T) {
	t.Parallel()
	const seed, deals, changes, nights = 41, 100, 60, 6
	s := generated(t, seed, deals)
	s.run(false)
	var seen []string
	for night := range nights {
		s.nextNight(seed, changes)
		s.run(false)
		if n := s.number(changedOtherwise); n != 0 {
			t.Errorf("night %d: %d changes are told other than the visits have them", night, n)
		}
		seen = append(seen, s.rows("SELECT DISTINCT change FROM run_changes")...)
	}
	slices.Sort(seen)
	if got, want := slices.Compact(seen), []string{"brought_back", "finished_late", "newly_overdue"}; !slices.Equal(got, want) {
		t.Errorf("in %d nights the changes %v were told, want %v", nights, got, want)
	}
}

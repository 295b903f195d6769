package forecast

import (
	"slices"

	"stagelag/transform"
)

// A table is a life table of a stage over a period: it counts the days on which visits stood in the stage, by the days
// since their entry. A visit that is left on the day of its entry stands there on one day, at 0.
type table struct {
	standing []int32 // by days since the entry: visits that stood in the stage on a day of the period
	ended    []int32 // of these, those that were left on that day
	total    int     // that were left
	// longest counts the dates of the period on which visits were left, by the days that the longest of them had lasted.
	longest []int32
}

// count adds what was seen on one date, or removes it again with the sign -1.
func (t *table) count(seen *day, sign int32) {
	for _, days := range seen.standing {
		t.standing = reaching(t.standing, days)
		t.standing[days] += sign
	}
	for _, days := range seen.ended {
		t.ended = reaching(t.ended, days)
		t.ended[days] += sign
	}
	t.total += int(sign) * len(seen.ended)
	if len(seen.ended) > 0 {
		last := slices.Max(seen.ended)
		t.longest = reaching(t.longest, last)
		t.longest[last] += sign
	}
}

func reaching(counts []int32, index int32) []int32 {
	if missing := int(index) + 1 - len(counts); missing > 0 {
		return append(counts, make([]int32, missing)...)
	}
	return counts
}

// median is the least number of days within which half of the ended visits had ended; 0 if none did.
func (t *table) median() int32 {
	within := 0
	for days, n := range t.ended {
		if within += int(n); 2*within >= t.total {
			return int32(days)
		}
	}
	return 0
}

// A day is what is seen of a stage on one date: for each visit that stands in it, and for each of these that is left,
// the days since its entry.
type day struct{ standing, ended []int32 }

// A walk goes through the dates of a stage one by one.
type walk struct {
	visits []Visit // by entry
	next   int     // the first that is not entered yet
	in     []int32 // those that stand in the stage when the date after the last step begins
	seen   day
}

// step returns what is seen on a date. Dates follow each other. The result is valid until the next step.
func (w *walk) step(date transform.Day) *day {
	for ; w.next < len(w.visits) && w.visits[w.next].Entered <= date; w.next++ {
		w.in = append(w.in, int32(w.next))
	}
	w.seen.standing, w.seen.ended = w.seen.standing[:0], w.seen.ended[:0]
	w.in = slices.DeleteFunc(w.in, func(i int32) bool {
		v := &w.visits[i]
		lasted := int32(date - v.Entered)
		w.seen.standing = append(w.seen.standing, lasted)
		if v.Left != date {
			return false
		}
		w.seen.ended = append(w.seen.ended, lasted)
		return true
	})
	return &w.seen
}

package forecast

import (
	"slices"
	"sort"
)

// A curve is how long visits to a stage last, by the method of Kaplan and Meier.
type curve struct {
	// open is the share of visits that last longer than so many days.
	open []float64
	// dates are the different dates on which visits were left that had lasted at least so many days.
	dates []int32
	// basis is how many visits have ended.
	basis int
}

// curve is the estimate from a table. For each number of days since the entry, the share that is still open is
// multiplied by the part that was not left. One visit more counts as standing: the one that is forecast.
func (t *table) curve() curve {
	c := curve{open: make([]float64, len(t.standing)), dates: slices.Clone(t.longest), basis: t.total}
	open := 1.0
	for days, standing := range t.standing {
		if days < len(t.ended) {
			open *= 1 - float64(t.ended[days])/float64(standing+1)
		}
		c.open[days] = open
	}
	for days := len(c.dates) - 2; days >= 0; days-- {
		c.dates[days] += c.dates[days+1]
	}
	return c
}

// lasting is the share of visits that last longer than so many days. After the longest visit it is constant.
func (c *curve) lasting(days int32) float64 {
	if days < 0 || len(c.open) == 0 {
		return 1
	}
	return c.open[min(int(days), len(c.open)-1)]
}

// support is the number of different dates on which visits were left that had lasted at least so many days. Visits
// that are left on one date are often moved together, and are one observation.
func (c *curve) support(days int32) int32 {
	if int(days) >= len(c.dates) {
		return 0
	}
	return c.dates[days]
}

// within is the number of days since the entry by which a share had ended of the visits that last at least so long;
// false if the share is never reached.
func (c *curve) within(share float64, lasted int32) (days int32, isReached bool) {
	const rounding = 1e-9 // an exact half must count as a half
	left := (1-share)*c.lasting(lasted-1) + rounding
	first := min(int(lasted), len(c.open))
	found := first + sort.Search(len(c.open)-first, func(i int) bool { return c.open[first+i] <= left })
	return int32(found), found < len(c.open)
}

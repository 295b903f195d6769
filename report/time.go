package report

import (
	"cmp"
	"slices"
)

// stageTimes are how long the closed ones of some visits lasted, by stage: those first whose 85 % exceed the plan most.
func stageTimes(visits []Visit) []StageTime {
	type lasted struct{ spent, elapsed, plans []int64 }
	times := map[Key]*StageTime{}
	all := map[Key]*lasted{}
	for i := range visits {
		v := &visits[i]
		if !v.IsClosed {
			continue
		}
		key := v.Key(ByStage)
		if times[key] == nil {
			times[key], all[key] = &StageTime{Key: key, Stage: v.Stage, Funnel: v.Funnel}, &lasted{}
		}
		l := all[key]
		l.spent, l.elapsed = append(l.spent, v.Spent), append(l.elapsed, v.Elapsed)
		if v.HasPlan() {
			l.plans = append(l.plans, int64(v.PlanDays))
		}
	}
	var sorted []StageTime
	for key, t := range times {
		l := all[key]
		t.Closed, t.WithPlan = int64(len(l.spent)), int64(len(l.plans))
		t.Median, t.P85 = quantile(l.spent, 0.5), quantile(l.spent, 0.85)
		t.MedianElapsed, t.P85Elapsed = quantile(l.elapsed, 0.5), quantile(l.elapsed, 0.85)
		t.MedianPlan = quantile(l.plans, 0.5)
		sorted = append(sorted, *t)
	}
	over := func(t *StageTime) int64 {
		if !t.IsOver() {
			return 0
		}
		return t.P85 - t.MedianPlan
	}
	slices.SortFunc(sorted, func(a, b StageTime) int {
		return cmp.Or(
			cmp.Compare(over(&b), over(&a)), cmp.Compare(b.Median, a.Median), cmp.Compare(a.Stage, b.Stage),
			cmp.Compare(a.FunnelID, b.FunnelID), cmp.Compare(a.StageID, b.StageID),
		)
	})
	return sorted
}

// quantile is the number that a share of the numbers, below 1, does not exceed, as quantileExact of the engine computes
// it; 0 of none. It sorts the numbers.
func quantile(numbers []int64, share float64) int64 {
	if len(numbers) == 0 {
		return 0
	}
	slices.Sort(numbers)
	return numbers[min(int(share*float64(len(numbers))), len(numbers)-1)]
}

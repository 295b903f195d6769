package forecast_test

import (
	"math"
	"os"
	"slices"
	"sort"
	"testing"

	"stagelag/forecast"
	"stagelag/transform"
)

// lengths are how long visits last by the rule that generates them: what a history without end would show.
type lengths []float64 // in order

// from is the number of the first length of visits that have lasted so many days.
func (l lengths) from(days float64) int {
	return sort.Search(len(l), func(i int) bool { return l[i] >= days-0.5 })
}

// median is the days by which half of such visits have ended.
func (l lengths) median(lasted float64) float64 {
	return l[max(0, min(len(l)-1, (l.from(lasted)+len(l))/2))]
}

// nearest is the middle of the least days within which half of such visits end: the guess with the least median error.
func (l lengths) nearest(lasted float64) float64 {
	tail := l[l.from(lasted):]
	half := len(tail) / 2
	if half == 0 {
		return l.median(lasted)
	}
	best, width := 0.0, math.Inf(1)
	for i := range len(tail) - half {
		if w := tail[i+half] - tail[i]; w < width {
			best, width = (tail[i]+tail[i+half])/2, w
		}
	}
	return best
}

// A rule is how long visits to a stage last.
type rule struct {
	all  lengths
	lots map[bool]lengths // stuck or not: of a deal of pace 1
}

// rules are those of the generated portals, from ten others. Visits count that began so early that all have ended.
func rules(t *testing.T) map[transform.StageKey]*rule {
	t.Helper()
	rules := map[transform.StageKey]*rule{}
	for seed := uint64(101); seed <= 110; seed++ {
		l := portal(seed, 3000, 2000)
		for stage, visits := range l.stages {
			if rules[stage] == nil {
				rules[stage] = &rule{lots: map[bool]lengths{}}
			}
			r := rules[stage]
			for i, v := range visits {
				if v.Left == transform.NoDay || v.Entered > l.last-600 {
					continue
				}
				days, drew := float64(v.Left-v.Entered), l.lots[stage][i]
				r.all = append(r.all, days)
				r.lots[drew.isStuck] = append(r.lots[drew.isStuck], days/drew.pace)
			}
		}
	}
	for stage, r := range rules {
		slices.Sort(r.all)
		slices.Sort(r.lots[false])
		slices.Sort(r.lots[true])
		if s, o := r.lots[true], r.lots[false]; len(s) >= 100 && len(o) >= 100 && o.median(0) >= 3 && s.median(0) < 3*o.median(0) {
			t.Fatalf("%v: deals that are stuck stay %v days, the others %v: the draws are not those of the generator", stage, s.median(0), o.median(0))
		}
	}
	return rules
}

// median is that of errors, to a part of a day: those of so many whole days are spread evenly over half a day before and
// after.
func median(e forecast.Errors) float64 {
	half := float64(e.Count()) / 2
	for days, n := range e {
		if float64(n) < half {
			half -= float64(n)
			continue
		}
		from := math.Max(0, float64(days)-0.5)
		return from + (float64(days)+0.5-from)*half/float64(n)
	}
	return math.NaN()
}

// TestWhatAGeneratedPortalAllows compares the forecasts of generated portals with those of one who knows the rule by
// which the lengths of visits are drawn, and prints the figures of docs/forecast.md.
func TestWhatAGeneratedPortalAllows(t *testing.T) {
	if os.Getenv("STAGELAG_SOAK_FORECASTS") == "" {
		t.Skip("STAGELAG_SOAK_FORECASTS is not set")
	}
	known := rules(t)
	for name, l := range map[string]*log{"1,500 deals": portal(3, 1500, 500), "3,000 deals": portal(2, 3000, 900)} {
		t.Run(name, func(t *testing.T) {
			off := foretold(l, known)
			s := checked(l.stages, l.later(), l.last, l.last+1)
			if !slices.Equal(off[made], s.Errors) || !slices.Equal(off[naive], s.NaiveErrors) {
				t.Errorf("%d forecasts, off by %v and %v days; the check has %d, off by %v and %v", off[made].Count(),
					off[made].Mean(), off[naive].Mean(), s.Errors.Count(), s.Errors.Mean(), s.NaiveErrors.Mean())
			}
			for end, name := range [ends]string{"naive forecast", "expected end", "by the rule", "nearest by the rule", "by pace and stuck", "nearest by these"} {
				t.Logf("%-20s median error %4.1f days (%.2f), mean error %4.1f days (%.2f)", name, median(off[end]),
					median(off[end])/median(off[naive]), off[end].Mean(), off[end].Mean()/off[naive].Mean())
			}
			if of := median(off[made]) / median(off[ofStage]); !(of <= 1.08) {
				t.Errorf("the median error is %.2f of that by the rule, want at most 1.08", of)
			}
			if of := off[made].Mean() / off[ofStage].Mean(); !(of <= 1.05) {
				t.Errorf("the mean error is %.2f of that by the rule, want at most 1.05", of)
			}
			if of := median(off[nearestOfLot]) / median(off[naive]); !(of > 0.65) {
				t.Errorf("the best guess has %.2f of the naive median error; docs/forecast.md says that 0.65 is out of reach", of)
			}
		})
	}
	for seed := range uint64(10) {
		for _, l := range []*log{portal(seed+1, 1500, 500), portal(seed+1, 3000, 900)} {
			s := checked(l.stages, l.later(), l.last, l.last+1)
			middle, mean := median(s.Errors)/median(s.NaiveErrors), s.Errors.Mean()/s.NaiveErrors.Mean()
			t.Logf("seed %d: calibration errors %.3f and %.3f, median error %.3f of the naive one, mean error %.3f, reached %.3f",
				seed+1, s.Late.Error(), s.Lasting.Error(), middle, mean, s.ReachedShare())
			if late, lasting, reached := s.Late.Error(), s.Lasting.Error(), s.ReachedShare(); !(late <= 0.05 && lasting <= 0.05 && reached >= 0.75 && reached <= 0.85 && middle <= 1.05 && mean <= 0.92) {
				t.Errorf("seed %d: want calibration errors of at most 0.05, a median error of at most 1.05 and a mean error of at most 0.92, and 0.75 to 0.85 reached", seed+1)
			}
		}
	}
}

// The ends whose errors are compared.
const (
	naive          = iota
	made           // the expected end
	ofStage        // by which half of such visits end by the rule of the stage
	nearestOfStage // nearest to half of them
	ofLot          // by which half of those visits end that drew the same lot
	nearestOfLot   // nearest to half of them
	ends
)

// foretold are the errors of all forecasts that the check of a generated portal compares.
func foretold(l *log, known map[transform.StageKey]*rule) (off [ends]forecast.Errors) {
	for stage, visits := range l.stages {
		r := known[stage]
		replay := forecast.NewStage(visits)
		for asOf := l.later(); asOf <= l.last; asOf++ {
			m := replay.At(asOf)
			days := medianOf(visits, asOf)
			for i, v := range visits {
				if v.Entered >= asOf || v.Left != transform.NoDay && v.Left < asOf {
					continue
				}
				f := m.Forecast(v.Entered, v.Planned)
				first := max(asOf, v.Entered+days)
				if f.ExpectedEnd == transform.NoDay || max(first, f.ExpectedEnd) > l.last {
					continue
				}
				lasted, drew := float64(asOf-v.Entered), l.lots[stage][i]
				same := r.lots[drew.isStuck]
				for end, day := range [ends]transform.Day{
					first, f.ExpectedEnd, v.Entered + whole(r.all.median(lasted)), v.Entered + whole(r.all.nearest(lasted)),
					v.Entered + whole(drew.pace*same.median(lasted/drew.pace)), v.Entered + whole(drew.pace*same.nearest(lasted/drew.pace)),
				} {
					off[end] = missed(off[end], max(day, asOf), v, l.last+1)
				}
			}
		}
	}
	return off
}

// medianOf are the days within which half of the visits had ended that ended in the last year, if they are 20, or ever.
func medianOf(visits []forecast.Visit, asOf transform.Day) transform.Day {
	for _, from := range []transform.Day{asOf - 365, transform.FirstDay} {
		var days []transform.Day
		for _, v := range visits {
			if v.Left != transform.NoDay && v.Left < asOf && v.Left >= from {
				days = append(days, v.Left-v.Entered)
			}
		}
		if slices.Sort(days); len(days) >= 20 || len(days) > 0 && from == transform.FirstDay {
			return days[(len(days)-1)/2]
		}
	}
	return 0
}

func whole(days float64) transform.Day { return transform.Day(math.Round(days)) }

// missed adds by how many days an end misses that of a visit. What is open still ends now.
func missed(e forecast.Errors, end transform.Day, v forecast.Visit, now transform.Day) forecast.Errors {
	left := now
	if v.Left != transform.NoDay {
		left = min(left, v.Left)
	}
	end = min(end, now)
	days := int(max(end, left) - min(end, left))
	for len(e) <= days {
		e = append(e, 0)
	}
	e[days]++
	return e
}

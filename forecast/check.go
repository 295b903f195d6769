package forecast

import (
	"math"

	"stagelag/transform"
)

// A Score is how good forecasts were. Every visit has one on each as-of date on which it was open.
type Score struct {
	Open     int64 // visits and dates
	Expected int64 // forecasts with an expected end
	// Withheld counts the forecasts that lack numbers because of the record of their stage.
	Withheld int64
	// Late are the probabilities to be late, of visits that were not yet late when they were forecast and whose
	// planned end has passed now.
	Late Bins
	// Lasting are the probabilities to be open still after 7, 14 and 30 days, each where the days have passed.
	Lasting Bins
	// Errors are the days between expected and real end of the forecasts by which both the expected end and the naive
	// one have passed now, NaiveErrors those between the naive and the real end. What is open still ends today.
	Errors, NaiveErrors Errors
	LikelyDue           int64 // likely ends that have passed
	Reached             int64 // of these, those by which the visit had ended
}

// Check scores the forecasts of a stage on all as-of dates from one to another, by what is known when now begins. The
// stage must not have been used.
func (s *Score) Check(stage *Stage, from, to, now transform.Day) {
	for date := from; date <= to; date++ {
		m := stage.At(date)
		for v := range stage.Open() {
			s.add(&m, v, now)
		}
	}
}

// Merge adds the forecasts of another score.
func (s *Score) Merge(other *Score) {
	s.Open += other.Open
	s.Expected += other.Expected
	s.Withheld += other.Withheld
	s.Late.merge(&other.Late)
	s.Lasting.merge(&other.Lasting)
	s.Errors.merge(other.Errors)
	s.NaiveErrors.merge(other.NaiveErrors)
	s.LikelyDue += other.LikelyDue
	s.Reached += other.Reached
}

// ReachedShare is the share of likely ends by which the visit had ended; NaN without any.
func (s *Score) ReachedShare() float64 { return float64(s.Reached) / float64(s.LikelyDue) }

func (s *Score) add(m *Model, v Visit, now transform.Day) {
	f := m.Forecast(v.Entered, v.Planned)
	s.Open++
	if f.Reason == WorseThanMedian || f.Reason == Unreliable {
		s.Withheld++
	}
	left := now
	if v.Left != transform.NoDay {
		left = min(left, v.Left)
	}
	if f.ExpectedEnd != transform.NoDay {
		s.Expected++
		if naive := m.naive(v.Entered); max(naive, f.ExpectedEnd) < now {
			s.Errors.add(apart(f.ExpectedEnd, left))
			s.NaiveErrors.add(apart(naive, left))
		}
	}
	if f.LikelyEnd != transform.NoDay && f.LikelyEnd < now {
		s.LikelyDue++
		if left <= f.LikelyEnd {
			s.Reached++
		}
	}
	if f.HasLateProbability && v.Planned >= m.AsOf && v.Planned < now {
		s.Late.add(f.LateProbability, left > v.Planned)
	}
	if f.HasTail() {
		for _, days := range [...]transform.Day{7, 14, 30} {
			if m.AsOf+days < now {
				s.Lasting.add(m.openAfter(days, v.Entered), left > m.AsOf+days)
			}
		}
	}
}

// Bins are probabilities in ten bins of a tenth each, and what came.
type Bins [10]struct {
	Forecasts int64
	Foreseen  float64 // the probabilities added up
	Came      int64
}

func (b *Bins) add(probability float64, came bool) {
	bin := &b[min(9, int(probability*10))]
	bin.Forecasts++
	bin.Foreseen += probability
	if came {
		bin.Came++
	}
}

func (b *Bins) merge(other *Bins) {
	for i := range b {
		b[i].Forecasts += other[i].Forecasts
		b[i].Foreseen += other[i].Foreseen
		b[i].Came += other[i].Came
	}
}

// Forecasts are those of all bins.
func (b *Bins) Forecasts() (n int64) {
	for i := range b {
		n += b[i].Forecasts
	}
	return n
}

// Error is the calibration error: the mean over the forecasts of how far the share that was foreseen in their bin is
// from the share that came; NaN without any.
func (b *Bins) Error() float64 {
	off := 0.0
	for i := range b {
		off += math.Abs(b[i].Foreseen - float64(b[i].Came))
	}
	return off / float64(b.Forecasts())
}

// Errors count forecasts by how many days they were off.
type Errors []int64

func (e *Errors) add(days int64) {
	if missing := int(days) + 1 - len(*e); missing > 0 {
		*e = append(*e, make(Errors, missing)...)
	}
	(*e)[days]++
}

func (e *Errors) merge(other Errors) {
	for days, n := range other {
		if n > 0 {
			e.add(int64(days))
			(*e)[days] += n - 1
		}
	}
}

// Count is how many forecasts there are.
func (e Errors) Count() (n int64) {
	for _, some := range e {
		n += some
	}
	return n
}

// Median is the median error in days, the mean of the two in the middle of an even number; NaN without any.
func (e Errors) Median() float64 {
	total := e.Count()
	if total == 0 {
		return math.NaN()
	}
	return (e.at((total-1)/2) + e.at(total/2)) / 2
}

// Mean is the mean error in days; NaN without any.
func (e Errors) Mean() float64 {
	total := 0.0
	for days, n := range e {
		total += float64(n) * float64(days)
	}
	return total / float64(e.Count())
}

// at is the error of the forecast with so many before it, from the smallest error on.
func (e Errors) at(before int64) float64 {
	for days, n := range e {
		if before -= n; before < 0 {
			return float64(days)
		}
	}
	return math.NaN()
}

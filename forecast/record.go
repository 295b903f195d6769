package forecast

import (
	"slices"

	"stagelag/transform"
)

// On each Monday the forecasts that the Mondays of the last year would have had are compared with what is known.
const (
	// recorded is how many days back forecasts are compared with the naive ones.
	recorded = 365
	// tested is how many days back a probability may have come due. It is shorter, so that a change shows soon.
	tested = 91
	// tolerance is how far foreseen shares may be from what came.
	tolerance = 0.15
)

// horizons are the days ahead whose probabilities are tested.
var horizons = [...]transform.Day{14, 30}

// A pledge is what would have been forecast on a Monday.
type pledge struct {
	asOf            transform.Day
	visit           int32
	expected, naive transform.Day // expected is NoDay where there was none
	open            [len(horizons)]float64
}

// A Record is how good the forecasts of a stage were, as far as it was known on the last Monday.
type Record struct {
	// Compared counts the forecasts of an expected end. DaysOff adds up the days between expected and real end,
	// NaiveDaysOff those between the naive forecast and the real end. A date that had not come by that Monday counts as
	// that Monday.
	Compared              int
	DaysOff, NaiveDaysOff int64
	// Tests are of the probabilities to be open still after 14 and after 30 days.
	Tests [len(horizons)]Test
}

// A Test compares probabilities with what came.
type Test struct {
	Forecasts int
	Foreseen  float64 // the probabilities added up: how many visits were to be open
	Came      int     // how many were
}

// isOff is whether what came is too far from what was foreseen.
func (t *Test) isOff() bool {
	off := t.Foreseen - float64(t.Came)
	return t.Forecasts >= enough && max(off, -off) > tolerance*float64(t.Forecasts)
}

// Verdict is WorseThanMedian, Unreliable, or NoReason.
func (r *Record) Verdict() Reason {
	if r.Compared >= enough && r.DaysOff > r.NaiveDaysOff {
		return WorseThanMedian
	}
	for i := range r.Tests {
		if r.Tests[i].isOff() {
			return Unreliable
		}
	}
	return NoReason
}

// settle computes the record of a Monday. Later dates may have passed: what was not known on the Monday is not used.
func (s *Stage) settle(monday transform.Day) {
	s.pledges = slices.DeleteFunc(s.pledges, func(p pledge) bool { return p.asOf < monday-recorded })
	s.record, s.isSettled = Record{}, true
	for i := range s.pledges {
		p := &s.pledges[i]
		if p.asOf < monday {
			s.record.compare(p, &s.visits[p.visit], monday)
			s.record.test(p, &s.visits[p.visit], monday)
		}
	}
}

// pledge keeps the forecasts of a Monday that begins.
func (s *Stage) pledge() {
	if len(s.today.in) == 0 {
		return
	}
	m := s.model(s.begun)
	for _, visit := range s.today.in {
		entered := s.visits[visit].Entered
		f := m.forecast(entered, transform.NoDay, NoReason)
		if f.Basis == 0 {
			continue
		}
		p := pledge{asOf: s.begun, visit: visit, expected: f.ExpectedEnd, naive: m.naive(entered)}
		for i, days := range horizons {
			p.open[i] = m.openAfter(days, entered)
		}
		s.pledges = append(s.pledges, p)
	}
}

func (r *Record) compare(p *pledge, v *Visit, monday transform.Day) {
	if p.expected == transform.NoDay {
		return
	}
	left := monday
	if v.Left != transform.NoDay {
		left = min(left, v.Left)
	}
	r.Compared++
	r.DaysOff += apart(min(p.expected, monday), left)
	r.NaiveDaysOff += apart(min(p.naive, monday), left)
}

func (r *Record) test(p *pledge, v *Visit, monday transform.Day) {
	for i, days := range horizons {
		due := p.asOf + days
		if due >= monday || due < monday-tested {
			continue
		}
		r.Tests[i].Forecasts++
		r.Tests[i].Foreseen += p.open[i]
		if v.Left == transform.NoDay || v.Left > due {
			r.Tests[i].Came++
		}
	}
}

func apart(a, b transform.Day) int64 { return int64(max(a, b) - min(a, b)) }

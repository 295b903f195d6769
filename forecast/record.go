package forecast

import (
	"math"
	"slices"

	"stagelag/transform"
)

// On each Monday the forecasts that the Mondays of the last year would have had are compared with what is known.
const (
	// recorded is how many days back forecasts are compared with the naive ones.
	recorded = 365
	// tested is how many days back a probability may have come due. It is shorter, so that a change shows soon.
	tested = 91
	// tolerance is how far foreseen shares may be from what came, in units.
	tolerance = 15 * units / 100
)

// horizons are the days ahead whose probabilities are tested.
var horizons = [...]transform.Day{14, 30}

// A pledge is what would have been forecast on a Monday.
type pledge struct {
	asOf            transform.Day
	visit           int32
	expected, naive transform.Day        // expected is NoDay where there was none
	open            [len(horizons)]int64 // probabilities in units
}

// units of a probability make 1. Records add up whole numbers, so that the order of the visits changes nothing.
const units = 1_000_000

// A Record is how good the forecasts of a stage were, as far as it was known on the last Monday.
type Record struct {
	// Compared counts the forecasts of an expected end. DaysOff adds up the days between expected and real end,
	// NaiveDaysOff those between the naive forecast and the real end. A date that had not come by that Monday counts as
	// that Monday.
	Compared              int64
	DaysOff, NaiveDaysOff int64
	// Tests are of the probabilities to be open still after 14 and after 30 days.
	Tests [len(horizons)]Test
}

// A Test compares probabilities with what came.
type Test struct {
	Forecasts int64
	Foreseen  int64 // the probabilities added up, in millionths: how many visits were to be open
	Came      int64 // how many were
}

// isOff is whether what came is too far from what was foreseen.
func (t *Test) isOff() bool {
	off := t.Foreseen - units*t.Came
	return t.Forecasts >= enough && max(off, -off) > tolerance*t.Forecasts
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
			s.record.add(p, s.visits[p.visit].Left, 1, monday)
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
		if p, isMade := m.pledge(s.visits[visit].Entered); isMade {
			p.visit = visit
			s.pledges = append(s.pledges, p)
		}
	}
}

// pledge is what the model forecasts of a visit, withheld or not; false where there is too little for it.
func (m *Model) pledge(entered transform.Day) (p pledge, isMade bool) {
	f := m.forecast(entered, transform.NoDay, NoReason)
	if f.Basis == 0 {
		return p, false
	}
	p = pledge{asOf: m.AsOf, expected: f.ExpectedEnd, naive: m.naive(entered)}
	for i, days := range horizons {
		p.open[i] = int64(math.Round(units * m.openAfter(days, entered)))
	}
	return p, true
}

// add compares a forecast of so many visits with what was known of them on a Monday.
func (r *Record) add(p *pledge, left transform.Day, visits int64, monday transform.Day) {
	if p.expected != transform.NoDay {
		until := monday
		if left != transform.NoDay {
			until = min(until, left)
		}
		r.Compared += visits
		r.DaysOff += visits * apart(min(p.expected, monday), until)
		r.NaiveDaysOff += visits * apart(min(p.naive, monday), until)
	}
	for i, days := range horizons {
		due := p.asOf + days
		if due >= monday || due < monday-tested {
			continue
		}
		r.Tests[i].Forecasts += visits
		r.Tests[i].Foreseen += visits * p.open[i]
		if left == transform.NoDay || left > due {
			r.Tests[i].Came += visits
		}
	}
}

func apart(a, b transform.Day) int64 { return int64(max(a, b) - min(a, b)) }

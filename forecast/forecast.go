// Package forecast computes when open visits will end, from how long visits to the same stage lasted, and compares the
// forecasts of the past with what came. It does no I/O and reads no clock.
//
// The forecasts of an as-of date use what happened before that date, and nothing else: the date has only begun when a
// night computes them. So night by night they are the same as in a later replay of the history.
package forecast

import "stagelag/transform"

const (
	// enough is how many visits must have ended in a period for its curve to be used, and how many forecasts must be
	// compared for a record to count.
	enough = 20
	// The support that a number needs: the different dates on which visits were left that had lasted at least as long
	// as the one that is forecast. A median needs less than what lies beyond it.
	supportOfMedian = 2
	supportOfTail   = 5
)

// periods are the days before the as-of date that a curve is computed from. The first period with enough in it is used;
// the last one is everything.
var periods = [...]transform.Day{182, 365, everything}

const everything = transform.LastDay + 1

// A Visit is a visit to a stage in process.
type Visit struct {
	Entered transform.Day
	Left    transform.Day // NoDay while it is open
	Planned transform.Day // the planned end; NoDay without a plan
}

// A Reason is why a forecast lacks a number that it could have.
type Reason uint8

// The reasons, in the order in which they are looked for.
const (
	NoReason Reason = iota
	// NothingEnded: no visit to the stage has ended.
	NothingEnded
	// TooFew: visits that lasted as long were left on too few different dates: fewer than 2 for the expected end, fewer than 5 for the other numbers.
	TooFew
	// WorseThanMedian: the past forecasts of the stage were further off than the naive ones.
	WorseThanMedian
	// Unreliable: the past probabilities of the stage were too high or too low. The expected end stands.
	Unreliable
	// MostStay: of the visits that lasted as long, too few have ended for a date.
	MostStay
	// LaterStage: a stage on the way to the closing has no median.
	LaterStage
	// NoWay: the visits to a stage on the way have not led on to another stage or to the closing.
	NoWay
)

// String is the reason in words, empty for NoReason.
func (r Reason) String() string {
	return [...]string{
		"", "no visit to the stage has ended", "too few visits have lasted as long and ended",
		"past forecasts of the stage were worse than its median", "past probabilities of the stage were off",
		"too few of the visits that lasted as long have ended",
		"too few visits to a later stage have ended", "no usual way leads to the closing",
	}[r]
}

// A Forecast is what is to be expected of one open visit.
type Forecast struct {
	// ExpectedEnd is the first date by which half of such visits had ended, LikelyEnd that by which four in five had;
	// NoDay for the Reason.
	ExpectedEnd, LikelyEnd transform.Day
	// LateProbability is the share of such visits that end after the planned end, from 0 to 1. Without a plan, or for
	// the Reason, HasLateProbability is false. Of a visit that is late already it is 1, whatever the Reason is.
	LateProbability    float64
	HasLateProbability bool
	Basis              int // visits that have ended, of those that it is computed from
	Reason             Reason
}

// HasTail is whether the visits that lasted as long are enough for what lies beyond the expected end.
func (f *Forecast) HasTail() bool { return f.Reason == NoReason || f.Reason == MostStay }

// A Model is what is known of a stage when a date begins.
type Model struct {
	AsOf   transform.Day
	Record Record
	curves [len(periods)]curve
	median int32 // days
}

func newModel(tables *[len(periods)]table, asOf transform.Day, record Record) Model {
	m := Model{AsOf: asOf, Record: record}
	for i := range tables {
		m.curves[i] = tables[i].curve()
	}
	of := &tables[1] // the last 365 days
	if of.total < enough {
		of = &tables[2]
	}
	m.median = of.median()
	return m
}

// Forecast is the forecast of an open visit that was entered on a day, with its planned end or NoDay.
func (m *Model) Forecast(entered, planned transform.Day) Forecast {
	return m.forecast(entered, planned, m.Record.Verdict())
}

// forecast is the forecast under a verdict on those of the past: WorseThanMedian, Unreliable, or NoReason.
func (m *Model) forecast(entered, planned transform.Day, verdict Reason) Forecast {
	f := Forecast{ExpectedEnd: transform.NoDay, LikelyEnd: transform.NoDay}
	if planned != transform.NoDay && planned < m.AsOf {
		f.LateProbability, f.HasLateProbability = 1, true
	}
	lasted := m.lasted(entered)
	c := m.curve(lasted)
	switch {
	case m.basis() == 0:
		f.Reason = NothingEnded
		return f
	case c == nil:
		f.Reason = TooFew
		return f
	}
	f.Basis = c.basis
	if verdict == WorseThanMedian {
		f.Reason = verdict
		return f
	}
	f.ExpectedEnd = endWithin(c, 0.5, entered, lasted)
	switch {
	case c.support(lasted) < supportOfTail:
		f.Reason = TooFew
		return f
	case verdict == Unreliable:
		f.Reason = verdict
		return f
	}
	f.LikelyEnd = endWithin(c, 0.8, entered, lasted)
	if f.LikelyEnd == transform.NoDay {
		f.Reason = MostStay
	}
	if planned != transform.NoDay && planned >= m.AsOf {
		f.LateProbability, f.HasLateProbability = c.lasting(int32(planned-entered))/c.lasting(lasted-1), true
	}
	return f
}

// basis is how many visits to the stage have ended.
func (m *Model) basis() int { return m.curves[len(m.curves)-1].basis }

// lasted is how many days a visit has lasted at least.
func (m *Model) lasted(entered transform.Day) int32 { return int32(max(0, m.AsOf-entered)) }

// curve is that of the first period with enough in it for visits that lasted so long, or nil.
func (m *Model) curve(lasted int32) *curve {
	if i := m.curveNo(lasted); i < len(m.curves) {
		return &m.curves[i]
	}
	return nil
}

// curveNo is the number of that period, that of no period for none.
func (m *Model) curveNo(lasted int32) (i int) {
	for i = range m.curves {
		c := &m.curves[i]
		if (c.basis >= enough || periods[i] == everything) && c.support(lasted) >= supportOfMedian {
			return i
		}
	}
	return len(m.curves)
}

func endWithin(c *curve, share float64, entered transform.Day, lasted int32) transform.Day {
	days, isReached := c.within(share, lasted)
	if !isReached {
		return transform.NoDay
	}
	return min(entered+transform.Day(days), transform.LastDay)
}

// naive is the forecast to beat: the median of the stage, or the as-of date where the visit has lasted longer.
func (m *Model) naive(entered transform.Day) transform.Day {
	return max(m.AsOf, min(entered+transform.Day(m.median), transform.LastDay))
}

// openAfter is the probability that a visit is still open when so many days after the as-of date are over.
func (m *Model) openAfter(days, entered transform.Day) float64 {
	lasted := m.lasted(entered)
	c := m.curve(lasted)
	return c.lasting(lasted+int32(days)) / c.lasting(lasted-1)
}

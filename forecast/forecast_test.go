package forecast_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"stagelag/extractor"
	"stagelag/forecast"
	"stagelag/transform"
)

// example is the stage of docs/forecast.md.
var example = []forecast.Visit{
	visit("2026-03-02", "2026-03-04", ""),
	visit("2026-03-03", "2026-03-06", ""),
	visit("2026-03-05", "2026-03-10", ""),
	visit("2026-03-04", "2026-03-09", ""),
	visit("2026-03-08", "2026-03-15", ""),
	visit("2026-03-06", "2026-03-16", ""),
	visit("2026-03-10", "2026-03-22", ""),
	visit("2026-03-11", "2026-03-27", ""),
	visit("2026-03-23", "", ""),
	visit("2026-03-26", "", "2026-04-04"),
}

func visit(entered, left, planned string) forecast.Visit {
	return forecast.Visit{Entered: date(entered), Left: dateOrNone(left), Planned: dateOrNone(planned)}
}

func dateOrNone(text string) transform.Day {
	if text == "" {
		return transform.NoDay
	}
	return date(text)
}

func TestForecastByHand(t *testing.T) {
	tests := []struct {
		name                string
		asOf, entered, plan string
		want                string
	}{
		{"half and four in five of those that lasted as long", "2026-03-31", "2026-03-26", "2026-04-04", "ends 2026-04-05, likely 2026-04-11, late 0.625, of 8: "},
		{"a plan of the as-of date can be kept still", "2026-03-31", "2026-03-26", "2026-03-31", "ends 2026-04-05, likely 2026-04-11, late 0.750, of 8: "},
		{"a plan that has passed is late for certain", "2026-03-31", "2026-03-26", "2026-03-30", "ends 2026-04-05, likely 2026-04-11, late 1.000, of 8: "},
		{"a plan beyond the longest visit", "2026-03-31", "2026-03-26", "2026-12-01", "ends 2026-04-05, likely 2026-04-11, late 0.156, of 8: "},
		{"exactly half is half; what lasted as long ended on three dates", "2026-03-31", "2026-03-23", "2026-04-04", "ends 2026-04-04, of 8: too few visits have lasted as long and ended"},
		{"what lasted as long ended on two dates", "2026-04-02", "2026-03-22", "2026-04-04", "ends 2026-04-07, of 8: too few visits have lasted as long and ended"},
		{"what lasted as long ended on one date", "2026-04-02", "2026-03-20", "2026-04-04", "of 0: too few visits have lasted as long and ended"},
		{"nothing has ended", "2026-03-04", "2026-03-02", "2026-03-06", "of 0: no visit to the stage has ended"},
		{"nothing has ended, and it is late", "2026-03-04", "2026-03-02", "2026-03-03", "late 1.000, of 0: no visit to the stage has ended"},
		{"what ends on the as-of date is not known yet", "2026-03-27", "2026-03-26", "2026-04-04", "ends 2026-04-02, late 0.457, of 7: too few of the visits that lasted as long have ended"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := forecast.NewStage(example).At(date(test.asOf))
			if got := described(m.Forecast(date(test.entered), date(test.plan))); got != test.want {
				t.Errorf("Forecast(%s, %s) on %s: %s, want %s", test.entered, test.plan, test.asOf, got, test.want)
			}
		})
	}
}

func described(f forecast.Forecast) (text string) {
	if f.ExpectedEnd != transform.NoDay {
		text += fmt.Sprintf("ends %s, ", f.ExpectedEnd)
	}
	if f.LikelyEnd != transform.NoDay {
		text += fmt.Sprintf("likely %s, ", f.LikelyEnd)
	}
	if f.HasLateProbability {
		text += fmt.Sprintf("late %.3f, ", f.LateProbability)
	}
	return text + fmt.Sprintf("of %d: %s", f.Basis, f.Reason)
}

func TestForecastAtTheEdges(t *testing.T) {
	var noVisits []forecast.Visit
	atOnce, slow, together, recent := noVisits, noVisits, noVisits, noVisits
	for i := range transform.Day(30) {
		at := start + i
		atOnce = append(atOnce, forecast.Visit{Entered: at, Left: at, Planned: transform.NoDay})
		slow = append(slow, forecast.Visit{Entered: at, Left: at + 100, Planned: transform.NoDay})
		together = append(together, forecast.Visit{Entered: at, Left: start + 40, Planned: transform.NoDay})
		recent = append(recent, forecast.Visit{Entered: at + 300, Left: at + 310, Planned: transform.NoDay})
	}
	tests := []struct {
		name          string
		visits        []forecast.Visit
		asOf, entered transform.Day
		want          string
	}{
		{"no visit at all", nil, start, start, "of 0: no visit to the stage has ended"},
		{"all ended on the day of their entry, and one begins", atOnce, start + 30, start + 30, fmt.Sprintf("ends %s, likely %s, of 30: ", start+30, start+30)},
		{"all ended on the day of their entry, but one", atOnce, start + 31, start + 30, "of 0: too few visits have lasted as long and ended"},
		{"open for ten years", slow, start + 3650, start, "of 0: too few visits have lasted as long and ended"},
		{"all moved on together on one date", together, start + 50, start + 45, "of 0: too few visits have lasted as long and ended"},
		{"what ended in the last half year outweighs the rest", slices.Concat(slow, recent), start + 340, start + 335, fmt.Sprintf("ends %s, likely %s, of 30: ", start+345, start+345)},
		{"what ended in the last year outweighs the rest", slices.Concat(slow, recent), start + 540, start + 535, fmt.Sprintf("ends %s, likely %s, of 30: ", start+545, start+545)},
		{"what ended long ago is better than nothing", slow, start + 1000, start + 990, fmt.Sprintf("ends %s, likely %s, of 30: ", start+1090, start+1090)},
		{"fewer than twenty in a year are not used alone", slices.Concat(slow, recent[:19]), start + 540, start + 535, fmt.Sprintf("ends %s, likely %s, of 49: ", start+635, start+635)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := forecast.NewStage(test.visits).At(test.asOf)
			if got := described(m.Forecast(test.entered, transform.NoDay)); got != test.want {
				t.Errorf("Forecast(%s) on %s: %s, want %s", test.entered, test.asOf, got, test.want)
			}
		})
	}
}

func drawVisits(t *rapid.T) []forecast.Visit {
	visits := make([]forecast.Visit, rapid.SampledFrom([]int{0, 1, 10, 40, 80}).Draw(t, "visits"))
	for i := range visits {
		visits[i] = drawVisit(t)
	}
	return visits
}

func drawVisit(t *rapid.T) forecast.Visit {
	v := forecast.Visit{Entered: start + transform.Day(rapid.IntRange(0, 500).Draw(t, "entered")), Left: transform.NoDay, Planned: transform.NoDay}
	if rapid.IntRange(0, 9).Draw(t, "ends") > 0 {
		v.Left = v.Entered + transform.Day(rapid.OneOf(rapid.IntRange(0, 10), rapid.IntRange(0, 300)).Draw(t, "lasts"))
	}
	if rapid.Bool().Draw(t, "is planned") {
		v.Planned = v.Entered + transform.Day(rapid.IntRange(-5, 60).Draw(t, "plan"))
	}
	return v
}

// all are the forecasts of all open visits of a stage on a date, in the order of the dates of entry, and its record.
func all(stage *forecast.Stage, asOf transform.Day) (forecasts []forecast.Forecast, record forecast.Record) {
	m := stage.At(asOf)
	for v := range stage.Open() {
		forecasts = append(forecasts, m.Forecast(v.Entered, v.Planned))
	}
	return forecasts, m.Record
}

// TestForecastsKnowNoFuture: whatever happens from the as-of date on, the forecasts and the record of the date are the
// same.
func TestForecastsKnowNoFuture(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		visits := drawVisits(t)
		asOf := start + transform.Day(rapid.IntRange(0, 700).Draw(t, "as-of"))
		var otherwise []forecast.Visit
		for _, v := range visits {
			if v.Entered >= asOf {
				continue
			}
			if v.Left == transform.NoDay || v.Left >= asOf {
				v.Left = transform.NoDay
				if rapid.Bool().Draw(t, "ends otherwise") {
					v.Left = asOf + transform.Day(rapid.IntRange(0, 50).Draw(t, "after"))
				}
			}
			otherwise = append(otherwise, v)
		}
		for range rapid.IntRange(0, 5).Draw(t, "later ones") {
			v := drawVisit(t)
			v.Entered, v.Left = v.Entered+700, transform.NoDay
			otherwise = append(otherwise, v)
		}
		want, wantRecord := all(forecast.NewStage(visits), asOf)
		got, record := all(forecast.NewStage(otherwise), asOf)
		if diff := cmp.Diff(want, got) + cmp.Diff(wantRecord, record); diff != "" {
			t.Fatalf("with another future the forecasts of %s are others (-want +got):\n%s", asOf, diff)
		}
	})
}

// TestNightsForecastAsAReplay: a night that knows the visits up to its date forecasts what a replay of the whole
// history gives for that date.
func TestNightsForecastAsAReplay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		visits := drawVisits(t)
		replay := forecast.NewStage(visits)
		asOf := start
		for range rapid.IntRange(1, 6).Draw(t, "nights") {
			asOf += transform.Day(rapid.IntRange(0, 200).Draw(t, "days on"))
			var known []forecast.Visit
			for _, v := range visits {
				if v.Left > asOf {
					v.Left = transform.NoDay
				}
				if v.Entered <= asOf {
					known = append(known, v)
				}
			}
			want, wantRecord := all(replay, asOf)
			got, record := all(forecast.NewStage(known), asOf)
			if diff := cmp.Diff(want, got) + cmp.Diff(wantRecord, record); diff != "" {
				t.Fatalf("the night of %s and the replay differ (-replay +night):\n%s", asOf, diff)
			}
		}
	})
}

// TestForecastsAreWhatTheirDefinitionSays computes forecasts from the visits one by one, by what docs/forecast.md says.
func TestForecastsAreWhatTheirDefinitionSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		visits := drawVisits(t)
		asOf := start + transform.Day(rapid.IntRange(0, 700).Draw(t, "as-of"))
		stage := forecast.NewStage(visits)
		m := stage.At(asOf)
		for v := range stage.Open() {
			got := m.Forecast(v.Entered, v.Planned)
			if got.Reason == forecast.WorseThanMedian || got.Reason == forecast.Unreliable {
				continue
			}
			want := defined(visits, v, asOf)
			if fmt.Sprintf("%s %s", want, got.Reason) != fmt.Sprintf("%s %s", described(got)[:len(described(got))-len(": ")-len(got.Reason.String())], got.Reason) {
				t.Fatalf("on %s the forecast of %+v is %s, by the definition %s", asOf, v, described(got), want)
			}
		}
	})
}

// defined is a forecast without the record, as described shows it without the reason.
func defined(visits []forecast.Visit, of forecast.Visit, asOf transform.Day) string {
	lasted := asOf - of.Entered
	for _, period := range []transform.Day{182, 365, 100_000} {
		from := asOf - period
		ended, dates := 0, map[transform.Day]bool{}
		for _, v := range visits {
			if v.Left != transform.NoDay && v.Left >= from && v.Left < asOf {
				ended++
				if v.Left-v.Entered >= lasted {
					dates[v.Left] = true
				}
			}
		}
		if ended < 20 && period != 100_000 || len(dates) < 2 {
			continue
		}
		// open is the share of those that last as long that is still open after some days.
		open := func(days transform.Day) float64 {
			share := 1.0
			for d := lasted; d <= days; d++ {
				stood, left := 0, 0
				for _, v := range visits {
					at := v.Entered + d
					if at < from || at >= asOf || v.Left != transform.NoDay && v.Left < at {
						continue
					}
					stood++
					if v.Left == at {
						left++
					}
				}
				share *= 1 - float64(left)/float64(stood+1)
			}
			return share
		}
		f := forecast.Forecast{ExpectedEnd: transform.NoDay, LikelyEnd: transform.NoDay, Basis: ended}
		if of.Planned != transform.NoDay && of.Planned < asOf {
			f.LateProbability, f.HasLateProbability = 1, true
		}
		for days := lasted; days < 900 && f.LikelyEnd == transform.NoDay; days++ {
			share := open(days)
			if share <= 0.5+1e-9 && f.ExpectedEnd == transform.NoDay {
				f.ExpectedEnd = of.Entered + days
			}
			if len(dates) < 5 {
				if f.ExpectedEnd != transform.NoDay {
					break
				}
				continue
			}
			if share <= 0.2+1e-9 {
				f.LikelyEnd = of.Entered + days
			}
		}
		if len(dates) >= 5 && of.Planned >= asOf {
			f.LateProbability, f.HasLateProbability = open(of.Planned-of.Entered), true
		}
		return described(f)[:len(described(f))-len(": ")]
	}
	f := forecast.Forecast{ExpectedEnd: transform.NoDay, LikelyEnd: transform.NoDay}
	f.HasLateProbability = of.Planned != transform.NoDay && of.Planned < asOf
	if f.HasLateProbability {
		f.LateProbability = 1
	}
	return described(f)[:len(described(f))-len(": ")]
}

func checked(stages map[transform.StageKey][]forecast.Visit, from, to, now transform.Day) *forecast.Score {
	var total forecast.Score
	for _, visits := range stages {
		var score forecast.Score
		score.Check(forecast.NewStage(visits), from, to, now)
		total.Merge(&score)
	}
	return &total
}

func report(t *testing.T, name string, s *forecast.Score) {
	t.Helper()
	t.Logf("%s: %d forecasts, %d with an expected end, %d withheld; calibration error %.3f (late, %d), %.3f (open still, %d); median error %.1f days, naive %.1f; mean error %.1f days, naive %.1f; likely ends reached %.3f",
		name, s.Open, s.Expected, s.Withheld, s.Late.Error(), s.Late.Forecasts(), s.Lasting.Error(), s.Lasting.Forecasts(), s.Errors.Median(), s.NaiveErrors.Median(), s.Errors.Mean(), s.NaiveErrors.Mean(), s.ReachedShare())
}

// TestForecastsOfGeneratedPortals prints the figures of docs/forecast.md and holds them to what was promised.
func TestForecastsOfGeneratedPortals(t *testing.T) {
	for _, test := range []struct {
		name  string
		log   *log
		ratio float64 // of the median error to the naive one, at most
		mean  float64 // of the mean errors
	}{
		{"a portal of 1,500 deals", portal(3, 1500, 500), 1, 0.9},
		{"a portal of 3,000 deals", portal(2, 3000, 900), 1, 0.9},
		{"stages of two speeds", twoSpeeds(1), 0.65, 0.65},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := checked(test.log.stages, test.log.later(), test.log.last, test.log.last+1)
			report(t, test.name, s)
			if late, lasting := s.Late.Error(), s.Lasting.Error(); !(late <= 0.05 && lasting <= 0.05) {
				t.Errorf("calibration errors %.3f and %.3f, want at most 0.05", late, lasting)
			}
			if reached := s.ReachedShare(); !(reached >= 0.75 && reached <= 0.85) {
				t.Errorf("likely ends reached %.3f, want 0.75 to 0.85", reached)
			}
			if ratio := s.Errors.Median() / s.NaiveErrors.Median(); !(ratio <= test.ratio) {
				t.Errorf("median error %.1f days, the naive one %.1f, want at most %.2f of it", s.Errors.Median(), s.NaiveErrors.Median(), test.ratio)
			}
			if ratio := s.Errors.Mean() / s.NaiveErrors.Mean(); !(ratio <= test.mean) {
				t.Errorf("mean error %.1f days, the naive one %.1f, want at most %.2f of it", s.Errors.Mean(), s.NaiveErrors.Mean(), test.mean)
			}
		})
	}
}

// TestAStageThatChangesIsWithheld: where a process becomes three times as fast, the numbers that no longer hold are
// withheld, in this stage alone, until they hold again.
func TestAStageThatChangesIsWithheld(t *testing.T) {
	const day = 1
	l := faster(1)
	half := start + 450
	for _, test := range []struct {
		name      string
		stage     transform.StageKey
		from, to  transform.Day
		low, high float64 // share that is withheld
	}{
		{"before the change", changing, half - 150, half - day, 0, 0.05},
		{"two months after it", changing, half + 60, half + 150, 0.9, 1},
		{"when the half year before has all been fast", changing, half + 290, half + 449, 0, 0.05},
		{"the stage beside it", steady, half - 150, half + 449, 0, 0.05},
	} {
		t.Run(test.name, func(t *testing.T) {
			var s forecast.Score
			s.Check(forecast.NewStage(l.stages[test.stage]), test.from, test.to, l.last+1)
			report(t, test.name, &s)
			if share := float64(s.Withheld) / float64(s.Open); !(share >= test.low && share <= test.high) {
				t.Errorf("%.3f of the forecasts are withheld, want %.2f to %.2f", share, test.low, test.high)
			}
		})
	}
}

// TestABiasedSample: of a stage whose log has only the visits that had ended, no number stays that the naive forecast
// beats.
func TestABiasedSample(t *testing.T) {
	l := biased(1)
	for name, stage := range map[string]transform.StageKey{"biased": changing, "complete": steady} {
		var s forecast.Score
		s.Check(forecast.NewStage(l.stages[stage]), l.later(), l.last, l.last+1)
		report(t, name, &s)
		if late, lasting := s.Late.Error(), s.Lasting.Error(); !(late <= 0.05 && lasting <= 0.05) {
			t.Errorf("%s: calibration errors %.3f and %.3f, want at most 0.05", name, late, lasting)
		}
		if s.Errors.Median() > s.NaiveErrors.Median() {
			t.Errorf("%s: median error %.1f days, the naive one %.1f", name, s.Errors.Median(), s.NaiveErrors.Median())
		}
	}
}

func TestScoresWithoutForecasts(t *testing.T) {
	var s forecast.Score
	s.Check(forecast.NewStage(nil), start, start+10, start+11)
	for name, figure := range map[string]float64{"Late": s.Late.Error(), "Median": s.Errors.Median(), "Mean": s.Errors.Mean(), "Reached": s.ReachedShare()} {
		if !math.IsNaN(figure) {
			t.Errorf("%s of nothing is %v, want NaN", name, figure)
		}
	}
}

func TestErrors(t *testing.T) {
	off := forecast.Errors{2, 0, 1, 1} // 0, 0, 2 and 3 days
	if off.Count() != 4 || off.Median() != 1 || off.Mean() != 1.25 {
		t.Errorf("%d errors, median %v, mean %v, want 4, 1 and 1.25", off.Count(), off.Median(), off.Mean())
	}
}

// staysOf are the visits as they are counted in the warehouse, in another order.
func staysOf(t *rapid.T, visits []forecast.Visit) (stays []forecast.Stay) {
	for _, v := range rapid.Permutation(visits).Draw(t, "order") {
		s := forecast.Stay{Entered: v.Entered, Left: v.Left, Visits: 1}
		if i := slices.IndexFunc(stays, func(other forecast.Stay) bool { return other.Entered == s.Entered && other.Left == s.Left }); i >= 0 && rapid.Bool().Draw(t, "counted together") {
			stays[i].Visits++
			continue
		}
		stays = append(stays, s)
	}
	return stays
}

// TestOutlooksAreTheForecasts: what a night keeps of a stage gives every forecast of the stage, late probabilities
// included, to the last digit.
func TestOutlooksAreTheForecasts(t *testing.T) {
	key := transform.StageKey{Funnel: 1, Stage: "HERE"}
	rapid.Check(t, func(t *rapid.T) {
		visits := drawVisits(t)
		for range rapid.SampledFrom([]int{0, 0, 150}).Draw(t, "short ones") {
			entered := start + transform.Day(rapid.IntRange(0, 500).Draw(t, "entered"))
			visits = append(visits, forecast.Visit{Entered: entered, Left: entered + transform.Day(rapid.IntRange(0, 40).Draw(t, "lasts")), Planned: transform.NoDay})
		}
		asOf := start + transform.Day(rapid.IntRange(0, 700).Draw(t, "as-of"))
		stage := forecast.NewStage(visits)
		want, record := all(stage, asOf)
		stays := staysOf(t, visits)
		m := forecast.ModelAt(stays, asOf)
		if diff := cmp.Diff(record, m.Record); diff != "" {
			t.Fatalf("the record of %s by stays differs (-visits +stays):\n%s", asOf, diff)
		}
		night := forecast.NewNight(asOf)
		night.Add(key, stays)
		outlooks := night.Outlooks(nil)
		if len(outlooks) != 1 || outlooks[0].Key != key {
			t.Fatalf("outlooks: %+v", outlooks)
		}
		var got []forecast.Forecast
		for v := range stage.Open() {
			got = append(got, lookedUp(&outlooks[0], v, asOf))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("on %s what is looked up differs (-forecast +looked up):\n%s", asOf, diff)
		}
	})
}

// lookedUp is a forecast as the views look it up.
func lookedUp(o *forecast.Outlook, v forecast.Visit, asOf transform.Day) forecast.Forecast {
	lasted := asOf - v.Entered
	l := &o.Days[lasted]
	f := forecast.Forecast{ExpectedEnd: transform.NoDay, LikelyEnd: transform.NoDay, Basis: int(l.Basis), Reason: l.Reason}
	if l.Expected >= 0 {
		f.ExpectedEnd = v.Entered + transform.Day(l.Expected)
	}
	if l.Likely >= 0 {
		f.LikelyEnd = v.Entered + transform.Day(l.Likely)
	}
	switch {
	case v.Planned == transform.NoDay:
	case v.Planned < asOf:
		f.LateProbability, f.HasLateProbability = 1, true
	case l.Curve > 0:
		open := l.Last
		if days := int(v.Planned - v.Entered); days < len(o.Days) {
			open = o.Days[days].Open[l.Curve-1]
		}
		f.LateProbability, f.HasLateProbability = open/l.Before, true
	}
	return f
}

func TestTheWayToTheClosing(t *testing.T) {
	stage := func(name string) transform.StageKey {
		return transform.StageKey{Funnel: 1, Stage: extractor.StageID(name)}
	}
	asOf := start + 200
	night := forecast.NewNight(asOf)
	var moves []forecast.Move
	stays := map[string][]forecast.Stay{}
	// goes lets visits to a stage, one entered each day, last so many days and lead to another stage.
	goes := func(from string, visits int, lasts transform.Day, to string, isClosed bool) {
		for i := range visits {
			entered := start + transform.Day(i)
			stays[from] = append(stays[from], forecast.Stay{Entered: entered, Left: entered + lasts, Visits: 1})
		}
		n := int64(visits)
		moves = append(moves, forecast.Move{From: stage(from), To: stage(to), IsClosed: isClosed, Visits: [...]int64{n - 1, n, n}})
	}
	goes("NEW", 30, 5, "DRAFT", false)
	goes("NEW", 10, 5, "LOST", true)
	goes("DRAFT", 20, 7, "NEW", false)  // back, which is on the way already
	goes("DRAFT", 15, 7, "SIGN", false) // so this is the usual way on
	goes("DRAFT", 5, 7, "LOST", true)
	goes("SIGN", 25, 3, "WON", true)
	goes("ALONE", 25, 3, "ALONE", false)
	goes("BEFORE", 25, 3, "EMPTY", false)
	goes("RARE", 1, 3, "WON", true)
	goes("TO RARE", 25, 3, "RARE", false)
	tests := []struct {
		stage, why string
		days       int32
		reason     forecast.Reason
	}{
		{"NEW", "over the stage where most go, without the way back", 7 + 3, forecast.NoReason},
		{"DRAFT", "back to the beginning, and then on", 5, forecast.NoReason},
		{"SIGN", "closed at once", 0, forecast.NoReason},
		{"ALONE", "leads to itself only", -1, forecast.NoWay},
		{"BEFORE", "leads to a stage without visits", -1, forecast.NoWay},
		{"RARE", "the only visit that ended was closed", 0, forecast.NoReason},
		{"TO RARE", "the next stage has too few visits for a median", -1, forecast.LaterStage},
	}
	for name, list := range stays {
		night.Add(stage(name), list)
	}
	outlooks := night.Outlooks(moves)
	for _, test := range tests {
		i := slices.IndexFunc(outlooks, func(o forecast.Outlook) bool { return o.Key == stage(test.stage) })
		if o := &outlooks[i]; o.Closing != test.days || o.ClosingReason != test.reason {
			t.Errorf("from %s (%s) the closing takes %d days: %q, want %d: %q", test.stage, test.why, o.Closing, o.ClosingReason, test.days, test.reason)
		}
	}
}

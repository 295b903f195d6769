package nightly_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"stagelag/config"
	"stagelag/forecast"
	"stagelag/loader"
	"stagelag/simulator"
	"stagelag/transform"
	read "stagelag/views"
)

// forecastRows are the forecasts of now by package forecast itself, from the visits as the views show them, as the view
// forecasts shows them without what came.
func (s *site) forecastRows(t *testing.T, asOf transform.Day) (rows []string) {
	t.Helper()
	for stage, err := range read.In(s.w).StageHistories(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		history := forecast.NewStage(stage.Visits)
		model := history.At(asOf)
		for _, v := range stage.Visits {
			if v.Left != transform.NoDay {
				continue
			}
			f := model.Forecast(v.Entered, v.Planned)
			probability := "NULL"
			if f.HasLateProbability {
				probability = strconv.FormatFloat(f.LateProbability, 'g', -1, 64)
			}
			rows = append(rows, fmt.Sprintf("%d %s %d %s %s %s %s %d", stage.FunnelID, stage.StageID, asOf-v.Entered,
				orNULL(v.Planned), orNULL(f.ExpectedEnd), orNULL(f.LikelyEnd), probability, f.Basis))
		}
	}
	slices.Sort(rows)
	return rows
}

func orNULL(day transform.Day) string {
	if day == transform.NoDay {
		return "NULL"
	}
	return day.String()
}

const forecastColumns = `concat(toString(funnel_id), ' ', toString(stage_id), ' ', toString(elapsed_days), ' ', ifNull(toString(planned_end), 'NULL'), ' ', ifNull(toString(expected_end), 'NULL'), ' ',
	ifNull(toString(likely_end), 'NULL'), ' ', if(isNull(late_probability), 'NULL', toString(late_probability)), ' ', toString(basis))`

// byFirst are rows by their first column, without it.
func byFirst(rows []string) map[string][]string {
	parts := map[string][]string{}
	for _, row := range rows {
		first, rest, _ := strings.Cut(row, "\t")
		parts[first] = append(parts[first], rest)
	}
	return parts
}

// Nights in which deals move, are corrected and deleted, two runs are of one date, one is full and one is withdrawn.
// Each run publishes what package forecast computes from the visits of that moment, and it stays as it was published,
// whatever comes. What came of it is what the visits show now.
func TestForecastsArePublishedAndKept(t *testing.T) {
	t.Parallel()
	const (
		twice, full, withdrawn, nights = 1, 2, 3, 5
		visits                         = " deal_id, visit_no, expected_end, likely_end, late_probability FROM "
		deals                          = " deal_id, expected_end, late_probability, expected_closed_date FROM "
	)
	s := generated(t, 11, 120)
	published := map[string][]string{}                                // by run
	visitsOn, dealsOn := map[string][]string{}, map[string][]string{} // by date, as deal_stages and deals_now show them
	for night := range nights {
		now := firstNight.AddDate(0, 0, night*12)
		if night > 0 {
			life{s.world, 3}.before(now, 40)
		}
		s.at(now)
		outcome := s.run(night == full)
		if night == twice {
			first := outcome.Run.RunID
			published[fmt.Sprint(first)] = s.rows(fmt.Sprintf("SELECT %s AS line FROM forecasts WHERE run_id = %d ORDER BY line", forecastColumns, first))
			life{s.world, 4}.before(now, 20)
			outcome = s.run(false)
		}
		if night == withdrawn {
			if _, err := loader.Withdraw(context.Background(), s.w, outcome.Run.RunID, now); err != nil {
				t.Fatal(err)
			}
			continue
		}
		asOf := transform.DayOf(now, s.cfg.Portal.TimeZone)
		want := s.forecastRows(t, asOf)
		got := s.rows("SELECT " + forecastColumns + " AS line FROM (SELECT *, 0 AS basis FROM deal_stages WHERE is_open) ORDER BY line")
		if diff := firstDifference(got, withoutBasis(want)); diff != "" {
			t.Errorf("on %s deal_stages has other forecasts than package forecast computes%s", asOf, diff)
		}
		published[fmt.Sprint(outcome.Run.RunID)] = want
		visitsOn[asOf.String()] = s.rows("SELECT" + visits + "deal_stages WHERE is_open ORDER BY ALL")
		dealsOn[asOf.String()] = s.rows("SELECT" + deals + "deals_now WHERE is_open ORDER BY ALL")
	}
	kept := byFirst(s.rows("SELECT run_id, " + forecastColumns + " AS line FROM forecasts ORDER BY run_id, line"))
	if len(kept) != len(published) {
		t.Errorf("forecasts has %d runs, want the %d that are published", len(kept), len(published))
	}
	for run, want := range published {
		if diff := firstDifference(kept[run], want); diff != "" {
			t.Errorf("the forecasts of run %s are no longer those that it published%s", run, diff)
		}
	}
	visitsThen := byFirst(s.rows("SELECT known_on," + visits + "deal_stages_then WHERE is_open ORDER BY ALL"))
	dealsThen := byFirst(s.rows("SELECT known_on," + deals + "deals_then WHERE is_open ORDER BY ALL"))
	for date := range visitsOn {
		if diff := firstDifference(visitsThen[date], visitsOn[date]); diff != "" {
			t.Errorf("deal_stages_then of %s has other forecasts than deal_stages had%s", date, diff)
		}
		if diff := firstDifference(dealsThen[date], dealsOn[date]); diff != "" {
			t.Errorf("deals_then of %s has other forecasts than deals_now had%s", date, diff)
		}
	}
	date := firstNight.Format(time.DateOnly)
	if diff := firstDifference(s.rows("SELECT"+visits+"deal_stages_then WHERE is_open AND known_on = '"+date+"' ORDER BY ALL"), visitsOn[date]); diff != "" {
		t.Errorf("deal_stages_then of %s alone has other forecasts than deal_stages had%s", date, diff)
	}
	if diff := firstDifference(s.rows("SELECT "+forecastColumns+" AS line FROM forecasts WHERE known_on = '"+date+"' ORDER BY line"), published["1"]); diff != "" {
		t.Errorf("forecasts of %s alone has others%s", date, diff)
	}
	// A visit that a correction has given another number or entry has no row of its own here.
	wrong := s.rows(`
		SELECT f.run_id, f.deal_id, f.visit_no, f.outcome, f.left_date, v.left_date FROM forecasts AS f
		INNER JOIN deal_stages AS v ON v.deal_id = f.deal_id AND v.visit_no = f.visit_no AND v.stage_id = f.stage_id AND v.entered_date = f.known_on - f.elapsed_days
		WHERE f.outcome != if(isNull(v.left_date), 'open', 'ended') OR f.left_date IS DISTINCT FROM v.left_date`)
	if len(wrong) > 0 {
		t.Errorf("%d forecasts have another outcome than their visits, the first %s", len(wrong), wrong[0])
	}
	s.expect("forecasts are kept of visits that have ended, that are open, and that are gone, and there are some of each kind",
		"SELECT DISTINCT outcome FROM forecasts ORDER BY outcome", "ended", "gone", "open")
	s.expect("numbers are given, and missing for each reason", "SELECT DISTINCT ifNull(reason, 'none') AS reason FROM forecasts WHERE reason != 'nothing_ended' OR reason IS NULL ORDER BY reason",
		"most_stay", "none", "too_few", "unreliable", "worse_than_median")
}

func withoutBasis(rows []string) []string {
	var list []string
	for _, row := range rows {
		list = append(list, row[:strings.LastIndexByte(row, ' ')]+" 0")
	}
	slices.Sort(list)
	return list
}

// Nights in which deals only move publish the forecasts that a replay of the last night's history gives for their dates.
func TestPublishedForecastsAreThoseOfAReplay(t *testing.T) {
	t.Parallel()
	stages := []simulator.Stage{
		{ID: "C5:NEW", Name: "New"}, {ID: "C5:TALK", Name: "Talk"}, {ID: "C5:SIGN", Name: "Sign"}, {ID: "C5:WON", Name: "Won", Semantics: simulator.Success},
	}
	world := simulator.NewWorld()
	world.AddFunnel(simulator.Funnel{ID: 5, Name: "Projects", Stages: stages})
	random := rand.New(rand.NewPCG(1, 0))
	at := map[simulator.DealID]int{}
	// day lets a deal begin, and others move on with the odds of one to twelve. What happens on an as-of date itself is
	// before or after its run, which a replay does not know.
	day := func(noon time.Time) {
		for _, id := range slices.Sorted(maps.Keys(at)) {
			if at[id] < len(stages)-1 && random.IntN(12) == 0 {
				at[id]++
				world.Move(id, noon.Add(time.Duration(random.IntN(600))*time.Minute), stages[at[id]].ID)
			}
		}
		at[world.AddDeal(simulator.Deal{Title: "Deal", Funnel: 5, Stage: stages[0].ID, Manager: 1, Created: noon})] = 0
	}
	for before := 400; before > 0; before-- {
		day(firstNight.AddDate(0, 0, -before).Add(10 * time.Hour))
	}
	s := newSite(t, world, simulator.Suggested{TimeZone: "UTC"}, firstNight)
	dates := map[loader.RunID]transform.Day{}
	for night := range 5 {
		now := firstNight.AddDate(0, 0, night*6)
		for before := 5; night > 0 && before > 0; before-- {
			day(now.AddDate(0, 0, -before).Add(10 * time.Hour))
		}
		s.at(now)
		dates[s.run(false).Run.RunID] = transform.DayOf(now, s.cfg.Portal.TimeZone)
	}
	var replays []*forecast.Stage
	var keys []transform.StageKey
	for stage, err := range read.In(s.w).StageHistories(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		replays, keys = append(replays, forecast.NewStage(stage.Visits)), append(keys, transform.StageKey{Funnel: stage.FunnelID, Stage: stage.StageID})
	}
	for run := loader.RunID(1); run <= loader.RunID(len(dates)); run++ {
		var want []string
		for i, replay := range replays {
			model := replay.At(dates[run])
			for v := range replay.Open() {
				f := model.Forecast(v.Entered, transform.NoDay)
				want = append(want, fmt.Sprintf("%d\t%s\t%d\t%s\t%s\t%d", keys[i].Funnel, keys[i].Stage, dates[run]-v.Entered, orNULL(f.ExpectedEnd), orNULL(f.LikelyEnd), f.Basis))
			}
		}
		slices.Sort(want)
		got := s.rows(fmt.Sprintf(`SELECT funnel_id, stage_id, elapsed_days, ifNull(toString(expected_end), 'NULL'), ifNull(toString(likely_end), 'NULL'), basis
			FROM forecasts WHERE run_id = %d AND elapsed_days > 0`, run))
		if len(want) < 20 {
			t.Errorf("run %d: a replay gives %d forecasts, too few to see anything", run, len(want))
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("run %d published %d forecasts, a replay gives %d%s", run, len(got), len(want), firstDifference(got, want))
		}
	}
}

// The edges of docs/forecast.md, as the views show them.
func TestForecastsAtTheEdges(t *testing.T) {
	t.Parallel()
	world := simulator.NewWorld()
	world.AddFunnel(simulator.Funnel{ID: 5, Name: "Projects", Stages: []simulator.Stage{
		{ID: "C5:NEW", Name: "New"}, {ID: "C5:ONCE", Name: "At once"}, {ID: "C5:LONG", Name: "Long"}, {ID: "C5:FAST", Name: "Fast"}, {ID: "C5:WON", Name: "Won", Semantics: simulator.Success},
	}})
	day := func(before int) time.Time { return firstNight.AddDate(0, 0, -before).Add(6 * time.Hour) }
	add := func(title string, stage simulator.StageID, entered int) simulator.DealID {
		return world.AddDeal(simulator.Deal{Title: title, Funnel: 5, Stage: stage, Manager: 1, Created: day(entered)})
	}
	for i := range 30 {
		once := add("once", "C5:ONCE", 3+i)
		world.Move(once, day(3+i).Add(time.Hour), "C5:WON")
		long := add("long", "C5:LONG", 100+i)
		world.Move(long, day(60+i), "C5:WON")
		// Half a year ago the stage became three times as fast.
		for _, v := range []struct{ entered, lasts int }{{500 + 3*i, 30}, {250 + 3*i, 30}, {40 + 3*i, 10}} {
			fast := add("fast", "C5:FAST", v.entered)
			world.Move(fast, day(v.entered-v.lasts), "C5:WON")
		}
	}
	add("nothing has ended", "C5:NEW", 12)
	add("lasts a day where all ended at once", "C5:ONCE", 2)
	add("open for ten years", "C5:LONG", 3650)
	add("lasts as long as most", "C5:LONG", 20)
	add("in a stage that became faster", "C5:FAST", 4)
	s := newSite(t, world, simulator.Suggested{TimeZone: "UTC"}, firstNight)
	s.run(false)
	s.expect("the edges", `
		SELECT v.deal_title, f.elapsed_days, f.expected_end - v.entered_date, f.likely_end - v.entered_date, f.late_probability, f.basis, f.reason, f.expected_closed_date - v.entered_date, f.closing_reason
		FROM forecasts AS f INNER JOIN deal_stages AS v ON v.deal_id = f.deal_id AND v.visit_no = f.visit_no ORDER BY f.deal_id`,
		`nothing has ended	12	\N	\N	\N	0	nothing_ended	\N	nothing_ended`,
		`lasts a day where all ended at once	2	\N	\N	\N	0	too_few	\N	too_few`,
		`open for ten years	3650	\N	\N	\N	0	too_few	\N	too_few`,
		`lasts as long as most	20	40	\N	\N	30	unreliable	40	\N`,
		`in a stage that became faster	4	10	\N	\N	30	unreliable	10	\N`,
	)
	s.expect("the forecast of now is the same", "SELECT countIf(isNotNull(expected_end)), countIf(isNotNull(likely_end)), countIf(isNotNull(late_probability)) FROM deal_stages", "2\t0\t0")
}

// The days that will probably be lost are, visit by visit and day by day, the probabilities that the visit is still
// open on a counting day after its planned end.
func TestExpectedLosses(t *testing.T) {
	t.Parallel()
	s := generated(t, 5, 300)
	s.cfg.Calendar = config.Calendar{Kind: config.WorkingDays, Weekend: []time.Weekday{time.Saturday, time.Sunday}, Off: []time.Time{time.Date(2026, 3, 16, 0, 0, 0, 0, time.UTC)}}
	s.run(false)
	asOf := transform.DayOf(firstNight, s.cfg.Portal.TimeZone)
	counts := func(day transform.Day) bool {
		weekday := day.Time().Weekday()
		return weekday != time.Saturday && weekday != time.Sunday && day != asOf+6
	}
	var want []string
	weeks := [9]struct {
		days, variance  float64
		visits, unknown int
	}{}
	for stage, err := range read.In(s.w).StageHistories(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		history := forecast.NewStage(stage.Visits)
		model := history.At(asOf)
		for _, v := range stage.Visits {
			if v.Left != transform.NoDay || v.Planned == transform.NoDay {
				continue
			}
			for week := 1; week <= 8; week++ {
				w := &weeks[week]
				if f := model.Forecast(v.Entered, transform.NoDay); !f.HasTail() {
					w.unknown++
					continue
				}
				w.visits++
				deviation := 0.0
				for day := asOf + transform.Day(7*week-6); day <= asOf+transform.Day(7*week); day++ {
					if day <= v.Planned || !counts(day) {
						continue
					}
					f := model.Forecast(v.Entered, day-1)
					w.days += f.LateProbability
					deviation += math.Sqrt(f.LateProbability * (1 - f.LateProbability))
				}
				w.variance += deviation * deviation
			}
		}
	}
	for week := 1; week <= 8; week++ {
		w := weeks[week]
		want = append(want, fmt.Sprintf("%s\t%.6f\t%.6f\t%d\t%d", asOf+transform.Day(7*week), w.days, w.variance, w.visits, w.unknown))
	}
	if weeks[1].visits < 10 || weeks[1].unknown < 10 {
		t.Errorf("%d visits with a probability and %d without, too few to see anything", weeks[1].visits, weeks[1].unknown)
	}
	s.expect("expected losses", `SELECT week_end, printf('%.6f', sum(expected_days)), printf('%.6f', sum(days_variance)), sum(visits), sum(visits_unknown)
		FROM expected_losses GROUP BY week_end ORDER BY week_end`, want...)
}

package nightly_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"stagelag/config"
	"stagelag/extractor"
	"stagelag/loader"
	"stagelag/nightly"
	"stagelag/simulator"
	"stagelag/transform"
	read "stagelag/views"
	"stagelag/warehouse"
)

// TestNightsObeyTheLaws lets a portal live for some nights. The laws hold; what they leave is what a single
// run on the last of them gives; and neither a second run nor a full one writes anything.
func TestNightsObeyTheLaws(t *testing.T) {
	t.Parallel()
	s := generated(t, 2, 250)
	for n := range 6 {
		if n == 3 {
			continue // a night is missed
		}
		s.at(firstNight.AddDate(0, 0, n))
		s.run(false)
		if n == 2 || n == 4 {
			s.expectLaws(fmt.Sprintf("after night %d", n+1))
		}
	}
	s.mustAgreeWithOneRun()

	again := s.run(false).Run
	if again.FactsAppended != 0 || again.DealsChanged != 0 {
		t.Errorf("a second run appends %d facts of %d deals, want none", again.FactsAppended, again.DealsChanged)
	}
	full := s.run(true).Run
	if full.FactsAppended != 0 {
		t.Errorf("a full run appends %d facts, want none", full.FactsAppended)
	}
	for _, run := range []loader.RunID{again.RunID, full.RunID} {
		if wrote := s.written(run); len(wrote) > 0 {
			t.Errorf("run %d, with nothing new, writes %v", run, wrote)
		}
	}
}

// small is a portal of one funnel with stages NEW (a norm of 3 days), DOCS (a field) and
// WON, and one deal that is in DOCS since the first of March.
func small(t *testing.T) (*site, simulator.DealID) {
	world := simulator.NewWorld()
	world.AddFunnel(simulator.Funnel{ID: 5, Name: "Projects", Stages: []simulator.Stage{
		{ID: "C5:NEW", Name: "New"}, {ID: "C5:DOCS", Name: "Documents"}, {ID: "C5:WON", Name: "Won", Semantics: simulator.Success},
	}})
	world.AddFunnel(simulator.Funnel{ID: 7, Name: "Service", Stages: []simulator.Stage{{ID: "C7:NEW", Name: "New"}}})
	world.AddField(simulator.Field{Name: "UF_CRM_DAYS", Type: "double"})
	ann := world.AddUser(simulator.User{Name: "Ann", LastName: "Lee"})
	deal := addRoof(world, ann)
	s := newSite(t, world, simulator.Suggested{
		TimeZone: "Europe/Moscow",
		Fields:   map[string]simulator.SuggestedFields{"C5:DOCS": {Days: "UF_CRM_DAYS"}},
		Norms:    []simulator.SuggestedNorm{{Stage: "C5:NEW", Days: 3}},
	}, firstNight)
	return s, deal
}

// addRoof adds a deal that is in DOCS since the first of March.
func addRoof(world *simulator.World, manager simulator.UserID) simulator.DealID {
	deal := world.AddDeal(simulator.Deal{Title: "Roof", Funnel: 5, Stage: "C5:NEW", Manager: manager, Cents: 15050, Currency: "EUR",
		Created: march(1, 10), Fields: map[string]any{"UF_CRM_DAYS": 4}})
	world.Move(deal, march(1, 15), "C5:DOCS")
	return deal
}

func march(day, hour int) time.Time { return time.Date(2026, 3, day, hour, 0, 0, 0, time.UTC) }

func (s *site) expect(rule, query string, want ...string) {
	s.t.Helper()
	if got := s.rows(query); !slices.Equal(got, want) {
		s.t.Errorf("%s: %s\n got %q\nwant %q", rule, query, got, want)
	}
}

const stagesQuery = "SELECT visit_no, stage_id, entered_date, left_date, plan_days, overdue_days, status FROM deal_stages ORDER BY deal_id, visit_no"

// stagesOf is that of one deal.
func stagesOf(deal simulator.DealID) string {
	return strings.Replace(stagesQuery, " ORDER", fmt.Sprintf(" WHERE deal_id = %d ORDER", deal), 1)
}

func TestADealOfThreeStages(t *testing.T) {
	t.Parallel()
	s, deal := small(t)
	s.run(false)
	s.expect("visits", stagesQuery, "1\tC5:NEW\t2026-03-01\t2026-03-01\t3\t0\tfinished_on_time", "2\tC5:DOCS\t2026-03-01\t\\N\t4\t5\toverdue")
	s.expect("the deal", "SELECT deal_title, deal_url, stage_name, manager_name, amount, currency, created_date, is_open, status, planned_end, days_left, overdue_days_now, overdue_days_total, overdue_stages FROM deals_now",
		fmt.Sprintf("Roof\thttps://%s/crm/deal/details/%d/\tDocuments\tAnn Lee\t150.5\tEUR\t2026-03-01\t1\toverdue\t2026-03-05\t0\t5\t5\t1", s.cfg.Portal.URL.Host(), deal))
	s.expect("the manager of the day that the portal was asked on is seen, of those before assumed",
		"SELECT manager_source, min(day), max(day) FROM deal_stage_days WHERE visit_no = 2 GROUP BY 1 ORDER BY 1",
		"assumed\t2026-03-01\t2026-03-09", "seen\t2026-03-10\t2026-03-10")
}

// TestCorrections corrects deals of one portal, each in another way.
func TestCorrections(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*site, simulator.DealID)
		want   []string
	}{
		{"a moved stage date", func(s *site, deal simulator.DealID) {
			row := s.world.History(deal)[1].ID
			s.world.CorrectChange(deal, row, march(10, 9), func(c *simulator.Change) { c.At = march(3, 15) })
		}, []string{"1\tC5:NEW\t2026-03-01\t2026-03-03\t3\t0\tfinished_on_time", "2\tC5:DOCS\t2026-03-03\t\\N\t4\t4\toverdue"}},
		{"a changed plan of an open visit", func(s *site, deal simulator.DealID) {
			s.world.SetField(deal, march(10, 9), "UF_CRM_DAYS", 30)
		}, []string{"1\tC5:NEW\t2026-03-01\t2026-03-01\t3\t0\tfinished_on_time", "2\tC5:DOCS\t2026-03-01\t\\N\t30\t0\ton_time"}},
		{"a plan that changes after the visit keeps the visit's", func(s *site, deal simulator.DealID) {
			s.world.Move(deal, march(10, 9), "C5:WON")
			s.world.SetField(deal, march(10, 10), "UF_CRM_DAYS", 30)
		}, []string{"1\tC5:NEW\t2026-03-01\t2026-03-01\t3\t0\tfinished_on_time", "2\tC5:DOCS\t2026-03-01\t2026-03-10\t4\t5\tfinished_late", "3\tC5:WON\t2026-03-10\t2026-03-10\t\\N\t0\tfinal"}},
		{"a change that was taken back", func(s *site, deal simulator.DealID) {
			s.world.RemoveChange(deal, s.world.History(deal)[0].ID, march(10, 9))
		}, []string{"1\tC5:DOCS\t2026-03-01\t\\N\t4\t6\toverdue"}},
		{"a plan that is none", func(s *site, deal simulator.DealID) {
			s.world.SetField(deal, march(10, 9), "UF_CRM_DAYS", -1)
		}, []string{"1\tC5:NEW\t2026-03-01\t2026-03-01\t3\t0\tfinished_on_time", "2\tC5:DOCS\t2026-03-01\t\\N\t\\N\t0\tno_plan"}},
		{"a deal that came back from the bin within a day, without its history", func(s *site, deal simulator.DealID) {
			s.world.DeleteDeal(deal, march(10, 9))
			s.world.RestoreDeal(deal, march(10, 10), false)
		}, []string{"1\tC5:NEW\t2026-03-01\t2026-03-01\t3\t0\tfinished_on_time", "2\tC5:DOCS\t2026-03-01\t\\N\t4\t5\toverdue"}},
		{"a deleted deal", func(s *site, deal simulator.DealID) { s.world.DeleteDeal(deal, march(10, 9)) }, nil},
	}
	s, deal := small(t)
	deals := []simulator.DealID{deal}
	for len(deals) < len(tests) {
		deals = append(deals, addRoof(s.world, s.world.Users()[0].ID))
	}
	first := s.run(false)
	before := s.rows("SELECT deal_id, sum(overdue_day) FROM deal_stage_days GROUP BY deal_id ORDER BY deal_id")
	for i, test := range tests {
		test.change(s, deals[i])
	}
	s.at(march(11, 3))
	s.run(false)
	s.expectLaws("after the corrections")
	for i, test := range tests {
		got := s.rows(stagesOf(deals[i]))
		// The as-of date is a day later, which an overdue open visit shows.
		if fmt.Sprint(got) != fmt.Sprint(test.want) && !isDayLater(got, test.want) {
			t.Errorf("%s: visits\n got %q\nwant %q", test.name, got, test.want)
		}
	}
	s.expect("what the views showed after the first run, by its rows",
		fmt.Sprintf("SELECT deal_id, sum(sign * overdue_day) FROM fact_changes WHERE run_id <= %d GROUP BY deal_id ORDER BY deal_id", first.Run.RunID), before...)
	if wrote := s.written(s.run(true).Run.RunID); len(wrote) > 0 {
		t.Errorf("a full run writes %v, want nothing", wrote)
	}
}

// isDayLater is whether the open visit is overdue by one more day than wanted.
func isDayLater(got, want []string) bool {
	if len(got) == 0 || len(got) != len(want) {
		return false
	}
	last := strings.Split(want[len(want)-1], "\t")
	var days int
	if _, err := fmt.Sscan(last[5], &days); err != nil || last[6] != "overdue" {
		return false
	}
	last[5] = fmt.Sprint(days + 1)
	return slices.Equal(got[:len(got)-1], want[:len(want)-1]) && got[len(got)-1] == strings.Join(last, "\t")
}

func TestManagersOfDays(t *testing.T) {
	t.Parallel()
	s, deal := small(t)
	s.run(false)
	bob := s.world.AddUser(simulator.User{Name: "Bob", LastName: "Ray"})
	s.world.SetManager(deal, march(10, 9), bob)
	s.at(march(11, 3))
	s.run(false)
	s.at(march(13, 3)) // the twelfth is missed
	s.run(false)
	const query = "SELECT day, manager_id, manager_source FROM deal_stage_days WHERE visit_no = 2 AND day >= '2026-03-09' ORDER BY day"
	ann := s.world.Users()[0].ID
	want := []string{
		fmt.Sprintf("2026-03-09\t%d\tassumed", ann), fmt.Sprintf("2026-03-10\t%d\tseen", ann),
		fmt.Sprintf("2026-03-11\t%d\tseen", bob), fmt.Sprintf("2026-03-12\t%d\tassumed", bob), fmt.Sprintf("2026-03-13\t%d\tseen", bob),
	}
	s.expect("a change moves the days that follow", query, want...)
	s.run(true)
	s.expect("a full run keeps the managers of days", query, want...)
	s.expectLaws("after a change of manager")
}

// TestFunnels: a deal that leaves the configured funnels ends its visit there and keeps
// its days, also on a portal that erases the history of a deal that changes its funnel.
func TestFunnels(t *testing.T) {
	t.Parallel()
	s, deal := small(t)
	erased := addRoof(s.world, s.world.Users()[0].ID)
	s.cfg.Funnels = []extractor.FunnelID{5}
	s.run(false)
	s.world.ChangeFunnel(deal, march(10, 9), 7, "C7:NEW")
	s.world.Advance(march(10, 10))
	s.world.SetHistoryModes(simulator.HistoryModes{FunnelChangeErases: true})
	s.world.ChangeFunnel(erased, march(10, 11), 7, "C7:NEW")
	s.at(march(11, 3))
	s.run(false)
	if stays, goes := len(s.world.History(deal)), len(s.world.History(erased)); stays != 3 || goes != 1 {
		t.Fatalf("the histories have %d and %d rows, want 3 where it stays and 1 where it is erased", stays, goes)
	}
	s.expectLaws("after other funnels")
	want := []string{"1\tC5:NEW\t2026-03-01\t2026-03-01\t3\t0\tfinished_on_time", "2\tC5:DOCS\t2026-03-01\t2026-03-10\t4\t5\tfinished_late"}
	s.expect("the visit has ended", stagesOf(deal), want...)
	s.expect("the visit has ended, and the history is erased", stagesOf(erased), want...)
	s.run(true)
	s.expect("also after a full run", stagesOf(deal), want...)
	s.expect("also after a full run, and the history is erased", stagesOf(erased), want...)
}

func TestChangedRulesDeriveAllDealsAnew(t *testing.T) {
	t.Parallel()
	s, deal := small(t)
	s.world.Move(deal, march(9, 9), "C5:WON")
	s.run(false)
	s.expect("the plan of the field", "SELECT overdue_days_total FROM deals_now", "4")
	s.cfg.Plan.Fields = nil
	s.cfg.Plan.Norms = append(s.cfg.Plan.Norms, config.Norm{Stage: "C5:DOCS", Days: 2})
	s.run(false)
	s.expect("the norm", "SELECT overdue_days_total FROM deals_now", "6")
	s.expectLaws("after a change of the configuration")
}

func TestFutureTimes(t *testing.T) {
	t.Parallel()
	s, deal := small(t)
	s.world.MoveStamped(deal, march(9, 9), march(12, 9), "C5:WON")
	s.run(false)
	s.expect("the change does not exist yet", "SELECT stage_id, is_open FROM deals_now", "C5:DOCS\t1")
	s.expect("and is a gap", "SELECT reason FROM data_gaps", transform.GapTimeInFuture)
	s.at(march(12, 23))
	s.run(false)
	s.expect("it counts from its date on, though the deal did not change again", "SELECT stage_id, is_open FROM deals_now", "C5:WON\t0")
	s.expect("and the gap is gone", "SELECT reason FROM data_gaps")
	s.expectLaws("after the change has come")
}

func TestAsOf(t *testing.T) {
	t.Parallel()
	s, _ := small(t)
	pass := s.pass(false)
	pass.AsOf = transform.DayOf(march(3, 12), time.UTC)
	if _, err := nightly.Run(context.Background(), pass); err != nil {
		t.Fatal(err)
	}
	s.expect("up to the date given", "SELECT max(day), count() FROM deal_stage_days", "2026-03-03\t4")
	s.run(false)
	s.expect("then up to the portal's", "SELECT max(day), count() FROM deal_stage_days", "2026-03-10\t11")
	s.expectLaws("after an as-of date in the past")

	runs := s.number("SELECT count() FROM runs")
	for _, date := range []transform.Day{pass.AsOf, transform.DayOf(march(11, 12), time.UTC)} {
		pass := s.pass(false)
		pass.AsOf = date
		var refused *nightly.AsOfError
		if _, err := nightly.Run(context.Background(), pass); !errors.As(err, &refused) {
			t.Errorf("as of %s on the tenth: %v, want an *AsOfError", date, err)
		}
	}
	if n := s.number("SELECT count() FROM runs"); n != runs {
		t.Errorf("a refused date left %d runs, want the %d before", n, runs)
	}
}

func TestConfigurationIsHeldAgainstThePortal(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*config.Config)
		want   []string
	}{
		{"an unknown stage is named with the nearest", func(c *config.Config) {
			c.Plan.Norms = append(c.Plan.Norms, config.Norm{Stage: "C5:DOKS", Days: 1})
		}, []string{`"C5:DOKS"`, "C5:DOCS"}},
		{"an unknown funnel", func(c *config.Config) { c.Funnels = []extractor.FunnelID{55} }, []string{`funnel "55"`, "5"}},
		{"a stage that nobody waits in", func(c *config.Config) { c.Stages.Waiting = []extractor.StageID{"C5:DOKS"} }, []string{"stages.waiting", "C5:DOCS"}},
		{"a funnel with a calendar of its own", func(c *config.Config) {
			c.Calendar.Funnels = map[extractor.FunnelID]config.FunnelCalendar{55: {Kind: config.WorkingDays}}
		}, []string{`calendar.funnels: the portal has no funnel "55"`}},
		{"a field for pauses that is none", func(c *config.Config) { c.Pauses.Flag = "UF_CRM_DAYS" }, []string{"pauses.flag", "boolean"}},
		{"an unknown field", func(c *config.Config) {
			c.Plan.Fields["C5:DOCS"] = config.PlanFields{Days: "UF_CRM_DAYZ"}
		}, []string{`"UF_CRM_DAYZ"`, "UF_CRM_DAYS"}},
		{"a field of the wrong type", func(c *config.Config) {
			c.Plan.Fields["C5:DOCS"] = config.PlanFields{Date: "UF_CRM_DAYS"}
		}, []string{"UF_CRM_DAYS", "double", "can't hold a date"}},
		{"a stage that is mapped to nowhere", func(c *config.Config) {
			c.Stages.Map = map[extractor.StageID]extractor.StageID{"C5:OLD": "C5:NEWER"}
		}, []string{"stages.map.C5:OLD", "C5:NEW"}},
	}
	s, _ := small(t)
	right := s.cfg
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s.cfg = right
			s.cfg.Plan.Fields = maps.Clone(right.Plan.Fields)
			s.cfg.Plan.Norms = slices.Clone(right.Plan.Norms)
			test.change(&s.cfg)
			_, err := nightly.Run(context.Background(), s.pass(false))
			if _, ok := errors.AsType[*config.Error](err); !ok {
				t.Fatalf("run: %v, want a *config.Error", err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not name %s", err, want)
				}
			}
		})
	}
}

func TestTwoRunsAtOnce(t *testing.T) {
	t.Parallel()
	s, _ := small(t)
	lease, err := s.w.Lease(context.Background(), nightly.Lease, "stagelag run")
	if err != nil {
		t.Fatal(err)
	}
	// The schema is there, so the run comes as far as the lease.
	_, err = nightly.Run(context.Background(), s.pass(false))
	var held *warehouse.HeldError
	if !errors.As(err, &held) || held.Holder.Process == 0 || held.Since.IsZero() {
		t.Errorf("the second run: %v, want a *HeldError that names who runs and since when", err)
	}
	if err := lease.Release(); err != nil {
		t.Fatal(err)
	}
	s.run(false)
}

// appended are the views that show each of the tables that a run appends to.
var appended = []string{"deal_stage_days", "deals_now", "portfolio_days"}

// A countdown is a progress that does something when the step begins that is the last to go.
type countdown struct {
	quiet
	left int
	cut  func()
}

func (c *countdown) Step(string) {
	if c.left--; c.left == 0 {
		c.cut()
	}
}

// TestARunThatFailsLeavesNoTrace breaks runs at each request to the portal, and then ends runs at the
// beginning of each step. The views stay as published, the runs row tells why, and the next run is right.
func TestARunThatFailsLeavesNoTrace(t *testing.T) {
	t.Parallel()
	s := generated(t, 5, 200)
	s.run(false)
	published, state := s.snapshot(), s.state(appended...)
	mustStay := func(when string, views ...string) {
		t.Helper()
		for view, digest := range s.state(views...) {
			if digest != state[view] {
				t.Errorf("%s: %s shows %s, want %s as published", when, view, digest, state[view])
			}
		}
	}
	s.at(firstNight.AddDate(0, 0, 2))
	for n := 2; n <= 6; n++ {
		s.portal.ForgetLog()
		s.portal.Inject(simulator.FromNth(n, simulator.Fault{Error: &simulator.NoAuthFound}))
		_, err := nightly.Run(context.Background(), s.pass(n%2 == 0))
		if err == nil {
			t.Fatalf("a run has fewer than %d requests", n)
		}
		mustStay(fmt.Sprintf("refused from request %d on", n), appended[n%len(appended)])
		runs, err := read.In(s.w).Runs(context.Background(), 1)
		if err != nil {
			t.Fatal(err)
		}
		if runs[0].Status != loader.Failed || runs[0].Error == nil || !strings.Contains(*runs[0].Error, "NO_AUTH_FOUND") {
			t.Errorf("the run is %s, %v; want failed with the portal's code", runs[0].Status, runs[0].Error)
		}
	}
	s.portal.Inject(nil)
	abandoned := 0
	for {
		ctx, cancel := context.WithCancel(context.Background())
		pass := s.pass(abandoned%2 == 1)
		pass.Progress = &countdown{left: abandoned + 1, cut: cancel}
		_, err := nightly.Run(ctx, pass)
		cancel()
		if err == nil {
			break // it has fewer steps
		}
		abandoned++
		mustStay(fmt.Sprintf("a run that is abandoned in step %d", abandoned), appended...)
		if abandoned == 6 {
			expectSame(t, "after runs that failed", s.snapshot(), published)
		}
	}
	if abandoned < 6 {
		t.Errorf("%d runs were abandoned, want 6 at least", abandoned)
	}
	s.expectLaws("after abandoned runs")
	if wrote := s.written(s.run(true).Run.RunID); len(wrote) > 0 {
		t.Errorf("a full run writes %v, want nothing", wrote)
	}
	if n := s.number("SELECT count() FROM runs WHERE status = 'running'"); n != 0 {
		t.Errorf("%d runs are still called running", n)
	}
	if n := s.kept("SELECT count() FROM facts WHERE run_id NOT IN (SELECT run_id FROM run_events WHERE status = 'published')"); n != 0 {
		t.Errorf("%d facts of dead runs take room", n)
	}
}

// TestReadersSeePublishedStatesOnly polls the views while nights are published: what a
// query sees is always one of the published states, never something between two.
func TestReadersSeePublishedStatesOnly(t *testing.T) {
	t.Parallel()
	s := generated(t, 6, 200)
	s.run(false)
	const query = "SELECT concat(toString(max(day)), ' ', toString(count()), ' ', toString(sum(overdue_day))) FROM deal_stage_days"
	states := map[string]bool{s.rows(query)[0]: true}
	done := make(chan struct{})
	seen := make(chan map[string]bool)
	go func() {
		all := map[string]bool{}
		for {
			select {
			case <-done:
				seen <- all
				return
			default:
				var b strings.Builder
				if err := s.w.Query(context.Background(), &b, query, "TSV"); err != nil {
					all["error: "+err.Error()] = true
				}
				all[strings.TrimSpace(b.String())] = true
			}
		}
	}()
	for n := 1; n <= 3; n++ {
		s.at(firstNight.AddDate(0, 0, n))
		s.run(n == 2)
		states[s.rows(query)[0]] = true
	}
	close(done)
	for state := range <-seen {
		if !states[state] {
			t.Errorf("a reader saw %q, which was never published; published were %v", state, states)
		}
	}
}

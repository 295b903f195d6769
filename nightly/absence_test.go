package nightly_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"stagelag/config"
	"stagelag/extractor"
	"stagelag/loader"
	"stagelag/nightly"
	"stagelag/simulator"
	"stagelag/transform"
)

// night sets the portal's clock to the n-th night after the first.
func (s *site) night(n int) time.Time {
	at := firstNight.AddDate(0, 0, n)
	s.at(at)
	return at.Add(-time.Hour)
}

// reported are deals of the report, by id.
func (s *site) reported(most int) []simulator.DealID {
	var ids []simulator.DealID
	for _, row := range s.rows(fmt.Sprintf("SELECT deal_id FROM deals_now ORDER BY is_open DESC, deal_id LIMIT %d", most)) {
		var id simulator.DealID
		if _, err := fmt.Sscan(row, &id); err != nil {
			s.t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

// TestHiddenIsNotDeleted: deals that the webhook may not read stay in the report as they were last seen, their open
// visits count on, and each is a gap. When they can be read again, all is as it would have been.
func TestHiddenIsNotDeleted(t *testing.T) {
	t.Parallel()
	s := generated(t, 51, 60)
	s.run(false)
	all, hidden := s.number("SELECT count() FROM deals_now"), s.reported(20)
	lost := s.number("SELECT sum(overdue_days_total) FROM deals_now") + s.number("SELECT countIf(status IN ('overdue', 'due_today')) FROM deals_now")
	at := s.night(1)
	for _, id := range hidden {
		s.world.HideDeal(id, at)
	}
	for _, isFull := range []bool{false, true, false} {
		outcome := s.run(isFull)
		if len(outcome.Warnings) == 0 || !strings.Contains(outcome.Warnings[0], "20 deals are hidden") {
			t.Errorf("full %v: warnings %q, want one of 20 hidden deals", isFull, outcome.Warnings)
		}
		if got := s.number("SELECT count() FROM deals_now"); got != all {
			t.Errorf("full %v: the report has %d deals, want the %d of before", isFull, got, all)
		}
		if got := s.number("SELECT sum(overdue_days_total) FROM deals_now"); got != lost {
			t.Errorf("full %v: %d days are lost, want %d: hidden deals count on", isFull, got, lost)
		}
		if got := s.number("SELECT count() FROM data_gaps WHERE reason = 'hidden'"); got != 20 {
			t.Errorf("full %v: %d gaps of hidden deals, want 20", isFull, got)
		}
	}
	if got := s.number("SELECT length(warnings) FROM runs ORDER BY run_id DESC LIMIT 1"); got != 1 {
		t.Errorf("the run has %d warnings, want 1", got)
	}
	s.expectLaws("with hidden deals")

	at = s.night(2)
	for _, id := range hidden {
		s.world.ShowDeal(id, at)
	}
	s.run(false)
	want := generated(t, 51, 60)
	want.run(false)
	want.night(1)
	want.run(false)
	want.night(2)
	want.run(false)
	expectSame(t, "when they can be read again", s.withoutHosts(), want.withoutHosts())
}

// withoutHosts is a snapshot without the addresses of pages and the numbers of runs, and without what rests on what was
// seen: how a manager is known, in which department, and how plans came about.
func (s *site) withoutHosts() map[string][]string {
	s.t.Helper()
	all := map[string][]string{}
	for view, order := range views {
		columns := "* EXCEPT (deal_url)"
		switch view {
		case "deal_stage_days":
			columns = "* EXCEPT (run_id, manager_source)"
		case "deal_stages":
			columns = "* EXCEPT (deal_url, first_plan_days, first_planned_end, first_plan_overdue_days, plan_changes, days_moved)"
		case "deals_now":
			columns = "* EXCEPT (deal_url, department, first_plan_overdue_days_total)"
		case "portfolio_days":
			columns = "*"
		case "quality_report":
			columns = "* EXCEPT (department, visits_closed_with_first_plan, visits_on_time_first_plan, first_plan_late_days, overdue_days_assumed, visits_assumed)"
		}
		all[view] = s.rows("SELECT " + columns + " FROM " + view + " ORDER BY " + order)
	}
	return all
}

// TestDeletionsInMasses: more deals that are deleted in a night than a person deletes are taken for a mistake, until
// somebody says that they are none.
func TestDeletionsInMasses(t *testing.T) {
	t.Parallel()
	s := generated(t, 52, 60)
	s.run(false)
	deals := s.reported(11)
	at := s.night(1)
	for _, id := range deals[:5] {
		s.world.DeleteDeal(id, at)
	}
	before := s.number("SELECT count() FROM deals_now")
	s.run(false)
	if got := s.number("SELECT count() FROM deals_now"); got != before-5 {
		t.Errorf("the report has %d deals after a person deleted 5 of %d", got, before)
	}
	at = s.night(2)
	for _, id := range deals[5:] {
		s.world.DeleteDeal(id, at)
	}
	shown, shownBefore := s.snapshot(), s.rows(shownOf("deals_now", deals[5:]))
	for range 2 { // the night after has seen them go already
		_, err := nightly.Run(context.Background(), s.pass(false))
		if gone, ok := errors.AsType[*nightly.DeletionsError](err); !ok || gone.Deleted != 6 || gone.Reported != uint64(before-5) || !strings.Contains(err.Error(), "--accept-deletions") {
			t.Errorf("6 of %d deals are gone: %v", before-5, err)
		}
		expectSame(t, "after the refusal", s.snapshot(), shown)
	}
	if got := s.rows("SELECT status FROM runs ORDER BY run_id"); !slices.Equal(got, []string{"published", "published", "failed", "failed"}) {
		t.Errorf("the runs are %v", got)
	}
	pass := s.pass(false)
	pass.AcceptDeletions = true
	if _, err := nightly.Run(context.Background(), pass); err != nil {
		t.Fatal(err)
	}
	if got := s.number("SELECT count() FROM deals_now"); got != before-11 {
		t.Errorf("the report has %d deals, want %d", got, before-11)
	}
	if got := s.rows("SELECT why, count(), countDistinct(gone_on), min(gone_on) FROM gone_deals GROUP BY why"); !slices.Equal(got, []string{"deleted\t11\t2\t2026-03-11"}) {
		t.Errorf("the deals that have gone are %q, want 11 that were deleted on two dates", got)
	}
	if got, want := s.rows(shownOf("gone_deals", deals[5:])), shownBefore; !slices.Equal(got, want) {
		t.Errorf("the deals that have gone last are %q, want as they were shown %q", got, want)
	}
	// One that is restored comes back as it was.
	s.world.RestoreDeal(deals[10], s.night(3), true)
	s.run(false)
	id := deals[10]
	if got := s.number(fmt.Sprintf("SELECT countIf(manager_source = 'seen') FROM deal_stage_days WHERE deal_id = %d AND day <= '2026-03-11'", id)); got == 0 {
		t.Errorf("deal %d has no day of which the manager was seen before it went", id)
	}
	if got := s.number(fmt.Sprintf("SELECT count() FROM gone_deals WHERE deal_id = %d", id)); got != 0 {
		t.Errorf("deal %d is back, and among those that have gone", id)
	}
	s.expectLaws("after deletions")
}

// shownOf asks what is shown of deals in deals_now, or of those that have gone.
func shownOf(view string, deals []simulator.DealID) string {
	ids := strings.Join(strings.Fields(strings.Trim(fmt.Sprint(deals), "[]")), ", ")
	return "SELECT deal_id, deal_title, funnel_name, stage_name, manager_name, overdue_days_total FROM " + view + " WHERE deal_id IN (" + ids + ") ORDER BY deal_id"
}

// TestWithdraw: a run that is withdrawn leaves what was shown before it, to the row, back to before the first run; the
// next one goes on from there, and ends where it would have ended.
func TestWithdraw(t *testing.T) {
	t.Parallel()
	const seed = 53
	ctx := context.Background()
	s := generated(t, seed, 60)
	shown := []map[string][]string{s.snapshot()}
	for range 2 {
		s.run(false)
		shown = append(shown, s.snapshot())
		s.nextNight(seed, 30)
	}
	s.run(true)
	last := s.withoutHosts()
	withdraw := func() {
		t.Helper()
		published, err := loader.LastPublished(ctx, s.w.DB())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := loader.Withdraw(ctx, s.w, published.RunID, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	withdraw()
	expectSame(t, "after a withdrawal", s.snapshot(), shown[2])
	s.expectAll("after a withdrawal", slices.Concat(usual(), lawsOf("run_changes")))
	if _, err := loader.Withdraw(ctx, s.w, 3, time.Now()); err == nil {
		t.Error("a run that is withdrawn was withdrawn again")
	}
	s.run(false)
	expectSame(t, "after the run that follows", s.withoutHosts(), last)
	for n := 2; n >= 0; n-- {
		withdraw()
		expectSame(t, fmt.Sprintf("after %d withdrawals", 3-n), s.snapshot(), shown[n])
	}
	if got := s.rows("SELECT status, count() FROM runs GROUP BY status"); !slices.Equal(got, []string{"withdrawn\t4"}) {
		t.Errorf("the runs are %v, want all 4 withdrawn", got)
	}
	if _, err := loader.Withdraw(ctx, s.w, 1, time.Now()); !errors.Is(err, loader.ErrNothingPublished) {
		t.Errorf("Withdraw of nothing: %v, want %v", err, loader.ErrNothingPublished)
	}
	s.run(false)
	s.expectLaws("after a run that begins anew")
	if got := s.number("SELECT countIf(manager_source = 'seen' AND day < (SELECT max(as_of) FROM runs)) FROM deal_stage_days"); got != 0 {
		t.Errorf("%d days before the only run have a manager who was seen; what only withdrawn runs saw counts as not seen", got)
	}
}

// TestForgottenDealsStayOut: a deal that is taken out leaves the report at once and has no title in it, and no run
// brings it back.
func TestForgottenDealsStayOut(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := generated(t, 54, 40)
	s.run(false)
	deals := s.reported(3)
	began := s.rows("SELECT started_at, finished_at FROM runs")
	want := s.snapshot()
	for view, rows := range want {
		if view == "portfolio_days" || view == "quality_report" {
			delete(want, view)
			continue
		}
		first := fmt.Sprintf("%d\t", deals[1])
		want[view] = slices.DeleteFunc(rows, func(row string) bool {
			return strings.HasPrefix(row, first) || view == "deal_stage_days" && strings.Split(row, "\t")[1] == strings.TrimSuffix(first, "\t")
		})
	}
	for range 2 { // the second time changes nothing
		if err := nightly.ForgetDeal(ctx, s.w, extractor.DealID(deals[1]), time.Now); err != nil {
			t.Fatal(err)
		}
		got := s.snapshot()
		delete(got, "portfolio_days")
		delete(got, "quality_report")
		expectSame(t, "a deal that is forgotten", got, want)
	}
	if n := s.kept("SELECT count() FROM (SELECT deal_id, title FROM deals UNION ALL SELECT deal_id, title FROM landing_deals) WHERE deal_id = ? AND title != ''", uint64(deals[1])); n != 0 {
		t.Errorf("%d rows still have its title, want none", n)
	}
	if got := s.rows("SELECT DISTINCT started_at, finished_at FROM runs"); !slices.Equal(got, began) {
		t.Errorf("the runs began and ended %v, want %v: what is shown is as old as it was", got, began)
	}
	s.expect("it is among those that have gone, without names", "SELECT deal_id, deal_title, manager_name, why FROM gone_deals", fmt.Sprintf("%d\t\t\tforgotten", deals[1]))
	s.expectLaws("without a deal that is forgotten")
	at := s.night(1)
	s.world.EditDeal(deals[1], at, func(d *simulator.Deal) { d.Title = "Renamed" })
	for _, isFull := range []bool{false, true} {
		s.run(isFull)
		if n := s.number(fmt.Sprintf("SELECT count() FROM deals_now WHERE deal_id = %d", deals[1])); n != 0 {
			t.Errorf("full %v: the deal is back", isFull)
		}
		if n := s.kept("SELECT count() FROM landing_deals WHERE deal_id = ? AND title != ''", uint64(deals[1])); n != 0 {
			t.Errorf("full %v: its title is landed again", isFull)
		}
	}
	s.world.HideDeal(deals[1], s.night(2))
	if outcome := s.run(false); len(outcome.Warnings) != 0 {
		t.Errorf("a deal that is forgotten is hidden: warnings %q, want none", outcome.Warnings)
	}
	err := nightly.ForgetDeal(ctx, s.w, 999_999, time.Now)
	if unknown, ok := errors.AsType[*loader.UnknownDealError](err); !ok || unknown.DealID != 999_999 {
		t.Errorf("ForgetDeal(999999): %v, want an *UnknownDealError", err)
	}
}

// TestARefusalIsARun: once something was published, a night that is refused leaves a failed run behind.
func TestARefusalIsARun(t *testing.T) {
	t.Parallel()
	s, _ := small(t)
	refused := func(want string) {
		t.Helper()
		if _, err := nightly.Run(context.Background(), s.pass(false)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("run: %v, want a refusal with %q", err, want)
		}
	}
	norms := s.cfg.Plan.Norms
	s.cfg.Plan.Norms = append(slices.Clone(norms), config.Norm{Stage: "C5:NOWHERE", Days: 3})
	refused("C5:NOWHERE")
	if n := s.number("SELECT count() FROM runs"); n != 0 {
		t.Errorf("a refusal before anything was published leaves %d runs, want none", n)
	}
	s.cfg.Plan.Norms = norms
	s.run(false)
	s.cfg.Plan.Norms = append(slices.Clone(norms), config.Norm{Stage: "C5:NOWHERE", Days: 3})
	refused("C5:NOWHERE")
	s.expect("and after it", "SELECT status, position(error, 'C5:NOWHERE') > 0 FROM runs ORDER BY run_id", "published\t\\N", "failed\t1")
	s.cfg.Plan.Norms = norms

	s.at(march(9, 2)) // behind what was published
	refused("stagelag withdraw")
	s.cfg.Portal.CheckClock = true
	s.at(march(11, 2))
	refused("portal.check_clock")
	s.expect("the clock's as well", "SELECT status FROM runs ORDER BY run_id", "published", "failed", "failed", "failed")
	pass := s.pass(false)
	pass.AsOf = transform.DayOf(march(11, 2), time.UTC)
	if _, err := nightly.Run(context.Background(), pass); err != nil {
		t.Errorf("with a date that was given: %v, want no refusal", err)
	}
}

// TestAClockThatJumps: whatever the portal's clock says, no change is passed by, and a run that a wrong clock made
// can be taken back.
func TestAClockThatJumps(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{10 * time.Hour, 10 * 365 * 24 * time.Hour} {
		s, deal := small(t)
		s.run(false)
		s.at(march(11, 2).Add(ahead))
		s.run(false)
		s.world.Move(deal, march(11, 5), "C5:WON") // by the right clock, and before what the wrong one said
		s.at(march(12, 2))
		if ahead > 24*time.Hour {
			if _, err := nightly.Run(context.Background(), s.pass(false)); err == nil {
				t.Error("a run of a date before the published one was made")
			}
			published, err := loader.LastPublished(context.Background(), s.w.DB())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := loader.Withdraw(context.Background(), s.w, published.RunID, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		s.run(false)
		s.expect(fmt.Sprintf("a clock that was %s ahead", ahead), "SELECT stage_id, status FROM deals_now", "C5:WON\tfinal")
	}
}

// A zone that was changed and changed back is named, and not the clock, which is right.
func TestATimeZoneThatWasChanged(t *testing.T) {
	t.Parallel()
	s, _ := small(t)
	right := s.cfg.Portal.TimeZone
	run := func() error {
		pass := s.pass(false)
		pass.Now = func() time.Time { return time.Unix(s.clock.Load(), 0) }
		_, err := nightly.Run(context.Background(), pass)
		return err
	}
	s.at(march(11, 20))
	s.cfg.Portal.TimeZone = time.FixedZone("Asia/Vladivostok", 10*60*60) // where it is the 12th
	if err := run(); err != nil {
		t.Fatal(err)
	}
	s.at(march(11, 20).Add(30 * time.Minute))
	s.cfg.Portal.TimeZone = right
	want := "it is 2026-03-11 in portal.time_zone (" + right.String() + "), but run 1 was published as of 2026-03-12, its date in another zone: set portal.time_zone to that one"
	if err := run(); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("run in the zone of before: %v, want %s", err, want)
	}
	s.at(march(12, 3))
	if err := run(); err != nil {
		t.Errorf("run on that date: %v", err)
	}
}

// TestAClockThatMoved: the portal's clock may be off, but not move by more than an hour from run to run.
func TestAClockThatMoved(t *testing.T) {
	t.Parallel()
	s, _ := small(t)
	s.cfg.Portal.CheckClock = true
	run := func(machine time.Duration) error {
		pass := s.pass(false)
		pass.Now = func() time.Time { return time.Unix(s.clock.Load(), 0).Add(machine) }
		_, err := nightly.Run(context.Background(), pass)
		return err
	}
	for i, step := range []struct {
		machine time.Duration
		isRight bool
	}{{50 * time.Minute, true}, {-50 * time.Minute, false}, {-5 * time.Minute, true}, {-50 * time.Minute, true}} {
		s.night(i)
		if err := run(step.machine); (err == nil) != step.isRight {
			t.Errorf("night %d, the machine's clock %s ahead: %v, want success %v", i, step.machine, err, step.isRight)
		}
	}
}

// TestPassingThroughAFunnel: a deal that was in a configured funnel only between two nights is found, as a full run
// finds it.
func TestPassingThroughAFunnel(t *testing.T) {
	t.Parallel()
	s, _ := small(t)
	s.cfg.Funnels = []extractor.FunnelID{5}
	passing := s.world.AddDeal(simulator.Deal{Title: "Passing", Funnel: 7, Stage: "C7:NEW", Manager: 1, Created: march(2, 10)})
	s.run(false)
	s.world.ChangeFunnel(passing, march(10, 9), 5, "C5:NEW")
	s.world.ChangeFunnel(passing, march(10, 15), 7, "C7:NEW")
	s.night(1)
	s.run(false)
	const query = "SELECT deal_id, stage_id, entered_date, left_date FROM deal_stages ORDER BY deal_id, visit_no"
	got := s.rows(query)
	s.run(true)
	if want := s.rows(query); !slices.Equal(got, want) || !slices.Contains(got, fmt.Sprintf("%d\tC5:NEW\t2026-03-10\t2026-03-10", passing)) {
		t.Errorf("the visits are %q, a full run finds %q", got, want)
	}
}

// TestTheConfigurationForgetsNothing: deals that have left the funnels keep their days when the funnels or fields that
// are read change, or the portal's host.
func TestTheConfigurationForgetsNothing(t *testing.T) {
	t.Parallel()
	s, deal := small(t)
	s.world.AddField(simulator.Field{Name: "UF_CRM_OTHER", Type: "double"})
	s.cfg.Funnels = []extractor.FunnelID{5}
	s.run(false)
	s.world.ChangeFunnel(deal, march(10, 9), 7, "C7:NEW")
	s.night(1)
	s.run(false)
	want := s.rows(stagesQuery)
	if len(want) != 2 {
		t.Fatalf("the visits are %q, want two", want)
	}
	fields := s.cfg.Plan.Fields
	s.cfg.Plan.Fields = map[extractor.StageID]config.PlanFields{"C5:DOCS": {Days: "UF_CRM_OTHER"}}
	s.night(2)
	s.run(false)
	s.expect("with another field", stagesQuery, want...)
	s.cfg.Plan.Fields = fields
	s.cfg.Funnels = []extractor.FunnelID{7}
	s.run(false)
	s.expect("a deal whose days are in none of the funnels", "SELECT deal_id, why FROM gone_deals")
	s.cfg.Funnels = []extractor.FunnelID{5}
	s.run(false)
	s.expect("with other funnels in between", stagesQuery, want...)
	s.run(true)
	s.expect("and after a full run", stagesQuery, want...)
}

// TestPeopleWhoVanish: whom the portal returns no longer has no name any more, and is a gap.
func TestPeopleWhoVanish(t *testing.T) {
	t.Parallel()
	s, deal := small(t)
	s.run(false)
	s.expect("a person", "SELECT manager_name FROM deals_now", "Ann Lee")
	s.world.EditUser(1, s.night(1), func(u *simulator.User) { u.IsHidden = true })
	s.run(false)
	s.expect("a person whom the portal returns no longer", "SELECT manager_name FROM deals_now", "#1")
	s.expect("is a gap", "SELECT reason, deal_id FROM data_gaps", fmt.Sprintf("unknown_manager\t%d", deal))
	s.expectLaws("without people")
	s.world.EditUser(1, s.night(2), func(u *simulator.User) { u.IsHidden, u.Name, u.LastName = false, "", "" })
	s.run(false)
	s.expect("a person without a name is one as well", "SELECT reason FROM data_gaps", "unknown_manager")
}

// TestAStageThatIsDeletedOnThePortal: it goes on with its name and its norm.
func TestAStageThatIsDeletedOnThePortal(t *testing.T) {
	t.Parallel()
	s, deal := small(t)
	s.world.Move(deal, march(9, 9), "C5:NEW") // DOCS is behind it
	s.cfg.Plan.Norms = append(s.cfg.Plan.Norms, config.Norm{Stage: "C5:DOCS", Days: 1})
	s.run(false)
	const query = "SELECT visit_no, stage_id, stage_name, plan_days, overdue_days, status FROM deal_stages ORDER BY visit_no"
	want := s.rows(query)
	s.world.DeleteStage(5, s.night(1), "C5:DOCS")
	outcome := s.run(false)
	s.expect("a stage that the portal has no longer", query, want...)
	s.expect("is a gap", "SELECT visit_no, reason FROM data_gaps", "2\tunknown_stage")
	if len(outcome.Warnings) != 2 { // its norm and its field
		t.Errorf("warnings %q, want two", outcome.Warnings)
	}
	s.cfg.Plan.Norms = s.cfg.Plan.Norms[:1]
	s.night(2)
	s.run(true)
	s.expect("also without its norm, which it was planned by", "SELECT stage_name, plan_days, overdue_days FROM deal_stages WHERE visit_no = 2", "Documents\t4\t4")

	// One that only the history knows is known as well, one that nobody knows is not.
	for stage, isKnown := range map[extractor.StageID]bool{"C5:DOCS": true, "C5:NOWHERE": false} {
		fresh := newSite(t, s.world, simulator.Suggested{TimeZone: "Europe/Moscow"}, march(13, 2))
		fresh.cfg.Plan.Norms = []config.Norm{{Stage: stage, Days: 1}}
		if _, err := nightly.Run(context.Background(), fresh.pass(false)); (err == nil) != isKnown {
			t.Errorf("a norm of %s in a new warehouse: %v, want success %v", stage, err, isKnown)
		}
	}
}

// TestAPlanThatIsShortenedIsNews: a deal that is late at once because its plan was shortened is told of as one that
// became late by itself, and the alert for very late deals fires for it once.
func TestAPlanThatIsShortenedIsNews(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../dashboards/en/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var alerts struct {
		Groups []struct {
			Rules []struct {
				UID  string
				Data []struct {
					Model struct {
						RawSQL string `yaml:"rawSql"`
					}
				}
			}
		}
	}
	if err := yaml.Unmarshal(text, &alerts); err != nil {
		t.Fatal(err)
	}
	query := ""
	for _, rule := range alerts.Groups[0].Rules {
		if rule.UID == "stagelag-late_deal-en" {
			query = rule.Data[0].Model.RawSQL
		}
	}
	s, deal := small(t)
	s.at(march(20, 2).AddDate(0, 1, 0))
	s.world.SetField(deal, march(2, 10), "UF_CRM_DAYS", 90)
	s.run(false)
	s.expect("no very late deal", query)
	s.at(march(21, 2).AddDate(0, 1, 0))
	s.world.SetField(deal, march(20, 9).AddDate(0, 1, 0), "UF_CRM_DAYS", 2)
	s.run(false)
	s.expect("what has changed", "SELECT change, overdue_days, overdue_days_before FROM run_changes", "newly_overdue\t49\t0")
	s.expect("a very late deal", query, "1\tRoof (49, Ann Lee)")
	s.at(march(22, 2).AddDate(0, 1, 0))
	s.run(false)
	s.expect("is news once", query, "0\t")
	s.expect("and so is that it is late", "SELECT count() FROM run_changes", "0")
}

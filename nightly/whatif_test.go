package nightly_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"stagelag/config"
	"stagelag/extractor"
	"stagelag/loader"
	"stagelag/simulator"
	"stagelag/warehouse"
	"stagelag/warehouse/warehousetest"
	"stagelag/whatif"
)

// whatIf compares what is published with another configuration.
func (s *site) whatIf(cfg config.Config, asked ...extractor.StageID) whatif.Comparison {
	s.t.Helper()
	c, err := whatif.Compare(context.Background(), whatif.Options{Warehouse: s.w, Config: cfg, Norms: asked, Progress: quiet{}})
	if err != nil {
		s.t.Fatalf("what if: %v", err)
	}
	return c
}

// expectNoWhatIf checks that the configuration of the last published run gives the published numbers.
func (s *site) expectNoWhatIf(when string) {
	s.t.Helper()
	for _, row := range rowsOf(s.whatIf(s.cfg)) {
		if row.Differs() {
			s.t.Errorf("%s: the same configuration gives for %s %+v, published are %+v", when, row.of, row.WhatIf, row.Published)
		}
	}
}

// expectRunAsWhatIf checks that a run on the same date, with nothing new on the portal, publishes what a what-if with
// its configuration gives. That is so where norms and fields are the same.
func (s *site) expectRunAsWhatIf(when string) {
	s.t.Helper()
	want := map[string]whatif.Numbers{}
	for _, row := range rowsOf(s.whatIf(s.cfg)) {
		want[row.of] = row.WhatIf
	}
	s.run(false)
	isOther := false
	for _, row := range rowsOf(s.whatIf(s.cfg)) {
		if row.Published != want[row.of] || row.Differs() {
			s.t.Errorf("%s: what if gives for %s %+v, the run publishes %+v", when, row.of, want[row.of], row.Published)
		}
		isOther = isOther || row.Published != (whatif.Numbers{})
	}
	if !isOther {
		s.t.Errorf("%s: there are no numbers", when)
	}
}

// A numberedRow is a row of any table of a comparison.
type numberedRow struct {
	of string
	whatif.Both
}

// rowsOf are all rows of a comparison.
func rowsOf(c whatif.Comparison) []numberedRow {
	rows := []numberedRow{{"all", c.Total}}
	for _, r := range c.Funnels {
		rows = append(rows, numberedRow{fmt.Sprintf("funnel %d", r.FunnelID), r.Both})
	}
	for _, r := range c.Stages {
		rows = append(rows, numberedRow{fmt.Sprintf("stage %d/%s", r.FunnelID, r.StageID), r.Both})
	}
	for _, r := range c.Managers {
		rows = append(rows, numberedRow{fmt.Sprintf("manager %d", r.ManagerID), r.Both})
	}
	return rows
}

// Before any visit has kept a plan, a what-if shows what a first run under the other configuration publishes.
func TestWhatIfIsWhatAFirstRunPublishes(t *testing.T) {
	t.Parallel()
	s := generated(t, 23, 80)
	s.run(false)
	s.expectNoWhatIf("after the first run")
	changed := func(change func(*config.Config)) config.Config {
		cfg := s.cfg
		cfg.Plan.Norms = slices.Clone(cfg.Plan.Norms)
		change(&cfg)
		return cfg
	}
	norm := s.cfg.Plan.Norms[0].Stage
	working := config.Calendar{Kind: config.WorkingDays, Weekend: []time.Weekday{time.Saturday, time.Sunday}}
	for name, other := range map[string]config.Config{
		"a shorter norm": changed(func(cfg *config.Config) {
			cfg.Plan.Norms = append(slices.DeleteFunc(cfg.Plan.Norms, func(n config.Norm) bool { return n.Stage == norm }), config.Norm{Stage: norm, Days: 1})
		}),
		"no fields, a waiting stage and a calendar for one funnel": changed(func(cfg *config.Config) {
			cfg.Plan.Fields, cfg.Stages.Waiting = nil, []extractor.StageID{norm}
			cfg.Calendar.Funnels = map[extractor.FunnelID]config.FunnelCalendar{5: working.Default()}
		}),
		"no map, slips and one funnel under working days": changed(func(cfg *config.Config) {
			cfg.Stages.Map, cfg.Visits.Shortest = nil, config.Least(30*time.Hour)
			cfg.Funnels, cfg.Calendar = []extractor.FunnelID{5}, working
		}),
	} {
		first := *s
		first.w, first.cfg = warehousetest.Migrated(t), other
		first.run(false)
		want := map[string]whatif.Numbers{}
		for _, row := range rowsOf(first.whatIf(other)) {
			want[row.of] = row.Published
		}
		got := s.whatIf(other)
		if !got.Total.Differs() || len(got.Other) == 0 {
			t.Errorf("%s: changes nothing: %+v", name, got)
		}
		for _, row := range rowsOf(got) {
			if row.WhatIf != want[row.of] {
				t.Errorf("%s: what if gives for %s %+v, a first run publishes %+v", name, row.of, row.WhatIf, want[row.of])
			}
			delete(want, row.of)
		}
		for of, numbers := range want {
			if numbers != (whatif.Numbers{}) {
				t.Errorf("%s: what if has nothing for %s, a first run publishes %+v", name, of, numbers)
			}
		}
	}
}

// A norm is held against visits that have ended with another one, or with none, and leaves the plans of deals alone.
func TestWhatIfForVisitsThatHaveEnded(t *testing.T) {
	t.Parallel()
	world := simulator.NewWorld()
	world.AddFunnel(simulator.Funnel{ID: 1, Name: "Sales", Stages: []simulator.Stage{
		{ID: "C1:NEW", Name: "New"}, {ID: "C1:DOCS", Name: "Documents"}, {ID: "C1:TALK", Name: "Talk"}, {ID: "C1:WON", Name: "Won", Semantics: simulator.Success},
	}})
	world.AddField(simulator.Field{Name: seenNumber, Type: "integer"})
	world.AddUser(simulator.User{Name: "Person"})
	suggested := simulator.Suggested{
		TimeZone: "UTC", Fields: map[string]simulator.SuggestedFields{"C1:DOCS": {Days: seenNumber}},
		Norms: []simulator.SuggestedNorm{{Stage: "C1:DOCS", Days: 10}},
	}
	s := newSite(t, world, suggested, firstNight)
	begun := firstNight.Add(-time.Hour)
	byNorm := world.AddDeal(simulator.Deal{Title: "by norm", Funnel: 1, Stage: "C1:DOCS", Manager: 1, Created: begun})
	byDeal := world.AddDeal(simulator.Deal{Title: "by deal", Funnel: 1, Stage: "C1:DOCS", Manager: 1, Created: begun, Fields: map[string]any{seenNumber: 2}})
	unplanned := world.AddDeal(simulator.Deal{Title: "no plan", Funnel: 1, Stage: "C1:TALK", Manager: 1, Created: begun})
	s.run(false)
	night := firstNight.AddDate(0, 0, 6)
	for _, id := range []simulator.DealID{byNorm, byDeal, unplanned} {
		world.Move(id, night.Add(-time.Hour), "C1:NEW")
	}
	// The deal's value of today is not that of then.
	world.SetField(byDeal, night.Add(-time.Minute), seenNumber, 9)
	s.at(night)
	s.run(false)
	s.expectNoWhatIf("after visits have ended")

	norms := func(norms ...config.Norm) config.Config {
		cfg := s.cfg
		cfg.Plan.Norms = norms
		return cfg
	}
	docs := func(c whatif.Comparison, stage extractor.StageID) whatif.Numbers {
		for _, row := range c.Stages {
			if row.StageID == stage {
				return row.WhatIf
			}
		}
		return whatif.Numbers{}
	}
	// Six days: the norm of ten is kept, the deal's two days are four late.
	kept := whatif.Numbers{Closed: 2, ClosedWithPlan: 2, OnTime: 1, OverdueDays: 4}
	for _, test := range []struct {
		name  string
		cfg   config.Config
		asked []extractor.StageID
		stage extractor.StageID
		want  whatif.Numbers
	}{
		{"a shorter norm is one day late, the deal's plan stays", norms(config.Norm{Stage: "C1:DOCS", Days: 5}), nil, "C1:DOCS",
			whatif.Numbers{Closed: 2, ClosedWithPlan: 2, OverdueDays: 5}},
		{"without the norm there is no plan", norms(), nil, "C1:DOCS", whatif.Numbers{Closed: 2, ClosedWithPlan: 1, OverdueDays: 4}},
		{"a norm for a later entry leaves the earlier one", norms(config.Norm{Stage: "C1:DOCS", Days: 10}, config.Norm{Stage: "C1:DOCS", Days: 1, From: night}), nil, "C1:DOCS", kept},
		{"a norm where there was none", norms(config.Norm{Stage: "C1:DOCS", Days: 10}, config.Norm{Stage: "C1:TALK", Days: 4}), nil, "C1:TALK",
			whatif.Numbers{Closed: 1, ClosedWithPlan: 1, OverdueDays: 2}},
		{"without the field the norm holds", func() config.Config { cfg := s.cfg; cfg.Plan.Fields = nil; return cfg }(), nil, "C1:DOCS",
			whatif.Numbers{Closed: 2, ClosedWithPlan: 2, OnTime: 2}},
	} {
		if got := docs(s.whatIf(test.cfg, test.asked...), test.stage); got != test.want {
			t.Errorf("%s: %s has %+v, want %+v", test.name, test.stage, got, test.want)
		}
	}

	// The configuration gets a shorter norm. The visit that has ended keeps its ten days, and asking for the norm
	// in force shows what it would have meant.
	s.cfg.Plan.Norms = []config.Norm{{Stage: "C1:DOCS", Days: 5}}
	s.at(night.AddDate(0, 0, 1))
	s.run(false)
	s.expectNoWhatIf("after the norm was changed")
	if got := docs(s.whatIf(s.cfg), "C1:DOCS"); got != kept {
		t.Errorf("the configuration in force gives %+v, want what is kept, %+v", got, kept)
	}
	want := whatif.Numbers{Closed: 2, ClosedWithPlan: 2, OverdueDays: 5}
	if got := docs(s.whatIf(s.cfg, "C1:DOCS"), "C1:DOCS"); got != want {
		t.Errorf("its norm asked about gives %+v, want %+v", got, want)
	}
}

// A what-if that is killed, at whatever statement, leaves nothing behind: no rows, no tables, and no lease.
func TestAKilledWhatIfLeavesNothing(t *testing.T) {
	t.Parallel()
	s := generated(t, 29, 30)
	s.run(false)
	kept := func() string {
		return strings.Join(s.sortedRows("SELECT database, table, sum(rows) FROM system.parts WHERE active AND database LIKE concat(currentDatabase(), '%') GROUP BY ALL "+
			"UNION ALL SELECT database, name, count() FROM system.tables WHERE database LIKE concat(currentDatabase(), '%') GROUP BY ALL"), "\n")
	}
	before, shown := kept(), s.snapshot()
	between := newProxy(t, func() string { return s.w.Options().Addr[0] })
	task := s.task(warehousetest.ServerURL(s.w, between.address), s.webhook)
	task.AsksWhatIf = true
	for _, statement := range []string{"FROM quality_report", "SELECT deal_id FROM landing_deals", "FROM landing_stage_changes FINAL", "SELECT uniqExact"} {
		program := make(chan int, 1)
		between.on(regexp.MustCompile(statement), func(*link, []byte) { _ = syscall.Kill(<-program, syscall.SIGKILL) })
		cmd := task.start(t)
		program <- cmd.Process.Pid
		err := cmd.Wait()
		between.mend()
		if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
			t.Fatalf("at %s it ends with %v, want it to be killed there", statement, err)
		}
	}
	if after := kept(); after != before {
		t.Errorf("four that were killed have left\n%s\nwant\n%s", after, before)
	}
	expectSame(t, "after what-ifs that were killed", s.snapshot(), shown)
	s.nextNight(29, 20)
	s.run(false) // nobody holds the lease
	s.expectNoWhatIf("after what-ifs that were killed")

	// What that run has read stays when it is withdrawn, and a what-if says that it is in its numbers.
	if c := s.whatIf(s.cfg); len(c.Notes) != 0 {
		t.Errorf("after a run the notes are %q, want none", c.Notes)
	}
	if _, err := loader.Withdraw(context.Background(), s.w, 2, time.Now()); err != nil {
		t.Fatal(err)
	}
	if c := s.whatIf(s.cfg); c.RunID != 1 || len(c.Notes) != 1 || !strings.Contains(c.Notes[0], "was read since that run") {
		t.Errorf("after a run was withdrawn the comparison is of run %d with the notes %q, want run 1 and that something newer was read", c.RunID, c.Notes)
	}
}

// sortedRows asks the tables behind the views, and sorts what they answer.
func (s *site) sortedRows(query string) []string {
	s.t.Helper()
	rows, err := s.w.DB().Query(context.Background(), "SELECT toString(tuple(*)) FROM ("+query+")")
	if err != nil {
		s.t.Fatal(err)
	}
	defer rows.Close()
	var texts []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			s.t.Fatal(err)
		}
		texts = append(texts, text)
	}
	slices.Sort(texts)
	return texts
}

// A proposed norm does what it promises: under it, in place of all other plans, as many visits are on time.
func TestProposedNormsAreWhatTheySay(t *testing.T) {
	t.Parallel()
	s := generated(t, 37, 150)
	s.cfg.Plan.Fields = nil
	s.cfg.Calendar = config.Calendar{Kind: config.WorkingDays, Weekend: []time.Weekday{time.Saturday, time.Sunday}}
	s.cfg.Pauses = config.Pauses{From: "UF_CRM_HOLD_FROM", Until: "UF_CRM_HOLD_UNTIL"}
	s.run(false)
	const share = 0.7
	norms, err := whatif.Propose(context.Background(), whatif.Options{Warehouse: s.w, Config: s.cfg, Progress: quiet{}}, share)
	if err != nil {
		t.Fatal(err)
	}
	proposed := map[extractor.StageID]whatif.StageNorm{}
	cfg := s.cfg
	cfg.Plan.Norms = nil
	few := 0
	for _, n := range norms.Stages {
		if n.Proposed == nil {
			few++
			if n.Ended >= whatif.LeastVisits {
				t.Errorf("%s: nothing is proposed from %d visits", n.StageID, n.Ended)
			}
			continue
		}
		proposed[n.StageID] = n
		cfg.Plan.Norms = append(cfg.Plan.Norms, config.Norm{Stage: n.StageID, Days: *n.Proposed})
	}
	if len(proposed) < 3 || few == 0 {
		t.Fatalf("norms for %d stages and none for %d, want some of both", len(proposed), few)
	}
	under := func(cfg config.Config) map[extractor.StageID]whatif.Numbers {
		numbers := map[extractor.StageID]whatif.Numbers{}
		for _, row := range s.whatIf(cfg).Stages {
			numbers[row.StageID] = row.WhatIf
		}
		return numbers
	}
	now := under(cfg)
	for i := range cfg.Plan.Norms {
		cfg.Plan.Norms[i].Days--
	}
	cfg.Plan.Norms = slices.DeleteFunc(cfg.Plan.Norms, func(n config.Norm) bool { return n.Days < 0 })
	shorter := under(cfg)
	for stage, n := range proposed {
		got := now[stage]
		if got.Closed != n.Ended || float64(got.OnTime) != *n.ProposedRate*float64(n.Ended) || *n.ProposedRate < share {
			t.Errorf("%s: %d of %d visits are on time within %d days, promised is %v of %d", stage, got.OnTime, got.Closed, *n.Proposed, *n.ProposedRate, n.Ended)
		}
		if less := shorter[stage]; *n.Proposed > 0 && float64(less.OnTime) >= share*float64(less.Closed) {
			t.Errorf("%s: %d of %d visits are on time within %d days, too: %d is not the least norm", stage, less.OnTime, less.Closed, *n.Proposed-1, *n.Proposed)
		}
	}
}

// askWhatIf compares with the configuration as a process of its own, and prints what passAsProcess does.
func askWhatIf(url string, cfg config.Config) (code int) {
	ctx := context.Background()
	w, err := warehouse.Open(ctx, warehouse.Config{URL: url})
	if err == nil {
		defer w.Close()
		_, err = whatif.Compare(ctx, whatif.Options{Warehouse: w, Config: cfg, Progress: quiet{}})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(peakMemory())
	return 0
}

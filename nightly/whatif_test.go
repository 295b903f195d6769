package nightly_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"stagelag/config"
	"stagelag/extractor"
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
	s := generated(t, 23, 250)
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
		"no plans": changed(func(cfg *config.Config) { cfg.Plan = config.Plan{} }),
		"a shorter norm": changed(func(cfg *config.Config) {
			cfg.Plan.Norms = append(slices.DeleteFunc(cfg.Plan.Norms, func(n config.Norm) bool { return n.Stage == norm }), config.Norm{Stage: norm, Days: 1})
		}),
		"working days": changed(func(cfg *config.Config) { cfg.Calendar = working }),
		"a working calendar for one funnel": changed(func(cfg *config.Config) {
			cfg.Calendar.Funnels = map[extractor.FunnelID]config.FunnelCalendar{5: working.Default()}
		}),
		"a waiting stage": changed(func(cfg *config.Config) { cfg.Stages.Waiting = []extractor.StageID{norm} }),
		"no map":          changed(func(cfg *config.Config) { cfg.Stages.Map = nil }),
		"slips":           changed(func(cfg *config.Config) { cfg.Visits.Shortest = config.Least(30 * time.Hour) }),
		"one funnel":      changed(func(cfg *config.Config) { cfg.Funnels = []extractor.FunnelID{5} }),
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

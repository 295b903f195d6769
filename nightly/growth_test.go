package nightly_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"stagelag/config"
	"stagelag/extractor"
	"stagelag/nightly"
	"stagelag/simulator"
	"stagelag/transform"
)

// deriving counts the deals that a pass derives.
type deriving struct {
	step  string
	deals int64
}

func (d *deriving) Step(name string) { d.step = name }

func (d *deriving) Rows(_, total int64) {
	if d.step == "derive and append" {
		d.deals = total
	}
}

// TestOpenVisitsGrow: a night derives the deals that have changed and those that a pause or a missed night concerns;
// the others grow in the engine. A full run, which derives all, finds nothing to correct then, under every calendar
// and every form of pause. One follows the last of the nights in a row in which visits grow: the night after them
// derives all open deals, and would correct what is wrong.
func TestOpenVisitsGrow(t *testing.T) {
	t.Parallel()
	const everyDay = "every day"
	for name, configure := range map[string]func(*site){
		everyDay: func(*site) {},
		"working days and pauses": func(s *site) {
			weekend := []time.Weekday{time.Saturday, time.Sunday}
			s.cfg.Calendar = config.Calendar{Kind: config.WorkingDays, Weekend: weekend, Lists: []config.List{{Name: "ru"}}}
			s.cfg.Pauses = config.Pauses{Flag: "UF_CRM_WAITING", From: "UF_CRM_HOLD_FROM", Until: "UF_CRM_HOLD_UNTIL"}
			s.cfg.Calendar.Funnels = map[extractor.FunnelID]config.FunnelCalendar{5: {Kind: config.WorkingDays, Weekend: weekend[:1]}}
			s.cfg.Stages.Waiting = []extractor.StageID{"C5:DOCS"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world, suggested := simulator.Generate(simulator.GenerateOptions{Seed: 67, Deals: 60, Now: firstNight, Language: simulator.Russian})
			s := newSite(t, world, suggested, firstNight)
			configure(s)
			// Pauses that begin by the passing of days alone, and a flag that is set and taken away.
			var open []simulator.DealID
			var working []simulator.StageID
			for _, f := range world.Funnels() {
				for _, stage := range f.Stages {
					if f.ID == 5 && stage.Semantics == simulator.Process && stage.ID != "C5:DOCS" {
						working = append(working, stage.ID)
					}
				}
			}
			for _, d := range world.Deals() {
				if d.Funnel == 5 && !d.IsRecurring && slices.Contains(working, d.Stage) && len(open) < 12 {
					open = append(open, d.ID)
				}
			}
			if len(open) < 12 {
				t.Fatalf("%d deals of the funnel 5 are at work, want 12", len(open))
			}
			for i, deal := range open {
				begins := firstNight.AddDate(0, 0, []int{1, 2, 5, 8}[i/3]).Format(time.DateOnly)
				switch i % 3 {
				case 0:
					world.SetField(deal, firstNight.Add(-2*time.Hour), "UF_CRM_HOLD_FROM", begins)
				case 1:
					world.SetField(deal, firstNight.Add(-2*time.Hour), "UF_CRM_HOLD_FROM", begins)
					world.SetField(deal, firstNight.Add(-time.Hour), "UF_CRM_HOLD_UNTIL", firstNight.AddDate(0, 0, 6+i/3).Format(time.DateOnly))
				case 2:
					world.SetField(deal, firstNight.AddDate(0, 0, i%2).Add(-time.Hour), "UF_CRM_WAITING", "Y")
					world.SetField(deal, firstNight.AddDate(0, 0, 4).Add(-time.Hour), "UF_CRM_WAITING", "N")
				}
			}
			s.run(false)
			for _, night := range []struct {
				day, asOf int
				grows     bool
				full      bool // a full run follows
				quiet     bool // nothing has changed
			}{
				{1, 1, true, false, false},
				{2, 2, true, true, false},
				{4, 3, false, false, false}, // not today's: who was responsible is assumed
				{4, 4, false, false, false}, // and is seen again
				{5, 5, true, false, false},
				{6, 6, true, true, true},
				{8, 8, false, false, false}, // a night was missed
				{9, 9, true, true, false},
			} {
				// TestNightsObeyTheLaws takes a portal whose days all count through the rest.
				if name == everyDay && night.day > 2 && !isLong() {
					break
				}
				at := firstNight.AddDate(0, 0, night.day)
				if s.clock.Load() < at.Unix() && !night.quiet {
					life{world, 67}.before(at, 3)
				}
				s.at(at)
				// Those whose pause holds, begins or ends, or has no end that is known. A deal whose pause is over, or
				// still to come, grows like others.
				concerned := s.kept(`
					WITH (SELECT argMax(as_of, run_id) FROM run_events) AS shown
					SELECT uniqExact(deal_id) FROM visits
					WHERE is_open AND NOT is_gone AND until_run_id > (SELECT max(run_id) FROM run_events)
						AND (arrayExists((f, u) -> f <= shown + 1 AND u >= shown, pause_from, pause_until) OR tenure_source[-1] != 'seen'
							OR deal_id IN (SELECT deal_id FROM landing_deals WHERE upper(fields['UF_CRM_WAITING']) IN ('Y', '1') OR fields['UF_CRM_HOLD_FROM'] != '' AND fields['UF_CRM_HOLD_UNTIL'] = ''))`)
				derived := &deriving{}
				pass := s.pass(false)
				pass.Progress = derived
				pass.AsOf = transform.DayOf(firstNight.AddDate(0, 0, night.asOf), s.cfg.Portal.TimeZone)
				if _, err := nightly.Run(context.Background(), pass); err != nil {
					t.Fatal(err)
				}
				isOpen := s.kept("SELECT sum(is_open) FROM deals WHERE NOT is_gone AND until_run_id > (SELECT max(run_id) FROM run_events)")
				if hasGrown := derived.deals < isOpen; hasGrown != night.grows {
					t.Errorf("the run as of day %d derives %d deals, %d are open", night.asOf, derived.deals, isOpen)
				}
				landed := s.kept("SELECT uniqExact(deal_id) FROM landing_deals WHERE run_id = (SELECT max(run_id) FROM run_events)")
				if night.quiet && derived.deals > concerned+landed {
					t.Errorf("the run as of day %d derives %d deals, %d were landed and %d are concerned by a pause", night.asOf, derived.deals, landed, concerned)
				}
				if n := s.kept(`
					SELECT count() FROM facts AS f JOIN visits AS v ON v.deal_id = f.deal_id AND v.visit_no = f.visit_no
					WHERE f.run_id = (SELECT max(run_id) FROM run_events) AND f.is_open AND v.is_open AND NOT v.is_gone AND v.until_run_id > f.run_id
						AND (f.manager_id, toInt8(f.manager_source)) != (v.tenure_manager[-1], toInt8(v.tenure_source[-1]))
						AND f.day = (SELECT argMax(as_of, run_id) FROM run_events)`); n != 0 {
					t.Errorf("as of day %d, %d facts have another manager than their visits", night.asOf, n)
				}
				if night.day != night.asOf || !night.full && !isLong() {
					continue
				}
				if wrote := s.written(s.run(true).Run.RunID); len(wrote) > 0 {
					t.Errorf("after day %d a full run writes %v, want nothing", night.day, wrote)
				}
			}
		})
	}
}

package nightly_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"stagelag/config"
	"stagelag/extractor"
	"stagelag/loader"
	"stagelag/nightly"
	"stagelag/simulator"
	read "stagelag/views"
)

// logVariable names a log of visits, as stagelag portal --visits reads it; logNightsVariable is the first of thirty
// nights over it.
const (
	logVariable       = "STAGELAG_LOG"
	logNightsVariable = "STAGELAG_LOG_FROM"
)

// A log of a company is replayed over thirty nights in which its deals get days of their own and others later, a norm
// is configured anew, deals are deleted and one night is withdrawn. What each night shows can be asked for afterwards,
// to the row; the causes explain every difference of the days lost; and the nights end where a full run does.
//
//	STAGELAG_LOG=visits.csv.gz STAGELAG_LOG_FROM=2016-04-25 go test ./nightly -run '^TestALogOverThirtyNights$' -v
func TestALogOverThirtyNights(t *testing.T) {
	name := os.Getenv(logVariable)
	if name == "" {
		t.Skip(logVariable + " names no log")
	}
	const nights, planChanges, norm, deletion, withdrawal = 30, 40, 10, 15, 20
	const everyVisit = "SELECT * FROM deal_stages ORDER BY deal_id, visit_no"
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	world, err := simulator.ReadVisits(file)
	if err != nil {
		t.Fatal(err)
	}
	begins, err := time.Parse(time.DateOnly, os.Getenv(logNightsVariable))
	if err != nil {
		t.Fatal(err)
	}
	begins = begins.Add(3 * time.Hour)
	const field = "UF_CRM_PLAN_DAYS"
	world.AddField(simulator.Field{Name: field, Type: "integer", Label: "Days planned"})
	s := newSite(t, world, simulator.Suggested{TimeZone: "Europe/Moscow"}, begins)
	for i, stage := range world.Funnels()[0].Stages {
		if stage.Semantics == simulator.Process {
			s.cfg.Plan.Norms = append(s.cfg.Plan.Norms, config.Norm{Stage: extractor.StageID(stage.ID), Days: int32(2 + i)})
			s.cfg.Plan.Fields[extractor.StageID(stage.ID)] = config.PlanFields{Days: field}
		}
	}
	random := rand.New(rand.NewPCG(7, 7))
	kept := map[string]string{} // what a date showed
	dump := func(condition string, views ...string) string {
		var sums []string
		for _, view := range views {
			sums = append(sums, s.rows("SELECT count(), sum(sipHash64(toString(tuple(* EXCEPT known_on)))) FROM (SELECT *, 0 AS known_on FROM "+view+")"+condition)...)
		}
		return strings.Join(sums, "; ")
	}
	var total int64
	causes := map[string]int64{}
	for night := range nights {
		now := begins.AddDate(0, 0, night)
		s.at(now)
		if night > 0 {
			open := s.rows("SELECT deal_id FROM deals_now WHERE is_open = 1 ORDER BY deal_id")
			for range planChanges {
				var deal simulator.DealID
				if _, err := fmt.Sscan(open[random.IntN(len(open))], &deal); err != nil {
					t.Fatal(err)
				}
				world.SetField(deal, now.Add(-time.Hour), field, []int{1, 5, 10, 30, 40}[random.IntN(5)])
			}
			if night == deletion {
				for _, text := range open[:5] {
					var deal simulator.DealID
					if _, err := fmt.Sscan(text, &deal); err != nil {
						t.Fatal(err)
					}
					world.DeleteDeal(deal, now.Add(-time.Minute))
				}
			}
		}
		if night == norm {
			for i := range s.cfg.Plan.Norms {
				s.cfg.Plan.Norms[i].Days++
			}
		}
		begun := time.Now()
		outcome := s.run(false)
		took := time.Since(begun)
		if night == withdrawal {
			if _, err := loader.Withdraw(context.Background(), s.w, outcome.Run.RunID, now); err != nil {
				t.Fatal(err)
			}
			continue
		}
		before := total
		total = s.number("SELECT sum(overdue_days_total) FROM deals_now")
		summary, err := nightly.Summarize(context.Background(), read.In(s.w), outcome)
		if err != nil {
			t.Fatal(err)
		}
		explained := int64(0)
		for _, c := range summary.Changes {
			explained += c.Days
			causes[c.Cause] += cmp.Or(c.Days, 1)
		}
		if night > 0 && explained != total-before {
			t.Errorf("on %s the days lost are %d more, and the causes explain %d: %+v", outcome.Run.AsOf, total-before, explained, summary.Changes)
		}
		kept[outcome.Run.AsOf] = dump("", "deal_stages", "deals_now")
		t.Logf("%s: %d deals, %d days lost, %d plan changes so far, %.1f s", outcome.Run.AsOf, s.number("SELECT count() FROM deals_now"), total,
			s.number("SELECT count() FROM plan_changes"), took.Seconds())
	}
	for _, cause := range []string{"new", "plan", "norm", "gone"} {
		if causes[cause] == 0 {
			t.Errorf("no night has a difference by %s: the log is too short to show it", cause)
		}
	}
	for date, want := range kept {
		got := []string{}
		for _, view := range []string{"deal_stages_then", "deals_then"} {
			got = append(got, s.rows("SELECT count(), sum(sipHash64(toString(tuple(* EXCEPT known_on)))) FROM "+view+" WHERE known_on = '"+date+"'")...)
		}
		if strings.Join(got, "; ") != want {
			t.Errorf("on %s it was shown %s, and is said now to have been %s", date, want, strings.Join(got, "; "))
		}
	}
	s.expectLaws("after thirty nights")
	last := s.rows(everyVisit)
	s.run(true)
	if full := s.rows(everyVisit); !slices.Equal(full, last) {
		t.Errorf("a full run shows other stages than the nights%s", firstDifference(full, last))
	}
}

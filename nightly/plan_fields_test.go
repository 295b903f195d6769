package nightly_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"stagelag/bitrix24"
	"stagelag/config"
	"stagelag/extractor"
	"stagelag/nightly"
	"stagelag/simulator"
)

// A plan in a field of money is the amount; a currency without one is no plan and no bad plan.
func TestAPlanInAFieldOfMoney(t *testing.T) {
	world := simulator.NewWorld()
	ann := world.AddUser(simulator.User{Name: "Ann", LastName: "Lee"})
	world.AddFunnel(simulator.Funnel{ID: 0, Name: "General", Stages: []simulator.Stage{
		{ID: "DOCS", Name: "Documents"}, {ID: "WON", Name: "Won", Semantics: simulator.Success},
	}})
	world.AddField(simulator.Field{Name: "UF_CRM_BUDGET", Type: "money", Label: "Days"})
	entered := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for _, value := range []string{"10|RUB", "|RUB", "0|RUB", "ten|RUB"} {
		id := world.AddDeal(simulator.Deal{Title: value, Funnel: 0, Stage: "DOCS", Manager: ann, Created: entered})
		world.SetField(id, entered, "UF_CRM_BUDGET", value)
	}
	world.Advance(firstNight)
	s := newSite(t, world, simulator.Suggested{TimeZone: "Europe/Moscow"}, firstNight)
	s.cfg.Plan.Fields["DOCS"] = config.PlanFields{Days: "UF_CRM_BUDGET"}
	s.run(false)
	want := []string{"0|RUB\t0", "10|RUB\t10", "ten|RUB\t\\N", "|RUB\t\\N"}
	if got := s.rows("SELECT deal_title, plan_days FROM deal_stages ORDER BY deal_title"); !slices.Equal(got, want) {
		t.Errorf("the plans are %q, want %q", got, want)
	}
	want = []string{"ten|RUB\tbad_plan", "|RUB\tno_plan"}
	if got := s.rows("SELECT deal_title, reason FROM data_gaps ORDER BY deal_title, reason"); !slices.Equal(got, want) {
		t.Errorf("the gaps are %q, want %q", got, want)
	}
}

// A field whose type can hold no plan is named with its type, before anything is read.
func TestTypesOfFieldsForPlans(t *testing.T) {
	tests := []struct{ kind, days, date string }{
		{"integer", "", "can't hold a date"},
		{"double", "", "can't hold a date"},
		{"money", "", "can't hold a date"},
		{"string", "", ""},
		{"date", "can't hold a number of days", ""},
		{"datetime", "can't hold a number of days", ""},
		{"boolean", "can't hold a number of days", "can't hold a date"},
		{"enumeration", "can't hold a number of days", "can't hold a date"},
		{"crm_status", "can't hold a number of days", "can't hold a date"},
		{"file", "can't hold a number of days", "can't hold a date"},
	}
	for _, test := range tests {
		portal := extractor.Description{
			Description: bitrix24.Description{Fields: []bitrix24.Field{{Name: "UF_CRM_PLAN", Type: test.kind}}},
			Funnels:     []extractor.Funnel{{ID: 0, Stages: []extractor.Stage{{ID: "DOCS"}}}},
		}
		for key, want := range map[string]string{"days": test.days, "date": test.date} {
			fields := config.PlanFields{Days: "UF_CRM_PLAN"}
			if key == "date" {
				fields = config.PlanFields{Date: "UF_CRM_PLAN"}
			}
			cfg := config.Default()
			cfg.Plan.Fields = map[extractor.StageID]config.PlanFields{"DOCS": fields}
			_, err := nightly.Check(cfg, portal, nightly.Names{Funnels: portal.Funnels})
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), "plan.fields.DOCS."+key+": the portal's field UF_CRM_PLAN is of type "+test.kind+", which "+want) {
				t.Errorf("%s in a field of type %s: %v, want %q", key, test.kind, err, want)
			}
		}
	}
}

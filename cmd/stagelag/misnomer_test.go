package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stagelag/simulator"
)

// A name where an id belongs is answered with its id, by every command: by the portal, and by what was published where
// the portal is out of reach.
func TestNamesAreAnsweredWithTheirIDs(t *testing.T) {
	t.Parallel()
	folder := seededFolder(t)
	openWarehouse(t, folder)
	world, _ := simulator.Generate(simulator.GenerateOptions{Seed: 1, Deals: 10, Now: time.Now()})
	stages := []simulator.Stage{{ID: "C21:HOLD", Name: "On ice", Semantics: simulator.Process}}
	world.AddFunnel(simulator.Funnel{ID: 21, Name: "Repairs", Stages: stages})
	world.AddFunnel(simulator.Funnel{ID: 22, Name: "repairs "})
	world.AddField(simulator.Field{Name: "UF_CRM_HELD", Label: "На паузе", Type: "boolean"})
	simulated := simulator.New(world, simulator.Options{Now: time.Now, Secret: webhookSecret})
	server := httptest.NewServer(simulated)
	t.Cleanup(server.Close)
	configure := func(settings string) {
		t.Helper()
		head := fmt.Sprintf("portal: {url: %q, time_zone: Europe/Moscow, limits: none}\n", simulated.WebhookURL(server.URL))
		if err := os.WriteFile(filepath.Join(folder, "stagelag.yaml"), []byte(head+settings), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	configure("")
	mustCall(t, folder, "run")

	tests := []struct {
		name, settings string
		args           []string
		want           string
	}{
		{"a funnel that is read", "funnels: [projects]", []string{"run"},
			`stagelag.yaml:2: funnels: "projects" is the name of a funnel, and its id belongs here: 5`},
		{"several funnels of one name", "funnels: [0, Repairs]", []string{"doctor"},
			`stagelag.yaml:2: funnels: "Repairs" is the name of several funnels, and the id of one belongs here: 21, 22`},
		{"a funnel with a calendar", "calendar: {kind: working, funnels: {Projects: {kind: calendar}}}", []string{"query", "SELECT 1"},
			`stagelag.yaml:2: calendar.funnels: "Projects" is the name of a funnel, and its id belongs here: 5`},
		{"a funnel that nobody has", "funnels: [Salez]", []string{"report"},
			`stagelag.yaml:2: funnels: the portal has no funnel "Salez"; it has 0 (`},
		{"a field by its name", "pauses: {flag: На паузе}", []string{"schedule"},
			`stagelag.yaml:2: pauses.flag: "На паузе" is the name of a deal field, and its id belongs here: UF_CRM_HELD`},
		{"a field to write to by its name", "write_back: {state: На паузе}", []string{"dashboards", "export", "--dir", "boards"},
			`stagelag.yaml:2: write_back.state: "На паузе" is the name of a deal field, and its id belongs here: UF_CRM_HELD`},
		{"a field to write to that is no custom one", "write_back: {state: TITLE}", []string{"run"},
			`stagelag.yaml:2: write_back.state: TITLE is no custom field, whose names begin with UF_`},
		{"a stage that waits", "stages: {waiting: [on ice]}", []string{"run"},
			`stages.waiting: "on ice" is the name of a stage, and its id belongs here: C21:HOLD (in the funnel "Repairs")`},
		{"a stage that is gone, by its name", `stages: {map: {On ice: "C5:DOCS"}}`, []string{"run"},
			`stages.map: "On ice" is the name of a stage, and its id belongs here: C21:HOLD (in the funnel "Repairs")`},
		{"a stage with a typing error in its name", "plan: {norms: [{stage: On icy, days: 3}]}", []string{"run"},
			`plan.norms: the portal has no stage "On icy"; did you mean "On ice", whose id is C21:HOLD?`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			configure(test.settings)
			_, stderr, code := call(t, folder, "", test.args...)
			if code != 2 || !strings.Contains(stderr, test.want) || strings.Contains(stderr, webhookSecret) {
				t.Errorf("%v with %s: exit code %d, %s, want 2 and %s", test.args, test.settings, code, stderr, test.want)
			}
		})
	}

	configure("funnels: [Projects, Repairs, Salez]\npauses: {flag: На паузе}")
	server.Close()
	_, stderr, code := call(t, folder, "", "query", "SELECT 1")
	for _, want := range []string{
		`stagelag.yaml:2: funnels: "Projects" is the name of a funnel, and its id belongs here: 5; `,
		`stagelag.yaml:2: funnels: "Repairs" is the name of several funnels, and the id of one belongs here: 21, 22; `,
		`stagelag.yaml:2: funnels[2]: expected a funnel id such as 5`,
		`stagelag.yaml:3: pauses.flag: expected the name of a field`,
	} {
		if code != 2 || !strings.Contains(stderr, want) {
			t.Errorf("query with names in the configuration and a portal that is down: exit code %d, %s, want 2 and %s", code, stderr, want)
		}
	}
}

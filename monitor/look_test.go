package monitor_test

import (
	"bytes"
	"context"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"stagelag/bitrix24"
	"stagelag/config"
	"stagelag/monitor"
	"stagelag/nightly"
	"stagelag/simulator"
	"stagelag/transform"
	"stagelag/warehouse"
	"stagelag/warehouse/warehousetest"
)

func TestMain(m *testing.M) { warehousetest.Main(m) }

// quiet is a progress that nobody looks at.
type quiet struct{}

func (quiet) Step(string)       {}
func (quiet) Rows(int64, int64) {}

// A warehouse comes, goes and comes back while somebody looks at it.
func TestLooker(t *testing.T) {
	t.Parallel()
	there, gone := warehousetest.Config(t), warehouse.Config{URL: "clickhouse://u:pa55@127.0.0.1:1"}
	where := there
	var text bytes.Buffer
	log := logrus.New()
	log.SetOutput(&text)
	looker := monitor.NewLooker(func() warehouse.Config { return where }, log)
	defer looker.Close()
	ctx := t.Context()

	if seen, err := looker.Look(ctx); err != nil || seen.Run.RunID != 0 {
		t.Errorf("before the first run: %+v, %v, want nothing published", seen, err)
	}
	publish(t, there)
	seen, err := looker.Look(ctx)
	// Three days late by a norm of two days, and a visit without a norm.
	if err != nil || seen.Run.RunID != 1 || seen.DaysLost != 3 || seen.Gaps[transform.GapNoPlan] != 1 {
		t.Errorf("after a run: %+v, %v, want run 1 with 3 days lost and one visit without a plan", seen, err)
	}
	where = gone
	for range 2 {
		if _, err := looker.Look(ctx); err == nil {
			t.Error("a server that is down: no error")
		}
	}
	where = there
	if again, err := looker.Look(ctx); err != nil || again.Run != seen.Run || again.DaysLost != seen.DaysLost {
		t.Errorf("a warehouse that is back: %+v, %v, want what was seen before, %+v", again, err, seen)
	}
	for message, want := range map[string]int{"the warehouse can't be asked": 1, "the warehouse can be asked again": 1, "pa55": 0} {
		if got := strings.Count(text.String(), message); got != want {
			t.Errorf("the log says %q %d times, want %d:\n%s", message, got, want, text.String())
		}
	}
}

// publish makes a run over a portal with two deals.
func publish(t *testing.T, at warehouse.Config) {
	t.Helper()
	w, err := warehouse.Open(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	world := simulator.NewWorld()
	world.AddFunnel(simulator.Funnel{ID: 5, Name: "Projects", Stages: []simulator.Stage{
		{ID: "C5:NEW", Name: "New"}, {ID: "C5:DOCS", Name: "Documents"}, {ID: "C5:WON", Name: "Won", Semantics: simulator.Success},
	}})
	for _, stage := range []simulator.StageID{"C5:NEW", "C5:DOCS"} {
		world.AddDeal(simulator.Deal{Title: "Roof", Funnel: 5, Stage: stage, Created: time.Now().AddDate(0, 0, -5)})
	}
	portal := simulator.New(world, simulator.Options{Now: time.Now})
	server := httptest.NewServer(portal)
	defer server.Close()
	cfg := config.Default()
	webhook, err := bitrix24.ParseWebhook(portal.WebhookURL(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Portal = config.Portal{URL: webhook, TimeZone: time.UTC, Limits: bitrix24.Unlimited}
	cfg.Plan.Norms = []config.Norm{{Stage: "C5:NEW", Days: 2}}
	log := logrus.New()
	log.SetOutput(io.Discard)
	_, err = nightly.Run(context.Background(), nightly.Pass{
		Warehouse: w, Config: cfg, AsOf: transform.NoDay, Progress: quiet{}, Log: log, Now: time.Now,
		Client: bitrix24.NewClient(bitrix24.ClientOptions{Webhook: webhook, Limits: bitrix24.Unlimited, Clock: bitrix24.WallClock(time.Now)}),
	})
	if err != nil {
		t.Fatal(err)
	}
}

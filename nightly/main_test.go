package nightly_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/sirupsen/logrus"

	"stagelag/bitrix24"
	"stagelag/config"
	"stagelag/extractor"
	"stagelag/loader"
	"stagelag/nightly"
	"stagelag/simulator"
	"stagelag/transform"
	"stagelag/warehouse"
	"stagelag/warehouse/warehousetest"
)

func TestMain(m *testing.M) {
	if task := os.Getenv(passVariable); task != "" {
		os.Exit(passAsProcess(task))
	}
	warehousetest.Main(m)
}

// A site is a simulated portal, a configuration for it and a warehouse of its own.
type site struct {
	t       testing.TB
	world   *simulator.World
	portal  *simulator.Portal
	clock   *atomic.Int64 // the portal's, in seconds
	webhook string
	cfg     config.Config
	w       *warehouse.Warehouse
}

// newSite opens a warehouse over a world at the given time of its clock.
func newSite(t testing.TB, world *simulator.World, suggested simulator.Suggested, now time.Time) *site {
	t.Helper()
	return newSiteOn(t, warehousetest.Migrated(t), world, suggested, now)
}

// newSiteOn is newSite with a warehouse that is open already.
func newSiteOn(t testing.TB, w *warehouse.Warehouse, world *simulator.World, suggested simulator.Suggested, now time.Time) *site {
	t.Helper()
	s := &site{t: t, world: world, clock: &atomic.Int64{}, w: w, cfg: config.Default()}
	s.clock.Store(now.Unix())
	s.serve(simulator.Options{}, nil)
	s.cfg.Portal.Limits = bitrix24.Unlimited
	s.configure(suggested)
	return s
}

// serve makes the site's portal one with options, behind a handler unless it is nil.
func (s *site) serve(options simulator.Options, behind func(*simulator.Portal) http.Handler) {
	s.t.Helper()
	options.Now = func() time.Time { return time.Unix(s.clock.Load(), 0) }
	s.portal = simulator.New(s.world, options)
	var handler http.Handler = s.portal
	if behind != nil {
		handler = behind(s.portal)
	}
	server := httptest.NewServer(handler)
	s.t.Cleanup(server.Close)
	s.webhook = s.portal.WebhookURL(server.URL)
	webhook, err := bitrix24.ParseWebhook(s.webhook)
	if err != nil {
		s.t.Fatal(err)
	}
	s.cfg.Portal.URL = webhook
}

func (s *site) configure(suggested simulator.Suggested) {
	zone, err := time.LoadLocation(suggested.TimeZone)
	if err != nil {
		s.t.Fatal(err)
	}
	s.cfg.Portal.TimeZone = zone
	s.cfg.Plan.Fields = map[extractor.StageID]config.PlanFields{}
	for stage, f := range suggested.Fields {
		s.cfg.Plan.Fields[extractor.StageID(stage)] = config.PlanFields{Days: config.FieldName(f.Days), Date: config.FieldName(f.Date)}
	}
	for _, n := range suggested.Norms {
		norm := config.Norm{Stage: extractor.StageID(n.Stage), Days: int32(n.Days)}
		if n.From != "" {
			if norm.From, err = time.Parse(time.DateOnly, n.From); err != nil {
				s.t.Fatal(err)
			}
		}
		s.cfg.Plan.Norms = append(s.cfg.Plan.Norms, norm)
	}
	s.cfg.Stages.Map = map[extractor.StageID]extractor.StageID{}
	for from, to := range suggested.StageMap {
		s.cfg.Stages.Map[extractor.StageID(from)] = extractor.StageID(to)
	}
}

// at sets the portal's clock.
func (s *site) at(t time.Time) { s.clock.Store(t.Unix()) }

// quiet is a progress that nobody looks at.
type quiet struct{}

func (quiet) Step(string)       {}
func (quiet) Rows(int64, int64) {}

// hasty is a clock that does not wait between tries.
type hasty struct{}

func (hasty) Now() time.Time                                   { return time.Now() }
func (hasty) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

func (s *site) pass(isFull bool) nightly.Pass {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return nightly.Pass{
		Warehouse: s.w, Config: s.cfg, AsOf: transform.NoDay, Full: isFull, Progress: quiet{}, Log: log, Now: time.Now,
		Client: bitrix24.NewClient(bitrix24.ClientOptions{Webhook: s.cfg.Portal.URL, Limits: bitrix24.Unlimited, Clock: hasty{}}),
	}
}

// run makes a pass that has to succeed.
func (s *site) run(isFull bool) nightly.Outcome {
	s.t.Helper()
	outcome, err := nightly.Run(context.Background(), s.pass(isFull))
	if err != nil {
		s.t.Fatalf("run: %v", err)
	}
	return outcome
}

// number asks the views for one number.
func (s *site) number(query string) int64 {
	s.t.Helper()
	return s.one(s.w.Views(), query)
}

// kept asks the tables behind the views for one number.
func (s *site) kept(query string, args ...any) int64 {
	s.t.Helper()
	return s.one(s.w.DB(), query, args...)
}

func (s *site) one(conn driver.Conn, query string, args ...any) int64 {
	s.t.Helper()
	var n int64
	if err := conn.QueryRow(quickly, "SELECT toInt64(ifNull(("+query+"), 0))", args...).Scan(&n); err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
	return n
}

// planning makes the plans of queries cheaper: over portals as small as these to plan a query costs ten times what it
// costs to read the rows, and to merge expressions is a quarter of that. Reports, dashboards and commands are tested
// with the plans that readers have.
const planning = "query_plan_merge_expressions"

// quickly is a context for what a test asks.
var quickly = clickhouse.Context(context.Background(), clickhouse.WithSettings(clickhouse.Settings{planning: 0}))

// rows asks for the rows of a query, each as one text.
func (s *site) rows(query string) []string {
	s.t.Helper()
	text, err := ask(s.w, query)
	if err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// ask asks the views for one text. An embedded engine is asked as the program, which may choose how to plan.
func ask(w *warehouse.Warehouse, query string) (string, error) {
	endpoints, isEmbedded := w.Endpoints()
	if !isEmbedded {
		var b strings.Builder
		err := w.Query(context.Background(), &b, query, "TSV")
		return strings.TrimSuffix(b.String(), "\n"), err
	}
	auth := w.Options().Auth
	endpoints.User, endpoints.Password = auth.Username, auth.Password
	return askAt(endpoints, query, planning+"=0")
}

// publishedTables are the tables that the views show rows of published runs of.
var publishedTables = []string{
	"facts", "visits", "deals", "day_measures", "knowledge", "forecast_curves", "funnels", "stages", "managers", "departments", "names", "dimensions", "calendars",
}

// written are the tables that a run has written to, with the numbers of rows that it has brought in or replaced. A run
// that has written nothing changes no view.
func (s *site) written(run loader.RunID) []string {
	s.t.Helper()
	var counts []string
	for _, table := range publishedTables {
		counts = append(counts, fmt.Sprintf("SELECT '%s' AS name, count() AS rows FROM %[1]s WHERE run_id = %d", table, run))
	}
	for _, table := range []string{"visits", "deals"} {
		counts = append(counts, fmt.Sprintf("SELECT 'replaced %s', count() FROM %[1]s WHERE until_run_id = %d", table, run))
	}
	return s.sortedRows("SELECT concat(name, ': ', toString(rows)) FROM (" + strings.Join(counts, " UNION ALL ") + ") WHERE rows > 0")
}

// views are all views but runs, by what orders them.
var views = map[string]string{
	"deal_stage_days": "deal_id, visit_no, day",
	"deal_stages":     "deal_id, visit_no",
	"deals_now":       "deal_id",
	"portfolio_days":  "funnel_id, day",
	"quality_report":  "day, manager_id, funnel_id, stage_id",
	"data_gaps":       "deal_id, visit_no, reason, detail",
}

// snapshot is all that the views show.
func (s *site) snapshot() map[string][]string {
	s.t.Helper()
	all := map[string][]string{}
	for view, order := range views {
		all[view] = s.rows("SELECT * FROM " + view + " ORDER BY " + order)
	}
	return all
}

// expectSame compares two snapshots and names the first rows that differ.
func expectSame(t *testing.T, rule string, got, want map[string][]string) {
	t.Helper()
	for view := range views {
		if slices.Equal(got[view], want[view]) {
			continue
		}
		t.Errorf("%s: %s differs (%d rows, want %d)%s", rule, view, len(got[view]), len(want[view]), firstDifference(got[view], want[view]))
	}
}

func firstDifference(got, want []string) string {
	for i := range max(len(got), len(want)) {
		g, w := "nothing", "nothing"
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			return fmt.Sprintf(" from row %d on:\n got %s\nwant %s", i+1, g, w)
		}
	}
	return ""
}

// firstNight is the night in which the tests' generated worlds are first read.
var firstNight = time.Date(2026, 3, 10, 2, 30, 0, 0, time.UTC)

func generated(t *testing.T, seed uint64, deals int) *site {
	world, suggested := simulator.Generate(simulator.GenerateOptions{Seed: seed, Deals: deals, Now: firstNight, Language: simulator.Russian})
	return newSite(t, world, suggested, firstNight)
}

package views_test

import (
	"context"
	"io"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"

	"stagelag/bitrix24"
	"stagelag/config"
	"stagelag/extractor"
	"stagelag/loader"
	"stagelag/nightly"
	"stagelag/simulator"
	"stagelag/transform"
	"stagelag/views"
	"stagelag/warehouse"
	"stagelag/warehouse/warehousetest"
)

func TestMain(m *testing.M) { warehousetest.Main(m) }

// A warehouse that no run has made has nothing published, which is no error; its views are.
func TestBeforeTheFirstRun(t *testing.T) {
	t.Parallel()
	shown := views.In(warehousetest.New(t))
	published, err := shown.Published(t.Context())
	if err != nil || published.RunID != 0 || published.AsOf != transform.NoDay {
		t.Errorf("Published of a warehouse without views = %+v, %v, want no run", published, err)
	}
	if _, err := shown.Totals(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "read deals_now: ") {
		t.Errorf("Totals of a warehouse without views: %v, want an error that names the view", err)
	}
}

// firstNight is when the generated world is first read.
var firstNight = time.Date(2026, 3, 10, 2, 30, 0, 0, time.UTC)

// quiet is a progress that nobody looks at.
type quiet struct{}

func (quiet) Step(string)       {}
func (quiet) Rows(int64, int64) {}

// What is asked in one way is what is asked in another.
func TestTheQuestionsAgree(t *testing.T) {
	t.Parallel()
	w := warehousetest.Migrated(t)
	portal, night := newPortal(t, w)
	shown, ctx := views.In(w), t.Context()

	published, err := shown.Published(ctx)
	if err != nil || published.RunID != 0 {
		t.Errorf("Published of an empty warehouse = %+v, %v, want no run", published, err)
	}
	if totals, err := shown.Totals(ctx); err != nil || totals != (views.Totals{}) {
		t.Errorf("Totals of an empty warehouse = %+v, %v, want zeros", totals, err)
	}

	night(firstNight)
	before, err := shown.Totals(ctx)
	if err != nil {
		t.Fatal(err)
	}
	night(firstNight.AddDate(0, 0, 1))
	portal.Inject(simulator.FromNth(2, simulator.Fault{Error: &simulator.AccessDenied}))
	night(firstNight.AddDate(0, 0, 2))

	published, err = shown.Published(ctx)
	if err != nil || published.RunID != 2 || published.AsOf.String() != "2026-03-11" || published.FinishedAt.Before(published.StartedAt) {
		t.Errorf("Published after two nights and a failure = %+v, %v, want run 2 as of 2026-03-11", published, err)
	}
	runs, err := shown.Runs(ctx, 2)
	if err != nil || len(runs) != 2 || runs[0].RunID != 3 || runs[0].Status != loader.Failed || runs[0].Error == nil || runs[1].Status != loader.Published {
		t.Errorf("Runs = %+v, %v, want run 3, which failed, and the published one before it", runs, err)
	}

	totals, err := shown.Totals(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if day, err := shown.DateBefore(ctx); err != nil || day.String() != "2026-03-10" {
		t.Errorf("DateBefore = %s, %v, want that of the first run", day, err)
	}
	changes, err := shown.LossChanges(ctx)
	if err != nil {
		t.Fatal(err)
	}
	sum := int64(0)
	for _, c := range changes {
		sum += c.Days
	}
	if want := totals.DaysLost - before.DaysLost; sum != want || len(changes) != 1 || changes[0].Cause != "new" || changes[0].Since.String() != "2026-03-10" {
		t.Errorf("LossChanges = %+v, want %d days of new lateness", changes, want)
	}
	all, err := shown.Results(ctx, 0, 1000, true)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(totals, totalsOf(all)); diff != "" {
		t.Errorf("the results of all deals do not add up to the totals (-totals +results):\n%s", diff)
	}
	var paged []views.Result
	for after := extractor.DealID(0); ; after = paged[len(paged)-1].DealID {
		page, err := shown.Results(ctx, after, 7, true)
		if err != nil {
			t.Fatal(err)
		}
		paged = append(paged, page...)
		if len(page) < 7 {
			break
		}
	}
	if diff := cmp.Diff(all, paged); diff != "" || len(all) != 120 {
		t.Errorf("%d results page by page are not those in one go (-one +pages):\n%s", len(all), diff)
	}
	expectLatest(t, shown, all)
	expectUncovered(t, shown, all)
}

// newPortal has a generated world, and what makes a night over it.
func newPortal(t *testing.T, w *warehouse.Warehouse) (*simulator.Portal, func(at time.Time)) {
	t.Helper()
	world, suggested := simulator.Generate(simulator.GenerateOptions{Seed: 3, Deals: 120, Now: firstNight})
	var clock atomic.Int64
	portal := simulator.New(world, simulator.Options{Now: func() time.Time { return time.Unix(clock.Load(), 0) }})
	server := httptest.NewServer(portal)
	t.Cleanup(server.Close)
	cfg := config.Default()
	webhook, err := bitrix24.ParseWebhook(portal.WebhookURL(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Portal = config.Portal{URL: webhook, TimeZone: time.UTC, Limits: bitrix24.Unlimited}
	for _, n := range suggested.Norms {
		cfg.Plan.Norms = append(cfg.Plan.Norms, config.Norm{Stage: extractor.StageID(n.Stage), Days: int32(n.Days)})
	}
	log := logrus.New()
	log.SetOutput(io.Discard)
	return portal, func(at time.Time) {
		world.Advance(at)
		clock.Store(at.Unix())
		_, _ = nightly.Run(context.Background(), nightly.Pass{ // what failed is seen in the runs
			Warehouse: w, Config: cfg, AsOf: transform.NoDay, Progress: quiet{}, Log: log, Now: time.Now,
			Client: bitrix24.NewClient(bitrix24.ClientOptions{Webhook: cfg.Portal.URL, Limits: cfg.Portal.Limits, Clock: bitrix24.WallClock(time.Now)}),
		})
	}
}

func totalsOf(results []views.Result) (totals views.Totals) {
	for _, r := range results {
		totals.Deals++
		totals.DaysLost += r.DaysLost
		if r.IsOpen {
			totals.Open++
		}
		switch r.Status {
		case "overdue":
			totals.Overdue++
		case "due_today":
			totals.DueToday++
		}
	}
	return totals
}

func expectLatest(t *testing.T, shown views.Views, results []views.Result) {
	t.Helper()
	results = slices.Clone(results)
	slices.SortStableFunc(results, func(a, b views.Result) int { return int(b.DaysLate - a.DaysLate) })
	latest, err := shown.Latest(t.Context(), 5)
	if err != nil || len(latest) != 5 {
		t.Fatalf("Latest(5) = %+v, %v, want five deals", latest, err)
	}
	for i, deal := range latest {
		if want := results[i]; deal.DealID != want.DealID || deal.OverdueDays != want.DaysLate || deal.Title == "" {
			t.Errorf("Latest: place %d is deal %d with %d days, want %d with %d", i+1, deal.DealID, deal.OverdueDays, want.DealID, want.DaysLate)
		}
	}
}

func expectUncovered(t *testing.T, shown views.Views, results []views.Result) {
	t.Helper()
	want := uint64(0)
	for _, r := range results {
		if r.IsOpen && r.Status == "no_plan" {
			want++
		}
	}
	uncovered, err := shown.Uncovered(t.Context(), 100)
	sum := uint64(0)
	for _, c := range uncovered {
		sum += c.NoPlan
	}
	if err != nil || sum != want || want == 0 {
		t.Errorf("Uncovered = %+v, %v, which are %d visits, want the %d open deals without a plan", uncovered, err, sum, want)
	}
	one, err := shown.Uncovered(t.Context(), 1)
	if diff := cmp.Diff(uncovered[:1], one); err != nil || diff != "" {
		t.Errorf("Uncovered(1), %v, is not the first of all (-first +got):\n%s", err, diff)
	}
}

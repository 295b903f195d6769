package report_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
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
	"stagelag/report"
	"stagelag/simulator"
	"stagelag/transform"
	"stagelag/views"
	"stagelag/warehouse"
	"stagelag/warehouse/warehousetest"
)

func TestMain(m *testing.M) { warehousetest.Main(m) }

var update = flag.Bool("update", false, "write the golden files anew")

// night is when the tests' worlds are read.
var night = time.Date(2026, 3, 10, 2, 30, 0, 0, time.UTC)

// A site is a published warehouse over a simulated portal.
type site struct {
	t     *testing.T
	w     *warehouse.Warehouse
	world *simulator.World
	cfg   config.Config
	clock *atomic.Int64 // the portal's, in seconds
	// reads are the reports of the newest run that were asked for, by their queries: to read one costs two seconds.
	reads map[string]report.Report
}

// What a portal's user may write to harm whoever reads the report.
var hostileTitles = []string{
	`=HYPERLINK("http://evil.example","open")`,
	`<script>document.title="taken"</script><img src=x onerror=alert(1)>`,
	"\x1b[2Jcleared \u202egnp.exe",
	`Кухня; =1+1,"@SUM(A1)`,
	"+7 900 000-00-00", "@SUM(A1:A9)", "-1+1", "\t=1+1",
	"Договорнаяспецификациябезединогопробеланаоченьдлинноеимя",
}

// The tags of deals are a list, of which a deal can have several elements. The name of one contains what stands between
// names, and another one is part of it.
const tagsField = "UF_CRM_TAGS"

var tags = []string{"Urgent", "Blue", "Blue, dark", "=1+1"}

// tagsOf are the tags of a deal, by their places: none, one or two.
func tagsOf(id int) []int { return [][]int{nil, {0}, {2, 3}, {1}, {0, 2}}[id%5] }

// published makes a run over a generated world, in which half of the deals, all kinds of
// them, are named by somebody with bad intentions. They have tags.
func published(t *testing.T, deals int) *site {
	t.Helper()
	world, suggested := simulator.Generate(simulator.GenerateOptions{Seed: 7, Deals: deals, Now: night, Language: simulator.Russian})
	world.AddField(simulator.Field{Name: tagsField, Type: "enumeration", Label: "Tags", IsMultiple: true, Options: tags})
	for id := 1; id <= deals; id++ {
		var items []string
		for _, i := range tagsOf(id) {
			items = append(items, strconv.Itoa(45+i)) // behind the four regions
		}
		world.SetField(simulator.DealID(id), night.Add(-time.Hour), tagsField, items)
	}
	for id := 2; id <= deals; id += 2 {
		world.EditDeal(simulator.DealID(id), night.Add(-time.Hour), func(d *simulator.Deal) { d.Title = hostileTitles[id/2%len(hostileTitles)] })
	}
	s := &site{t: t, world: world, clock: &atomic.Int64{}, w: warehousetest.Migrated(t), cfg: config.Default()}
	s.clock.Store(night.Unix())
	simulated := simulator.New(world, simulator.Options{Now: func() time.Time { return time.Unix(s.clock.Load(), 0) }})
	server := httptest.NewServer(simulated)
	t.Cleanup(server.Close)
	webhook, err := bitrix24.ParseWebhook(simulated.WebhookURL(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	s.cfg.Portal.URL, s.cfg.Portal.Limits = webhook, bitrix24.Unlimited
	if s.cfg.Portal.TimeZone, err = time.LoadLocation(suggested.TimeZone); err != nil {
		t.Fatal(err)
	}
	s.cfg.Plan.Fields = map[extractor.StageID]config.PlanFields{}
	for stage, f := range suggested.Fields {
		s.cfg.Plan.Fields[extractor.StageID(stage)] = config.PlanFields{Days: config.FieldName(f.Days), Date: config.FieldName(f.Date)}
	}
	s.cfg.Dimensions = map[config.DimensionName]config.FieldName{"tags": tagsField}
	for name, field := range suggested.Dimensions {
		s.cfg.Dimensions[config.DimensionName(name)] = config.FieldName(field)
	}
	for _, n := range suggested.Norms {
		s.cfg.Plan.Norms = append(s.cfg.Plan.Norms, config.Norm{Stage: extractor.StageID(n.Stage), Days: int32(n.Days)})
	}
	s.run()
	return s
}

// quiet is a progress that nobody looks at.
type quiet struct{}

func (quiet) Step(string)       {}
func (quiet) Rows(int64, int64) {}

func (s *site) run() {
	s.t.Helper()
	s.reads = map[string]report.Report{}
	log := logrus.New()
	log.SetOutput(io.Discard)
	_, err := nightly.Run(context.Background(), nightly.Pass{
		Warehouse: s.w, Config: s.cfg, AsOf: transform.NoDay, Progress: quiet{}, Log: log, Now: time.Now,
		Client: bitrix24.NewClient(bitrix24.ClientOptions{Webhook: s.cfg.Portal.URL, Limits: bitrix24.Unlimited, Clock: bitrix24.WallClock(time.Now)}),
	})
	if err != nil {
		s.t.Fatalf("run: %v", err)
	}
}

// read reads a report, once for a run, with the time of its run and the portal's address made steady. Nobody may change it.
func (s *site) read(query report.Query) report.Report {
	s.t.Helper()
	asked := fmt.Sprintf("%+v", query)
	if r, ok := s.reads[asked]; ok {
		return r
	}
	r, err := report.Read(context.Background(), views.In(s.w), query)
	if err != nil {
		s.t.Fatalf("Read(%+v): %v", query, err)
	}
	s.reads[asked] = steady(r)
	return s.reads[asked]
}

// march is the month in which plans are moved.
func march(t *testing.T) report.Period {
	t.Helper()
	return report.Period{From: day(t, "2026-03-01"), To: day(t, "2026-03-31")}
}

// movePlans makes three more nights. Before the first one the plans of deals are put off, before the second one every
// fifth deal gets an earlier plan or loses it and the norms change, and before the third one every other deal leaves
// its stage.
func (s *site) movePlans() {
	s.t.Helper()
	type planned struct {
		id    simulator.DealID
		stage simulator.StageID
		field string
	}
	var deals []planned
	for _, d := range s.world.Deals() {
		if field := s.cfg.Plan.Fields[extractor.StageID(d.Stage)].Days; field != "" {
			deals = append(deals, planned{d.ID, d.Stage, string(field)})
		}
	}
	before := func(change func(i int, d planned, at time.Time)) {
		at := time.Unix(s.clock.Add(24*60*60), 0).Add(-time.Hour)
		for i, d := range deals {
			change(i, d, at)
		}
		s.run()
	}
	before(func(i int, d planned, at time.Time) { s.world.SetField(d.id, at, d.field, 30+10*i) })
	for i := range s.cfg.Plan.Norms {
		s.cfg.Plan.Norms[i].Days += 3
	}
	before(func(i int, d planned, at time.Time) {
		if i%5 == 0 {
			s.world.SetField(d.id, at, d.field, []any{2, ""}[i/5%2])
		}
	})
	before(func(i int, d planned, at time.Time) {
		if i%2 == 0 {
			s.world.Move(d.id, at, s.next(d.stage))
		}
	})
}

// next is another stage of the funnel.
func (s *site) next(stage simulator.StageID) simulator.StageID {
	for _, f := range s.world.Funnels() {
		for i, known := range f.Stages {
			if known.ID == stage {
				return f.Stages[(i+1)%len(f.Stages)].ID
			}
		}
	}
	s.t.Fatalf("no funnel has the stage %s", stage)
	return ""
}

// A sample is the reports of one site, for the tests that look at their forms. They are
// only read, so the tests share them.
type sample struct {
	byManager, byStage, byFunnel report.Report
	projects                     report.Report // the stages of one funnel
	byTags                       report.Report
	moved                        report.Report // of the month in which plans were moved
}

var (
	samplesOnce sync.Once
	samplesRead *sample
)

func samples(t *testing.T) *sample {
	t.Helper()
	samplesOnce.Do(func() {
		s := published(t, 60)
		read := &sample{
			byManager: s.read(report.Query{}),
			byStage:   s.read(report.Query{By: report.ByStage}),
			byFunnel:  s.read(report.Query{By: report.ByFunnel}),
			byTags:    s.read(report.Query{By: report.ByDimension, Dimension: s.dimension("tags")}),
			projects:  s.read(report.Query{By: report.ByStage, Funnels: views.Funnels{5}}),
		}
		s.movePlans()
		read.moved = s.read(report.Query{Period: march(t)})
		samplesRead = read
	})
	if samplesRead == nil {
		t.Fatal("the reports could not be read; another test says why")
	}
	return samplesRead
}

// dimension is one of the published dimensions.
func (s *site) dimension(name string) loader.Dimension {
	s.t.Helper()
	dimensions, err := loader.DimensionsOf(context.Background(), s.w.DB(), 0)
	i := slices.IndexFunc(dimensions, func(d loader.Dimension) bool { return d.Name == name })
	if err != nil || i < 0 {
		s.t.Fatalf("DimensionsOf: %+v, %v, want %s", dimensions, err, name)
	}
	return dimensions[i]
}

var host = regexp.MustCompile(`^https://[^/]+`)

func steady(r report.Report) report.Report {
	r.Run.PublishedAt = night
	for i := range r.Visits {
		r.Visits[i].DealURL = host.ReplaceAllString(r.Visits[i].DealURL, "https://portal.example")
	}
	for i := range r.Ahead.Deals {
		r.Ahead.Deals[i].DealURL = host.ReplaceAllString(r.Ahead.Deals[i].DealURL, "https://portal.example")
	}
	for _, gap := range r.Gaps {
		for i := range gap.Items {
			gap.Items[i].DealURL = host.ReplaceAllString(gap.Items[i].DealURL, "https://portal.example")
		}
	}
	return r
}

// lines asks the warehouse for the rows of a query, each as one text.
func (s *site) lines(query string) []string {
	s.t.Helper()
	var b strings.Builder
	if err := s.w.Query(context.Background(), &b, query, "TSV"); err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
	if b.Len() == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}

// golden compares with a file of testdata, which -update writes anew.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got); go test ./report -update writes it anew:\n%s", file, diff)
	}
}

func day(t *testing.T, text string) transform.Day {
	t.Helper()
	d, err := transform.ParseDay(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

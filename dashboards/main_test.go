package dashboards_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"go.yaml.in/yaml/v3"

	"stagelag/bitrix24"
	"stagelag/config"
	"stagelag/dashboards"
	"stagelag/extractor"
	"stagelag/nightly"
	"stagelag/simulator"
	"stagelag/transform"
	"stagelag/warehouse"
	"stagelag/warehouse/warehousetest"
)

func TestMain(m *testing.M) { warehousetest.Main(m) }

// A statement is one query of the dashboards, by where it is.
type statement struct{ place, sql string }

// An override is what a panel says of a column.
type override struct {
	Matcher    struct{ ID, Options string }
	Properties []struct {
		ID    string
		Value any
	}
}

// settings are the properties by their IDs, of those that are there twice the last one, as Grafana takes it.
func (o override) settings() map[string]any {
	of := map[string]any{}
	for _, property := range o.Properties {
		of[property.ID] = property.Value
	}
	return of
}

// A panel is what the tests look at of one, as Grafana reads it.
type panel struct {
	ID          int
	Type        string
	Title       string
	Description string
	FieldConfig struct {
		Defaults struct {
			Unit    string
			NoValue string
		}
		Overrides []override
	}
	GridPos struct{ H int }
	Options struct {
		Legend struct{ ShowLegend bool }
	}
	Targets []struct {
		RawSQL     string `json:"rawSql"`
		Datasource struct{ Type, UID string }
	}
	Transformations []struct {
		ID      string
		Options struct {
			RowField, ColumnField, ValueField, ByField string
			Fields                                     []string
		}
	}
}

// A page is a dashboard, as Grafana reads it.
type page struct {
	UID, Title, Description, Timezone string
	Links                             []struct {
		URL                   string
		KeepTime, IncludeVars bool
	}
	Templating struct {
		List []struct {
			Name  string
			Query struct {
				RawSQL string `json:"rawSql"`
			}
		}
	}
	Annotations struct {
		List []struct {
			Name   string
			Filter struct{ IDs []int }
			Target struct {
				RawSQL string `json:"rawSql"`
			}
		}
	}
	Panels []panel
}

// read is what a language has: its dashboards, and its alerts' statements by their uids. They are made once.
func read(t testing.TB, lang dashboards.Lang) (pages map[string]page, alerts []statement) {
	t.Helper()
	made.Lock()
	defer made.Unlock()
	if made.pages[lang] == nil {
		made.pages[lang], made.alerts[lang] = readAnew(t, lang)
	}
	return made.pages[lang], made.alerts[lang]
}

var made = struct {
	sync.Mutex
	pages  map[dashboards.Lang]map[string]page
	alerts map[dashboards.Lang][]statement
}{pages: map[dashboards.Lang]map[string]page{}, alerts: map[dashboards.Lang][]statement{}}

// boards are the dashboards among the files, by name: of each what a B has of it.
func boards[B any](t testing.TB, files map[string][]byte) map[string]B {
	t.Helper()
	found := map[string]B{}
	for name, text := range files {
		if !strings.HasSuffix(name, ".json") {
			continue
		}
		var b B
		if err := json.Unmarshal(text, &b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		found[name] = b
	}
	return found
}

func readAnew(t testing.TB, lang dashboards.Lang) (pages map[string]page, alerts []statement) {
	t.Helper()
	files, err := dashboards.Files(lang, dashboards.Options{})
	if err != nil {
		t.Fatal(err)
	}
	pages = boards[page](t, files)
	var provisioned struct {
		Groups []struct {
			Rules []struct {
				UID  string
				Data []struct {
					Model struct {
						RawSQL string `yaml:"rawSql"`
					}
				}
			}
		}
	}
	if err := yaml.Unmarshal(files["alerts.yaml"], &provisioned); err != nil {
		t.Fatal(err)
	}
	for _, group := range provisioned.Groups {
		for _, rule := range group.Rules {
			alerts = append(alerts, statement{"alert " + rule.UID, rule.Data[0].Model.RawSQL})
		}
	}
	return pages, alerts
}

// statements are all queries of all languages.
func statements(t testing.TB) []statement {
	return slices.Concat(statementsIn(t, dashboards.Langs[0]), statementsIn(t, dashboards.Langs[1]))
}

var textOfSQL = regexp.MustCompile(`'(?:[^'\\]|\\.|'')*'`)

// shapes are all queries of one language, and those of the other one that differ in more than their texts: what is
// chosen makes no difference to a text.
func shapes(t testing.TB) []statement {
	shape := func(s statement) string { return textOfSQL.ReplaceAllString(s.sql, "") }
	all := statementsIn(t, dashboards.Langs[0])
	seen := map[string]bool{}
	for _, s := range all {
		seen[shape(s)] = true
	}
	for _, s := range statementsIn(t, dashboards.Langs[1]) {
		if !seen[shape(s)] {
			all = append(all, s)
		}
	}
	return all
}

// statementsIn are the queries of a language.
func statementsIn(t testing.TB, lang dashboards.Lang) []statement {
	var all []statement
	pages, alerts := read(t, lang)
	all = append(all, alerts...)
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		page := pages[name]
		for _, v := range page.Templating.List {
			all = append(all, statement{fmt.Sprintf("%s/%s variable %s", lang, name, v.Name), v.Query.RawSQL})
		}
		for _, m := range page.Annotations.List {
			all = append(all, statement{fmt.Sprintf("%s/%s markers %q", lang, name, m.Name), m.Target.RawSQL})
		}
		for _, p := range page.Panels {
			for _, target := range p.Targets {
				all = append(all, statement{fmt.Sprintf("%s/%s panel %q", lang, name, p.Title), target.RawSQL})
			}
		}
	}
	return all
}

// A view is what the variables and the range above a dashboard are.
type view struct {
	name                         string
	funnel, stage, manager, deal string // empty: All
	department, company, field   string // empty: All
	bucket                       string // of the lists' charts, empty: All
	shown                        string // empty: now
	from, to                     time.Time
	zone                         string         // of the portal, empty: UTC
	process                      *time.Location // of Grafana's process, nil: UTC
}

// everyFunnel is what the variable stands for while All is chosen: the funnels of the portals of these tests.
const everyFunnel = "'0','5','7','12'"

var macro = regexp.MustCompile(`\$__dateFilter\((\w+)\)`)

// conditionals are the plugin's macros that drop a condition while all of a variable is chosen.
var conditionals = func() map[string]*regexp.Regexp {
	all := map[string]*regexp.Regexp{}
	for _, name := range []string{"funnel", "stage", "manager", "department", "company", "field", "age", "late_by"} {
		all[name] = regexp.MustCompile(`\$__conditionalAll\(((?:[^$]|\$\{)*), \$` + name + `\)`)
	}
	return all
}()

// expand does what the plugin's documentation says of macros and variables.
func (v view) expand(sql string) string {
	for name, value := range map[string]string{"funnel": v.funnel, "stage": v.stage, "manager": v.manager, "department": v.department, "company": v.company, "field": v.field, "age": v.bucket, "late_by": v.bucket} {
		conditional := conditionals[name]
		phrase := "1=1"
		if value != "" {
			phrase = "${1}"
		}
		sql = conditional.ReplaceAllString(sql, phrase)
		quoted := "'" + value + "'"
		if name == "funnel" && value == "" {
			quoted = everyFunnel
		}
		sql = strings.ReplaceAll(sql, "${"+name+":singlequote}", quoted)
	}
	report := "quality_report"
	if v.company != "" || v.field != "" {
		report = "quality_by_deal"
	}
	sql = strings.ReplaceAll(sql, "${report:raw}", report)
	sql = strings.ReplaceAll(sql, "${zone:singlequote}", "'"+cmp.Or(v.zone, "UTC")+"'")
	sql = strings.ReplaceAll(sql, "${__from}", strconv.FormatInt(v.from.UnixMilli(), 10))
	sql = strings.ReplaceAll(sql, "${__to}", strconv.FormatInt(v.to.UnixMilli(), 10))
	// The plugin writes dates in the zone of its process.
	process := cmp.Or(v.process, time.UTC)
	sql = strings.ReplaceAll(sql, "${deal:singlequote}", "'"+v.deal+"'")
	sql = strings.ReplaceAll(sql, "${shown:singlequote}", "'"+v.shown+"'")
	sql = macro.ReplaceAllString(sql, fmt.Sprintf("$1 >= toDate('%s') AND $1 <= toDate('%s')", v.from.In(process).Format(time.DateOnly), v.to.In(process).Format(time.DateOnly)))
	sql = strings.ReplaceAll(sql, "$__fromTime", fmt.Sprintf("toDateTime(%d)", v.from.Unix()))
	return strings.ReplaceAll(sql, "$__toTime", fmt.Sprintf("toDateTime(%d)", v.to.Unix()))
}

var now = time.Date(2026, 3, 10, 2, 30, 0, 0, time.UTC)

// demoRows are those of two nights of the demo's portal. The first test that asks makes the nights.
var demoRows struct {
	sync.Mutex
	rows warehousetest.Rows
	// then are the answers after the first night, by the statement of beforeNow.
	then map[string]string
	deal string // of these answers
}

// beforeNow is what readers see in the first of the two nights.
var beforeNow = view{name: "the night before", from: now.AddDate(0, -6, 0), to: now}

// demo is a warehouse with two nights of the demo's portal.
func demo(t testing.TB) *warehouse.Warehouse {
	t.Helper()
	demoRows.Lock()
	defer demoRows.Unlock()
	if demoRows.rows == nil {
		demoRows.then = map[string]string{}
		w := generated(t, 400, func(w *warehouse.Warehouse) {
			v := beforeNow
			demoRows.deal = movedDeal(t, w)
			v.deal = demoRows.deal
			for _, a := range distinct(statements(t), v) {
				answer, err := askAs(t, w, a.sql, "TSVWithNamesAndTypes")
				if err != nil {
					t.Fatalf("%s: %v", a.place, err)
				}
				demoRows.then[a.sql] = answer
			}
		})
		demoRows.rows = warehousetest.RowsOf(t, w)
		return w
	}
	w := warehousetest.Migrated(t)
	demoRows.rows.Into(t, w)
	return w
}

// movable are the visits whose plans are moved between the two nights, the latest first.
const movable = "SELECT deal_id, stage_id, plan_days FROM visits_now WHERE is_open = 1 AND first_plan_days IS NOT NULL AND plan_source = 'deal_days' ORDER BY overdue_days DESC, deal_id LIMIT 12"

// movedDeal is a deal of the first night whose plan is moved.
func movedDeal(t testing.TB, w *warehouse.Warehouse) string { return number(t, w, movable) }

// generated is a warehouse with two nights of a generated portal. Between them managers move plans, and a norm is
// changed.
func generated(t testing.TB, deals int, afterFirst func(*warehouse.Warehouse)) *warehouse.Warehouse {
	t.Helper()
	w := warehousetest.Migrated(t)
	clock := now.AddDate(0, 0, -1)
	world, suggested := simulator.Generate(simulator.GenerateOptions{Seed: 1, Deals: deals, Now: clock, Language: simulator.Russian})
	simulated := simulator.New(world, simulator.Options{Now: func() time.Time { return clock }})
	server := httptest.NewServer(simulated)
	t.Cleanup(server.Close)
	webhook, err := bitrix24.ParseWebhook(simulated.WebhookURL(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	cfg.Portal.URL, cfg.Portal.Limits = webhook, bitrix24.Unlimited
	if cfg.Portal.TimeZone, err = time.LoadLocation(suggested.TimeZone); err != nil {
		t.Fatal(err)
	}
	cfg.Plan.Fields = map[extractor.StageID]config.PlanFields{}
	for stage, f := range suggested.Fields {
		cfg.Plan.Fields[extractor.StageID(stage)] = config.PlanFields{Days: config.FieldName(f.Days), Date: config.FieldName(f.Date)}
	}
	cfg.Dimensions = map[config.DimensionName]config.FieldName{}
	for name, field := range suggested.Dimensions {
		cfg.Dimensions[config.DimensionName(name)] = config.FieldName(field)
	}
	cfg.Plan.Norms = []config.Norm{{Stage: "C5:HANDOVER", Days: 10}}
	log := logrus.New()
	log.SetOutput(io.Discard)
	for night := range 2 {
		if _, err := nightly.Run(context.Background(), nightly.Pass{
			Warehouse: w, Config: cfg, AsOf: transform.NoDay, Progress: quiet{}, Log: log, Now: time.Now,
			Client: bitrix24.NewClient(bitrix24.ClientOptions{Webhook: webhook, Limits: bitrix24.Unlimited, Clock: bitrix24.WallClock(time.Now)}),
		}); err != nil {
			t.Fatal(err)
		}
		if night == 0 {
			afterFirst(w)
			movable, err := ask(t, w, movable)
			if err != nil {
				t.Fatal(err)
			}
			clock = now
			for i, row := range movable[2:] {
				deal, _ := strconv.Atoi(row[0])
				plan, _ := strconv.Atoi(row[2])
				world.SetField(simulator.DealID(deal), now.Add(-12*time.Hour), suggested.Fields[row[1]].Days, plan+5+i)
			}
			cfg.Plan.Norms = []config.Norm{{Stage: "C5:HANDOVER", Days: 14}}
		}
	}
	return w
}

// quiet is a progress that nobody looks at.
type quiet struct{}

func (quiet) Step(string)       {}
func (quiet) Rows(int64, int64) {}

// ask runs a statement as Grafana does, and gives the names, the types and the rows.
func ask(t testing.TB, w *warehouse.Warehouse, sql string) ([][]string, error) {
	t.Helper()
	text, err := askAs(t, w, sql, "TSVWithNamesAndTypes")
	var lines [][]string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	return lines, err
}

// askAs runs a statement over HTTP, as the user of Grafana's data source.
func askAs(t testing.TB, w *warehouse.Warehouse, sql, format string) (string, error) {
	t.Helper()
	e, ok := w.Endpoints()
	if !ok {
		return "", errors.New("the warehouse is a server's")
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, strings.TrimSuffix(e.HTTP, "/")+"/?database="+e.Database+"&default_format="+format, strings.NewReader(sql))
	if err != nil {
		return "", err
	}
	request.Header.Set("X-ClickHouse-User", e.GrafanaUser)
	request.Header.Set("X-ClickHouse-Key", e.GrafanaPassword)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if answer.StatusCode != http.StatusOK {
		return "", errors.Join(err, errors.New(string(text)))
	}
	return string(text), err
}

func number(t testing.TB, w *warehouse.Warehouse, sql string) string {
	t.Helper()
	lines, err := ask(t, w, sql)
	if err != nil || len(lines) < 3 {
		t.Fatalf("%s: %d lines, %v", sql, len(lines), err)
	}
	return lines[2][0]
}

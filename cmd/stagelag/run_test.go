package main

import (
	"encoding/json"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"stagelag/simulator"
	"stagelag/warehouse"
)

// lines are the lines of a text, each with single blanks between its words.
func lines(text string) []string {
	var all []string
	for line := range strings.Lines(text) {
		all = append(all, strings.Join(strings.Fields(line), " "))
	}
	return all
}

// onTheDay are the facts of the as-of date of what is shown.
const onTheDay = "FROM deal_stage_days WHERE day = (SELECT max(day) FROM deal_stage_days)"

// morningReport is what a morning report has to say, from the facts day by day and from the portal.
func morningReport(t *testing.T, w *warehouse.Warehouse, portal *simulator.Portal, world *simulator.World) []string {
	t.Helper()
	want := lines(told(t, w,
		"SELECT concat('deals ', toString(uniqExact(deal_id))) FROM deal_stage_days",
		"SELECT concat('open ', toString(countIf(is_open = 1))) "+onTheDay,
		"SELECT concat('overdue ', toString(countIf(is_open = 1 AND overdue_day = 1)), ' ', toString(round(100 * countIf(is_open = 1 AND overdue_day = 1) / countIf(is_open = 1))), ' % of the open ones') "+onTheDay,
		"SELECT concat('due today ', toString(countIf(is_open = 1 AND planned_end = day))) "+onTheDay,
		"SELECT concat('days lost ', toString(sum(overdue_day)), ' +', toString(sumIf(overdue_day, day = (SELECT max(day) FROM deal_stage_days))), ' since 2026-03-10') FROM deal_stage_days",
	))
	names := map[simulator.UserID]string{}
	for _, user := range world.Users() {
		names[user.ID] = user.Name + " " + user.LastName
	}
	stages := map[simulator.StageID]string{}
	for _, funnel := range world.Funnels() {
		for _, stage := range funnel.Stages {
			stages[stage.ID] = stage.Name
		}
	}
	latest := lines(told(t, w, "SELECT deal_id, overdue_days "+onTheDay+" AND is_open = 1 ORDER BY overdue_days DESC, deal_id LIMIT 5"))
	for _, late := range latest {
		var id simulator.DealID
		var days int
		if _, err := fmt.Sscan(late, &id, &days); err != nil {
			t.Fatal(err)
		}
		deal, _ := world.Deal(id)
		want = append(want, fmt.Sprintf("%d days late #%d %s %s %s", days, id, deal.Title, stages[deal.Stage], names[deal.Manager]))
	}
	return append(want, fmt.Sprintf("%d requests to the portal", len(portal.Log())))
}

func TestRunPrintsAMorningReport(t *testing.T) {
	t.Parallel()
	folder := seededFolder(t)
	w := openWarehouse(t, folder)
	portal, world, clock := nightlyPortal(t, 150, folder)
	mustCall(t, folder, "run")
	clock.Add(24 * 60 * 60)
	portal.ForgetLog()
	stdout, stderr, code := call(t, folder, "", "run")
	if code != 0 {
		t.Fatalf("run: exit code %d, standard error: %s", code, stderr)
	}
	report := lines(stdout)
	for _, want := range append(morningReport(t, w, portal, world), "As of 2026-03-11") {
		if !slices.ContainsFunc(report, func(line string) bool { return strings.HasPrefix(line, want) }) {
			t.Errorf("the report lacks the line %q:\n%s", want, stdout)
		}
	}
	for _, gap := range lines(told(t, w, "SELECT count(), reason, uniqExact(deal_id) FROM data_gaps GROUP BY reason")) {
		of := strings.Fields(gap) // visits or deals, the reason, deals
		line := regexp.MustCompile(`(?m)^  ` + of[0] + ` +` + of[1] + ` .* in ` + of[2] + ` deals?$`)
		if !line.MatchString(stdout) {
			t.Errorf("the report lacks the line %s:\n%s", line, stdout)
		}
	}
	if strings.Contains(stdout+stderr, webhookSecret) {
		t.Errorf("the webhook's secret is in the output:\n%s%s", stdout, stderr)
	}
}

func TestDemo(t *testing.T) {
	t.Parallel()
	folder := newFolder(t)
	first, stderr, code := call(t, folder, "", "demo")
	if code != 0 {
		t.Fatalf("demo: exit code %d, standard error: %s", code, stderr)
	}
	w, err := warehouse.Open(t.Context(), warehouse.Config{URL: warehouse.Embedded, Path: filepath.Join(folder, demoFolder, "warehouse")})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for _, want := range lines(told(t, w,
		"SELECT concat('deals ', toString(uniqExact(deal_id))) FROM deal_stage_days",
		"SELECT concat('working days lost ', toString(sum(overdue_day))) FROM deal_stage_days",
		"SELECT concat('Last night''s pass read ', toString(deals_seen), ' deals and ', toString(history_rows), ' stage changes, and appended ', toString(facts_appended), ' facts.') FROM runs WHERE run_id = 1",
	)) {
		if !slices.ContainsFunc(lines(first), func(line string) bool { return strings.HasPrefix(line, want) }) {
			t.Errorf("the demo lacks the line %q:\n%s", want, first)
		}
	}
	if deals := told(t, w, "SELECT count() FROM deals_now"); deals != "399\n" {
		t.Errorf("the demo's warehouse has %s deals, want 399 of the 400: one is deleted", deals)
	}
	second := mustCall(t, folder, "demo") // it finds what the first left
	if strings.Contains(second, "Last night's pass") || !strings.Contains(second, "appended 0 facts") {
		t.Errorf("a second demo on one day derives something again:\n%s", second)
	}
	theDemoTellsWhereToLook(t, folder, first)
	reportsOfTheDemo(t, folder, w)
	forecastsOfTheDemo(t, folder, w)
}

// theDemoTellsWhereToLook makes the calls that a demo has printed, and looks at its page.
func theDemoTellsWhereToLook(t *testing.T, folder, printed string) {
	t.Helper()
	calls := regexp.MustCompile(`(?m)^  stagelag ((?:query|report) .*)$`).FindAllStringSubmatch(printed, -1)
	for _, line := range calls {
		options, statement, _ := strings.Cut(strings.TrimSuffix(line[1], "'"), " '")
		args := strings.Fields(options)
		if statement != "" {
			args = append(args, statement)
		}
		if stdout := mustCall(t, folder, args...); strings.Count(stdout, "\n") < 5 {
			t.Errorf("stagelag %q, which the demo advises, prints %q", args, stdout)
		}
	}
	page, err := os.ReadFile(filepath.Join(folder, demoFolder, "report.html"))
	if len(calls) < 3 || err != nil || !strings.Contains(printed, filepath.Join(demoFolder, "report.html")) {
		t.Fatalf("the demo advises %d calls and has a page (%v), want 3 and the page's place:\n%s", len(calls), err, printed)
	}
	managers := mustCall(t, folder, "query", "--config", "data/demo/stagelag.yaml", "--format", "TSVRaw",
		"SELECT DISTINCT manager_name FROM quality_report WHERE toStartOfMonth(day) = toStartOfMonth((SELECT max(day) FROM quality_report) - INTERVAL 1 MONTH) AND overdue_days_accrued > 0")
	for manager := range strings.Lines(managers) {
		if name := html.EscapeString(strings.TrimSpace(manager)); !strings.Contains(string(page), name) {
			t.Errorf("the demo's page lacks %s, who has lost days", name)
		}
	}
}

// reportsOfTheDemo asks for the demo's report in every way. The warehouse is held open, so one
// engine serves them all.
func reportsOfTheDemo(t *testing.T, folder string, w *warehouse.Warehouse) {
	t.Helper()
	of := func(args ...string) (stdout, stderr string, code int) {
		return call(t, folder, "", append([]string{"report", "--config", "data/demo/stagelag.yaml"}, args...)...)
	}
	tests := []struct {
		name  string
		args  []string
		code  int
		begin string // of the result
		said  string // at the end of standard error
	}{
		{"text by manager", nil, 0, "Quality report · ", ""},
		{"the language", []string{"--lang", "ru"}, 0, "Отчёт о качестве · ", ""},
		{"CSV", []string{"--format", "csv"}, 0, "ID,Manager,Working days lost", ""},
		{"CSV of a Russian Excel", []string{"--format", "csv", "--lang", "ru", "--csv-dialect", "excel-ru", "--csv-table", "trend"}, 0, "\ufeffС;По;Потеряно рабочих дней", ""},
		{"a file says its form", []string{"--out", "report.xlsx"}, 0, "", ""},
		{"a period that is yet to come", []string{"--month", "2140-01"}, 2, "", "after the as-of date"},
		{"a funnel that there is not", []string{"--funnel", "404"}, 2, "", "no deal has been in a funnel 404"},
		{"a funnel by a name that none has", []string{"--funnel", "nowhere"}, 2, "", `there is no funnel "nowhere"; there are `},
		{"a person", []string{"--manager", "Anna Lindqvist", "--by", "department"}, 0, "Quality report · ", ""},
		{"a person by a name of several", []string{"--manager", "boris novak"}, 2, "", `report: --manager: several people have the name "boris novak": give the id, one of `},
		{"a person by a name that none has", []string{"--manager", "nobody"}, 2, "", `report: --manager: there is no person "nobody"`},
		{"a person for whom nothing counts", []string{"--manager", "404"}, 2, "", "report: --manager: nothing counts for a person with the id 404"},
		{"a company and a region", []string{"--company", "hillside ltd", "--where", "region=North"}, 0, "Quality report · ", ""},
		{"a company that there is not", []string{"--company", "404"}, 2, "", "report: --company: no deal has a company 404"},
		{"a dimension that there is not", []string{"--where", "area=North"}, 2, "", `report: --where: no deal has a value of a dimension "area"; there are contract, region`},
		{"a value that there is not", []string{"--where", "region=Nord"}, 2, "", `report: --where: no deal has region "Nord"; did you mean North?`},
		{"a value without a name", []string{"--where", "North"}, 2, "", `report: --where: "North" is not NAME=VALUE, such as region=North`},
		{"rows by a field of deals", []string{"--by", "dimension:region", "--format", "csv"}, 0, "region,Working days lost", ""},
		{"rows by a field that has no name", []string{"--by", "area"}, 2, "", `report: --by: "area" is neither a level nor a name under dimensions in the configuration; there are manager, stage, funnel, department, company, contract, region`},
		{"a folder that there is not", []string{"--out", "nowhere/report.html"}, 1, "", "nowhere"},
	}
	for _, test := range tests {
		stdout, stderr, code := of(test.args...)
		if code != test.code || !strings.HasPrefix(stdout, test.begin) || !strings.Contains(stderr, test.said) {
			t.Errorf("%s: report %v: exit code %d, %.60q, %s; want %d, %q, %q", test.name, test.args, code, stdout, stderr, test.code, test.begin, test.said)
		}
	}
	workbook, err := os.ReadFile(filepath.Join(folder, "report.xlsx"))
	if err != nil || !strings.HasPrefix(string(workbook), "PK") {
		t.Errorf("report.xlsx begins with %.4q (%v), want a workbook", workbook, err)
	}

	stdout, stderr, code := of("--format", "json", "--by", "stage")
	var report struct {
		Period struct{ From, To string }
		Total  struct {
			DaysLost int64 `json:"days_lost"`
		}
	}
	err = json.Unmarshal([]byte(stdout), &report)
	lost := told(t, w, fmt.Sprintf("SELECT sum(overdue_day) FROM deal_stage_days WHERE day BETWEEN '%s' AND '%s'", report.Period.From, report.Period.To))
	if err != nil || code != 0 || fmt.Sprintln(report.Total.DaysLost) != lost || lost == "0\n" {
		t.Errorf("report as JSON: exit code %d, %v, %s: %+v, want the %s days that the facts of the period have accrued", code, err, stderr, report, lost)
	}
}

func TestDemoOnAServer(t *testing.T) {
	t.Parallel()
	folder := seededFolder(t)
	native := strings.Fields(serve(t, folder, "warehouse").line())[1]
	text, err := os.ReadFile(filepath.Join(folder, "data", "warehouse", "credentials"))
	if err != nil {
		t.Fatal(err)
	}
	var credentials map[string]struct{ Program string }
	if err := json.Unmarshal(text, &credentials); err != nil {
		t.Fatal(err)
	}
	password := credentials["stagelag"].Program

	elsewhere := newFolder(t)
	if _, stderr, code := call(t, elsewhere, "", "demo", "--server"); code != 2 || !strings.Contains(stderr, "set STAGELAG_WAREHOUSE_URL") {
		t.Errorf("demo --server without a server: exit code %d, stderr %q", code, stderr)
	}
	server := "STAGELAG_WAREHOUSE_URL=clickhouse://stagelag:" + password + "@" + native
	if _, stderr, code := callWith(t, elsewhere, []string{server}, "", "demo", "--server", "--deals", "20"); code != 0 {
		t.Fatalf("demo --server: exit code %d, stderr %q", code, stderr)
	}
	deals, stderr, code := call(t, folder, "", "query", "SELECT count() FROM deals_now", "--format", "TSV")
	if deals != "20\n" || code != 0 {
		t.Errorf("the server has %q deals, want 20 (exit code %d, stderr %q)", deals, code, stderr)
	}

	// Somebody else's deals stay alone.
	w, err := warehouse.Open(t.Context(), warehouse.Config{URL: warehouse.Embedded, Path: filepath.Join(folder, "data", "warehouse")})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.DB().Exec(t.Context(), `INSERT INTO run_events (run_id, status, recorded_at, as_of, started_at, portal_host)
		VALUES (99, 'published', now64(3), today(), now64(3), 'example.bitrix24.ru')`); err != nil {
		t.Fatal(err)
	}
	_, stderr, code = callWith(t, elsewhere, []string{server}, "", "demo", "--server", "--deals", "20")
	if code != 1 || !strings.Contains(stderr, "example.bitrix24.ru") || strings.Contains(stderr, password) {
		t.Errorf("demo --server among other deals: exit code %d, stderr %q", code, stderr)
	}
}

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"stagelag/loader"
	"stagelag/warehouse"
)

// servePortalFor starts a simulated portal and leaves a configuration for it in the
// folder.
func servePortalFor(t *testing.T, folder string, args ...string) (webhook string) {
	t.Helper()
	webhook = serve(t, folder, append([]string{"portal", "--listen", "127.0.0.1:0", "--limits", "none"}, args...)...).line()
	settings := fmt.Sprintf(`
portal: {url: %q, time_zone: Europe/Moscow, limits: none}
plan: {norms: [{stage: NEW, days: 3}, {stage: "C5:NEW", days: 2}, {stage: "C5:DOCS", days: 7}]}
`, webhook)
	if err := os.WriteFile(filepath.Join(folder, "stagelag.yaml"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	return webhook
}

func runRow(t *testing.T, stdout string) loader.Row {
	t.Helper()
	var row loader.Row
	if err := json.Unmarshal([]byte(stdout), &row); err != nil {
		t.Fatalf("the run's row %q: %v", stdout, err)
	}
	return row
}

func TestRunPrintsAMorningReport(t *testing.T) {
	t.Parallel()
	folder := newFolder(t)
	webhook := servePortalFor(t, folder, "--lang", "ru", "--deals", "150")
	stdout, stderr, code := call(t, folder, "", "run")
	if code != 0 {
		t.Fatalf("run: exit code %d, standard error: %s", code, stderr)
	}
	// Each line is found again in the views, in other ones than it was read from.
	found, complaint, code := call(t, folder, "", "query", "--format", "TSVRaw", `
		SELECT concat('As of ', toString(max(as_of))) FROM runs
		UNION ALL SELECT concat('deals ', toString(uniqExact(deal_id))) FROM deal_stages
		UNION ALL SELECT concat('open ', toString(sum(is_open))) FROM deal_stages
		UNION ALL SELECT concat('overdue ', toString(countIf(status = 'overdue')), ' ', toString(round(100 * countIf(status = 'overdue') / sum(is_open))), ' % of the open ones') FROM deal_stages
		UNION ALL SELECT concat('due today ', toString(countIf(status = 'due_today'))) FROM deal_stages
		UNION ALL SELECT concat('days lost ', toString(sum(overdue_day))) FROM deal_stage_days
		UNION ALL SELECT concat(toString(overdue_days), if(overdue_days = 1, ' day', ' days'), ' late #', toString(deal_id), ' ', stage_name) FROM
			(SELECT * FROM deal_stages WHERE status = 'overdue' ORDER BY overdue_days DESC, deal_id LIMIT 5)
		UNION ALL SELECT concat(toString(count()), ' ', reason) FROM data_gaps GROUP BY reason
		UNION ALL SELECT concat(toString(portal_requests), ' requests to the portal') FROM runs`)
	if code != 0 || strings.Count(found, "\n") < 9 || !strings.Contains(found, " late #") {
		t.Fatalf("query: exit code %d, %s%s, want all lines", code, found, complaint)
	}
	for want := range strings.Lines(found) {
		words := strings.Fields(want)
		isIn := func(line string) bool {
			return isSubsequence(words, strings.Fields(strings.ReplaceAll(line, ",", " ")))
		}
		if !slices.ContainsFunc(strings.Split(stdout, "\n"), isIn) {
			t.Errorf("the report lacks the line %q:\n%s", want, stdout)
		}
	}
	secret := strings.Split(strings.TrimSuffix(webhook, "/"), "/rest/")[1]
	if strings.Contains(stdout+stderr, secret) {
		t.Errorf("the webhook's secret is in the output:\n%s%s", stdout, stderr)
	}
}

// isSubsequence is whether the words come in this order among others.
func isSubsequence(words, among []string) bool {
	for _, word := range among {
		if len(words) > 0 && word == words[0] {
			words = words[1:]
		}
	}
	return len(words) == 0
}

func TestDemo(t *testing.T) {
	t.Parallel()
	folder := newFolder(t)
	for range 2 { // the second finds what the first left
		stdout, stderr, code := call(t, folder, "", "demo")
		if code != 0 {
			t.Fatalf("demo: exit code %d, standard error: %s", code, stderr)
		}
		for _, want := range []string{"days lost", "The latest deals", "Where to look", "data/demo/report.html"} {
			if !strings.Contains(stdout, want) {
				t.Errorf("the demo lacks %q:\n%s", want, stdout)
			}
		}
	}
	deals, stderr, code := call(t, folder, "", "query", "--config", "data/demo/stagelag.yaml", "--format", "TSV", "SELECT count() FROM deals_now")
	if code != 0 || deals != "400\n" {
		t.Errorf("deals_now has %q deals (exit code %d, %s), want 400", deals, code, stderr)
	}
	page, err := os.ReadFile(filepath.Join(folder, demoFolder, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<!doctype html>", "Quality report", "Anna Lindqvist", "<svg"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the demo's report lacks %q", want)
		}
	}
	reportsOfTheDemo(t, folder)
}

// reportsOfTheDemo asks for the demo's report in every way.
func reportsOfTheDemo(t *testing.T, folder string) {
	t.Helper()
	// One engine serves them all.
	held := serve(t, folder, "warehouse", "--config", "data/demo/stagelag.yaml")
	held.line()
	defer held.stop(syscall.SIGTERM)
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
		{"JSON", []string{"--format", "json", "--by", "stage"}, 0, "{\n  \"version\": 1,", ""},
		{"CSV", []string{"--format", "csv"}, 0, "ID,Manager,Days lost", ""},
		{"CSV of a Russian Excel", []string{"--format", "csv", "--lang", "ru", "--csv-dialect", "excel-ru", "--csv-table", "trend"}, 0, "\ufeffС;По;Потеряно дней", ""},
		{"a file says its form", []string{"--out", "report.xlsx"}, 0, "", ""},
		{"a period that is yet to come", []string{"--month", "2140-01"}, 2, "", "after the as-of date"},
		{"a funnel that there is not", []string{"--funnel", "404"}, 2, "", "no deal has been in a funnel 404"},
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
}

func TestDemoOnAServer(t *testing.T) {
	t.Parallel()
	folder := newFolder(t)
	native := strings.Fields(serve(t, folder, "warehouse").line())[1]
	text, err := os.ReadFile(filepath.Join(folder, "data", "warehouse", "credentials"))
	if err != nil {
		t.Fatal(err)
	}
	var passwords map[string]string
	if err := json.Unmarshal(text, &passwords); err != nil {
		t.Fatal(err)
	}

	elsewhere := newFolder(t)
	if _, stderr, code := call(t, elsewhere, "", "demo", "--server"); code != 2 || !strings.Contains(stderr, "set STAGELAG_WAREHOUSE_URL") {
		t.Errorf("demo --server without a server: exit code %d, stderr %q", code, stderr)
	}
	server := "STAGELAG_WAREHOUSE_URL=clickhouse://stagelag:" + passwords["stagelag"] + "@" + native
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
	if code != 1 || !strings.Contains(stderr, "example.bitrix24.ru") || strings.Contains(stderr, passwords["stagelag"]) {
		t.Errorf("demo --server among other deals: exit code %d, stderr %q", code, stderr)
	}
}

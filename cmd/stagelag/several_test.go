package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"stagelag/simulator"
)

// One schedule serves three portals on one engine. A portal that is down and a configuration that is wrong hinder
// no other, and no reader of one portal sees anything of another.
func TestScheduleForThreePortals(t *testing.T) {
	t.Parallel()
	folder := seededFolder(t)
	databases := []string{"stagelag", "north", "south"}
	deals := map[string]string{}
	simulated := map[string]*simulator.Portal{}
	addresses := map[string]string{}
	for i, database := range databases {
		world, _ := simulator.Generate(simulator.GenerateOptions{Seed: uint64(i + 1), Deals: 5 + 5*i, Now: time.Now()})
		deals[database] = fmt.Sprint(5 + 5*i)
		simulated[database] = simulator.New(world, simulator.Options{Now: time.Now, Secret: "hidden5ecret" + database})
		server := httptest.NewServer(simulated[database])
		t.Cleanup(server.Close)
		addresses[database] = simulated[database].WebhookURL(server.URL)
	}
	configure := func(database, more string) {
		t.Helper()
		settings := fmt.Sprintf("portal: {url: %q, time_zone: Europe/Moscow, limits: none}\nplan: {norms: [{stage: NEW, days: 3}]}\nwarehouse: {database: %s}\n%s\n",
			addresses[database], database, more)
		if err := os.WriteFile(filepath.Join(folder, database+".yaml"), []byte(settings), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, database := range databases {
		configure(database, "")
	}
	simulated["south"].Inject(func(*simulator.Call) *simulator.Fault {
		return &simulator.Fault{Error: &simulator.Error{Status: 500, Code: "PORTAL_DELETED", Text: "Gone"}}
	})

	s := follow(t, folder, "schedule", "--config", "stagelag.yaml", "--config", "north.yaml", "--config", "south.yaml")
	address := s.expect(`"listen":"(127\.0\.0\.1:\d+)","msg":"schedule began"`)[1]
	waits := func(database, what string) {
		t.Helper()
		s.seen = 0 // the portals' lines come in any order
		s.expect(fmt.Sprintf(`"database":%q.*%s`, database, what))
	}
	waits("stagelag", `"msg":"published","run_id":1`)
	waits("north", `"msg":"published","run_id":1`)
	waits("south", `"msg":"run failed",.*"tries":1`)

	get := func(path string) (int, string) { return answerAt(t, address, path) }
	status, body := get("/readyz")
	lines := strings.Split(body, "\n")
	if status != http.StatusServiceUnavailable || len(lines) != 4 || !strings.HasPrefix(lines[0], "stagelag: ready: run 1 ") ||
		!strings.HasPrefix(lines[1], "north: ready: run 1 ") || lines[2] != "south: not ready: no run was published yet" {
		t.Errorf("/readyz = %d, %q, want 503 and two portals that are ready", status, body)
	}

	// The portal is there again, and another configuration is wrong meanwhile.
	simulated["south"].Inject(nil)
	configure("north", "funnels: [x]")
	s.signal(syscall.SIGHUP)
	waits("south", `"msg":"published","run_id":\d`)
	waits("north", `"error":"configuration: north.yaml:4: funnels: the portal has no funnel .*"msg":"configuration not reloaded, the old one stays"`)
	_, metrics := get("/metrics")
	for database, failed := range map[string]int{"stagelag": 0, "north": 0, "south": 1} {
		host := strings.Split(addresses[database], "/")[2]
		if line := fmt.Sprintf("stagelag_runs_total{database=%q,portal=%q,result=\"failed\"} %d\n", database, host, failed); !strings.Contains(metrics, line) {
			t.Errorf("/metrics lacks the line %s", line)
		}
	}
	configure("north", "")
	for i, database := range databases {
		query := func(statement string) (string, string, int) {
			return call(t, folder, "", "query", "--config", database+".yaml", "--format", "TSV", statement)
		}
		got, stderr, code := query(`SELECT (SELECT count() FROM deals_now),
			(SELECT arraySort(groupUniqArray(database)) FROM system.tables WHERE database NOT IN ('system', 'information_schema', 'INFORMATION_SCHEMA'))`)
		if want := fmt.Sprintf("%s\t['%s','%s_internal']\n", deals[database], database, database); code != 0 || got != want {
			t.Errorf("a reader of %s has the deals and sees the databases %q (exit code %d, %s), want %q", database, got, code, stderr, want)
		}
		other := databases[(i+1)%len(databases)]
		if _, stderr, code := query("SELECT count() FROM " + other + ".deals_now"); code != 1 || !strings.Contains(stderr, "Not enough privileges") {
			t.Errorf("a reader of %s asks %s: exit code %d, %s", database, other, code, stderr)
		}
	}
	s.stop(syscall.SIGTERM)
	if strings.Contains(s.text(), "hidden5ecret") || strings.Contains(metrics, "hidden5ecret") {
		t.Errorf("a webhook's secret is in the log or the metrics:\n%s", s.text())
	}
}

// Configurations that do not go together are refused with what to change, and each fault is printed once.
func TestSchedulesThatDoNotGoTogether(t *testing.T) {
	t.Parallel()
	const one = "portal: {url: 'https://north.bitrix24.ru/rest/1/hidden5ecret/', time_zone: Europe/Moscow}\n"
	const other = "portal: {url: 'https://south.bitrix24.ru/rest/1/hidden5ecret/', time_zone: Europe/Moscow}\n"
	tests := []struct {
		name    string
		a, b    string
		environ []string
		want    string
	}{
		{"one portal twice", one, other, []string{"STAGELAG_PORTAL_URL=https://east.bitrix24.ru/rest/1/hidden5ecret/"}, "a.yaml, b.yaml: portal.url is the same in each; .* write portal.url: "},
		{"one database", one, other, nil, "a.yaml, b.yaml: warehouse.database is stagelag in each; name another one for each portal"},
		{"two addresses of the schedule", one + "schedule: {listen: off}", other + "warehouse: {database: b}", nil, `schedule.listen differs \(off, 127.0.0.1:9469\); one schedule answers at one address`},
		{
			"two addresses of one engine", one, other + "warehouse: {database: b, listen: {http: '127.0.0.1:8123'}}", nil,
			"warehouse.listen differs, and both warehouses are in the folder /.*/data/warehouse, which has one engine",
		},
		{
			"one address of two engines", one + "warehouse: {listen: {http: '127.0.0.1:8123'}}", other + "warehouse: {database: b, path: b, listen: {http: '127.0.0.1:8123'}}", nil,
			"warehouse.listen names the same port in each",
		},
		{
			"one variable that is wrong", one, other + "warehouse: {database: b}\nfunnels: [x]", []string{"STAGELAG_SCHEDULE_LISTEN=nowhere"},
			`^stagelag: configuration: STAGELAG_SCHEDULE_LISTEN: schedule\.listen: [^;]*; b\.yaml:3: funnels\[0\]: [^;]*\n$`,
		},
		{"what is absent", one, "warehouse: {database: b}", nil, `^stagelag: configuration: portal\.url: [^;]* in b\.yaml [^;]*; portal\.time_zone: [^;]* in b\.yaml [^;]*\n$`},
		{"a file that is missing", one, "", nil, "b.yaml: no such file"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			for name, text := range map[string]string{"a.yaml": test.a, "b.yaml": test.b} {
				if text == "" {
					continue
				}
				if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, stderr, code := callWith(t, folder, test.environ, "", "schedule", "--config", "a.yaml", "--config", "b.yaml")
			if code != 2 || !regexp.MustCompile(test.want).MatchString(stderr) || strings.Contains(stderr, "hidden5ecret") {
				t.Errorf("schedule: exit code %d, %s, want 2 and %s", code, stderr, test.want)
			}
		})
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "a.yaml"), []byte("funnels: [x]"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("a.yaml", filepath.Join(folder, "link.yaml")); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ other, want string }{
		{"a.yaml", "stagelag: --config: a.yaml is given twice; give a configuration of its own for each portal\n"},
		{"./a.yaml", "stagelag: --config: a.yaml and ./a.yaml are the same file; give a configuration of its own for each portal\n"},
		{"link.yaml", "stagelag: --config: a.yaml and link.yaml are the same file; give a configuration of its own for each portal\n"},
	} {
		for _, args := range [][]string{{"schedule"}, {"dashboards", "export", "--lang", "en", "--dir", "boards"}} {
			_, stderr, code := call(t, folder, "", append(args, "--config", "a.yaml", "--config", test.other)...)
			if code != 2 || stderr != test.want {
				t.Errorf("%q with a.yaml and %s: exit code %d, %s, want 2 and %s", args, test.other, code, stderr, test.want)
			}
		}
	}
	_, stderr, code := call(t, t.TempDir(), "", "run", "--config", "a.yaml", "--config", "b.yaml")
	if code != 2 || !strings.Contains(stderr, "--config") || !strings.Contains(stderr, "given twice; only stagelag schedule and stagelag dashboards export take several") {
		t.Errorf("run with two configurations: exit code %d, %s, want 2 and why", code, stderr)
	}
}

// A fault that several configurations share is printed once, with all their names.
func TestAFaultOfSeveralConfigurationsIsPrintedOnce(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	args := []string{"schedule"}
	for _, name := range []string{"a.yaml", "b.yaml", "c.yaml"} {
		text := fmt.Sprintf("portal: {url: 'https://%.1s.bitrix24.ru/rest/1/hidden5ecret/', time_zone: Europe/Moscow}\n", name)
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", name)
	}
	_, stderr, code := call(t, folder, "", args...)
	const want = "stagelag: schedule: a.yaml, b.yaml, c.yaml: warehouse.database is stagelag in each; name another one for each portal. " +
		"STAGELAG_WAREHOUSE_DATABASE holds for every configuration\n"
	if code != 2 || stderr != want {
		t.Errorf("schedule: exit code %d, %s, want 2 and %s", code, stderr, want)
	}
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"stagelag/simulator"
	"stagelag/warehouse"
)

const webhookSecret = "hidden5ecret"

// TestNothingSaysASecret calls every command, at debug level and under faults, and looks for the
// webhook's secret and the warehouse's passwords in what it prints, logs and writes, and in all
// tables of the warehouse.
func TestNothingSaysASecret(t *testing.T) {
	t.Parallel()
	folder := seededFolder(t)
	simulated, _ := writtenPortal(t, folder, 30, "")
	w := openWarehouse(t, folder)
	said := map[string]string{}
	tell := func(name string, args ...string) (code int) {
		t.Helper()
		stdout, stderr, code := call(t, folder, "", append(args, "--log-level", "debug")...)
		said[name] = stdout + stderr
		return code
	}
	must := func(name string, want int, args ...string) {
		t.Helper()
		if code := tell(name, args...); code != want {
			t.Errorf("%s: exit code %d, want %d: %s", name, code, want, said[name])
		}
	}

	// What a portal or a proxy may answer, the address among it.
	address := "/rest/1/" + webhookSecret + "/batch"
	faults := map[string]simulator.Fault{
		"the connection breaks":           {Drops: true},
		"the answer is cut":               {CutsBody: true},
		"the answer is half a document":   {CutsJSON: true},
		"a wrong webhook":                 {Error: &simulator.NoAuthFound},
		"no right":                        {Error: &simulator.Error{Status: http.StatusForbidden, Code: "ACCESS_DENIED " + address, Text: "not at " + address}},
		"an error that tells the address": {Error: &simulator.Error{Status: http.StatusBadRequest, Code: address, Text: "no method " + webhookSecret}},
		"a gateway's page":                {HTML: http.StatusBadGateway},
		"another host":                    {RedirectTo: "https://stranger.example"},
		"a redirect without end":          {RedirectTo: "http://" + simulatedHost(t, folder)},
	}
	names := make([]string, 0, len(faults))
	for name := range faults {
		names = append(names, name)
	}
	slices.Sort(names)
	refused := 0 // of the faults
	for i, name := range names {
		simulated.Inject(simulator.FromNth(1+i%3, faults[name])) // at once, or in the middle
		if isSlow := faults[name].Drops || faults[name].CutsBody || faults[name].CutsJSON || faults[name].HTML != 0; isSlow {
			// A read is tried again for ten seconds; once is enough here.
			simulated.Inject(simulator.Nth(1+i%3, faults[name]))
			tell("run, "+name, "run", "--full")
			continue
		}
		must("run, "+name, 1, "run", "--full")
		// All ask by one client: one of the others by turns.
		others := [][]string{{"write-back", "setup", "--create"}, {"doctor", "--json"}, {"init"}}
		args := others[refused%len(others)]
		must(args[0]+", "+name, 1, args...)
		refused++
	}
	simulated.Inject(nil)

	must("run", 0, "run", "--json")
	must("doctor", 0, "doctor")
	must("init", 0, "init", "--dry-run")
	must("write-back setup", 0, "write-back", "setup", "--create")
	_, settings, _ := strings.Cut(said["write-back setup"], "For stagelag.yaml:\n\n")
	settings, _, _ = strings.Cut(settings, "time=")
	settings, _, _ = strings.Cut(settings, "{\"")
	path := filepath.Join(folder, "stagelag.yaml")
	base, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(base, settings...), 0o600); err != nil {
		t.Fatal(err)
	}
	refusal := simulator.Error{Status: http.StatusBadRequest, Code: "", Text: "no update at " + address}
	simulated.Inject(simulator.OnCommands("crm.item.update", refusal))
	tell("run, with a write-back that is refused", "run")
	must("write-back that is refused", 0, "write-back")
	simulated.Inject(nil)
	must("write-back, dry", 0, "write-back", "--dry-run")
	must("write-back", 0, "write-back")

	letters := "letter: {chat: chat1, managers: true, mail: {to: [boss@example.com], from: stagelag@example.com, url: 'smtp://user:hunter2password@127.0.0.1:1'}}\n"
	if err := os.WriteFile(path, slices.Concat(base, []byte(settings), []byte(letters)), 0o600); err != nil {
		t.Fatal(err)
	}
	must("letter, dry", 0, "letter", "--dry-run")
	must("letter without the right", 1, "letter")
	simulated.Inject(simulator.OnMethod("im.message.add", simulator.Fault{Error: &refusal}))
	must("letter that is refused", 1, "letter")
	simulated.Inject(nil)
	must("doctor, with letters", 1, "doctor")
	must("migrate status", 0, "migrate", "status")
	must("migrate up", 0, "migrate", "up")
	must("query", 0, "query", "SELECT * FROM runs")
	must("query that fails", 1, "query", "SELECT * FROM none")
	must("dashboards export", 0, "dashboards", "export", "--dir", "grafana")
	must("bad usage", 2, "run", "--as-of", "soon")
	must("demo", 0, "demo", "--deals", "20")

	var credentials map[string]struct{ Program, Analyst, Grafana string }
	text, err := os.ReadFile(filepath.Join(folder, "data", "warehouse", "credentials"))
	if err == nil {
		err = json.Unmarshal(text, &credentials)
	}
	if err != nil {
		t.Fatal(err)
	}
	passwords := credentials["stagelag"]
	endpoints, _ := w.Endpoints()
	serving := serve(t, folder, "warehouse", "--log-level", "debug")
	for line := serving.line(); line != ""; line = serving.line() {
		said["warehouse"] += line + "\n"
	}

	// A server, with passwords right and wrong.
	server := func(user, password string) string {
		return fmt.Sprintf("clickhouse://%s:%s@%s", user, password, endpoints.Native)
	}
	for name, config := range map[string]string{
		"a server":                   "warehouse: {url: '" + server("stagelag", passwords.Program) + "'}",
		"a server, a wrong password": "warehouse: {url: '" + server("stagelag", "hunter2password") + "'}",
		"a server that is not there": "warehouse: {url: 'clickhouse://stagelag:hunter2password@127.0.0.1:1'}",
		"a server, by the analyst":   "warehouse: {url: '" + server("analyst", passwords.Analyst) + "'}",
		"a wrong scheme":             "warehouse: {url: 'postgres://stagelag:hunter2password@127.0.0.1:1'}",
		"a wrong webhook":            "portal: {url: 'https://example.com/" + webhookSecret + "/rest'}",
		"keys that are none":         "portal: {url: {" + webhookSecret + ": 1}, webhook: 'https://example.com/rest/1/" + webhookSecret + "/'}",
		"no YAML":                    "portal: [https://example.com/rest/1/" + webhookSecret + "/",
	} {
		if err := os.WriteFile(filepath.Join(folder, "other.yaml"), []byte(config+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"migrate", "status"}, {"query", "SELECT 1"}, {"warehouse", "--help"}} {
			tell(name+": "+strings.Join(args, " "), append(args, "--config", "other.yaml")...)
		}
	}
	if err := os.Remove(filepath.Join(folder, "other.yaml")); err != nil {
		t.Fatal(err)
	}

	secrets := []string{webhookSecret, passwords.Program, passwords.Analyst, passwords.Grafana, "hunter2password"}
	for name, content := range filesIn(t, folder) {
		said["the file "+name] = content
	}
	for name, content := range tablesOf(t, w) {
		said["the table "+name] = content
	}
	for where, content := range said {
		for _, secret := range secrets {
			if at := strings.Index(content, secret); at >= 0 {
				t.Errorf("%s says %s: …%s…", where, secret, content[max(0, at-100):at+len(secret)])
			}
		}
	}
	if len(said) < 50 || !strings.Contains(said["the table run_events"], "***") {
		t.Errorf("looked at %d outputs and files only, or no error with a redacted address reached the warehouse: %s", len(said), said["the table run_events"])
	}
}

// simulatedHost is the host of the portal in the folder's configuration.
func simulatedHost(t *testing.T, folder string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "stagelag.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "http://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

// filesIn are all files below the folder but those that are there to hold secrets.
func filesIn(t *testing.T, folder string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil //nolint:nilerr // the engine merges and removes
		}
		if name := entry.Name(); name == "stagelag.yaml" && filepath.Dir(path) == folder || name == "credentials" {
			info, err := entry.Info()
			if err != nil {
				return err
			}
			if info.Mode().Perm() != 0o600 {
				t.Errorf("%s has the mode %v, want 0600", path, info.Mode())
			}
			return nil
		}
		if text, err := os.ReadFile(path); err == nil {
			files[path] = string(text)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// tablesOf is the content of every table of the warehouse.
func tablesOf(t *testing.T, w *warehouse.Warehouse) map[string]string {
	t.Helper()
	rows, err := w.DB().Query(context.Background(), "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine != 'View'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	tables := map[string]string{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		tables[name] = ""
	}
	for name := range tables {
		var content string
		if err := w.DB().QueryRow(context.Background(), "SELECT arrayStringConcat(groupArray(toString(tuple(*))), '\n') FROM "+name).Scan(&content); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		tables[name] = content
	}
	return tables
}

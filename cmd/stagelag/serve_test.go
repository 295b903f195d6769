package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"stagelag/config"
	"stagelag/warehouse/warehousetest"
)

// A served command runs until it is told to stop.
type served struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout *bufio.Reader
	stderr bytes.Buffer
}

// newFolder is a folder for a test, removed when no engine works in it any more: one that
// has lost its last user takes a moment to end.
func newFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	t.Cleanup(func() {
		for _, place := range []string{"data/warehouse", "data/demo/warehouse"} {
			if err := warehousetest.WaitUntilEnded(filepath.Join(folder, place)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Error(err)
			}
		}
	})
	return folder
}

// seededFolder is a folder whose warehouse has the schema, so that no command has to make it.
func seededFolder(t *testing.T) string {
	t.Helper()
	folder := newFolder(t)
	warehousetest.Seed(t, filepath.Join(folder, "data", "warehouse"))
	return folder
}

// serve starts a command in the folder.
func serve(t *testing.T, folder string, args ...string) *served {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := &served{t: t, cmd: exec.Command(self, args...)}
	s.cmd.Args[0] = "stagelag"
	s.cmd.Dir = folder
	s.cmd.Stderr = &s.stderr
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.stdout = bufio.NewReader(stdout)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	})
	return s
}

// line is the next line on standard output.
func (s *served) line() string {
	s.t.Helper()
	line, err := s.stdout.ReadString('\n')
	if err != nil {
		s.t.Fatalf("%v: no line: %v, standard error: %s", s.cmd.Args, err, s.stderr.String())
	}
	return strings.TrimSuffix(line, "\n")
}

// stop sends the signal and wants the command to end well, and silently.
func (s *served) stop(signal os.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil || s.stderr.Len() > 0 {
		s.t.Errorf("%v after %v: %v, standard error: %s", s.cmd.Args, signal, err, s.stderr.String())
	}
}

// call runs a command to its end.
func call(t *testing.T, folder, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return callWith(t, folder, nil, stdin, args...)
}

// callWith is call with variables added to the environment.
func callWith(t *testing.T, folder string, environ []string, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Args[0] = "stagelag"
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), environ...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	_ = cmd.Run()
	return out.String(), log.String(), cmd.ProcessState.ExitCode()
}

func TestPortalServesUntilStopped(t *testing.T) {
	folder := newFolder(t)
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		s := serve(t, folder, "portal", "--listen", "127.0.0.1:0", "--deals", "7", "--now", "2026-03-02T09:00:00+03:00")
		webhook := s.line()

		response, err := http.Get(webhook + "crm.item.list?entityTypeId=2")
		if err != nil {
			t.Fatal(err)
		}
		var answer struct {
			Total int
			Time  struct {
				Start float64 `json:"start"`
			}
		}
		err = json.NewDecoder(response.Body).Decode(&answer)
		_ = response.Body.Close()
		clock := time.Unix(int64(answer.Time.Start), 0).UTC()
		if err != nil || answer.Total < 7 || clock.Format(time.DateOnly) != "2026-03-02" {
			t.Errorf("crm.item.list of the portal: %v, %d deals at %v, want 7 and templates on 2026-03-02", err, answer.Total, clock)
		}

		s.stop(signal)
		if response, err := http.Get(webhook + "profile"); err == nil {
			_ = response.Body.Close()
			t.Errorf("the portal answers after %v", signal)
		}
	}
}

// What the portal command writes below the address is a configuration for that portal.
func TestPortalWritesItsConfiguration(t *testing.T) {
	folder := newFolder(t)
	s := serve(t, folder, "portal", "--listen", "127.0.0.1:0", "--deals", "7", "--limits", "none")
	host := strings.Split(s.line(), "/")[2]
	if s.line() != "" || s.line() != "# stagelag.yaml for this portal" {
		t.Errorf("below the address there is no empty line and then a heading")
	}
	var text strings.Builder
	for line := s.line(); !strings.Contains(line, "C5:OLD_DOCS"); line = s.line() {
		text.WriteString(line + "\n")
	}
	path := filepath.Join(folder, "stagelag.yaml")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path, true, nil, config.NeedPortal)
	if err != nil || cfg.Portal.URL.Host() != host || len(cfg.Plan.Fields) == 0 || len(cfg.Plan.Norms) == 0 {
		t.Errorf("the portal's configuration: %+v, %v, want the portal %s with fields and norms", cfg, err, host)
	}
}

func TestPortalOfVisits(t *testing.T) {
	folder := newFolder(t)
	visits := "case_id,entered_at,stage,owner\nA,2026-01-01T00:00:00Z,New,Ann\nB,2026-01-02T00:00:00Z,New,Bob\n"
	if err := os.WriteFile(filepath.Join(folder, "visits.csv"), []byte(visits), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, folder, "portal", "--listen", "127.0.0.1:0", "--visits", "visits.csv")
	response, err := http.Get(s.line() + "crm.item.list?entityTypeId=2")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct{ Total int }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Total != 2 {
		t.Errorf("crm.item.list of the portal: %d deals, %v, want 2", answer.Total, err)
	}
}

func TestPortalOfATakenAddress(t *testing.T) {
	folder := newFolder(t)
	s := serve(t, folder, "portal", "--listen", "127.0.0.1:0", "--deals", "1")
	address := strings.Split(s.line(), "/")[2]
	_, stderr, code := call(t, folder, "", "portal", "--listen", address)
	if code != 1 || !strings.HasSuffix(stderr, "address already in use; give another address with --listen\n") {
		t.Errorf("portal --listen %s, a second time: exit code %d, %s", address, code, stderr)
	}
}

func TestWarehouseServesUntilStopped(t *testing.T) {
	folder := seededFolder(t)
	s := serve(t, folder, "warehouse", "--show-password")
	told := map[string]string{}
	for line := s.line(); line != ""; line = s.line() {
		name, value, _ := strings.Cut(line, " ")
		told[name] = strings.TrimSpace(value)
	}

	request, err := http.NewRequest(http.MethodPost, told["http"], strings.NewReader("SELECT currentUser(), currentDatabase()"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-ClickHouse-User", told["user"])
	request.Header.Set("X-ClickHouse-Key", told["password"])
	request.Header.Set("X-ClickHouse-Database", told["database"])
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	var body bytes.Buffer
	_, _ = body.ReadFrom(response.Body)
	_ = response.Body.Close()
	if got, want := body.String(), "analyst\tstagelag\n"; got != want {
		t.Errorf("a query with what the warehouse told: %q, want %q", got, want)
	}

	// A second command finds the running engine, and the password only when it asks.
	other := serve(t, folder, "warehouse")
	if got, want := other.line(), "native    "+told["native"]; got != want {
		t.Errorf("a second warehouse: %q, want %q", got, want)
	}
	for line := other.line(); line != ""; line = other.line() {
		if strings.Contains(line, told["password"]) {
			t.Errorf("the password was shown: %s", line)
		}
	}
	other.stop(os.Interrupt)
	s.stop(syscall.SIGTERM)
}

func TestWarehouseUsers(t *testing.T) {
	t.Parallel()
	folder := newFolder(t)
	for database, want := range map[string]string{"stagelag": "GRANT SELECT ON stagelag.*", "north": "GRANT SELECT ON north_internal.at_*"} {
		stdout, stderr, code := callWith(t, folder, []string{"STAGELAG_WAREHOUSE_DATABASE=" + database}, "", "warehouse", "users")
		if code != 0 || stderr != "" || !strings.HasPrefix(stdout, "<?xml") || !strings.Contains(stdout, "<query>"+want+"</query>") {
			t.Errorf("warehouse users of %s: exit code %d, %s, %.200q, want a file that says %s", database, code, stderr, stdout, want)
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "data")); err == nil {
		t.Error("warehouse users has made a warehouse")
	}
}

func TestQuery(t *testing.T) {
	folder := seededFolder(t)
	serve(t, folder, "warehouse").line()

	tests := []struct {
		name   string
		stdin  string
		args   []string
		stdout string
		stderr string // a pattern
		code   int
	}{
		{"a pipe gets TSV with names", "", []string{"SELECT 1 AS a, 'x' AS b"}, "a\tb\n1\tx\n", "^$", 0},
		{"the format that was asked for", "", []string{"SELECT 1 AS a", "--format", "JSONEachRow"}, `{"a":1}` + "\n", "^$", 0},
		{"the format that the statement asks for", "", []string{"SELECT 1 AS a FORMAT CSV"}, "1\n", "^$", 0},
		{"a statement from standard input", "SELECT 2 AS b;\n", []string{"-"}, "b\n2\n", "^$", 0},
		{"a table that does not exist", "", []string{"SELECT * FROM no_such_table"}, "", `^stagelag: query: .*no_such_table.*; SHOW TABLES lists what there is, and stagelag run fills it\n$`, 1},
		{"a sum that takes the name of its column", "", []string{"SELECT sum(n) AS n FROM (SELECT number AS n FROM numbers(4)) AS t WHERE n > 1"}, "", `^stagelag: query: Aggregate function sum.*; behind AS a column's name stands for the sum: in WHERE write .*such as deals_now.amount, or name the sum otherwise\n$`, 1},
		{"as it is advised", "", []string{"SELECT sum(n) AS n FROM (SELECT number AS n FROM numbers(4)) AS t WHERE t.n > 1"}, "n\n5\n", "^$", 0},
		{"a format that does not exist", "", []string{"SELECT 1", "--format", "Excel"}, "", `^stagelag: query: .*Excel.*; --format takes the name of a ClickHouse format, such as CSVWithNames\n$`, 2},
		{"a statement that is no SQL", "", []string{"SELEKT 1"}, "", `^stagelag: query: .*\n$`, 1},
		{"the analyst writes nothing", "", []string{"CREATE TABLE t (a UInt8) ENGINE = Memory"}, "", `^stagelag: query: .*\n$`, 1},
		{"an empty statement", "\n", []string{"-"}, "", `^stagelag: query: the statement is empty; `, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			stdout, stderr, code := call(t, folder, test.stdin, append([]string{"query"}, test.args...)...)
			if stdout != test.stdout || code != test.code || !regexp.MustCompile(test.stderr).MatchString(stderr) {
				t.Errorf("query %q = %q, %q, exit code %d, want %q, %s, %d", test.args, stdout, stderr, code, test.stdout, test.stderr, test.code)
			}
		})
	}
}

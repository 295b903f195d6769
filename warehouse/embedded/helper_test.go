package embedded

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"golang.org/x/sys/unix"

	"stagelag/warehouse/access"
	"stagelag/warehouse/exception"
)

// helperVariable makes the test binary a command that joins the engine of the folder that
// it names.
const helperVariable = "EMBEDDED_TEST_HELPER"

func TestMain(m *testing.M) {
	RunIfAsked()
	os.Setenv("GORACE", "atexit_sleep_ms=0") // for the processes that it starts
	if path := os.Getenv(helperVariable); path != "" {
		if err := help(path); err != nil {
			fmt.Println(mustJSON(said{Error: err.Error()}))
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

type said struct {
	Place place
	Error string
}

// A place is where an engine is, and which one.
type place struct {
	Native, HTTP   string
	Keeper, Engine int
}

func (s *Seat) place() place { return place{s.Native, s.HTTP, s.Keeper, s.Engine} }

// help joins, says so, and stays until its standard input ends.
func help(path string) error {
	s, err := Join(context.Background(), path, access.Default)
	if err != nil {
		return err
	}
	defer s.Leave()
	fmt.Println(mustJSON(said{Place: s.place()}))
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func mustJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// A helper is another command that uses the engine.
type helper struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin io.Closer
	said  *bufio.Reader
}

// startHelper starts a command in a process group of its own, like a shell does.
func startHelper(t *testing.T, path string) *helper {
	t.Helper()
	h := &helper{t: t, cmd: exec.Command(os.Args[0])}
	h.cmd.Env = append(os.Environ(), helperVariable+"="+path)
	h.cmd.Stderr = os.Stderr
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var err error
	if h.stdin, err = h.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := h.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	h.said = bufio.NewReader(stdout)
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.kill)
	return h
}

// ready waits until the helper has joined.
func (h *helper) ready() place {
	h.t.Helper()
	line, err := h.said.ReadBytes('\n')
	if err != nil {
		h.t.Fatalf("the helper said %q: %v", line, err)
	}
	var s said
	if err := json.Unmarshal(line, &s); err != nil {
		h.t.Fatalf("the helper said %q: %v", line, err)
	}
	if s.Error != "" {
		h.t.Fatalf("the helper: %s", s.Error)
	}
	return s.Place
}

// kill ends the helper and its process group, as it stands.
func (h *helper) kill() {
	if h.cmd.ProcessState == nil {
		unix.Kill(-h.cmd.Process.Pid, unix.SIGKILL)
		h.cmd.Wait()
	}
}

// newPath is a folder for an engine, removed when that has ended.
func newPath(t *testing.T) string {
	t.Helper()
	// Not t.TempDir, which would be removed under an engine that a failed test
	// has left behind.
	path, err := os.MkdirTemp("", "embedded-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		waitUntilEnded(t, folder(path))
		os.RemoveAll(path)
	})
	return path
}

func waitUntilEnded(t *testing.T, f folder) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	file, err := lock(ctx, f.engineLock())
	if err != nil {
		t.Errorf("the engine has not ended: %v", err)
		return
	}
	file.Close()
}

// mustJoin joins for one database. It leaves when the test ends, unless it has before.
func mustJoin(t *testing.T, path string) *Seat {
	t.Helper()
	return mustJoinFor(t, path, access.Default)
}

func mustJoinFor(t *testing.T, path, database string) *Seat {
	t.Helper()
	s, err := Join(t.Context(), path, database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Leave() })
	return s
}

// options are for the program's user of a database that is there.
func options(s *Seat, database string) *clickhouse.Options {
	return &clickhouse.Options{
		Addr: []string{s.Native},
		Auth: clickhouse.Auth{Database: "default", Username: access.UsersOf(database).Program, Password: s.Passwords(database).Program},
	}
}

// connect connects as the program, in its database for tables. It is closed when the test ends.
func connect(t *testing.T, s *Seat) driver.Conn {
	t.Helper()
	return connectFor(t, s, access.Default)
}

func connectFor(t *testing.T, s *Seat, database string) driver.Conn {
	t.Helper()
	internal := access.NamesOf(database).Internal
	open := func(name string) driver.Conn {
		o := options(s, database)
		o.Auth.Database = name
		db, err := clickhouse.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return db
	}
	mustExec(t, open("default"), "CREATE DATABASE IF NOT EXISTS "+internal)
	return open(internal)
}

func mustExec(t *testing.T, db driver.Conn, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if err := db.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func count(t *testing.T, db driver.Conn, query string) uint64 {
	t.Helper()
	var n uint64
	if err := db.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, exception.Plain(err))
	}
	return n
}

// eventually waits for what another process does.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	for !done() {
		if pause(ctx) != nil {
			t.Fatalf("within 15 s not seen: %s", what)
		}
	}
}

func withQueryID(t *testing.T, id string) context.Context {
	return clickhouse.Context(t.Context(), clickhouse.WithQueryID(id))
}

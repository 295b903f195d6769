package warehouse

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stagelag/warehouse/access"
	"stagelag/warehouse/embedded"
)

// helperVariable makes the test binary a command that uses a warehouse.
const helperVariable = "WAREHOUSE_TEST_HELPER"

// sharedPath is the folder of the engine that the tests share.
var sharedPath string

func TestMain(m *testing.M) {
	embedded.RunIfAsked()
	os.Setenv("GORACE", "atexit_sleep_ms=0") // for the processes that it starts
	if task := os.Getenv(helperVariable); task != "" {
		if err := help(task); err != nil {
			fmt.Println(mustJSON(said{Error: err.Error()}))
			os.Exit(1)
		}
		os.Exit(0)
	}
	code, err := runShared(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

// mostShared is how many warehouses the shared engine has, one for each test that asks for one.
const mostShared = 55

func sharedName(no int) string { return fmt.Sprintf("test_%d", no) }

// runShared runs the tests with an engine that knows the users of many warehouses.
func runShared(m *testing.M) (code int, err error) {
	if sharedPath, err = os.MkdirTemp("", "warehouse-"); err != nil {
		return 1, err
	}
	names := make([]string, mostShared)
	for i := range names {
		names[i] = sharedName(i)
	}
	seat, err := embedded.Join(context.Background(), sharedPath, access.Default, names...)
	if err != nil {
		return 1, err
	}
	code = m.Run()
	_ = seat.Leave()
	if err := untilEnded(sharedPath); err != nil {
		return 1, err
	}
	return code, os.RemoveAll(sharedPath)
}

// A task is what a helper does: it opens a warehouse, takes the lease, says so, and stays until
// its standard input ends.
type task struct {
	Config Config
	Lease  string
}

type said struct{ Error string }

func help(text string) error {
	var t task
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return err
	}
	w, err := Open(context.Background(), t.Config)
	if err != nil {
		return err
	}
	defer w.Close()
	lease, err := w.Lease(context.Background(), t.Lease, "a test")
	if err != nil {
		return err
	}
	defer lease.Release()
	fmt.Println(mustJSON(said{}))
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

// A helper is another command that uses a warehouse.
type helper struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin io.Closer
	said  *bufio.Reader
}

// startHelper starts a command in a process group of its own, like a shell does.
func startHelper(t *testing.T, task task) *helper {
	t.Helper()
	h := &helper{t: t, cmd: exec.Command(os.Args[0])}
	h.cmd.Env = append(os.Environ(), helperVariable+"="+mustJSON(task))
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

// ready waits until the helper has done what it was told.
func (h *helper) ready() {
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
}

// kill ends the helper and its process group, as it stands.
func (h *helper) kill() {
	if h.cmd.ProcessState == nil {
		unix.Kill(-h.cmd.Process.Pid, unix.SIGKILL)
		h.cmd.Wait()
	}
}

var taken atomic.Int32

// newConfig is a warehouse of the shared engine that no other test has. It is empty.
func newConfig(t *testing.T) Config {
	t.Helper()
	no := int(taken.Add(1)) - 1
	if no >= mostShared {
		t.Fatalf("the tests take more than %d warehouses: raise mostShared", mostShared)
	}
	return Config{URL: Embedded, Path: sharedPath, Database: sharedName(no)}
}

// newWarehouse opens a warehouse of the shared engine.
func newWarehouse(t *testing.T) *Warehouse {
	t.Helper()
	return mustOpen(t, newConfig(t))
}

// newPath is a folder for an engine of the test's own, removed when that has ended.
func newPath(t *testing.T) string {
	t.Helper()
	// Not t.TempDir, which would be removed under an engine that a failed test
	// has left behind.
	path, err := os.MkdirTemp("", "warehouse-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := untilEnded(path); err != nil {
			t.Errorf("the engine has not ended: %v", err)
		}
		os.RemoveAll(path)
	})
	return path
}

// grant lets the program's user of an engine that is not started yet do more than its own statements.
func grant(t *testing.T, path, right string) {
	t.Helper()
	// An attribute tells the grant from those of the program, which it is to stand beside.
	writeConfig(t, path, "grant.xml", "<clickhouse><users><stagelag><grants><query of='test'>GRANT "+right+"</query></grants></stagelag></users></clickhouse>")
}

// untilEnded waits until the engine of a folder has ended.
func untilEnded(path string) error {
	lock, err := os.Open(filepath.Join(path, "engine.lock"))
	if err != nil {
		return err
	}
	defer lock.Close()
	return unix.Flock(int(lock.Fd()), unix.LOCK_EX)
}

// mustOpen opens a warehouse. It is closed when the test ends, unless it was before.
func mustOpen(t *testing.T, config Config) *Warehouse {
	t.Helper()
	w, err := Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func mustExec(t *testing.T, w *Warehouse, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if err := w.DB().Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
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

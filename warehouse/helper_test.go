package warehouse

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// helperVariable makes the test binary a command that uses a warehouse.
const helperVariable = "WAREHOUSE_TEST_HELPER"

func TestMain(m *testing.M) {
	RunEngineIfAsked()
	os.Setenv("GORACE", "atexit_sleep_ms=0") // for the processes that it starts
	if task := os.Getenv(helperVariable); task != "" {
		if err := help(task); err != nil {
			fmt.Println(mustJSON(said{Error: err.Error()}))
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// A task is what a helper does: it opens a warehouse, takes the lease if told to,
// says so, and stays until its standard input ends.
type task struct {
	Config Config
	Lease  string
}

type said struct {
	Endpoint endpoint
	Error    string
}

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
	var s said
	if w.seat != nil {
		s.Endpoint = w.seat.endpoint
	}
	if t.Lease != "" {
		lease, err := w.Lease(context.Background(), t.Lease, "a test")
		if err != nil {
			return err
		}
		defer lease.Release()
	}
	fmt.Println(mustJSON(s))
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
func (h *helper) ready() endpoint {
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
	return s.Endpoint
}

// kill ends the helper and its process group, as it stands.
func (h *helper) kill() {
	if h.cmd.ProcessState == nil {
		unix.Kill(-h.cmd.Process.Pid, unix.SIGKILL)
		h.cmd.Wait()
	}
}

// newPath is a folder for a warehouse, removed when its engine has ended.
func newPath(t *testing.T) string {
	t.Helper()
	// Not t.TempDir, which would be removed under an engine that a failed test
	// has left behind.
	path, err := os.MkdirTemp("", "warehouse-") //nolint:usetesting // see above
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

// mustOpen opens the embedded warehouse in the path. It is closed when the test
// ends, unless it was before.
func mustOpen(t *testing.T, path string) *Warehouse {
	t.Helper()
	w, err := Open(t.Context(), Config{URL: Embedded, Path: path})
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

func isGone(process int) bool { return errors.Is(unix.Kill(process, 0), unix.ESRCH) }

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

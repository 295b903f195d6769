package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"golang.org/x/sys/unix"

	"stagelag/warehouse/access"
)

// environment is what a process was started with, as NAME=value.
func environment(t *testing.T, process int) []string {
	t.Helper()
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", process))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(content), "\x00"), "\x00")
}

// The keeper goes on when the first command, which had the secrets, has ended.
func TestTheKeeperTakesOverWhatItNeedsOnly(t *testing.T) {
	t.Setenv("STAGELAG_PORTAL_URL", "https://portal.example.com/rest/1/secret/")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	s := mustJoin(t, newPath(t))
	for _, variable := range environment(t, s.Keeper) {
		if name, _, _ := strings.Cut(variable, "="); !isNeeded(variable) {
			t.Errorf("the keeper has the variable %s, want none but %q and those of tests", name, needed)
		}
	}
	for name, process := range map[string]int{"keeper": s.Keeper, "engine": s.Engine} {
		if strings.Contains(strings.Join(environment(t, process), "\n"), "secret") {
			t.Errorf("the environment of the %s holds a secret of the first command", name)
		}
	}
}

// A signal for the commands, which are found by the name stagelag, is not for what they share.
func TestTheEnginesProcessesHaveNamesOfTheirOwn(t *testing.T) {
	s := mustJoin(t, newPath(t))
	for name, process := range map[string]int{"stagelag-keeper": s.Keeper, "stagelag-engine": s.Engine} {
		for _, file := range []string{"comm", "cmdline"} {
			content, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", process, file))
			if err != nil {
				t.Fatal(err)
			}
			if shown := strings.FieldsFunc(string(content), func(c rune) bool { return c == 0 || c == '\n' })[0]; shown != name {
				t.Errorf("the %s of %s is %q", file, name, shown)
			}
		}
	}
}

// Who closes a terminal, or has the schedule read its configuration again, takes the engine from nobody.
func TestAHangupEndsNoEngine(t *testing.T) {
	s := mustJoin(t, newPath(t))
	for _, process := range []int{s.Keeper, s.Engine} {
		if err := unix.Kill(process, unix.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.ask(s.Native, access.Default, func(db driver.Conn) error { return db.Ping(t.Context()) }); err != nil {
		t.Errorf("the engine after a SIGHUP: %v", err)
	}
	if isGone(s.Keeper) || isGone(s.Engine) || s.IsRenewed(t.Context(), access.Default) {
		t.Error("the engine or its keeper has ended")
	}
}

// Who waits for the next engine waits for it also while it is being started and nothing says where it is, longer than
// one question to it takes.
func TestAnEngineIsRenewedThatStartsSlowly(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s := mustJoin(t, path)
	killEngine(t, s)
	var next int
	eventually(t, "the start of the next engine", func() bool {
		if _, err := folder(path).readEndpoint(); !errors.Is(err, os.ErrNotExist) {
			return false
		}
		children, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", s.Keeper))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range children {
			content, _ := os.ReadFile(file) // of a thread that has ended there is none
			for child := range strings.FieldsSeq(string(content)) {
				if process, err := strconv.Atoi(child); err == nil && process != s.Engine {
					next = process
				}
			}
		}
		return next != 0 && unix.Kill(next, unix.SIGSTOP) == nil
	})
	isRenewed := make(chan bool)
	go func() { isRenewed <- s.IsRenewed(t.Context(), access.Default) }()
	select {
	case <-isRenewed:
		t.Error("the wait for the engine has ended before the engine was there")
	case <-time.After(askTimeout + time.Second):
		if err := unix.Kill(next, unix.SIGCONT); err != nil {
			t.Fatal(err)
		}
		if !<-isRenewed {
			t.Error("the engine is said not to be renewed")
		}
	}
}

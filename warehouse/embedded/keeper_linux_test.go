package embedded

import (
	"fmt"
	"os"
	"strings"
	"testing"

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

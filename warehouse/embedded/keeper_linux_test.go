package embedded

import (
	"fmt"
	"os"
	"strings"
	"testing"
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

package main

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"stagelag/warehouse/embedded"
	"stagelag/warehouse/warehousetest"
)

// The test binary is stagelag itself where it is called by that name, so that the tests
// use it as a person would.
func TestMain(m *testing.M) {
	embedded.RunIfAsked()
	testscript.Main(warehousetest.Tests{M: m}, map[string]func(){
		"stagelag": func() { os.Exit(mainCode()) },
		"mortal":   func() { os.Exit(mortalCode()) },
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"fails": fails},
		Setup: func(e *testscript.Env) error {
			// Where the engine lies.
			for _, name := range []string{"HOME", "XDG_CACHE_HOME", "STAGELAG_ENGINE"} {
				if value, ok := os.LookupEnv(name); ok {
					e.Setenv(name, value)
				}
			}
			return nil
		},
	})
}

// fails CODE ARGUMENT… runs stagelag, which must end with the code and with a last line on
// standard error that begins with its name.
func fails(ts *testscript.TestScript, isNegated bool, args []string) {
	if isNegated || len(args) < 2 {
		ts.Fatalf("usage: fails CODE ARGUMENT…")
	}
	err := ts.Exec("stagelag", args[1:]...)
	exit, _ := errors.AsType[*exec.ExitError](err)
	if exit == nil || strconv.Itoa(exit.ExitCode()) != args[0] {
		ts.Fatalf("stagelag %q: %v, want exit status %s", args[1:], err, args[0])
	}
	lines := strings.Split(strings.TrimSuffix(ts.ReadFile("stderr"), "\n"), "\n")
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "stagelag: ") {
		ts.Fatalf("stagelag %q: the last line is %q, want it to begin with stagelag:", args[1:], last)
	}
}

package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestWorkHelpsARun starts who helps before the run, as timers on two machines do.
func TestWorkHelpsARun(t *testing.T) {
	t.Parallel()
	folder := seededFolder(t)
	openWarehouse(t, folder)
	writtenPortal(t, folder, 120, "")
	type result struct {
		stdout, stderr string
		code           int
	}
	helped := make(chan result, 1)
	go func() {
		stdout, stderr, code := call(t, folder, "", "work", "--wait", "5m")
		helped <- result{stdout, stderr, code}
	}()
	var r result
	for isOver := false; !isOver; {
		// One that is over before the helper has started is not the last.
		if _, stderr, code := call(t, folder, "", "run", "--full", "--parts", "24"); code != 0 {
			t.Fatalf("run --parts: exit code %d, standard error: %s", code, stderr)
		}
		select {
		case r = <-helped:
			isOver = true
		case <-time.After(100 * time.Millisecond):
		}
	}
	if !strings.Contains(r.stderr, `"at_most":"5m0s"`) || !strings.Contains(r.stderr, `"msg":"waiting for a run that is split: stagelag run --parts makes one"`) {
		t.Errorf("work does not say what it waits for: %s", r.stderr)
	}
	var run, parts, deals int
	if _, err := fmt.Sscanf(r.stdout, "Run %d is published. %d of its parts, %d deals, were derived here.", &run, &parts, &deals); err != nil || r.code != 0 {
		t.Errorf("work: exit code %d, standard error %q, standard output %q", r.code, r.stderr, r.stdout)
	}

	stdout, _, code := call(t, folder, "", "work", "--wait", "0s")
	if code != 0 || stdout != "No run was split within 0s.\n" {
		t.Errorf("work without a run: exit code %d, %q", code, stdout)
	}
	for _, command := range []string{"run", "schedule"} {
		if _, stderr, code := call(t, folder, "", command, "--parts", "0"); code != 2 || !strings.Contains(stderr, command+": --parts: 0 is no number of parts from 1 to 10000") {
			t.Errorf("%s --parts 0: exit code %d, standard error: %s", command, code, stderr)
		}
	}
}

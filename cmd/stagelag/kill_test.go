package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"stagelag/simulator"
	"stagelag/warehouse"
)

// killVariable is the line of its log, from 1, that the program does not come to write. A pass logs
// each of its steps where that has ended, so lines are the moments between steps.
const killVariable = "KILL_BEFORE_LINE"

// mortalCode is mainCode of a program that a kill -9 ends as killVariable says.
func mortalCode() int {
	a := newApp(os.Stdin, os.Stdout, os.Stderr, os.Environ(), time.Now)
	left, err := strconv.Atoi(os.Getenv(killVariable))
	if err != nil {
		panic(err)
	}
	a.log.AddHook(&killer{left})
	return a.execute(context.Background(), newRoot(a), os.Args[1:])
}

type killer struct{ left int }

func (*killer) Levels() []logrus.Level { return logrus.AllLevels }

func (k *killer) Fire(*logrus.Entry) error {
	if k.left--; k.left == 0 {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // the signal comes
	}
	return nil
}

// A hunt kills runs over a portal that lives on from night to night, and has another warehouse
// follow it undisturbed.
type hunt struct {
	t           *testing.T
	portal      *simulator.Portal
	clock       *atomic.Int64 // of the portal, in seconds
	hunted      string        // the folder in which runs are killed
	undisturbed string
	whole       *warehouse.Warehouse // of the undisturbed runs
	prey        chan *os.Process     // the run of the night
	nights      int
	begun       int // of the runs that were killed
}

func newHunt(t *testing.T) *hunt {
	t.Helper()
	h := &hunt{t: t, hunted: newFolder(t), undisturbed: newFolder(t), prey: make(chan *os.Process, 1)}
	h.portal, _, h.clock = nightlyPortal(t, 120, h.hunted, h.undisturbed)
	h.whole = openWarehouse(t, h.undisturbed)
	mustCall(t, h.undisturbed, "run")
	mustCall(t, h.hunted, "run")
	return h
}

// command is a run in the hunted folder, every third one a full one.
func (h *hunt) command(program string) *exec.Cmd {
	h.t.Helper()
	self, err := os.Executable()
	if err != nil {
		h.t.Fatal(err)
	}
	run := exec.Command(self, "run")
	if h.nights%3 == 2 {
		run.Args = append(run.Args, "--full")
	}
	run.Args[0], run.Dir = program, h.hunted
	return run
}

// night lets a day pass and makes a run, which is to be killed. The next run has to end where an
// undisturbed one does. It is false when the run came to its end.
func (h *hunt) night(moment string, run *exec.Cmd) (isKilled bool) {
	h.t.Helper()
	h.nights++
	h.clock.Add(24 * 60 * 60)
	if err := run.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.prey <- run.Process
	_ = run.Wait()
	h.portal.Inject(nil)
	select {
	case <-h.prey: // it was not killed by the portal
	default:
	}
	isKilled = run.ProcessState.Sys().(syscall.WaitStatus).Signaled()
	if !isKilled && !run.ProcessState.Success() {
		h.t.Errorf("the run that was to be killed %s has ended by itself: %v", moment, run.ProcessState)
	}

	w := openWarehouse(h.t, h.hunted)
	defer w.Close()
	night := time.Unix(h.clock.Load(), 0).UTC().Format(time.DateOnly)
	if isKilled && told(h.t, w, "SELECT count() FROM runs WHERE status IN ('running', 'published') AND as_of = '"+night+"'") == "1\n" {
		h.begun++
	}
	mustCall(h.t, h.hunted, "run")
	mustCall(h.t, h.undisturbed, "run")
	if told(h.t, w, shownNumbers...) != told(h.t, h.whole, shownNumbers...) {
		h.t.Errorf("killed %s: after the next run the views do not show what they show without the kill", moment)
	}
	if got := told(h.t, w, "SELECT count() FROM runs WHERE status = 'running'"); got != "0\n" {
		h.t.Errorf("killed %s: after the next run %s runs are called running", moment, got)
	}
	return isKilled
}

// TestKilledAtAnyMoment kills the runs of a portal's nights at each request to it, and between each
// two steps. Whoever simply runs again gets what a run shows that nobody killed.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	t.Run("at a request", func(t *testing.T) {
		t.Parallel()
		h := newHunt(t)
		for n, isKilled := int32(1), true; isKilled; n++ {
			var asked atomic.Int32
			h.portal.Inject(func(*simulator.Call) *simulator.Fault {
				if asked.Add(1) != n {
					return nil
				}
				_ = (<-h.prey).Kill()
				return &simulator.Fault{Drops: true}
			})
			isKilled = h.night(fmt.Sprintf("at request %d", n), h.command("stagelag"))
		}
		// A run begins when the portal has described itself, in two requests; the last night's was not killed.
		if want := h.nights - 3; h.begun != want || want < 2 {
			t.Errorf("of the runs of %d nights, %d were killed after they had begun, want %d and 2 at least", h.nights, h.begun, want)
		}
	})
	t.Run("between two steps", func(t *testing.T) {
		t.Parallel()
		h := newHunt(t)
		openWarehouse(t, h.hunted) // which outlives the runs
		for line, isKilled := 1, true; isKilled; line++ {
			run := h.command("mortal")
			run.Env = append(os.Environ(), fmt.Sprintf("%s=%d", killVariable, line))
			isKilled = h.night(fmt.Sprintf("before line %d of its log", line), run)
		}
		if want := h.nights - 1; h.begun != want || want < 7 {
			t.Errorf("of the runs of %d nights, %d were killed after they had begun, want %d and 7 at least", h.nights, h.begun, want)
		}
	})
}

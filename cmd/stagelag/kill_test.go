package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
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

// A huntedPortal lives on from night to night, the same way each time.
type huntedPortal struct {
	t      *testing.T
	portal *simulator.Portal
	clock  *atomic.Int64 // of the portal, in seconds
	folder string
}

func newHuntedPortal(t *testing.T) huntedPortal {
	t.Helper()
	h := huntedPortal{t: t, folder: seededFolder(t)}
	h.portal, _, h.clock = nightlyPortal(t, 60, h.folder)
	return h
}

// nextNight lets a day pass.
func (h *huntedPortal) nextNight() { h.clock.Add(24 * 60 * 60) }

// shown is what the views show of it.
func (h *huntedPortal) shown(w *warehouse.Warehouse) string {
	h.t.Helper()
	var queries []string
	for view, columns := range map[string]string{
		"deal_stages": "* EXCEPT deal_url", "deals_now": "* EXCEPT deal_url", "data_gaps": "* EXCEPT deal_url", "portfolio_days": "*",
		"quality_report": "*", "deal_stage_days": "* EXCEPT run_id",
	} {
		queries = append(queries, "SELECT '"+view+"', count(), sum(cityHash64(toString(tuple("+columns+")))) FROM "+view)
	}
	slices.Sort(queries)
	return told(h.t, w, queries...)
}

// An undisturbed portal is one whose runs nobody kills.
type undisturbed struct {
	huntedPortal
	w *warehouse.Warehouse

	mu     sync.Mutex
	nights []string // what is shown after each
}

func newUndisturbed(t *testing.T) *undisturbed {
	t.Helper()
	u := &undisturbed{huntedPortal: newHuntedPortal(t)}
	u.w = openWarehouse(t, u.folder)
	return u
}

// after is what is shown after a night, from 0.
func (u *undisturbed) after(night int) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	for len(u.nights) <= night {
		if len(u.nights) > 0 {
			u.nextNight()
		}
		mustCall(u.t, u.folder, "run")
		u.nights = append(u.nights, u.shown(u.w))
	}
	return u.nights[night]
}

// A hunt kills the runs of a portal, five in a row each night.
type hunt struct {
	huntedPortal
	undisturbed *undisturbed
	prey        chan *os.Process // the run that is to be killed
	nights      int
	kills       int
	begun       int // of the runs that were killed
}

func newHunt(t *testing.T, u *undisturbed) *hunt {
	t.Helper()
	h := &hunt{huntedPortal: newHuntedPortal(t), undisturbed: u, prey: make(chan *os.Process, 1)}
	mustCall(t, h.folder, "run")
	return h
}

// command is a run of the night. Those of every other night are full ones, which find more by themselves.
func (h *hunt) command(program string) *exec.Cmd {
	h.t.Helper()
	self, err := os.Executable()
	if err != nil {
		h.t.Fatal(err)
	}
	run := exec.Command(self, "run")
	if h.nights%2 == 0 {
		run.Args = append(run.Args, "--full")
	}
	run.Args[0], run.Dir = program, h.folder
	return run
}

// night lets a day pass and makes five runs, which are to be killed. The next run has to end where an
// undisturbed one does. It is false when a run came to its end. What strike makes the n-th run of the
// hunt, from 1, is killed at the n-th moment.
func (h *hunt) night(strike func(n int) (moment string, run *exec.Cmd)) (isKilled bool) {
	h.t.Helper()
	h.nights++
	h.nextNight()
	var moments []string
	isKilled = true
	for len(moments) < 5 && isKilled {
		moment, run := strike(h.kills + 1)
		moments = append(moments, moment)
		if isKilled = h.kill(moment, run); isKilled {
			h.kills++
		}
	}
	killed := strings.Join(moments, " and ")

	w := openWarehouse(h.t, h.folder)
	defer w.Close()
	night := time.Unix(h.clock.Load(), 0).UTC().Format(time.DateOnly)
	var begun int
	if _, err := fmt.Sscan(told(h.t, w, "SELECT count() FROM runs WHERE as_of = '"+night+"'"), &begun); err != nil {
		h.t.Fatal(err)
	}
	if !isKilled {
		begun-- // the one that came to its end
	}
	h.begun += begun
	mustCall(h.t, h.folder, "run")
	if got, want := h.shown(w), h.undisturbed.after(h.nights); got != want {
		h.t.Errorf("killed %s: after the next run the views show\n%swant, as without the kills,\n%s", killed, got, want)
	}
	if got := told(h.t, w, "SELECT count() FROM runs WHERE status = 'running'"); got != "0\n" {
		h.t.Errorf("killed %s: after the next run %s runs are called running", killed, got)
	}
	return isKilled
}

// kill makes a run that is to be killed, and tells whether it was.
func (h *hunt) kill(moment string, run *exec.Cmd) bool {
	h.t.Helper()
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
	isKilled := run.ProcessState.Sys().(syscall.WaitStatus).Signaled()
	if !isKilled && !run.ProcessState.Success() {
		h.t.Errorf("the run that was to be killed %s has ended by itself: %v", moment, run.ProcessState)
	}
	return isKilled
}

// TestKilledAtAnyMoment kills the runs of a portal's nights at each request to it, and between each
// two steps. Whoever simply runs again gets what a run shows that nobody killed.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	u := newUndisturbed(t)
	t.Run("at a request", func(t *testing.T) {
		t.Parallel()
		h := newHunt(t, u)
		for h.night(func(n int) (string, *exec.Cmd) {
			var asked atomic.Int32
			h.portal.Inject(func(*simulator.Call) *simulator.Fault {
				if asked.Add(1) != int32(n) {
					return nil
				}
				_ = (<-h.prey).Kill()
				return &simulator.Fault{Drops: true}
			})
			return fmt.Sprintf("at request %d", n), h.command("stagelag")
		}) {
		}
		// A run begins when the portal has described itself, in one request.
		if want := h.kills - 1; h.begun != want || want < 2 {
			t.Errorf("of the runs of %d nights, %d were killed after they had begun, want %d and 2 at least", h.nights, h.begun, want)
		}
	})
	t.Run("between two steps", func(t *testing.T) {
		t.Parallel()
		h := newHunt(t, u)
		openWarehouse(t, h.folder) // which outlives the runs
		for h.night(func(n int) (string, *exec.Cmd) {
			run := h.command("mortal")
			run.Env = append(os.Environ(), fmt.Sprintf("%s=%d", killVariable, n))
			return fmt.Sprintf("before line %d of its log", n), run
		}) {
		}
		if want := h.kills; h.begun != want || want < 7 {
			t.Errorf("of the runs of %d nights, %d were killed after they had begun, want %d and 7 at least", h.nights, h.begun, want)
		}
	})
}

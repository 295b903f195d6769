package nightly_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"stagelag/config"
	"stagelag/loader"
	"stagelag/nightly"
	"stagelag/warehouse"
	"stagelag/warehouse/warehousetest"
)

// work helps a run as a process of its own, and prints how many parts it has derived.
func work(url string, cfg config.Config) (code int) {
	w, err := warehouse.Open(context.Background(), warehouse.Config{URL: url})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	defer w.Close()
	log := logrus.New()
	log.SetOutput(io.Discard)
	helped, err := nightly.Work(context.Background(), nightly.Help{Warehouse: w, Config: cfg, Wait: time.Minute, Progress: quiet{}, Log: log})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(helped.Parts, helped.Status)
	return 0
}

// holders are the processes that hold the lease of a part.
func (s *site) holders() map[int]bool {
	s.t.Helper()
	rows, err := s.w.DB().Query(s.t.Context(), "SELECT Settings['log_comment'] FROM system.processes WHERE startsWith(query_id, ?)", "stagelag-"+s.w.Names().Views+"-part ")
	if err != nil {
		s.t.Fatal(err)
	}
	defer rows.Close()
	processes := map[int]bool{}
	for rows.Next() {
		var text string
		var holder warehouse.Holder
		if err := rows.Scan(&text); err != nil {
			s.t.Fatal(err)
		}
		if json.Unmarshal([]byte(text), &holder) == nil {
			processes[holder.Process] = true
		}
	}
	return processes
}

// awaitHolder waits until a process holds the lease of a part.
func (s *site) awaitHolder(process int) {
	s.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !s.holders()[process]; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("process %d takes no part", process)
		}
	}
}

// startStopped starts a run in parts that stops when it has been split, before it could end: parts up
// to the last one are kept from it meanwhile.
func (s *site) startStopped(task passTask, run loader.RunID, kept ...uint32) *exec.Cmd {
	s.t.Helper()
	var leases []*warehouse.Lease
	defer func() {
		for _, lease := range leases {
			_ = lease.Release()
		}
	}()
	for _, no := range kept {
		lease, err := s.w.Lease(s.t.Context(), loader.Part{Run: run, No: no}.Lease(), "a test")
		if err != nil {
			s.t.Fatal(err)
		}
		leases = append(leases, lease)
	}
	cmd := task.start(s.t)
	for deadline := time.Now().Add(2 * time.Minute); s.kept("SELECT count() FROM run_parts WHERE run_id = ?", uint32(run)) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatal("the run is not split")
		}
	}
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		s.t.Fatal(err)
	}
	return cmd
}

// lastAppended is what the last run has appended and changed.
const lastAppended = "SELECT facts_appended, deals_changed FROM run_events WHERE status = 'published' ORDER BY run_id DESC LIMIT 1"

// TestARunInParts has a run derived by several processes, one of which is killed over its part. It
// shows what a run by one process shows.
func TestARunInParts(t *testing.T) {
	t.Parallel()
	const seed, deals, changes, parts = 31, 200, 70, 6
	s := generated(t, seed, deals)
	alone := *s
	alone.w = warehousetest.Migrated(t)
	task := s.task(warehousetest.ServerURL(s.w, s.w.Options().Addr[0]), s.webhook)
	helper := task
	helper.Works = true
	task.Parts = parts
	for night := range 3 {
		if night > 0 {
			s.nextNight(seed, changes)
		}
		task.Full = night == 2
		run := s.startStopped(task, loader.RunID(night+1), parts-2, parts-1, parts)
		victim := helper.start(t)
		s.awaitHolder(victim.Process.Pid)
		_ = victim.Process.Kill()
		_ = victim.Wait()
		other := helper.command(t)
		said := &strings.Builder{}
		other.Stdout = said
		if err := errors.Join(other.Start(), run.Process.Signal(syscall.SIGCONT)); err != nil {
			t.Fatal(err)
		}
		for _, process := range []*exec.Cmd{run, other} {
			if err := process.Wait(); err != nil {
				t.Fatalf("night %d: %v", night, err)
			}
		}
		if !strings.HasSuffix(said.String(), "published\n") {
			t.Errorf("night %d: who has helped says %q", night, said)
		}
		t.Logf("night %d: of %d parts a helper has derived %s", night, parts, said)
		alone.run(task.Full)
		if night == 2 || isLong() { // what is wrong with one night is there after the next, or has been corrected
			expectSame(t, fmt.Sprintf("night %d", night), s.snapshot(), alone.snapshot())
		}
		if got, want := s.sortedRows(lastAppended), alone.sortedRows(lastAppended); got[0] != want[0] {
			t.Errorf("night %d: the run has appended and changed %s, want %s", night, got[0], want[0])
		}
	}
	s.expectLaws("a run in parts")
}

// TestASplitRunIsKilled ends the run itself: its helper says that it came to nothing, and the next
// run leaves no trace of its parts.
func TestASplitRunIsKilled(t *testing.T) {
	t.Parallel()
	s := generated(t, 32, 150)
	task := s.task(warehousetest.ServerURL(s.w, s.w.Options().Addr[0]), s.webhook)
	helper := task
	helper.Works = true
	task.Parts = 30
	run := s.startStopped(task, 1, 28, 29, 30)
	helping := helper.command(t)
	said := &strings.Builder{}
	helping.Stdout = said
	if err := helping.Start(); err != nil {
		t.Fatal(err)
	}
	s.awaitHolder(helping.Process.Pid)
	_ = run.Process.Kill()
	_ = run.Wait()
	if err := helping.Wait(); err != nil || !strings.HasSuffix(said.String(), "failed\n") {
		t.Errorf("who has helped a run that was killed says %q, %v", said, err)
	}
	if n := s.number("SELECT count() FROM deals_now"); n != 0 {
		t.Errorf("%d deals are shown of a run that was killed", n)
	}
	s.run(false)
	s.expectLaws("after a split run was killed")
	if n := s.kept("SELECT count() FROM system.tables WHERE database = currentDatabase() AND startsWith(name, 'part_')") + s.kept("SELECT count() FROM run_parts"); n != 0 {
		t.Errorf("%d things are left of the parts", n)
	}
}

// TestOtherRulesDoNotHelp keeps out a process whose configuration would give other numbers.
func TestOtherRulesDoNotHelp(t *testing.T) {
	t.Parallel()
	s := generated(t, 33, 200)
	pass := s.pass(false)
	pass.Parts = 50
	var err error
	begun := make(chan struct{})
	pass.Progress = cutter{at: "derive and append", cut: func() { close(begun) }}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, err = nightly.Run(context.Background(), pass)
	}()
	<-begun
	other := s.cfg
	other.Plan.Norms = append([]config.Norm{{Stage: "C5:DOCS", Days: 1, From: firstNight}}, other.Plan.Norms...)
	_, refused := nightly.Work(context.Background(), nightly.Help{Warehouse: s.w, Config: other, Wait: time.Minute, Progress: quiet{}, Log: pass.Log})
	<-done
	if err != nil {
		t.Errorf("the run: %v", err)
	}
	if refused == nil || refused.Error() != nightly.ErrOtherRules.Error() {
		t.Errorf("a helper with other rules: %v, want %v", refused, nightly.ErrOtherRules)
	}
}

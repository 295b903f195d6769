package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"stagelag/simulator"
	"stagelag/warehouse"
	"stagelag/warehouse/warehousetest"
)

// A busyPortal lives on from night to night as its script says, the same way each time: beside what
// happens in its world, people correct what is past.
type busyPortal struct {
	huntedPortal
	world *simulator.World
}

func newBusyPortal(t *testing.T, folder string) *busyPortal {
	t.Helper()
	b := &busyPortal{huntedPortal: huntedPortal{t: t, folder: folder}}
	b.portal, b.world, b.clock = nightlyPortal(t, 40, folder)
	return b
}

// nextNight lets a day pass in which each tenth deal, another one each day, gets another manager, and
// the first change of its history another time.
func (b *busyPortal) nextNight() {
	b.huntedPortal.nextNight()
	now := time.Unix(b.clock.Load(), 0).UTC()
	day, users := now.Day(), b.world.Users()
	for i, deal := range b.world.Deals() {
		if i%10 != day%10 {
			continue
		}
		b.world.SetManager(deal.ID, now, users[(i+day)%len(users)].ID)
		if history := b.world.History(deal.ID); len(history) > 0 {
			b.world.CorrectChange(deal.ID, history[0].ID, now, func(c *simulator.Change) { c.At = c.At.Add(-48 * time.Hour) })
		}
	}
}

// night lets a day pass, and runs.
func (b *busyPortal) night() {
	b.t.Helper()
	b.nextNight()
	mustCall(b.t, b.folder, "run")
}

// kill lets a day pass and makes a run that is killed when it has appended its rows.
func (b *busyPortal) kill(w *warehouse.Warehouse) {
	b.t.Helper()
	b.nextNight()
	self, err := os.Executable()
	if err != nil {
		b.t.Fatal(err)
	}
	run := exec.Command(self, "run")
	run.Args[0], run.Dir, run.Env = "mortal", b.folder, append(os.Environ(), killVariable+"=8")
	out, _ := run.CombinedOutput()
	var rows uint64
	row := w.DB().QueryRow(b.t.Context(), "SELECT count() FROM facts WHERE run_id > (SELECT max(run_id) FROM run_events WHERE status = 'published')")
	if err := row.Scan(&rows); err != nil || rows == 0 {
		b.t.Fatalf("the run that was killed has left %d rows, %v, want some:\n%s", rows, err, out)
	}
}

// managersWithNames are people whom the views name.
func managersWithNames(t *testing.T, w *warehouse.Warehouse) []string {
	t.Helper()
	return lines(told(t, w, "SELECT toString(manager_id) FROM deals_now WHERE NOT startsWith(manager_name, '#') GROUP BY manager_id ORDER BY count() DESC, manager_id"))
}

// A restored warehouse lives on as one that was never restored: killed and failed runs, corrections and
// forgotten people in its past change nothing, and neither does whether the engine stays up. Who was
// forgotten, before the backup or after it, stays so.
func TestNightsAfterARestore(t *testing.T) {
	t.Parallel()
	folder := newFolder(t)
	backup := filepath.Join(folder, "one.tar.zst")
	w := openWarehouse(t, folder)
	lived := newBusyPortal(t, folder)
	mustCall(t, folder, "run")
	managers := managersWithNames(t, w)
	if len(managers) < 3 {
		t.Fatalf("%d managers have names, want three at least", len(managers))
	}
	mustCall(t, folder, "forget", "--manager", managers[0])
	lived.night()
	lived.kill(w)
	lived.night()
	lived.portal.Inject(simulator.FromNth(3, simulator.Fault{Error: &simulator.NoAuthFound}))
	if _, _, code := call(t, folder, "", "run"); code == 0 {
		t.Fatal("a run that the portal refuses has ended well")
	}
	lived.portal.Inject(nil)
	lived.night()
	mustCall(t, folder, "backup", backup)
	past := lived.clock.Load()
	mustCall(t, folder, "forget", "--manager", managers[1])
	atBackup := lived.shown(w)
	// What is wrong after the first night is so after the second, which grows from it.
	lived.night()
	lived.night()
	want := lived.shown(w)
	schema := tableTexts(t, w)

	for _, restarts := range []bool{false, true} {
		if out := mustCall(t, folder, "restore", "--replace", backup); !strings.Contains(out, "Restored from") {
			t.Errorf("restore: %q", out)
		}
		if got := tableTexts(t, w); got != schema {
			t.Errorf("a restore has changed the schema:\n%s\nwant\n%s", got, schema)
		}
		if got := lived.shown(w); got != atBackup {
			t.Errorf("what is restored shows\n%swant, as at the backup,\n%s", got, atBackup)
		}
		if restarts {
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if err := warehousetest.WaitUntilEnded(filepath.Join(folder, "data", "warehouse")); err != nil {
				t.Fatal(err)
			}
			w = openWarehouse(t, folder)
		}
		again := newBusyPortal(t, folder)
		for again.clock.Load() < past {
			again.nextNight()
		}
		again.night()
		again.night()
		if got := again.shown(w); got != want {
			t.Errorf("two nights after the restore (the engine restarts: %t): the views show\n%swant, as without the restore,\n%s", restarts, got, want)
		}
		if !restarts {
			mustCall(t, folder, "run", "--full")
			if got := again.shown(w); got != want {
				t.Errorf("a full run after the restore: the views show\n%swant\n%s", got, want)
			}
		}
		if named := managersWithNames(t, w); slices.Contains(named, managers[0]) || slices.Contains(named, managers[1]) || !slices.Contains(named, managers[2]) {
			t.Errorf("after the restore %v have names, want %s and %s without and %s with one", named, managers[0], managers[1], managers[2])
		}
		if n := told(t, w, "SELECT count() FROM (SELECT deal_id, visit_no FROM deal_stages GROUP BY ALL HAVING count() > 1)"); n != "0\n" {
			t.Errorf("after the restore %s visits are shown more than once", strings.TrimSpace(n))
		}
	}
}

// tableTexts are the statements that make what is in the internal database.
func tableTexts(t *testing.T, w *warehouse.Warehouse) string {
	t.Helper()
	var text string
	row := w.DB().QueryRow(t.Context(), "SELECT arrayStringConcat(arraySort(groupArray(create_table_query)), '\n') FROM system.tables WHERE database = currentDatabase()")
	if err := row.Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text
}

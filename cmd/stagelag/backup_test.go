package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"stagelag/warehouse"
	"stagelag/warehouse/warehousetest"
)

// mustCall runs stagelag, which has to succeed, and gives what it prints.
func mustCall(t *testing.T, folder string, args ...string) string {
	t.Helper()
	stdout, stderr, code := call(t, folder, "", args...)
	if code != 0 {
		t.Fatalf("stagelag %s: exit code %d, %s%s", strings.Join(args, " "), code, stdout, stderr)
	}
	return stdout
}

// openWarehouse opens the folder's warehouse. While it is open, the commands that are called
// need not start an engine each.
func openWarehouse(t *testing.T, folder string) *warehouse.Warehouse {
	t.Helper()
	w, err := warehouse.Open(t.Context(), warehouse.Config{URL: warehouse.Embedded, Path: filepath.Join(folder, "data", "warehouse")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// shownNumbers ask for what the views tell, except what rests on who looked when: who was responsible when nobody did,
// and in which department the person was.
var shownNumbers = []string{
	"SELECT * FROM deal_stages ORDER BY deal_id, visit_no",
	"SELECT * EXCEPT department FROM deals_now ORDER BY deal_id",
	"SELECT * FROM portfolio_days ORDER BY funnel_id, day",
	"SELECT * FROM data_gaps ORDER BY ALL",
	"SELECT * EXCEPT (run_id, manager_source) FROM deal_stage_days ORDER BY deal_id, visit_no, day",
}

// told is what the warehouse answers to the queries, columns divided by tabs.
func told(t *testing.T, w *warehouse.Warehouse, queries ...string) string {
	t.Helper()
	var b strings.Builder
	for _, query := range queries {
		if err := w.Query(t.Context(), &b, query, "TSVRaw"); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	return b.String()
}

// seen asks for what rests on who looked when.
var seen = []string{
	"SELECT deal_id, department FROM deals_now ORDER BY deal_id",
	"SELECT deal_id, visit_no, day, manager_source FROM deal_stage_days ORDER BY ALL",
}

// figures are the shown numbers of the folder's warehouse, and what was seen.
func figures(t *testing.T, folder string) (numbers, whoWasSeen string) {
	t.Helper()
	w := openWarehouse(t, folder)
	defer w.Close()
	return told(t, w, shownNumbers...), told(t, w, seen...)
}

// loseWarehouse removes the warehouse's folder, with everything in it.
func loseWarehouse(t *testing.T, folder string) {
	t.Helper()
	path := filepath.Join(folder, "data", "warehouse")
	if err := warehousetest.WaitUntilEnded(path); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

// A warehouse that is lost comes back with its backup, and the next run catches up; without a
// backup, a full run brings what the portal still has.
func TestALostWarehouse(t *testing.T) {
	t.Parallel()
	folder := seededFolder(t)
	_, world, clock := nightlyPortal(t, 30, folder)
	held := openWarehouse(t, folder)
	mustCall(t, folder, "run")
	backup := filepath.Join(folder, "one.tar.zst")
	if stdout := mustCall(t, folder, "backup", backup); stdout != "Backed up to "+backup+".\n" {
		t.Errorf("backup: %q", stdout)
	}
	if info, err := os.Stat(backup); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup is %v, %v, want it readable for its owner only", info, err)
	}
	saved, savedSeen := figures(t, folder)
	world.DeleteDeal(world.Deals()[3].ID, time.Unix(clock.Add(24*60*60), 0))
	mustCall(t, folder, "run")
	want, wantSeen := figures(t, folder)

	_ = held.Close()
	loseWarehouse(t, folder)
	if stdout := mustCall(t, folder, "restore", backup); !strings.Contains(stdout, "run 1 as of ") {
		t.Errorf("restore: %q, want the run that is published", stdout)
	}
	held = openWarehouse(t, folder)
	if numbers, seen := figures(t, folder); numbers != saved || seen != savedSeen {
		t.Error("what was restored is not what was backed up")
	}
	mustCall(t, folder, "run")
	if numbers, seen := figures(t, folder); numbers != want || seen != wantSeen {
		t.Error("after the restore and a run the figures are not those of the lost warehouse")
	}

	_ = held.Close()
	loseWarehouse(t, folder)
	mustCall(t, folder, "run", "--full")
	if numbers, _ := figures(t, folder); numbers != want {
		t.Error("after a full run into a new warehouse the figures are not those of the lost one")
	}
}

// A backup can be put under another warehouse.database, and shows there what it showed.
func TestABackupUnderAnotherDatabase(t *testing.T) {
	t.Parallel()
	folder := seededFolder(t)
	writtenPortal(t, folder, 20, "")
	openWarehouse(t, folder)
	north := []string{"STAGELAG_WAREHOUSE_DATABASE=north"}
	mustCall(t, folder, "run")
	backup := filepath.Join(folder, "one.tar.zst")
	mustCall(t, folder, "backup", backup)
	const deals = "SELECT * FROM deals_now ORDER BY deal_id"
	want := mustCall(t, folder, "query", deals)
	if _, stderr, code := callWith(t, folder, north, "", "restore", backup); code != 0 {
		t.Fatalf("restore: exit code %d, %s", code, stderr)
	}
	mustBeNorth := func(when string) {
		t.Helper()
		if got, stderr, code := callWith(t, folder, north, "", "query", deals); got != want || code != 0 {
			t.Errorf("%s north has other deals than were backed up (exit code %d, %s)", when, code, stderr)
		}
	}
	mustBeNorth("after the restore")
	if _, stderr, code := callWith(t, folder, north, "", "run"); code != 0 {
		t.Fatalf("run: exit code %d, %s", code, stderr)
	}
	mustBeNorth("after a run that finds nothing new")
	if got := mustCall(t, folder, "query", deals); got != want {
		t.Error("the warehouse that was backed up has other deals than before")
	}
}

// A restore replaces nothing unasked, and nothing when it fails.
func TestARestoreThatDoesNot(t *testing.T) {
	t.Parallel()
	folder := seededFolder(t)
	writtenPortal(t, folder, 10, "")
	openWarehouse(t, folder)
	fail := func(code int, want string, args ...string) {
		t.Helper()
		_, stderr, got := call(t, folder, "", args...)
		if got != code || !strings.Contains(stderr, want) {
			t.Errorf("stagelag %s: exit code %d, %s, want %d and %q", strings.Join(args, " "), got, stderr, code, want)
		}
	}
	good, damaged, changed := filepath.Join(folder, "good.tar.zst"), filepath.Join(folder, "damaged.tar.zst"), filepath.Join(folder, "changed.tar.zst")
	fail(1, "nothing to back up", "backup", good)
	mustCall(t, folder, "run")
	mustCall(t, folder, "backup", good)
	want, wantSeen := figures(t, folder)
	killed := filepath.Join(folder, "data", "warehouse", "backups", "stagelag-1.tar.zst") // of a command that was killed
	if err := os.WriteFile(killed, []byte("half a backup"), 0o600); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	for name, part := range map[string][]byte{damaged: content[:len(content)/2], changed: []byte("no backup")} {
		if err := os.WriteFile(name, part, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	fail(1, "the file exists already", "backup", good)
	fail(1, "--replace", "restore", good)
	fail(1, "the file is damaged or no backup", "restore", "--replace", damaged)
	fail(1, "the file is damaged or no backup", "restore", "--replace", changed)
	fail(1, "no such file", "restore", "--replace", filepath.Join(folder, "none.tar.zst"))
	fail(2, "ends in .tar.zst, such as one.tar.zst", "backup", "one.zip")
	fail(2, "is in the warehouse's folder, and would be lost with it: name a file in another folder", "backup", "data/warehouse/one.tar.zst")
	if numbers, seen := figures(t, folder); numbers != want || seen != wantSeen {
		t.Error("after the restores that failed the warehouse is not as it was")
	}
	left, err := filepath.Glob(filepath.Join(folder, "data", "warehouse", "backups", "*"))
	if err != nil || len(left) != 0 {
		t.Errorf("in the engine's folder for backups there are %v, %v, want nothing", left, err)
	}
	mustCall(t, folder, "restore", "--replace", good)
	if numbers, seen := figures(t, folder); numbers != want || seen != wantSeen {
		t.Error("what was restored is not what was backed up")
	}
}

// What a restore that was killed has left shows nobody any numbers.
func TestAHalfRestoredWarehouse(t *testing.T) {
	t.Parallel()
	folder := seededFolder(t)
	writtenPortal(t, folder, 10, "")
	w := openWarehouse(t, folder)
	mustCall(t, folder, "run")
	mustCall(t, folder, "backup", "one.tar.zst")
	manager := managersWithNames(t, w)[0]
	mustCall(t, folder, "forget", "--manager", manager)
	want, wantSeen := figures(t, folder)
	for _, statement := range []string{
		"RENAME DATABASE stagelag_internal TO stagelag_replaced", "CREATE DATABASE stagelag_internal",
		"CREATE TABLE stagelag_internal.forgotten_managers AS stagelag_replaced.forgotten_managers", // it came with the backup, without rows
	} {
		if err := w.DB().Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	for _, command := range [][]string{{"query", "SELECT count() FROM deals_now"}, {"report"}, {"run"}, {"backup", "two.tar.zst"}} {
		if _, stderr, code := call(t, folder, "", command...); code != 1 || !strings.Contains(stderr, "run stagelag restore again") {
			t.Errorf("stagelag %s: exit code %d, %s, want 1 and that the restore is to be run again", command[0], code, stderr)
		}
	}
	mustCall(t, folder, "restore", "one.tar.zst")
	if numbers, seen := figures(t, folder); numbers != want || seen != wantSeen {
		t.Error("what was restored is not what was backed up, without the name of who was forgotten since")
	}
	if slices.Contains(managersWithNames(t, w), manager) {
		t.Errorf("manager %s was forgotten in the warehouse that the restore was to replace, and has a name", manager)
	}
}

// Nobody who is forgotten comes back with a backup.
func TestForgetOutlivesARestore(t *testing.T) {
	t.Parallel()
	folder := seededFolder(t)
	writtenPortal(t, folder, 20, "")
	openWarehouse(t, folder)
	mustCall(t, folder, "run")
	var manager struct {
		ID   uint64 `json:"manager_id,string"`
		Name string `json:"manager_name"`
	}
	row := mustCall(t, folder, "query", "SELECT toString(manager_id) AS manager_id, manager_name FROM deals_now WHERE NOT startsWith(manager_name, '#') LIMIT 1", "--format", "JSONEachRow")
	if err := json.Unmarshal([]byte(row), &manager); err != nil {
		t.Fatal(err)
	}
	id := fmt.Sprint(manager.ID)
	mustCall(t, folder, "backup", "before.tar.zst")
	if got, want := mustCall(t, folder, "forget", "--manager", id), "Manager "+id+" has no name in the warehouse any more, and is shown as #"+id+".\n"; got != want {
		t.Errorf("forget: %q, want %q", got, want)
	}
	deal := strings.TrimSpace(mustCall(t, folder, "query", "SELECT min(deal_id) FROM deals_now", "--format", "TSV"))
	if got, want := mustCall(t, folder, "forget", "--deal", deal), "Deal "+deal+" is out of the report, and stays out.\n"; got != want {
		t.Errorf("forget: %q, want %q", got, want)
	}
	for _, next := range [][]string{{"run", "--full"}, {"restore", "--replace", "before.tar.zst"}, {"run"}} {
		mustCall(t, folder, next...)
		if got := mustCall(t, folder, "query", "SELECT count() FROM deals_now WHERE deal_id = "+deal, "--format", "TSV"); got != "0\n" {
			t.Errorf("after %v the deal is in the report %s times", next, got)
		}
		names := mustCall(t, folder, "query", "SELECT DISTINCT manager_name FROM deals_now WHERE manager_id = "+id, "--format", "TSV")
		if names != "#"+id+"\n" {
			t.Errorf("after %v the manager is %q, want #%s", next, names, id)
		}
	}
	if _, stderr, code := call(t, folder, "", "forget", "--manager", "4711"); code != 1 || !strings.Contains(stderr, "no run has seen a manager 4711") {
		t.Errorf("forget somebody unknown: exit code %d, %s, want 1 and that nobody knows", code, stderr)
	}
	if _, stderr, code := call(t, folder, "", "forget"); code != 2 || !strings.Contains(stderr, "--manager") {
		t.Errorf("forget nobody: exit code %d, %s, want 2", code, stderr)
	}
	if _, stderr, code := call(t, folder, "", "forget", "--deal", "999999"); code != 1 || !strings.Contains(stderr, "no run has seen a deal 999999") {
		t.Errorf("forget an unknown deal: exit code %d, %s, want 1 and that nobody knows it", code, stderr)
	}

	// A run is withdrawn after asking, or without with --yes, until there is none.
	before := mustCall(t, folder, "query", "SELECT count() FROM runs WHERE status = 'published'", "--format", "TSV")
	if _, stderr, code := call(t, folder, "n\n", "withdraw"); code != 1 || !strings.Contains(stderr, "[y/N]") || !strings.Contains(stderr, "nothing was done") {
		t.Errorf("withdraw, answered no: exit code %d, %s", code, stderr)
	}
	if got := mustCall(t, folder, "query", "SELECT count() FROM runs WHERE status = 'published'", "--format", "TSV"); got != before {
		t.Errorf("there are %s published runs after a no, want %s", got, before)
	}
	if stdout, stderr, code := call(t, folder, "y\n", "withdraw"); code != 0 || !strings.Contains(stdout, "is withdrawn") {
		t.Errorf("withdraw, answered yes: exit code %d, %s", code, stderr)
	}
	for code := 0; code == 0; {
		var stdout, stderr string
		if stdout, stderr, code = call(t, folder, "", "withdraw", "--yes"); code != 0 && !strings.Contains(stderr, "there is nothing to withdraw") {
			t.Errorf("withdraw --yes: exit code %d, %s%s", code, stdout, stderr)
		}
	}
	if got := mustCall(t, folder, "query", "SELECT count() FROM deals_now", "--format", "TSV"); got != "0\n" {
		t.Errorf("the views show %s deals, want none", got)
	}
}

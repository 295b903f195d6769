package embedded

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stagelag/warehouse/access"
)

// killEngine ends the engine when it is old enough to be replaced.
func killEngine(t *testing.T, s *Seat) {
	t.Helper()
	time.Sleep(shortLife) // one that ends sooner is not replaced
	if err := unix.Kill(s.Engine, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end of the engine", func() bool { return isGone(s.Engine) })
}

// Who uses an engine that ends goes on with the next one, on the same addresses.
func TestAnEngineThatEndsIsReplaced(t *testing.T) {
	t.Parallel()
	s := mustJoin(t, newPath(t))
	db := connect(t, s)
	mustExec(t, db, "CREATE TABLE days (day Date) ENGINE = MergeTree ORDER BY day",
		"INSERT INTO days SELECT toDate('2026-03-02') + number FROM numbers(1000)")
	killEngine(t, s)
	if rows := count(t, connect(t, s), "SELECT count() FROM days"); rows != 1000 {
		t.Errorf("over a new connection the table has %d rows, want 1000", rows)
	}
	// A connection that was open has ended with the engine; the next one is a new one.
	_ = db.Ping(t.Context())
	if rows := count(t, db, "SELECT count() FROM days"); rows != 1000 {
		t.Errorf("over the old connection the table has %d rows, want 1000", rows)
	}
}

// Why an engine could not be started again is in the folder when the keeper has given up.
func TestAKeeperThatGivesUpSaysWhy(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s := mustJoin(t, path)
	// The next start finds no place for what it has to write.
	if err := os.RemoveAll(folder(path).config()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(folder(path).config(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	killEngine(t, s)
	eventually(t, "the end of the keeper", func() bool { return isGone(s.Keeper) })
	said, err := os.ReadFile(folder(path).lastLog())
	if err != nil {
		t.Fatal(err)
	}
	if want := "start the engine again: "; !bytes.Contains(said, []byte(want)) || !bytes.Contains(said, []byte("not a directory")) {
		t.Errorf("the engine's log holds %q, want %q with the reason", said, want)
	}
}

// A database that is new in a folder is served by the engine that is up there.
func TestAnEngineTakesUpANewDatabase(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	first := mustJoin(t, path)
	db := connect(t, first)
	mustExec(t, db, "CREATE TABLE days (day Date) ENGINE = MergeTree ORDER BY day",
		"INSERT INTO days SELECT toDate('2026-03-02') + number FROM numbers(1000)")
	second := mustJoinFor(t, path, "north")
	if second.Native != first.Native || second.HTTP != first.HTTP || second.Keeper != first.Keeper {
		t.Errorf("the engine moved from %+v to %+v", first.place(), second.place())
	}
	north := connectFor(t, second, "north")
	mustExec(t, north, "CREATE TABLE days (day Date) ENGINE = MergeTree ORDER BY day")
	if rows := count(t, north, "SELECT count() FROM days"); rows != 0 {
		t.Errorf("the new database has %d rows, want none of the other's", rows)
	}
	_ = db.Ping(t.Context()) // it was open when the engine was started anew
	if rows := count(t, db, "SELECT count() FROM days"); rows != 1000 {
		t.Errorf("the first database has %d rows, want 1000", rows)
	}
	// It is remembered: whoever starts the engine next.
	first.Leave()
	second.Leave()
	waitUntilEnded(t, folder(path))
	third := mustJoin(t, path)
	before := third.place()
	if after := mustJoinFor(t, path, "north").place(); after != before {
		t.Errorf("the engine was started anew for a database that it knows: %+v, then %+v", before, after)
	}
}

// An engine is not started anew under a lease.
func TestALeaseKeepsTheEngine(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s := mustJoin(t, path)
	db := connect(t, s)
	ended := make(chan error, 1)
	go func() {
		ended <- db.Exec(withQueryID(t, LeasePrefix+"stagelag-run"), "SELECT sleepEachRow(0.1) FROM numbers(1000) SETTINGS max_block_size = 1 FORMAT Null")
	}()
	eventually(t, "the lease", func() bool {
		return count(t, connect(t, s), "SELECT count() FROM system.processes WHERE query_id = '"+LeasePrefix+"stagelag-run'") > 0
	})
	_, err := Join(t.Context(), path, "north")
	if err == nil || !strings.Contains(err.Error(), "wait until it has ended") {
		t.Errorf("Join for another database under a lease: %v, want that it has to wait", err)
	}
	if isGone(s.Engine) {
		t.Error("the engine has ended")
	}
	mustExec(t, connect(t, s), "KILL QUERY WHERE query_id = '"+LeasePrefix+"stagelag-run' SYNC")
	<-ended
	mustJoinFor(t, path, "north")
	// The folder has remembered the name from the first time on.
	if mustJoin(t, path).Passwords("north") == (Passwords{}) {
		t.Errorf("there are no passwords for north beside those for %s", access.Default)
	}
}

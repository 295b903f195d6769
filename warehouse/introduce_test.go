package warehouse

import (
	"strings"
	"testing"
)

// An engine that was introduced to all databases is not started anew for the next one, which a run under way of another would not
// allow.
func TestIntroducedDatabasesDoNotDisturbARun(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	path := newPath(t)
	at := func(database string) Config {
		return Config{URL: Embedded, Path: path, Database: database}
	}
	// The error of one engine leaves the others alone.
	release, err := Introduce(ctx, at("north"), at("south"), Config{URL: Embedded, Path: "/proc/nowhere", Database: "east"}, Config{URL: "clickhouse://127.0.0.1:1", Database: "west"})
	if err == nil || !strings.Contains(err.Error(), "/proc/nowhere") || strings.Contains(err.Error(), "south") {
		t.Errorf("Introduce: %v, want an error of the folder that can't be", err)
	}
	defer release()
	north, err := Open(ctx, at("north"))
	if err != nil {
		t.Fatal(err)
	}
	defer north.Close()
	lease, err := north.Lease(ctx, "run", "a run")
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Release()
	release()
	south, err := Open(ctx, at("south"))
	if err != nil {
		t.Fatalf("beside a run of north: %v", err)
	}
	defer south.Close()
	if _, err := Open(ctx, at("other")); err == nil || !strings.Contains(err.Error(), "a run or another job of another database is under way") {
		t.Errorf("a database that nobody has introduced: %v, want that a run is under way", err)
	}
}

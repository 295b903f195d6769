package sql_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"stagelag/sql"
	"stagelag/warehouse"
	"stagelag/warehouse/warehousetest"
)

// A restore that was cut off is told to whoever writes, and the next one ends it: either way
// nothing is lost of what it was to replace.
func TestARestoreThatWasCutOff(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := warehousetest.Migrated(t)
	count := func() uint64 { return number(t, w, "SELECT count() FROM write_backs") }
	add := func(id string) {
		execute(t, w, "INSERT INTO write_backs (deal_id, updated_at, written_at) SELECT "+id+", now64(3), now64(3)")
	}
	add("1")
	file := filepath.Join(t.TempDir(), "one.tar.zst")
	if err := sql.Backup(ctx, w, file); err != nil {
		t.Fatal(err)
	}
	add("2")
	cutOff := func() {
		names := w.Names()
		execute(t, w, "RENAME DATABASE "+names.Internal+" TO "+names.Replaced)
		execute(t, w, "CREATE DATABASE "+names.Internal)
		execute(t, w, "CREATE TABLE deals (a UInt8) ENGINE = MergeTree ORDER BY a")
		if err := sql.Up(ctx, w); !errors.Is(err, warehouse.ErrHalfRestored) {
			t.Errorf("Up after a restore that was cut off: %v, want %v", err, warehouse.ErrHalfRestored)
		}
	}

	cutOff()
	refusal := errors.New("not this one")
	if err := w.Restore(ctx, file, sql.SchemaOf(w), func(context.Context) error { return refusal }); !errors.Is(err, refusal) || count() != 2 {
		t.Errorf("a restore that is refused in the end: %v, %d rows, want the two from before", err, count())
	}
	up(t, w)
	cutOff()
	if err := w.Restore(ctx, file, sql.SchemaOf(w), func(ctx context.Context) error { return sql.Up(ctx, w) }); err != nil || count() != 1 {
		t.Errorf("a restore after that: %v, %d rows, want the one of the backup", err, count())
	}
	up(t, w)
}

// What is restored has its views again, under the name of the backup and under another one.
func TestARestoredWarehouseHasItsViews(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w, other := warehousetest.Migrated(t), warehousetest.New(t)
	execute(t, w, "INSERT INTO run_events (run_id, as_of, started_at, status, recorded_at) SELECT 1, '2026-03-02', now64(3), 'failed', now64(3)")
	file := filepath.Join(t.TempDir(), "one.tar.zst")
	if err := sql.Backup(ctx, w, file); err != nil {
		t.Fatal(err)
	}
	for _, to := range []*warehouse.Warehouse{w, other} {
		if err := to.Restore(ctx, file, sql.SchemaOf(to), func(ctx context.Context) error { return sql.Up(ctx, to) }); err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if err := to.Query(ctx, &out, "SELECT run_id, as_of FROM runs", "TSV"); err != nil || out.String() != "1\t2026-03-02\n" {
			t.Errorf("the view runs of %s shows %q, %v, want the run of the backup", to.Names().Views, out.String(), err)
		}
	}
}

// A backup of a newer program is refused, and what was there stays.
func TestABackupOfANewerSchemaIsRefused(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := warehousetest.Migrated(t)
	execute(t, w, "INSERT INTO write_backs (deal_id, updated_at, written_at) SELECT 1, now64(3), now64(3)")
	execute(t, w, "INSERT INTO schema_migrations (version, dirty, sequence) SELECT 9999, 0, toUInt64(9e18)")
	file := filepath.Join(t.TempDir(), "newer.tar.zst")
	if err := w.Backup(ctx, file, sql.SchemaOf(w)); err != nil {
		t.Fatal(err)
	}
	execute(t, w, "ALTER TABLE schema_migrations DELETE WHERE version = 9999 SETTINGS mutations_sync = 2")
	execute(t, w, "TRUNCATE TABLE write_backs")
	err := w.Restore(ctx, file, sql.SchemaOf(w), func(ctx context.Context) error { return sql.Up(ctx, w) })
	if newer, ok := errors.AsType[*sql.NewerError](err); !ok || newer.Version != 9999 || number(t, w, "SELECT count() FROM write_backs") != 0 {
		t.Errorf("a restore of schema 9999: %v, want a *NewerError and the warehouse as it was", err)
	}
	up(t, w)
}

// On a server the file lies there, in a folder that its configuration has to name.
func TestBackupOnAServer(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := warehousetest.Migrated(t)
	execute(t, w, "INSERT INTO write_backs (deal_id, updated_at, written_at) SELECT 1, now64(3), now64(3)")
	auth, address := w.Options().Auth, w.Options().Addr[0]
	server, err := warehouse.Open(ctx, warehouse.Config{URL: "clickhouse://" + auth.Username + ":" + auth.Password + "@" + address, Database: w.Names().Views})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	const want = "back up to /elsewhere/one.tar.zst: Path '/elsewhere/one.tar.zst' is not allowed for backups, see the 'backups.allowed_path' configuration parameter (code 36): " +
		"the file lies on the server, in the folder that backups.allowed_path in the server's configuration names; set it there, " +
		"as in <clickhouse><backups><allowed_path>/var/lib/clickhouse/backups/</allowed_path></backups></clickhouse>"
	if err := sql.Backup(ctx, server, "/elsewhere/one.tar.zst"); err == nil || err.Error() != want {
		t.Errorf("a backup to where the server allows none: %v, want\n%s", err, want)
	}
	for _, do := range []func() error{
		func() error { return sql.Backup(ctx, server, "one.tar.zst") },
		func() error {
			return server.Restore(ctx, "one.tar.zst", sql.SchemaOf(server), func(context.Context) error { return nil })
		},
	} {
		if err := do(); err != nil {
			t.Errorf("to a file in the server's folder: %v", err)
		}
	}
	if n := number(t, w, "SELECT count() FROM write_backs"); n != 1 {
		t.Errorf("%d rows are restored, want 1", n)
	}
}

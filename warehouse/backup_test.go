package warehouse

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

func number(t *testing.T, w *Warehouse, query string) uint64 {
	t.Helper()
	var n uint64
	if err := w.DB().QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// A statementSchema is made by statements: tables by their names.
type statementSchema struct {
	w                 *Warehouse
	names, statements []string
}

func (s statementSchema) Tables() []string { return s.names }

func (s statementSchema) Begin(ctx context.Context) error { return s.w.DB().Exec(ctx, s.statements[0]) }

func (s statementSchema) Make(ctx context.Context) ([]string, error) {
	for _, statement := range s.statements[1:] {
		if err := s.w.DB().Exec(ctx, statement); err != nil {
			return nil, err
		}
	}
	return s.names[1:], nil
}

// smallSchema is what withViews makes tables of.
func smallSchema(w *Warehouse) Schema {
	return statementSchema{w, []string{"versions", "facts"}, []string{versionsText, factsText}}
}

// A backup has the tables and no view, and can be put under another name, where other users
// are at work.
func TestABackupUnderAnotherName(t *testing.T) {
	w, other := newWarehouse(t), newWarehouse(t)
	withViews(t, w)
	mustExec(t, other, "CREATE TABLE facts (note String) ENGINE = MergeTree ORDER BY note", "INSERT INTO facts VALUES ('of before')")
	mustExec(t, w, "CREATE TABLE part_1_facts AS facts") // of a run that was killed
	file := filepath.Join(t.TempDir(), "one"+BackupSuffix)
	if err := w.Backup(t.Context(), file, smallSchema(w)); err != nil {
		t.Fatal(err)
	}
	var restored []string
	err := other.Restore(t.Context(), file, smallSchema(other), func(ctx context.Context) error {
		err := other.DB().QueryRow(ctx, "SELECT arraySort(groupArray(name)) FROM system.tables WHERE database = currentDatabase()").Scan(&restored)
		return errors.Join(err, other.CheckWhole(ctx))
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(restored, []string{"facts", "versions"}) {
		t.Errorf("the backup has brought %q, want the tables of the schema and no view", restored)
	}
	for _, w := range []*Warehouse{w, other} {
		if n := number(t, w, "SELECT count() FROM facts"); n != 100 {
			t.Errorf("%s has %d rows, want 100", w.Names().Internal, n)
		}
		if n := number(t, w, "SELECT count() FROM system.databases WHERE name = '"+w.Names().Replaced+"'"); n != 0 {
			t.Errorf("%s is still there", w.Names().Replaced)
		}
	}
	for _, w := range []*Warehouse{w, other} {
		left, err := filepath.Glob(filepath.Join(sharedPath, "backups", w.Names().Views+"-*"))
		if err != nil || len(left) > 0 {
			t.Errorf("the engine's folder for backups has %q, %v, want nothing", left, err)
		}
	}
}

// A restore that fails, in the engine or in the check, leaves what was there.
func TestARestoreThatFails(t *testing.T) {
	w := newWarehouse(t)
	withViews(t, w)
	folder := t.TempDir()
	good, bad := filepath.Join(folder, "good"+BackupSuffix), filepath.Join(folder, "bad"+BackupSuffix)
	if err := w.Backup(t.Context(), good, smallSchema(w)); err != nil {
		t.Fatal(err)
	}
	mustExec(t, w, "INSERT INTO facts VALUES ('2026-01-01', 1)")
	if err := os.WriteFile(bad, []byte("no backup"), 0o600); err != nil {
		t.Fatal(err)
	}
	refusal := errors.New("not this one")
	if err := w.Restore(t.Context(), good, smallSchema(w), func(context.Context) error { return refusal }); !errors.Is(err, refusal) {
		t.Errorf("a restore that the check refuses: %v, want %v", err, refusal)
	}
	if err := w.Restore(t.Context(), bad, smallSchema(w), func(context.Context) error { return nil }); err == nil {
		t.Error("a file that is no backup was restored")
	}
	if err := w.CheckWhole(t.Context()); err != nil {
		t.Error(err)
	}
	if n := number(t, w, "SELECT count() FROM facts"); n != 101 {
		t.Errorf("afterwards there are %d rows, want the 101 from before", n)
	}
	if out, err := query(t, w, "SELECT count() FROM deal_stage_days", "TSV"); err != nil || out != "101\n" {
		t.Errorf("afterwards the view shows %q, %v, want 101", out, err)
	}
}

// A restore that was cut off is told to whoever asks, and the next one ends it.
func TestARestoreThatWasCutOff(t *testing.T) {
	w := newWarehouse(t)
	withViews(t, w)
	file := filepath.Join(t.TempDir(), "one"+BackupSuffix)
	if err := w.Backup(t.Context(), file, smallSchema(w)); err != nil {
		t.Fatal(err)
	}
	names := w.Names()
	mustExec(t, w, "RENAME DATABASE "+names.Internal+" TO "+names.Replaced, "CREATE DATABASE "+names.Internal)
	if err := w.CheckWhole(t.Context()); !errors.Is(err, ErrHalfRestored) {
		t.Errorf("CheckWhole: %v, want %v", err, ErrHalfRestored)
	}
	if err := w.Restore(t.Context(), file, smallSchema(w), func(context.Context) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := w.CheckWhole(t.Context()); err != nil {
		t.Error(err)
	}
	if n := number(t, w, "SELECT count() FROM facts"); n != 100 {
		t.Errorf("%d rows are restored, want 100", n)
	}
}

// A restore that was cut off while it dropped what it had replaced has come to its end: nobody is kept
// out, and a part of what was replaced is brought back by no later restore.
func TestARestoreThatWasCutOffAtItsEnd(t *testing.T) {
	w := newWarehouse(t)
	withViews(t, w)
	folder := t.TempDir()
	file := filepath.Join(folder, "one"+BackupSuffix)
	if err := w.Backup(t.Context(), file, smallSchema(w)); err != nil {
		t.Fatal(err)
	}
	names := w.Names()
	mustExec(t, w, "CREATE DATABASE "+names.Replaced, "CREATE VIEW "+names.Internal+"."+doneMark+" AS SELECT 1")
	if err := w.CheckWhole(t.Context()); err != nil {
		t.Errorf("CheckWhole: %v, want none", err)
	}
	again := filepath.Join(folder, "two"+BackupSuffix)
	if err := w.Backup(t.Context(), again, smallSchema(w)); err != nil {
		t.Fatal(err)
	}
	refusal := errors.New("not this one")
	if err := w.Restore(t.Context(), file, smallSchema(w), func(context.Context) error { return refusal }); !errors.Is(err, refusal) {
		t.Errorf("a restore that the check refuses: %v, want %v", err, refusal)
	}
	if n := number(t, w, "SELECT count() FROM facts"); n != 100 {
		t.Errorf("after that there are %d rows, want the 100 from before", n)
	}
	half := func(ctx context.Context) error {
		w.isRestoring.Store(false) // as another command sees it
		defer w.isRestoring.Store(true)
		if err := w.CheckWhole(ctx); !errors.Is(err, ErrHalfRestored) {
			t.Errorf("CheckWhole while a restore is under way: %v, want %v", err, ErrHalfRestored)
		}
		return nil
	}
	if err := w.Restore(t.Context(), again, smallSchema(w), half); err != nil {
		t.Fatal(err)
	}
	if n := number(t, w, "SELECT count() FROM system.tables WHERE database = '"+names.Replaced+"' OR name = '"+doneMark+"' AND database = currentDatabase()"); n != 0 {
		t.Errorf("after a restore %d of what it needed are left, want none", n)
	}
}

// Mutations change what was restored, whatever mutations it has seen before, while the engine stays up.
func TestRestoredRowsCanBeChanged(t *testing.T) {
	w := newWarehouse(t)
	schema := statementSchema{w, []string{"landing_deals", "facts"}, []string{
		"CREATE TABLE landing_deals (id UInt32) ENGINE = ReplacingMergeTree ORDER BY id",
		"CREATE TABLE facts (id UInt32, run UInt32, year UInt16, PROJECTION sums (SELECT run, count() GROUP BY run)) ENGINE = MergeTree PARTITION BY year ORDER BY id",
	}}
	mustExec(t, w, schema.statements...)
	for range 4 {
		mustExec(t, w, "INSERT INTO facts SELECT number, 1, 2025 + number % 2 FROM numbers(10)", "ALTER TABLE facts UPDATE run = run + 1 WHERE 1 SETTINGS mutations_sync = 2")
	}
	const created = "SELECT sum(cityHash64(create_table_query)) FROM system.tables WHERE database = currentDatabase()"
	want := number(t, w, created)
	file := filepath.Join(t.TempDir(), "one"+BackupSuffix)
	if err := w.Backup(t.Context(), file, schema); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.Restore(t.Context(), file, schema, func(context.Context) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if got := number(t, w, created); got != want {
			t.Error("a restore has changed the tables")
		}
		if n := number(t, w, "SELECT sum(run) FROM facts"); n != 140 {
			t.Errorf("the numbers of the restored runs add up to %d, want 140", n)
		}
		mustExec(t, w, "ALTER TABLE facts UPDATE run = 9 WHERE 1 SETTINGS mutations_sync = 2", "ALTER TABLE facts DELETE WHERE id < 5 SETTINGS mutations_sync = 2")
		if n := number(t, w, "SELECT countIf(run = 9) + 100 * countIf(run != 9 OR id < 5) FROM facts"); n != 20 {
			t.Errorf("after an update of all rows and a deletion of half of them %d are changed and there, want 20 (and 100 for each that is not)", n)
		}
	}
}

// A mortal connection carries out so many statements and no more, as that of a command that is killed.
type mortal struct {
	driver.Conn
	left int
}

var errKilled = errors.New("killed")

func (m *mortal) Exec(ctx context.Context, query string, args ...any) error {
	if m.left--; m.left < 0 {
		return errKilled
	}
	return m.Conn.Exec(ctx, query, args...)
}

// Wherever a restore is killed, the next one that succeeds ends it, and one that fails leaves what was
// there before, or what the killed one had put in its place when that was done.
func TestARestoreThatIsKilledAtAnyMoment(t *testing.T) {
	w := newWarehouse(t)
	withViews(t, w) // with a hundred facts
	folder := t.TempDir()
	good, bad := filepath.Join(folder, "good"+BackupSuffix), filepath.Join(folder, "bad"+BackupSuffix)
	if err := w.Backup(t.Context(), good, smallSchema(w)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bad, []byte("no backup"), 0o600); err != nil {
		t.Fatal(err)
	}
	accept := func(context.Context) error { return nil }
	for statements := 0; ; statements++ {
		for _, next := range []string{bad, good} {
			mustExec(t, w, "TRUNCATE TABLE facts", "INSERT INTO facts VALUES ('2026-01-01', 1)")
			alive := w.db
			w.db = &mortal{alive, statements}
			err := w.Restore(t.Context(), good, smallSchema(w), accept)
			w.db = alive
			if err == nil {
				if statements < 10 {
					t.Errorf("a restore has ended after %d statements, want more", statements)
				}
				return
			}
			if !errors.Is(err, errKilled) {
				t.Fatalf("killed after %d statements: %v", statements, err)
			}
			// What comes next is another command, which connects anew: its database can be missing in that moment.
			if err := errors.Join(w.db.Close(), w.views.Close(), w.connect(t.Context(), true)); err != nil {
				t.Fatalf("killed after %d statements, then connected: %v", statements, err)
			}
			isHalf := errors.Is(w.CheckWhole(t.Context()), ErrHalfRestored)
			isDone := !isHalf && number(t, w, "SELECT count() FROM facts") == 100
			err = w.Restore(t.Context(), next, smallSchema(w), accept)
			want := uint64(1)
			if next == good || isDone {
				want = 100
			}
			if (err == nil) != (next == good) || w.CheckWhole(t.Context()) != nil || number(t, w, "SELECT count() FROM facts") != want {
				t.Errorf("killed after %d statements (half restored: %t), then restored from %s: %v, %v, %d facts, want %d",
					statements, isHalf, filepath.Base(next), err, w.CheckWhole(t.Context()), number(t, w, "SELECT count() FROM facts"), want)
			}
		}
	}
}

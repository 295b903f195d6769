package warehouse

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func number(t *testing.T, w *Warehouse, query string) uint64 {
	t.Helper()
	var n uint64
	if err := w.DB().QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// A backup has the tables and no view, and can be put under another name, where other users
// are at work.
func TestABackupUnderAnotherName(t *testing.T) {
	w, other := newWarehouse(t), newWarehouse(t)
	withViews(t, w)
	mustExec(t, other, "CREATE TABLE facts (note String) ENGINE = MergeTree ORDER BY note", "INSERT INTO facts VALUES ('of before')")
	file := filepath.Join(t.TempDir(), "one"+BackupSuffix)
	if err := w.Backup(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	var restored []string
	err := other.Restore(t.Context(), file, func(ctx context.Context) error {
		err := other.DB().QueryRow(ctx, "SELECT groupArray(name) FROM system.tables WHERE database = currentDatabase()").Scan(&restored)
		return errors.Join(err, other.CheckWhole(ctx))
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(restored, []string{"facts"}) {
		t.Errorf("the backup has brought %q, want the table facts and no view", restored)
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
	if err := w.Backup(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	mustExec(t, w, "INSERT INTO facts VALUES ('2026-01-01', 1)")
	if err := os.WriteFile(bad, []byte("no backup"), 0o600); err != nil {
		t.Fatal(err)
	}
	refusal := errors.New("not this one")
	if err := w.Restore(t.Context(), good, func(context.Context) error { return refusal }); !errors.Is(err, refusal) {
		t.Errorf("a restore that the check refuses: %v, want %v", err, refusal)
	}
	if err := w.Restore(t.Context(), bad, func(context.Context) error { return nil }); err == nil {
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
	if err := w.Backup(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	names := w.Names()
	mustExec(t, w, "RENAME DATABASE "+names.Internal+" TO "+names.Replaced, "CREATE DATABASE "+names.Internal)
	if err := w.CheckWhole(t.Context()); !errors.Is(err, ErrHalfRestored) {
		t.Errorf("CheckWhole: %v, want %v", err, ErrHalfRestored)
	}
	if err := w.Restore(t.Context(), file, func(context.Context) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := w.CheckWhole(t.Context()); err != nil {
		t.Error(err)
	}
	if n := number(t, w, "SELECT count() FROM facts"); n != 100 {
		t.Errorf("%d rows are restored, want 100", n)
	}
}

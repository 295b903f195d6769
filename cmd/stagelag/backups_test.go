package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// deploy/backup.sh adds a backup that can be restored, keeps as many as it is told, and removes nothing else. Where the share is
// not mounted or no backup can be made, everything stays.
func TestBackupsOfEveryDay(t *testing.T) {
	t.Parallel()
	folder := seededFolder(t)
	openWarehouse(t, folder)
	scheduledPortal(t, folder, 5)
	if _, stderr, code := call(t, folder, "", "run"); code != 0 {
		t.Fatalf("run: exit code %d, %s", code, stderr)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "stagelag")
	if err := os.Symlink(self, program); err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs("../../deploy/backup.sh")
	if err != nil {
		t.Fatal(err)
	}
	share := t.TempDir()
	put := func(names ...string) {
		t.Helper()
		for _, name := range names {
			if err := os.WriteFile(filepath.Join(share, name), []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	there := func() (names []string) {
		t.Helper()
		entries, err := os.ReadDir(share)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			names = append(names, entry.Name())
		}
		return names
	}
	backUp := func(arguments string, args ...string) (string, error) {
		t.Helper()
		cmd := exec.Command("/bin/sh", append([]string{script}, args...)...)
		cmd.Dir = folder
		cmd.Env = append(os.Environ(), "STAGELAG="+program+arguments)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}

	old := []string{"stagelag-2026-01-01T053000Z.tar.zst", "stagelag-2026-01-02T053000Z.tar.zst", "stagelag-2026-01-03T053000Z.tar.zst"}
	others := []string{"north-2026-01-01T053000Z.tar.zst", "stagelag-by-hand.tar.zst", "stagelag_2-2026-01-01T053000Z.tar.zst"}
	put(old...)
	put(others...)
	put(".part-stagelag-2026-01-03T053000Z.tar.zst") // of a call that was cut off
	before := there()
	for _, refused := range []struct {
		arguments string
		args      []string
		want      string
	}{
		{"", []string{share}, share + " has no file stagelag.backups: mount the share, or make that file on it once"},
		{"", nil, "usage: backup.sh FOLDER [KEEP]"},
		{"", []string{share, "none"}, "none is not a number of backups from 1"},
		{"", []string{share, "0"}, "0 is not a number of backups from 1"},
	} {
		if out, err := backUp(refused.arguments, refused.args...); err == nil || !strings.Contains(out, refused.want) || !slices.Equal(there(), before) {
			t.Errorf("backup.sh %q: %v, %s, want %s; there are %q", refused.args, err, out, refused.want, there())
		}
	}
	put("stagelag.backups")
	if out, err := backUp(" --config nowhere.yaml", share, "1"); err == nil || !strings.Contains(out, "nowhere.yaml: no such file") || len(there()) != len(before) {
		t.Errorf("backup.sh of a program that fails: %v, %s; there are %q, want all but the one that was cut off", err, out, there())
	}

	out, err := backUp("", share, "2")
	if err != nil {
		t.Fatalf("backup.sh: %v, %s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	made := lines[len(lines)-1]
	want := slices.Concat(others, []string{old[2], filepath.Base(made), "stagelag.backups"})
	slices.Sort(want)
	if got := there(); !slices.Equal(got, want) {
		t.Errorf("there are %q, want %q", got, want)
	}
	if info, err := os.Stat(made); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup: %v, %v, want one that its owner alone reads", info, err)
	}
	if _, stderr, code := call(t, folder, "", "restore", "--replace", made); code != 0 {
		t.Errorf("restore: exit code %d, %s", code, stderr)
	}
}

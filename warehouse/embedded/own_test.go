package embedded

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stagelag/warehouse/access"
)

// foreign is a folder that belongs to somebody else.
func foreign(t *testing.T) string {
	t.Helper()
	for _, path := range []string{"/", "/proc"} { // root's, or of nobody who is known here
		if info, err := os.Stat(path); err == nil && ownerOf(info) != os.Geteuid() {
			return path
		}
	}
	path := filepath.Join(t.TempDir(), "warehouse")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	return path
}

// What somebody else may have put into a warehouse's folder is not used, and one line says what to do.
func TestAFolderThatOthersCanWriteIsRefused(t *testing.T) {
	t.Parallel()
	mode := func(mode os.FileMode, name func(folder) string) func(*testing.T, folder) {
		return func(t *testing.T, f folder) {
			if err := os.Chmod(name(f), mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	link := func(name func(folder) string) func(*testing.T, folder) {
		return func(t *testing.T, f folder) {
			elsewhere := filepath.Join(t.TempDir(), "elsewhere")
			if err := os.Rename(name(f), elsewhere); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(elsewhere, name(f)); err != nil {
				t.Fatal(err)
			}
		}
	}
	parent := func(f folder) string { return filepath.Dir(string(f)) }
	tests := []struct {
		name    string
		prepare func(t *testing.T, f folder)
		want    []string
	}{
		{"everybody can write it", mode(0o777, func(f folder) string { return string(f) }), []string{"mode 0777", "chmod go-w"}},
		{"its group can write it", mode(0o770, func(f folder) string { return string(f) }), []string{"mode 0770", "chmod go-w"}},
		{"everybody can put another one in its place", mode(0o777, parent), []string{"mode 0777", "chmod o-w"}},
		{"others can write the data", mode(0o733, folder.data), []string{"mode 0733", "chmod go-w"}},
		{"others can write the passwords", mode(0o622, folder.credentials), []string{"mode 0622", "chmod go-w"}},
		{"others can read the passwords", mode(0o644, folder.credentials), []string{"mode 0644", "chmod 600"}},
		{"the passwords are elsewhere", link(folder.credentials), []string{"symbolic link", "in its place"}},
		{"the data is elsewhere", link(folder.data), []string{"symbolic link", "in its place"}},
		{"the lock is elsewhere", link(folder.engineLock), []string{"symbolic link", "in its place"}},
		{"the log is a folder", func(t *testing.T, f folder) {
			if err := os.Mkdir(f.log(), 0o700); err != nil {
				t.Fatal(err)
			}
		}, []string{"not a file of stagelag's", "remove it"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := folder(filepath.Join(t.TempDir(), "parent", "warehouse"))
			if _, err := f.secure(); err != nil {
				t.Fatal(err)
			}
			if _, err := f.readCredentials(access.Default); err != nil {
				t.Fatal(err)
			}
			if err := writeOwn(f.engineLock(), nil); err != nil {
				t.Fatal(err)
			}
			test.prepare(t, f)
			refused(t, string(f), test.want...)
		})
	}
	t.Run("it belongs to somebody else", func(t *testing.T) {
		refused(t, foreign(t), "belongs to", "use it as its owner", "warehouse.path")
	})
}

// refused fails unless the folder is not joined, for a reason of one line that holds the words.
func refused(t *testing.T, path string, words ...string) {
	t.Helper()
	s, err := Join(t.Context(), path, access.Default)
	if err == nil {
		s.Leave()
		waitUntilEnded(t, folder(path))
		t.Fatalf("Join(%s) works, want it refused", path)
	}
	for _, want := range append(words, path) {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("Join: %v, want %q in it", err, want)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("Join: %q, want one line", err)
	}
}

// A folder that others can only look into is closed to them, and one that is reached by a link is that
// link's folder.
func TestAFolderIsClosedToOthers(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if a, b := mustJoin(t, link).place(), mustJoin(t, path).place(); a != b {
		t.Errorf("by its link and by its name there are two engines, %+v and %+v", a, b)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o700 {
		t.Errorf("the folder has mode %o, want 700", got)
	}
}

package warehouse

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
)

// An entry is a file of a backup.
type entry struct {
	tar.Header
	content []byte
}

// unpack reads a backup.
func unpack(t *testing.T, file string) (entries []entry) {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	unpacked, err := zstd.NewReader(in)
	if err != nil {
		t.Fatal(err)
	}
	defer unpacked.Close()
	for archive := tar.NewReader(unpacked); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return entries
		}
		var content []byte
		if err == nil {
			content, err = io.ReadAll(archive)
		}
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, entry{*header, content})
	}
}

// pack writes a backup, without a seal.
func pack(t *testing.T, file string, entries []entry) {
	t.Helper()
	var packed bytes.Buffer
	pack, err := zstd.NewWriter(&packed)
	if err != nil {
		t.Fatal(err)
	}
	archive := tar.NewWriter(pack)
	for _, e := range entries {
		e.Size = int64(len(e.content))
		if err := archive.WriteHeader(&e.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write(e.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(archive.Close(), pack.Close(), os.WriteFile(file, packed.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// replaced are the entries with other contents, and other sizes in the list.
func replaced(entries []entry, name, old, other string) (list []entry) {
	for _, e := range entries {
		if e.Name == name {
			e.content = bytes.ReplaceAll(e.content, []byte(old), []byte(other))
		}
		list = append(list, e)
	}
	return list
}

// listed are the entries with another list of them.
func listed(entries []entry, old, other string) []entry {
	return replaced(entries, listName, old, other)
}

// defined are the entries with another definition of facts, of the same length.
func defined(entries []entry, old, other string) []entry {
	return replaced(entries, "metadata/stagelag_internal/facts.sql", old, other)
}

// added is one entry and the others.
func added(entries []entry, e entry) []entry { return append([]entry{e}, entries...) }

// Whatever a file holds that no backup does is refused in one line, before the warehouse is touched.
func TestAFileThatIsNoneOfOurBackups(t *testing.T) {
	w := newWarehouse(t)
	withViews(t, w)
	folder := t.TempDir()
	good := filepath.Join(folder, "good"+BackupSuffix)
	if err := w.Backup(t.Context(), good, smallSchema(w)); err != nil {
		t.Fatal(err)
	}
	entries := unpack(t, good) // the seal is skipped, as zstd does
	mustExec(t, w, "INSERT INTO facts VALUES ('2026-01-01', 1)")
	tests := []struct {
		name    string
		entries []entry
		want    string
	}{
		{"an object that the schema does not have", added(entries, entry{tar.Header{Name: "metadata/stagelag_internal/other.sql"}, []byte("CREATE TABLE")}), `"metadata/stagelag_internal/other.sql"`},
		{"an object in another database", added(entries, entry{tar.Header{Name: "metadata/other/facts.sql"}, []byte("CREATE TABLE")}), `"metadata/other/facts.sql"`},
		{"an access right", added(entries, entry{tar.Header{Name: "data/system/users/1.txt"}, []byte("x")}), `"data/system/users/1.txt"`},
		{"a change of rows that is to be made", added(entries, entry{tar.Header{Name: "data/stagelag_internal/facts/mutations/1.txt"}, []byte("x")}), "mutations/1.txt"},
		{"a path out of the folder", added(entries, entry{tar.Header{Name: "data/stagelag_internal/facts/../../x"}, []byte("x")}), `facts/../../x"`},
		{"a link", added(entries, entry{tar.Header{Name: "data/stagelag_internal/facts/x", Typeflag: tar.TypeSymlink, Linkname: "y"}, nil}), "not a regular file"},
		{"the same twice", added(entries, entries[0]), "twice"},
		{"a view", defined(entries, "CREATE TABLE", "CREATE VIEW "), `made by "CREATE VIEW"`},
		{"a dictionary", defined(entries, "CREATE TABLE", "CREATE DICTI"), `"CREATE DICTI`},
		{"a definer", defined(entries, "(`day` Date, ", "(DEFINER = a "), "with DEFINER"},
		{"an engine", defined(entries, "ENGINE = MergeTree", "ENGINE = Memory   "), "the engine Memory"},
		{"another name", defined(entries, "stagelag_internal.facts", "stagelag_internal.factz"), `"CREATE TABLE stagelag_internal"`},
		{"a list that refers to another backup", listed(entries, "<contents>", "<base_backup>x</base_backup><contents>"), `"base_backup" in its list`},
		{"a file that is elsewhere", listed(entries, "</name><size>", "</name><use_base>true</use_base><size>"), `"use_base" of a file`},
		{"a name in the list only", listed(entries, "<contents>", "<contents><file><name>metadata/other/x.sql</name><size>0</size></file>"), `"metadata/other/x.sql"`},
		{"a definition that is another file's content", listed(entries, "<name>metadata/stagelag_internal/facts.sql</name>", "<name>metadata/stagelag_internal/facts.sql</name><data_file>"+listName+"</data_file>"), "damaged"},
		{"a file that is not there", entries[1:], "damaged"},
		{"no list", entries[:len(entries)-1], "damaged"},
		{"columns of another kind", defined(entries, "`overdue_days` Int32", "`overdue_days` Int64"), "no backup of this program"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "bad"+BackupSuffix)
			pack(t, file, test.entries)
			err := w.Restore(t.Context(), file, smallSchema(w), func(context.Context) error { return nil })
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("Restore: %v, want one line with %q", err, test.want)
			}
			if n := number(t, w, "SELECT count() FROM facts"); n != 101 {
				t.Errorf("afterwards there are %d rows, want the 101 from before", n)
			}
		})
	}
	// What is packed anew and holds nothing else is a backup.
	again := filepath.Join(folder, "again"+BackupSuffix)
	pack(t, again, entries)
	if err := w.Restore(t.Context(), again, smallSchema(w), func(context.Context) error { return nil }); err != nil || number(t, w, "SELECT count() FROM facts") != 100 {
		t.Errorf("Restore of the same, packed anew: %v, want none", err)
	}
}

// A backup that is not what was written is found by its checksum, wherever it differs.
func TestABackupThatIsDamaged(t *testing.T) {
	w := newWarehouse(t)
	withViews(t, w)
	folder := t.TempDir()
	good, bad := filepath.Join(folder, "good"+BackupSuffix), filepath.Join(folder, "bad"+BackupSuffix)
	if err := w.Backup(t.Context(), good, smallSchema(w)); err != nil {
		t.Fatal(err)
	}
	mustExec(t, w, "INSERT INTO facts VALUES ('2026-01-01', 1)")
	content, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	refuse := func(what, file, want string) {
		t.Helper()
		err := w.Restore(t.Context(), file, smallSchema(w), func(context.Context) error { return nil })
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line with %q", what, err, want)
		}
	}
	for _, at := range []int{0, len(content) / 2, len(content) - sealSize - 1, len(content) - 1} {
		changed := bytes.Clone(content)
		changed[at] ^= 1
		if err := os.WriteFile(bad, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		refuse("a byte that is another one", bad, "its checksum is another one")
	}
	for _, size := range []int{0, 10, len(content) / 2, len(content) - sealSize - 1} {
		if err := os.WriteFile(bad, content[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		refuse("a file that was cut off", bad, "damaged or no backup")
	}
	pipe := filepath.Join(folder, "pipe"+BackupSuffix)
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	refuse("a pipe", pipe, "not a regular file")
	refuse("a folder", folder, "not a regular file")
	refuse("no file", filepath.Join(folder, "none"+BackupSuffix), "no such file")
	if n := number(t, w, "SELECT count() FROM facts"); n != 101 {
		t.Errorf("afterwards there are %d rows, want the 101 from before", n)
	}
}

// A file on a server can't be looked into: what the engine reads of it are rows for tables like ours, and
// rows that differ from their checksums are refused.
func TestARestoreOnAServer(t *testing.T) {
	config := newConfig(t)
	w := mustOpen(t, config)
	withViews(t, w)
	auth := w.Options().Auth
	server := mustOpen(t, Config{URL: "clickhouse://" + auth.Username + ":" + auth.Password + "@" + w.Options().Addr[0], Database: config.Database})
	name := config.Database + BackupSuffix
	if err := server.Backup(t.Context(), name, smallSchema(server)); err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(sharedPath, "backups", name)
	entries := unpack(t, at)
	mustExec(t, w, "INSERT INTO facts VALUES ('2026-01-01', 1)")
	var rows string // the file of the rows of facts
	for _, e := range entries {
		if strings.HasPrefix(e.Name, "data/stagelag_internal/facts/") && strings.HasSuffix(e.Name, ".bin") {
			rows = e.Name
		}
	}
	tests := []struct {
		name    string
		entries []entry
		want    string
	}{
		{"other engines", defined(entries, "ENGINE = MergeTree", "ENGINE = Memory   "), "no backup of this program"},
		{"other columns", defined(entries, "`overdue_days` Int32", "`overdue_days` Int64"), "no backup of this program"},
		{"rows that differ from their checksums", changedAt(entries, rows), "damaged"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := os.Remove(at); err != nil {
				t.Fatal(err)
			}
			pack(t, at, test.entries)
			err := server.Restore(t.Context(), name, smallSchema(server), func(context.Context) error { return nil })
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("Restore: %v, want one line with %q", err, test.want)
			}
			if n := number(t, w, "SELECT count() FROM facts"); n != 101 {
				t.Errorf("afterwards there are %d rows, want the 101 from before", n)
			}
		})
	}
}

// changedAt are the entries, one of which has another byte in its middle.
func changedAt(entries []entry, name string) (list []entry) {
	for _, e := range entries {
		if e.Name == name {
			e.content = bytes.Clone(e.content)
			e.content[len(e.content)/2] ^= 1
		}
		list = append(list, e)
	}
	return list
}

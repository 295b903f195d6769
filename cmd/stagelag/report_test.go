package main

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A report is for whom the umask and the file that it replaces have it be. The umask is the whole process's, so
// this test is not parallel.
func TestAReportIsForWhomTheUmaskSays(t *testing.T) {
	tests := []struct {
		name        string
		umask       int
		there, want fs.FileMode // 0 where there is no file
	}{
		{"for all", 0o022, 0, 0o644},
		{"for the group", 0o027, 0, 0o640},
		{"for nobody else", 0o077, 0, 0o600},
		{"in place of one for nobody else", 0o022, 0o600, 0o600},
		{"in place of one for all", 0o077, 0o644, 0o644},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			defer unix.Umask(unix.Umask(test.umask))
			file := filepath.Join(t.TempDir(), "report.html")
			if test.there != 0 {
				if err := os.WriteFile(file, nil, test.there); err != nil {
					t.Fatal(err)
				}
				if err := os.Chmod(file, test.there); err != nil {
					t.Fatal(err)
				}
			}
			if err := writeWhole(file, func(out io.Writer) error { _, err := io.WriteString(out, "the report"); return err }); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			if got := info.Mode().Perm(); got != test.want {
				t.Errorf("with umask %03o the report has mode %03o, want %03o", test.umask, got, test.want)
			}
			if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 1 {
				t.Errorf("beside the report there are %v, %v, want nothing", left, err)
			}
		})
	}
}

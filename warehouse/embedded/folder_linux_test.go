package embedded

import (
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// unwritten is how many pages of a file the disk does not have yet.
func unwritten(t *testing.T, name string) uint64 {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	// The kernel's struct cachestat_range and struct cachestat.
	var whole struct{ offset, length uint64 }
	var found struct{ cached, dirty, inWriteback, evicted, recentlyEvicted uint64 }
	const cachestat = 451
	if _, _, errno := unix.Syscall6(cachestat, file.Fd(), uintptr(unsafe.Pointer(&whole)), uintptr(unsafe.Pointer(&found)), 0, 0, 0); errno == unix.ENOSYS {
		return 0 // a kernel older than 6.5 tells nobody
	} else if errno != 0 {
		t.Fatalf("cachestat %s: %v", name, errno)
	}
	return found.dirty + found.inWriteback
}

// What a file is replaced with is on the disk, and a power cut does not leave it empty.
func TestReplaceWritesThrough(t *testing.T) {
	name := filepath.Join(t.TempDir(), "credentials")
	for _, content := range []string{"the first", "the second"} {
		if err := replace(name, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if n := unwritten(t, name); n > 0 {
			t.Errorf("%d pages of the file are not on the disk", n)
		}
		if got, err := os.ReadFile(name); err != nil || string(got) != content {
			t.Errorf("the file holds %q, %v, want %q", got, err, content)
		}
	}
	left, err := os.ReadDir(filepath.Dir(name))
	if err != nil || len(left) != 1 {
		t.Errorf("beside the file there are %v, %v, want nothing", left, err)
	}
}

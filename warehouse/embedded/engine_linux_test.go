package embedded

import (
	"bytes"
	"slices"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A watch sees what happens in a folder, in the order in which it happens.
type watch int

func newWatch(t *testing.T, path string) watch {
	t.Helper()
	descriptor, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(descriptor) })
	if _, err := unix.InotifyAddWatch(descriptor, path, unix.IN_CREATE|unix.IN_DELETE); err != nil {
		t.Fatal(err)
	}
	return watch(descriptor)
}

// seen are the names that were made (+) and removed (-) since the last call.
func (w watch) seen(t *testing.T) []string {
	t.Helper()
	var events []string
	buffer := make([]byte, 64<<10)
	for {
		n, err := unix.Read(int(w), buffer)
		if err == unix.EAGAIN {
			return events
		}
		if err != nil {
			t.Fatal(err)
		}
		for rest := buffer[:n]; len(rest) > 0; {
			event := (*unix.InotifyEvent)(unsafe.Pointer(&rest[0]))
			name, after := rest[unix.SizeofInotifyEvent:][:event.Len], rest[unix.SizeofInotifyEvent+int(event.Len):]
			sign := "+"
			if event.Mask&unix.IN_DELETE != 0 {
				sign = "-"
			}
			events = append(events, sign+string(bytes.TrimRight(name, "\x00")))
			rest = after
		}
	}
}

// What an engine could read files from is gone when its ports are open.
func TestTheEngineListensLast(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	w := newWatch(t, path)
	mustJoin(t, path)
	events := w.seen(t)
	guard, open := slices.Index(events, "-cwd"), slices.Index(events, "+ports")
	if guard < 0 || open < 0 || guard > open {
		t.Errorf("in the folder there happened %q, want the removal of cwd before ports is made", events)
	}
}

package embedded

import (
	"runtime"
	"slices"
	"testing"
	"unsafe"

	"github.com/ebitengine/purego"
	"golang.org/x/sys/unix"
)

// An engine runs in one call for hours, and the garbage collector every two minutes.
func TestArgumentsOutliveTheGarbageCollector(t *testing.T) {
	var got []string
	engine := purego.NewCallback(func(argc int, argv **byte) uintptr {
		for range 3 {
			runtime.GC()
		}
		for _, argument := range unsafe.Slice(argv, argc) {
			got = append(got, unix.BytePtrToString(argument))
		}
		return 0
	})
	want := []string{"clickhouse-local", "--path=/data", ""}
	if err := callMain(engine, want); err != nil || !slices.Equal(got, want) {
		t.Errorf("callMain(%q) passes %q, %v", want, got, err)
	}
}

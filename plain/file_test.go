package plain_test

import (
	"os"
	"path/filepath"
	"testing"

	"stagelag/plain"
)

func TestNotRead(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "visits.csv")
	_, err := os.Open(name)
	want := name + ": no such file or directory; check the name, and that this user can read it"
	if got := plain.NotRead(name, err); got == nil || got.Error() != want {
		t.Errorf("NotRead = %v, want %s", got, want)
	}
	if err := plain.NotRead(name, nil); err != nil {
		t.Errorf("without an error: %v", err)
	}
}

package embedded

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The engine that was fetched is used as long as it is what was fetched, and nobody else can change it.
func TestTheCachedEngineIsTheFetchedOne(t *testing.T) {
	t.Parallel()
	const content = "the engine"
	digest := sha256.Sum256([]byte(content))
	sum := hex.EncodeToString(digest[:])
	write := func(name, content string) func(string) error {
		return func(cache string) error { return os.WriteFile(filepath.Join(cache, name), []byte(content), 0o600) }
	}
	mode := func(name string, mode os.FileMode) func(string) error {
		return func(cache string) error { return os.Chmod(filepath.Join(cache, name), mode) }
	}
	tests := []struct {
		name, known string
		change      func(cache string) error
		want        string // in the error; none where it is empty
	}{
		{"as it was fetched", "", func(string) error { return nil }, ""},
		{"as it was fetched, and known", sum, func(string) error { return nil }, ""},
		{"fetched by somebody else, as this one would be", "", func(cache string) error { return os.Chmod(cache, 0o755) }, ""},
		{"cut off", "", write("libchdb.so", "the eng"), "damaged"},
		{"changed afterwards", "", write("libchdb.so", "the eNgine"), "damaged"},
		{"another one, with a checksum of its own", strings.Repeat("0", 64), func(string) error { return nil }, "not the one that was fetched"},
		{"without a checksum", "", func(cache string) error { return os.Remove(filepath.Join(cache, "libchdb.so.sum")) }, "no checksum"},
		{"with half a checksum", "", write("libchdb.so.sum", "10"), "is damaged"},
		{"others can write it", "", mode("libchdb.so", 0o766), "can be written by others (mode 0766)"},
		{"others can write its checksum", "", mode("libchdb.so.sum", 0o666), "can be written by others (mode 0666)"},
		{"others can write its folder", "", mode(".", 0o777), "can be written by others (mode 0777)"},
		{"others can write the folder above", "", mode("..", 0o770), "can be written by others (mode 0770)"},
		{"it is elsewhere", "", func(cache string) error {
			name := filepath.Join(cache, "libchdb.so")
			return errors.Join(os.Rename(name, name+".old"), os.Symlink(name+".old", name))
		}, "symbolic link"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cache := filepath.Join(t.TempDir(), "stagelag", "engine", "1.2.3")
			if err := os.MkdirAll(cache, 0o700); err != nil {
				t.Fatal(err)
			}
			for name, content := range map[string]string{"libchdb.so": content, "libchdb.so.sum": fmt.Sprintf("%d %s\n", len(content), sum)} {
				if err := write(name, content)(cache); err != nil {
					t.Fatal(err)
				}
			}
			if err := test.change(cache); err != nil {
				t.Fatal(err)
			}
			name := filepath.Join(cache, "libchdb.so")
			// The times say that it has changed since it was found right.
			_ = os.Chtimes(name+sumSuffix, time.Time{}, time.Now().Add(-time.Hour))
			err := checkCached(name, test.known)
			if test.want == "" {
				if err != nil {
					t.Fatalf("checkCached: %v, want none", err)
				}
				record, err := os.Stat(name + sumSuffix)
				if err != nil || time.Since(record.ModTime()) > time.Minute {
					t.Errorf("the record does not say that the engine was found right: %v, %v", record.ModTime(), err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), `run "make engine"`) {
				t.Errorf("checkCached: %v, want %q and what to do", err, test.want)
			}
		})
	}
}

// The checksum of a platform is found by its name, and a platform without one has none.
func TestEverySumIsOne(t *testing.T) {
	t.Parallel()
	for line := range strings.Lines(engineSums) {
		platform, sum, _ := strings.Cut(strings.TrimSpace(line), " ")
		if content, err := hex.DecodeString(sum); err != nil || len(content) != sha256.Size || strings.Count(platform, "/") != 1 {
			t.Errorf("engine.sums has the line %q, want os/arch and a SHA-256", line)
		}
	}
	if got := knownSum("plan9/none 00"); got != "" {
		t.Errorf("knownSum of another platform = %q, want none", got)
	}
}

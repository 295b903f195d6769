package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var measuredAt = time.Date(2026, 3, 16, 12, 0, 0, 0, time.UTC)

const output = `goos: linux
pkg: stagelag/loader
cpu: A Processor @ 2 GHz
BenchmarkLoad-2   	       3	        12.51 bytes/fact	 1.25 ratio
pkg: stagelag/extractor
BenchmarkExtract/standard/400-2 	 1	 6 requests
BenchmarkExtract/unlimited/400-2 	 1	 50 rows/s
BenchmarkExtract/standard/25000-2 	 1	 71 requests
ok  	stagelag/extractor	2.3s
`

func TestTheTablesTakeTheirPlace(t *testing.T) {
	page := filepath.Join(t.TempDir(), "performance")
	if err := os.WriteFile(page+".md", []byte("# Before\n<!-- measured -->\nold\n<!-- /measured -->\nAfter\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := run(strings.NewReader(output), page, measuredAt); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(page + ".md")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"# Before\n<!-- measured -->\n\nMeasured on 2026-03-16, commit ", " of A Processor @ 2 GHz, ",
		"| `loader` | runs | bytes/fact | ratio |\n|---|---:|---:|---:|\n| Load | 3 | 12.5 | 1.25 |\n",
		"| `extractor` | runs | requests |\n|---|---:|---:|\n| Extract/standard/400 | 1 | 6 |\n| Extract/standard/25000 | 1 | 71 |\n",
		"<!-- /measured -->\nAfter\n",
	} {
		if strings.Count(string(text), want) != 1 {
			t.Errorf("the page has %q %d times, want once:\n%s", want, strings.Count(string(text), want), text)
		}
	}
	if strings.Contains(string(text), "old") {
		t.Errorf("the old tables are still there:\n%s", text)
	}
}

func TestAFailedBenchmarkWritesNothing(t *testing.T) {
	page := filepath.Join(t.TempDir(), "performance")
	for _, text := range []string{output + "--- FAIL: BenchmarkNight\nFAIL\n", "PASS\n"} {
		if err := run(strings.NewReader(text), page, measuredAt); err == nil || !strings.Contains(err.Error(), "nothing is written") {
			t.Errorf("run of %q: %v, want an error", text, err)
		}
	}
	if _, err := os.Stat(page + ".json"); err == nil {
		t.Error("a file was written")
	}
}

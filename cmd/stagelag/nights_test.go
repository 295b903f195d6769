package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A fault can be reported as a file for each night: the portal serves them one after another, and runs see what has
// changed between.
func TestPortalServesNights(t *testing.T) {
	t.Parallel()
	folder := seededFolder(t)
	for day, plan := range map[int]int{9: 90, 10: 2} {
		text := fmt.Sprintf(`{"now": "2026-03-%02dT02:30:00+03:00",
 "funnels": [{"id": 0, "name": "Houses", "stages": [["NEW", "New", "P"], ["WON", "Won", "S"]]}],
 "uf": {"UF_CRM_D": {"type": "integer"}},
 "deals": [{"id": 1, "history": [["2026-02-01T10:00:00", "NEW"]], "fields": {"UF_CRM_D": %d}, "updated": "2026-03-%02dT02:00:00"}]}`, day, plan, day)
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("night%d.json", day)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := serve(t, folder, "portal", "--listen", "127.0.0.1:0", "--world", "night9.json", "--world", "night10.json")
	webhook := s.line()
	for !strings.HasPrefix(s.line(), "# serving night9.json, as of 2026-03-09T02:30:00+03:00") {
	}
	settings := fmt.Sprintf("portal: {url: %q, time_zone: Europe/Moscow, limits: none}\nplan: {fields: {NEW: {days: UF_CRM_D}}}\n", webhook)
	if err := os.WriteFile(filepath.Join(folder, "stagelag.yaml"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"0\n", "35\n"} {
		if i > 0 {
			if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
			if line := s.line(); line != "# serving night10.json, as of 2026-03-10T02:30:00+03:00" {
				t.Fatalf("after SIGHUP: %s", line)
			}
		}
		if _, stderr, code := call(t, folder, "", "run"); code != 0 {
			t.Fatalf("run: exit code %d, %s", code, stderr)
		}
		if got, stderr, _ := call(t, folder, "", "query", "--format", "TSV", "SELECT overdue_days_now FROM deals_now"); got != want {
			t.Errorf("night %d: %q days late, %s, want %q", i+1, got, stderr, want)
		}
	}
	s.stop(syscall.SIGTERM)
	_, stderr, code := call(t, folder, "", "portal", "--world", "stagelag.yaml")
	if code != 2 || !strings.Contains(stderr, "portal: --world: stagelag.yaml: line 1: ") {
		t.Errorf("portal --world of no world: exit code %d, %s", code, stderr)
	}
}

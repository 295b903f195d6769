package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stagelag/warehouse/warehousetest"
)

// A command that reads makes no warehouse: in a wrong folder, a new one would look like one without data.
func TestWhatReadsMakesNoWarehouse(t *testing.T) {
	t.Parallel()
	folder := newFolder(t)
	place, err := filepath.EvalSymlinks(folder)
	if err != nil {
		t.Fatal(err)
	}
	place = filepath.Join(place, "data", "warehouse")
	environ := []string{"STAGELAG_PORTAL_URL=http://127.0.0.1:1/rest/1/s3cret/", "STAGELAG_PORTAL_TIME_ZONE=UTC"}
	commands := [][]string{
		{"query", "SELECT 1"}, {"report"}, {"warehouse"}, {"migrate", "status"}, {"backup", "a.tar.zst"},
		{"withdraw", "--yes"}, {"forget", "--manager", "1"}, {"forget", "--deal", "1"}, {"work", "--wait", "0s"},
		{"write-back", "--dry-run"},
	}
	for _, command := range commands {
		environ := environ
		if command[0] == "write-back" {
			environ = append(environ, "STAGELAG_WRITE_BACK_STATE=UF_CRM_STATE")
		}
		stdout, stderr, code := callWith(t, folder, environ, "", command...)
		want := "stagelag: open warehouse: no warehouse in " + place + "; stagelag run makes one; if it lies elsewhere, name its configuration with --config, or set warehouse.path or warehouse.url\n"
		if code != 1 || !strings.HasSuffix(stderr, want) || stdout != "" {
			t.Errorf("stagelag %s: exit code %d, %q, standard error: %s", strings.Join(command, " "), code, stdout, stderr)
		}
	}
	if _, stderr, code := call(t, folder, "", "restore", "b.tar.zst"); code != 1 || !strings.Contains(stderr, "b.tar.zst: no such file or directory; check the name") {
		t.Errorf("restore of a file that is not there: exit code %d, standard error: %s", code, stderr)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("the commands have left %v, %v, want nothing", left, err)
	}
}

// Wherever a command runs, it works with the warehouse of its configuration.
func TestTheWarehouseLiesBesideItsConfiguration(t *testing.T) {
	t.Parallel()
	folder, elsewhere := newFolder(t), t.TempDir()
	file, place := filepath.Join(folder, "stagelag.yaml"), filepath.Join(folder, "data", "warehouse")
	if err := os.WriteFile(file, []byte("warehouse: {path: data/warehouse}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	warehousetest.Seed(t, place)
	for _, environ := range [][]string{nil, {"STAGELAG_WAREHOUSE_PATH=data/warehouse"}} {
		stdout, stderr, code := callWith(t, elsewhere, environ, "", "query", "--config", file, "SELECT count() FROM runs")
		if code != 0 || stdout != "count()\n0\n" {
			t.Errorf("query with %q: exit code %d, %q, standard error: %s", environ, code, stdout, stderr)
		}
	}
	_, stderr, code := callWith(t, elsewhere, []string{"STAGELAG_WAREHOUSE_DATABASE=north"}, "", "query", "--config", file, "SELECT 1")
	if want := "no warehouse in " + place + " with the database north; stagelag run makes it"; code != 1 || !strings.Contains(stderr, want) {
		t.Errorf("query of another database: exit code %d, standard error: %s", code, stderr)
	}
	if left, err := os.ReadDir(elsewhere); err != nil || len(left) > 0 {
		t.Errorf("the commands have left %v in the folder that they ran in, %v", left, err)
	}
}

package main

import (
	"path/filepath"
	"regexp"
	"testing"

	"stagelag/warehouse"
)

// In the order in which a schema lives: each status is that after the step before it.
func TestMigrate(t *testing.T) {
	folder := newFolder(t)
	w, err := warehouse.Open(t.Context(), warehouse.Config{URL: warehouse.Embedded, Path: filepath.Join(folder, "data", "warehouse")})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()

	status := func(want string) {
		t.Helper()
		stdout, stderr, code := call(t, folder, "", "migrate", "status")
		if code != 0 || stderr != "" || !regexp.MustCompile(want).MatchString(stdout) {
			t.Errorf("migrate status = %q, %q, exit code %d, want %s", stdout, stderr, code, want)
		}
	}
	record := func(version int64, isDirty uint8) {
		t.Helper()
		err := w.DB().Exec(t.Context(), "INSERT INTO schema_migrations (version, dirty, sequence) VALUES (?, ?, toUnixTimestamp64Nano(now64(9)))", version, isDirty)
		if err != nil {
			t.Fatal(err)
		}
	}
	const done = `^schema   (\d+) of \d+\nmissing  nothing\nto do    nothing\n$`

	status(`^schema   0 of \d+\nmissing  000001_\w+\n         000002_(.|\n)*\nto do    stagelag migrate up, or the next run, brings it to this version\n$`)

	for range 2 {
		stdout, stderr, code := call(t, folder, "", "migrate", "up")
		if code != 0 || stderr != "" || !regexp.MustCompile(done).MatchString(stdout) {
			t.Errorf("migrate up = %q, %q, exit code %d, want %s", stdout, stderr, code, done)
		}
	}
	status(done)

	record(3, 1)
	status(`^schema   3 of \d+\nmissing  000004_(.|\n)*\nto do    migration 3 stopped half-way: stagelag migrate up repeats it\n$`)
	if _, stderr, code := call(t, folder, "", "migrate", "up"); code != 0 {
		t.Errorf("migrate up after a migration stopped half-way: %s", stderr)
	}
	status(done)

	record(9999, 0)
	status(`^schema   9999 of \d+\nmissing  nothing\nto do    use the version of stagelag that made this schema, or a newer one\n$`)
	_, stderr, code := call(t, folder, "", "migrate", "up")
	if code != 1 || !regexp.MustCompile(`^stagelag: the warehouse has schema 9999, this program knows \d+: use the program that made it, or a newer one\n$`).MatchString(stderr) {
		t.Errorf("migrate up of a newer schema: exit code %d, %s", code, stderr)
	}
}

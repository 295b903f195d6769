package embedded

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stagelag/warehouse/access"
)

func TestEngineEndsWithItsLastUser(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	first, last := mustJoin(t, path), mustJoin(t, path)
	if first.place() != last.place() {
		t.Fatalf("two engines: %+v and %+v", first.place(), last.place())
	}
	if err := first.Leave(); err != nil {
		t.Fatal(err)
	}
	mustExec(t, connect(t, last), "SELECT 1")
	if err := last.Leave(); err != nil {
		t.Fatal(err)
	}
	waitUntilEnded(t, folder(path))
	e := first.place()
	eventually(t, "the end of keeper and engine", func() bool { return isGone(e.Keeper) && isGone(e.Engine) })
	if _, err := os.Stat(folder(path).endpoint()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the endpoint file after the end: %v, want none", err)
	}
}

func TestProcessesAtOneInstantShareOneEngine(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	var helpers []*helper
	for range 8 {
		helpers = append(helpers, startHelper(t, path))
	}
	want := helpers[0].ready()
	for _, h := range helpers[1:] {
		if got := h.ready(); got != want {
			t.Errorf("another engine: %+v, want %+v", got, want)
		}
	}
}

func TestKilledStarterLeavesTheEngineToTheOthers(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	starter := startHelper(t, path)
	e := starter.ready()
	s := mustJoin(t, path)
	if s.place() != e {
		t.Fatalf("another engine: %+v, want %+v", s.place(), e)
	}
	starter.kill()
	mustExec(t, connect(t, s), "CREATE TABLE days (day Date) ENGINE = MergeTree ORDER BY day")
	if isGone(e.Engine) {
		t.Error("the engine ended with the command that started it")
	}
}

// A machine's own zone does not reach the engine: a Date would mean another day.
func TestTheEngineIsInUTC(t *testing.T) {
	t.Parallel()
	db := connect(t, mustJoin(t, newPath(t)))
	if n := count(t, db, "SELECT count() WHERE serverTimezone() = 'UTC' AND timezone() = 'UTC'"); n != 1 {
		t.Error("the engine is in another zone than UTC, which it takes from the machine")
	}
}

func TestDataAndServiceSurviveAKill(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		victim func(starter *helper, e place) int
	}{
		{"of the only command", func(starter *helper, _ place) int { return starter.cmd.Process.Pid }},
		{"of the keeper", func(_ *helper, e place) int { return e.Keeper }},
		{"of the engine", func(_ *helper, e place) int { return e.Engine }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := newPath(t)
			starter := startHelper(t, path)
			e := starter.ready()
			s := mustJoin(t, path)
			mustExec(t, connect(t, s),
				"CREATE TABLE days (day Date) ENGINE = MergeTree ORDER BY day",
				"INSERT INTO days SELECT toDate('2026-03-02') + number FROM numbers(1000)")
			s.Leave()

			if err := unix.Kill(test.victim(starter, e), unix.SIGKILL); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			s = mustJoin(t, path)
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("Join took %s, want at most 15 s", took)
			}
			if rows := count(t, connect(t, s), "SELECT count() FROM days"); rows != 1000 {
				t.Errorf("%d rows, want 1000", rows)
			}
		})
	}
}

func TestATerminatedKeeperEndsItsEngine(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	e := mustJoin(t, path)
	if err := unix.Kill(e.Keeper, unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	waitUntilEnded(t, folder(path))
}

func TestWhatAnEarlierEngineLeftBehindHindersNone(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	mustJoin(t, path).Leave()
	f := folder(path)
	waitUntilEnded(t, f)
	for _, name := range []string{f.endpoint(), f.started(), f.ports(), f.log(), f.startQueries()} {
		if err := os.WriteFile(name, []byte("1\t2\t3\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(f.cwd(), 0o700); err != nil {
		t.Fatal(err)
	}
	mustExec(t, connect(t, mustJoin(t, path)), "SELECT 1")
}

func TestNobodyElseReadsTheFolder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(newPath(t), "made", "by", "join")
	t.Cleanup(func() { waitUntilEnded(t, folder(path)) })
	s := mustJoin(t, path)
	mustExec(t, connect(t, s),
		"CREATE TABLE days (day Date) ENGINE = MergeTree ORDER BY day",
		"INSERT INTO days SELECT toDate('2026-03-02') + number FROM numbers(1000)")
	looked := map[string]bool{}
	err := filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the engine tidies up
		}
		if err != nil || entry.Type() == fs.ModeSymlink {
			return err
		}
		info, err := os.Lstat(name)
		if err == nil && info.Mode().Perm()&openToOthers != 0 {
			t.Errorf("%s has mode %o, want nothing for others", name, info.Mode().Perm())
		}
		looked[name] = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	f := folder(path)
	for _, name := range []string{f.credentials(), f.endpoint(), f.users(), f.startQueries(), f.ports(), filepath.Join(f.data(), "metadata")} {
		if !looked[name] {
			t.Errorf("%s is not there", name)
		}
	}
	passwords := s.Passwords(access.Default)
	s.Leave()
	waitUntilEnded(t, folder(path))
	if again := mustJoin(t, path).Passwords(access.Default); again != passwords {
		t.Error("the second Join made other passwords, want those of the first one")
	}
}

func TestJoinSaysWhatIsWrongAndWhatToDo(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(t *testing.T, f folder)
		want    []string
	}{
		{
			"the engine is not there",
			func(t *testing.T, _ folder) {
				t.Setenv("STAGELAG_ENGINE", "")
				t.Setenv("XDG_CACHE_HOME", t.TempDir())
				t.Setenv("HOME", t.TempDir())
				t.Setenv("PATH", "")
			},
			[]string{`run "make engine"`, "STAGELAG_ENGINE"},
		},
		{
			"the engine named is not there",
			func(t *testing.T, _ folder) { t.Setenv("STAGELAG_ENGINE", "/no/such/engine.so") },
			[]string{"/no/such/engine.so", "no file", `"make engine"`},
		},
		{
			"the engine named is no program",
			func(t *testing.T, _ folder) {
				name := filepath.Join(t.TempDir(), "clickhouse")
				if err := os.WriteFile(name, nil, 0o600); err != nil {
					t.Fatal(err)
				}
				t.Setenv("STAGELAG_ENGINE", name)
			},
			[]string{"clickhouse, which this user can't start: name clickhouse or libchdb, or unset it"},
		},
		{
			"the library cannot be loaded",
			func(t *testing.T, _ folder) {
				name := filepath.Join(t.TempDir(), "libchdb.so")
				if err := os.WriteFile(name, []byte("half a download"), 0o700); err != nil {
					t.Fatal(err)
				}
				t.Setenv("STAGELAG_ENGINE", name)
			},
			[]string{"libchdb.so does not start", "load"},
		},
		{
			"the program is no engine",
			func(t *testing.T, _ folder) {
				name := filepath.Join(t.TempDir(), "clickhouse")
				if err := os.WriteFile(name, []byte("#!/bin/sh\necho Code: 48. DB::Exception: Not supported. >&2\nexit 1\n"), 0o700); err != nil {
					t.Fatal(err)
				}
				t.Setenv("STAGELAG_ENGINE", name)
			},
			[]string{"does not start", "Not supported", "26.6 or newer"},
		},
		{
			"the data is a newer engine's",
			func(t *testing.T, f folder) {
				if err := os.WriteFile(f.lastEngine(), []byte("99.1.2.3\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			},
			[]string{"written by ClickHouse 99.1.2.3", "this engine is 2", "STAGELAG_ENGINE"},
		},
		{
			"the passwords are damaged",
			func(t *testing.T, f folder) {
				if err := os.WriteFile(f.credentials(), []byte("{\"stagelag\": {\"program\": \"secret"), 0o600); err != nil {
					t.Fatal(err)
				}
			},
			[]string{"credentials is damaged", "delete it"},
		},
		{
			"the warehouse is an unreleased program's",
			func(t *testing.T, f folder) {
				if err := os.WriteFile(f.credentials(), []byte(`{"stagelag": "secret", "analyst": "secret", "grafana": "secret"}`), 0o600); err != nil {
					t.Fatal(err)
				}
			},
			[]string{"before the first release", "start a new one, with another warehouse.path"},
		},
		{
			"the path is in a file",
			func(t *testing.T, f folder) {
				if err := os.RemoveAll(string(f)); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(string(f), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			},
			[]string{"not a directory", "warehouse.path"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(newPath(t), "warehouse")
			if _, err := folder(path).secure(); err != nil {
				t.Fatal(err)
			}
			test.prepare(t, folder(path))
			s, err := Join(t.Context(), path, access.Default)
			if err == nil {
				s.Leave()
				t.Fatal("Join worked")
			}
			for _, want := range append(test.want, path) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("Join: %v, want %q in it", err, want)
				}
			}
			if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "secret") {
				t.Errorf("Join: %q, want one line without a secret", err)
			}
		})
	}
}

func TestRemedyFitsTheDisk(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"no right to write", &fs.PathError{Op: "open", Path: "x", Err: unix.EACCES}, "writable for this user"},
		{"a read-only disk", &fs.PathError{Op: "open", Path: "x", Err: unix.EROFS}, "can be written"},
		{"a full disk", &fs.PathError{Op: "write", Path: "x", Err: unix.ENOSPC}, "make room"},
		{"a full disk, as the keeper tells it", keeperError("write x: no space left on device"), "make room"},
		{"a full disk, as the engine tells it", keeperError("Cannot write to file x, errno: 28, strerror: No space left on device"), "make room"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := remedy(test.err); !strings.Contains(got, test.want) {
				t.Errorf("remedy(%v) = %q, want %q in it", test.err, got, test.want)
			}
		})
	}
}

// The engine can also be a clickhouse binary. This one is a script around the
// library, so that the arguments and the way it ends are the binary's.
func TestAProgramCanBeTheEngine(t *testing.T) {
	library, err := findEngine()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(t.TempDir(), "clickhouse")
	content := "#!/bin/sh\n[ \"$1\" = local ] || exit 9\nshift\nexec " + program + " " + engineWord + " " + unconfined + " " + library + " \"$@\"\n"
	if err := os.WriteFile(script, []byte(content), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("STAGELAG_ENGINE", script)
	mustExec(t, connect(t, mustJoin(t, newPath(t))), "SELECT 1")
}

func TestOlderComparesReleases(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name          string
		version, last string
		want          bool
	}{
		{"the same", "26.7.2.1", "26.7.2.1", false},
		{"a patch back is safe", "26.7.2.1", "26.7.9.1", false},
		{"a release back", "26.6.9.1", "26.7.1.1", true},
		{"by number, not by letter", "26.10.1.1", "26.9.1.1", false},
		{"a new folder", "26.7.2.1", "", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := older(test.version, test.last); got != test.want {
				t.Errorf("older(%q, %q) = %t, want %t", test.version, test.last, got, test.want)
			}
		})
	}
}

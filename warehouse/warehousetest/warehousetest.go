// Package warehousetest gives tests an embedded warehouse, with an empty database or with
// the schema and no rows.
//
// The engines are shared by the tests of one test binary: a test takes one that
// is free, or starts another (a tenth of a second), and gives it back emptied. So
// tests in parallel, and a test that needs two, never meet. The binary hosts the
// engines itself:
//
//	func TestMain(m *testing.M) { warehousetest.Main(m) }
package warehousetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"stagelag/sql"
	"stagelag/warehouse"
)

var (
	mu      sync.Mutex
	started int
	free    []*engine
	root    string // of the engines' folders
)

// An engine is a warehouse that is kept open, so that its engine stays up.
type engine struct {
	config warehouse.Config
	hold   *warehouse.Warehouse
	schema uint64 // digest of the schema that Migrated made, 0 for none
}

// Main runs the tests and ends the engines they used. It does not return.
func Main(m *testing.M) {
	warehouse.RunEngineIfAsked()
	// A process built with the race detector waits a second at its end.
	os.Setenv("GORACE", "atexit_sleep_ms=0")
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if root, err = os.MkdirTemp("", "warehousetest-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(root)
	code := m.Run()
	for _, e := range free {
		e.hold.Close()
		WaitUntilEnded(e.config.Path)
	}
	return code
}

// New opens a warehouse with an empty database. It is closed when the test ends.
func New(t testing.TB) *warehouse.Warehouse {
	t.Helper()
	return open(t, Config(t))
}

// Config is New for a test that opens the warehouse itself, once or in several
// processes.
func Config(t testing.TB) warehouse.Config {
	t.Helper()
	e := lend(t, false)
	if err := e.empty(t.Context()); err != nil {
		t.Fatal(err)
	}
	return e.config
}

// Migrated opens a warehouse with the newest schema and without rows. Bringing the schema up
// takes a second; an engine that has it from an earlier test is emptied of rows instead.
func Migrated(t testing.TB) *warehouse.Warehouse {
	t.Helper()
	e := lend(t, true)
	if err := e.migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return open(t, e.config)
}

func open(t testing.TB, config warehouse.Config) *warehouse.Warehouse {
	t.Helper()
	w, err := warehouse.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// lend is an engine for as long as the test takes.
func lend(t testing.TB, withSchema bool) *engine {
	t.Helper()
	e, err := take(t.Context(), withSchema)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		free = append(free, e)
	})
	return e
}

func take(ctx context.Context, withSchema bool) (*engine, error) {
	mu.Lock()
	defer mu.Unlock()
	if root == "" {
		return nil, fmt.Errorf("TestMain does not call warehousetest.Main")
	}
	if len(free) > 0 {
		// One of the wanted kind if there is one, so that schemas are not made and dropped in turn.
		i := slices.IndexFunc(free, func(e *engine) bool { return (e.schema != 0) == withSchema })
		i = max(i, 0)
		e := free[i]
		free = slices.Delete(free, i, i+1)
		return e, nil
	}
	started++
	config := warehouse.Config{
		URL:  warehouse.Embedded,
		Path: filepath.Join(root, fmt.Sprint(started)),
	}
	hold, err := warehouse.Open(ctx, config)
	if err != nil {
		return nil, err
	}
	return &engine{config: config, hold: hold}, nil
}

// migrate leaves the engine with the newest schema and without rows.
func (e *engine) migrate(ctx context.Context) error {
	digest, err := e.digest(ctx)
	if err != nil {
		return err
	}
	if digest != 0 && digest == e.schema {
		return e.eachTable(ctx, "engine LIKE '%MergeTree' AND name != 'schema_migrations'", "TRUNCATE TABLE %s SYNC")
	}
	if err := e.empty(ctx); err != nil {
		return err
	}
	if err := sql.Up(ctx, e.hold); err != nil {
		return err
	}
	e.schema, err = e.digest(ctx)
	return err
}

// digest tells whether a test has changed the schema, 0 where it is not the newest.
func (e *engine) digest(ctx context.Context) (digest uint64, err error) {
	status, err := sql.ReadStatus(ctx, e.hold)
	if err != nil || len(status.Pending) > 0 || status.IsHalfDone || status.IsNewer() {
		return 0, err
	}
	row := e.hold.DB().QueryRow(ctx, "SELECT sum(cityHash64(name, create_table_query)) FROM system.tables WHERE database = ?", warehouse.Database)
	if err := row.Scan(&digest); err != nil {
		return 0, fmt.Errorf("read the schema: %w", err)
	}
	return digest, nil
}

// empty drops what earlier tests made, rather than the database itself: what is
// still connected to it would stumble.
func (e *engine) empty(ctx context.Context) error {
	e.schema = 0
	return e.eachTable(ctx, "1", "DROP TABLE IF EXISTS %s SYNC")
}

// eachTable executes a statement for each of the tables.
func (e *engine) eachTable(ctx context.Context, where, statement string) error {
	db := e.hold.DB()
	rows, err := db.Query(ctx, "SELECT name FROM system.tables WHERE database = ? AND "+where, warehouse.Database)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		if err := db.Exec(ctx, fmt.Sprintf(statement, "`"+name+"`")); err != nil {
			return fmt.Errorf("empty the database: %w", err)
		}
	}
	return rows.Err()
}

// Seed lets the folder of an embedded warehouse, which is empty, begin with the newest schema:
// for a test that wants an engine of its own.
func Seed(t testing.TB, path string) {
	t.Helper()
	from, err := template()
	if err == nil {
		err = os.CopyFS(filepath.Join(path, "data"), os.DirFS(filepath.Join(from.path, "data")))
	}
	if err != nil {
		t.Fatalf("seed a warehouse: %v", err)
	}
}

// template is a warehouse that has the newest schema and is not open.
var template = sync.OnceValues(func() (seed, error) {
	ctx, s := context.Background(), seed{path: filepath.Join(root, "template")}
	w, err := warehouse.Open(ctx, warehouse.Config{URL: warehouse.Embedded, Path: s.path})
	if err != nil {
		return seed{}, err
	}
	s.password = w.Options().Auth.Password
	err = sql.Up(ctx, w)
	if err := errors.Join(err, w.Close()); err != nil {
		return seed{}, err
	}
	return s, WaitUntilEnded(s.path)
})

type seed struct {
	path     string
	password string // of the program's own user
}

// WaitUntilEnded waits until the engine on a folder, which nobody uses any more,
// has ended, so that the folder can be removed.
func WaitUntilEnded(path string) error {
	lock, err := os.Open(filepath.Join(path, "engine.lock"))
	if err != nil {
		return err
	}
	defer lock.Close()
	return unix.Flock(int(lock.Fd()), unix.LOCK_EX)
}

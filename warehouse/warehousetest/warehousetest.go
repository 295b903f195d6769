// Package warehousetest gives tests an embedded warehouse with an empty database.
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
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

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
	config := Config(t)
	w, err := warehouse.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// Config is New for a test that opens the warehouse itself, once or in several
// processes.
func Config(t testing.TB) warehouse.Config {
	t.Helper()
	e, err := take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		free = append(free, e)
	})
	if err := e.empty(t.Context()); err != nil {
		t.Fatal(err)
	}
	return e.config
}

func take(ctx context.Context) (*engine, error) {
	mu.Lock()
	defer mu.Unlock()
	if root == "" {
		return nil, fmt.Errorf("TestMain does not call warehousetest.Main")
	}
	if last := len(free) - 1; last >= 0 {
		e := free[last]
		free = free[:last]
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

// empty drops what earlier tests made, rather than the database itself: what is
// still connected to it would stumble.
func (e *engine) empty(ctx context.Context) error {
	db := e.hold.DB()
	rows, err := db.Query(ctx, "SELECT name FROM system.tables WHERE database = ?", warehouse.Database)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		if err := db.Exec(ctx, "DROP TABLE IF EXISTS `"+name+"` SYNC"); err != nil {
			return fmt.Errorf("empty the database: %w", err)
		}
	}
	return rows.Err()
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

// Package warehousetest gives tests an embedded warehouse, with empty databases or with
// the schema and no rows.
//
// All tests of a test binary share one engine. A test takes a warehouse of it that is free,
// under a name of its own with users of its own, and gives it back emptied. So tests in
// parallel, and a test that needs two, never meet. The binary hosts the engine itself:
//
//	func TestMain(m *testing.M) { warehousetest.Main(m) }
package warehousetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"golang.org/x/sys/unix"

	"stagelag/sql"
	"stagelag/warehouse"
	"stagelag/warehouse/embedded"
)

var (
	mu    sync.Mutex
	seats []*embedded.Seat
	free  []*slot
	root  string // of the engines' folders
)

// slots is how many warehouses an engine has. It knows the users of all of them from its
// start; a test binary that needs more at a time gets another engine.
const slots = 16

// A slot is a warehouse of the shared engine.
type slot struct {
	config warehouse.Config
	hold   *warehouse.Warehouse // nil until it is taken for the first time
	schema uint64               // digest of the schema that Migrated made, 0 for none
}

// Main runs the tests and ends the engines they used. It does not return.
func Main(m *testing.M) {
	embedded.RunIfAsked()
	// A process built with the race detector waits a second at its end.
	os.Setenv("GORACE", "atexit_sleep_ms=0")
	os.Exit(Tests{m}.Run())
}

// Tests are those of a test binary whose TestMain has more to do than Main.
type Tests struct{ *testing.M }

// Run runs the tests and ends the engines they used.
func (tests Tests) Run() int {
	var err error
	if root, err = os.MkdirTemp("", "warehousetest-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(root)
	code := tests.M.Run()
	for _, s := range free {
		if s.hold != nil {
			s.hold.Close()
		}
	}
	for i, seat := range seats {
		seat.Leave()
		WaitUntilEnded(engineFolder(i))
	}
	return code
}

func engineFolder(no int) string { return filepath.Join(root, fmt.Sprintf("engine-%d", no)) }

// New opens a warehouse with empty databases. It is closed when the test ends.
func New(t testing.TB) *warehouse.Warehouse {
	t.Helper()
	return open(t, Config(t))
}

// Config is New for a test that opens the warehouse itself, once or in several
// processes.
func Config(t testing.TB) warehouse.Config {
	t.Helper()
	s := lend(t, false)
	if err := s.empty(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s.config
}

// Migrated opens a warehouse with the newest schema and without rows. Bringing the schema up
// takes a second; a warehouse that has it from an earlier test is emptied of rows instead.
func Migrated(t testing.TB) *warehouse.Warehouse {
	t.Helper()
	s := lend(t, true)
	if err := s.migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return open(t, s.config)
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

// ServerURL is where the engine of an open warehouse answers as a server does, at an address that
// may be that of something before it, with its user and its database.
func ServerURL(w *warehouse.Warehouse, address string) string {
	return serverURL(w, "clickhouse", address)
}

// HTTPURL is ServerURL for the HTTP protocol, at the engine's own address.
func HTTPURL(t testing.TB, w *warehouse.Warehouse) string {
	t.Helper()
	endpoints, ok := w.Endpoints()
	if !ok {
		t.Fatal("the warehouse is a server's")
	}
	at, err := url.Parse(endpoints.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	return serverURL(w, "http", at.Host)
}

func serverURL(w *warehouse.Warehouse, scheme, address string) string {
	auth := w.Options().Auth
	return (&url.URL{Scheme: scheme, User: url.UserPassword(auth.Username, auth.Password), Host: address, Path: "/" + w.Names().Views}).String()
}

// lend is a warehouse for as long as the test takes.
func lend(t testing.TB, withSchema bool) *slot {
	t.Helper()
	s, err := take(t.Context(), withSchema)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		free = append(free, s)
	})
	return s
}

func take(ctx context.Context, withSchema bool) (*slot, error) {
	mu.Lock()
	defer mu.Unlock()
	if root == "" {
		return nil, fmt.Errorf("TestMain does not call warehousetest.Main")
	}
	if len(free) == 0 {
		if err := start(ctx); err != nil {
			return nil, err
		}
	}
	// One that needs the least work, so that schemas are not made and dropped in turn.
	isReady := func(s *slot) bool { return s.hold != nil && (s.schema != 0) == withSchema }
	isNew := func(s *slot) bool { return s.hold == nil }
	i := slices.IndexFunc(free, isReady)
	if i < 0 {
		i = slices.IndexFunc(free, isNew)
	}
	i = max(i, 0)
	s := free[i]
	if s.hold == nil {
		var err error
		if s.hold, err = warehouse.Open(ctx, s.config); err != nil {
			return nil, err
		}
	}
	free = slices.Delete(free, i, i+1)
	return s, nil
}

// start starts an engine, whose warehouses are all free.
func start(ctx context.Context) error {
	path := engineFolder(len(seats))
	var names []string
	for i := range slots {
		names = append(names, fmt.Sprintf("test_%d", i+1))
	}
	seat, err := embedded.Join(ctx, path, names[0], names[1:]...)
	if err != nil {
		return err
	}
	seats = append(seats, seat)
	for _, name := range names {
		free = append(free, &slot{config: warehouse.Config{URL: warehouse.Embedded, Path: path, Database: name}})
	}
	return nil
}

// filled are the tables that hold rows, of them those that are not of the schema itself.
const filled = "engine LIKE '%MergeTree' AND name NOT IN ('schema_migrations', 'view_versions')"

// migrate leaves the warehouse with the newest schema and without rows.
func (s *slot) migrate(ctx context.Context) error {
	digest, err := s.digest(ctx)
	if err != nil {
		return err
	}
	if digest != 0 && digest == s.schema {
		return eachTable(ctx, s.hold.DB(), filled, "TRUNCATE TABLE %s SYNC")
	}
	if err := s.empty(ctx); err != nil {
		return err
	}
	if err := sql.Up(ctx, s.hold); err != nil {
		return err
	}
	s.schema, err = s.digest(ctx)
	return err
}

// digest tells whether a test has changed the schema, 0 where it is not the newest.
func (s *slot) digest(ctx context.Context) (digest uint64, err error) {
	status, err := sql.ReadStatus(ctx, s.hold)
	if err != nil || len(status.Pending) > 0 || status.IsHalfDone || status.IsNewer() {
		return 0, err
	}
	names := s.hold.Names()
	// The program's user may alter no table, so another definition comes with another UUID. Reading definitions takes
	// the engine twenty times as long.
	row := s.hold.DB().QueryRow(ctx, "SELECT sum(cityHash64(database, name, uuid)) FROM system.tables WHERE database IN (?, ?)", names.Views, names.Internal)
	if err := row.Scan(&digest); err != nil {
		return 0, fmt.Errorf("read the schema: %w", err)
	}
	return digest, nil
}

// empty drops what earlier tests made, rather than the databases themselves: what is
// still connected to them would stumble.
func (s *slot) empty(ctx context.Context) error {
	s.schema = 0
	for _, db := range []driver.Conn{s.hold.Views(), s.hold.DB()} {
		if err := eachTable(ctx, db, "1", "DROP TABLE IF EXISTS %s SYNC"); err != nil {
			return err
		}
	}
	return nil
}

// eachTable executes a statement for each of the tables.
func eachTable(ctx context.Context, db driver.Conn, where, statement string) error {
	rows, err := db.Query(ctx, "SELECT name FROM system.tables WHERE database = currentDatabase() AND "+where)
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

// Set makes a table anew with another setting of its engine, and with all its rows: the program's user may
// not change one. With an empty value it has that of the engine again. Nobody may be writing into the table.
func Set(ctx context.Context, db driver.Conn, table, setting, value string) error {
	var text string
	if err := db.QueryRow(ctx, "SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = ?", table).Scan(&text); err != nil {
		return fmt.Errorf("read the definition of %s: %w", table, err)
	}
	text = regexp.MustCompile(setting+` = \w+, `).ReplaceAllString(text, "")
	if value != "" {
		text = strings.Replace(text, " SETTINGS ", " SETTINGS "+setting+" = "+value+", ", 1)
	}
	const other = "set_anew"
	for _, statement := range []string{
		regexp.MustCompile(`^CREATE TABLE \S+`).ReplaceAllString(text, "CREATE TABLE "+other),
		"ALTER TABLE " + other + " ATTACH PARTITION ALL FROM " + table,
		"EXCHANGE TABLES " + other + " AND " + table,
		"DROP TABLE " + other + " SYNC",
	} {
		if err := db.Exec(ctx, statement); err != nil {
			return fmt.Errorf("set %s of %s: %w", setting, table, err)
		}
	}
	return nil
}

// NoMerges is a setting, with NoMergesValue, of a table whose parts the engine merges only when it is told to.
const NoMerges = "max_bytes_to_merge_at_max_space_in_pool"

// NoMergesValue is that value.
const NoMergesValue = "1"

// FreeSpace is a setting of a table: as many bytes have to be free on the disk for an insert.
const FreeSpace = "min_free_disk_bytes_to_perform_insert"

// Rows are what the tables of a warehouse hold, by their names: for tests that begin with what a run
// has published, and need not make that run each.
type Rows map[string][]byte

// RowsOf are the rows of a warehouse with the newest schema.
func RowsOf(t testing.TB, w *warehouse.Warehouse) Rows {
	t.Helper()
	var tables []string
	row := w.DB().QueryRow(t.Context(), "SELECT groupArray(name) FROM system.tables WHERE database = currentDatabase() AND "+filled+" AND total_rows > 0")
	if err := row.Scan(&tables); err != nil {
		t.Fatal(err)
	}
	rows := Rows{}
	for _, table := range tables {
		// In the order in which they came in: of versions of one time the last one counts. A part is
		// named PARTITION_FIRSTBLOCK_LASTBLOCK_LEVEL.
		rows[table] = ask(t, w, "SELECT * FROM "+table+" ORDER BY toUInt64(splitByChar('_', _part)[2]), _part_offset FORMAT Native", nil)
	}
	return rows
}

// Into puts the rows into another warehouse, which has the newest schema and is empty.
func (r Rows) Into(t testing.TB, w *warehouse.Warehouse) {
	t.Helper()
	for table, rows := range r {
		// The same rows may have been there before they were removed.
		ask(t, w, "INSERT INTO "+table+" SETTINGS insert_deduplicate = 0 FORMAT Native", rows)
	}
}

// ask has the engine of an open warehouse execute a statement, with data behind it.
func ask(t testing.TB, w *warehouse.Warehouse, statement string, data []byte) []byte {
	t.Helper()
	endpoints, _ := w.Endpoints()
	address := endpoints.HTTP + "?" + url.Values{"database": {w.Names().Internal}, "query": {statement}}.Encode()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth(w.Options().Auth.Username, w.Options().Auth.Password)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", statement, text, err)
	}
	return text
}

// Seed lets the folder of an embedded warehouse, which is empty, begin with the newest schema:
// for a test that wants an engine of its own.
func Seed(t testing.TB, path string) {
	t.Helper()
	from, err := template()
	if err == nil {
		err = os.MkdirAll(filepath.Join(path, "data"), 0o700)
	}
	if err == nil {
		err = os.CopyFS(filepath.Join(path, "data"), os.DirFS(filepath.Join(from.path, "data")))
	}
	if err != nil {
		t.Fatalf("seed a warehouse: %v", err)
	}
}

// InZone opens a warehouse with the newest schema on an engine of its own, which is in a time zone as a
// server may be. The test can't be parallel.
func InZone(t testing.TB, zone string) *warehouse.Warehouse {
	t.Helper()
	path := t.TempDir()
	Seed(t, path)
	t.Cleanup(func() {
		if err := WaitUntilEnded(path); err != nil {
			t.Error(err)
		}
	})
	t.Setenv(embedded.ZoneVariable, zone)
	return open(t, warehouse.Config{URL: warehouse.Embedded, Path: path})
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

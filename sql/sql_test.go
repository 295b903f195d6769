package sql_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/sql"
	"stagelag/warehouse"
	"stagelag/warehouse/embedded"
	"stagelag/warehouse/warehousetest"
)

func up(t testing.TB, w *warehouse.Warehouse) {
	t.Helper()
	if err := sql.Up(context.Background(), w); err != nil {
		t.Fatalf("Up: %v", err)
	}
}

func status(t *testing.T, w *warehouse.Warehouse) sql.Status {
	t.Helper()
	s, err := sql.ReadStatus(context.Background(), w)
	if err != nil {
		t.Fatalf("ReadStatus: %v", err)
	}
	return s
}

func execute(t *testing.T, w *warehouse.Warehouse, statement string) {
	t.Helper()
	if err := w.DB().Exec(context.Background(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func number(t *testing.T, w *warehouse.Warehouse, query string) uint64 {
	t.Helper()
	var n uint64
	if err := w.DB().QueryRow(context.Background(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func TestUp(t *testing.T) {
	t.Parallel()
	w := warehousetest.New(t)
	if s := status(t, w); s.Version != 0 || uint(len(s.Pending)) != s.Newest+1 {
		t.Errorf("in an empty warehouse the status is %+v, want every migration pending, and the views", s)
	}
	up(t, w)
	if s := status(t, w); s.Version != s.Newest || len(s.Pending) != 0 || s.IsHalfDone {
		t.Errorf("after Up the status is %+v, want nothing pending", s)
	}
	up(t, w) // changes nothing
}

func TestSeveralAtOnce(t *testing.T) {
	t.Parallel()
	w := warehousetest.New(t)
	errs := make([]error, 4)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() { errs[i] = sql.Up(context.Background(), w) })
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Errorf("Up by several at once: %v", err)
	}
	if s := status(t, w); len(s.Pending) != 0 || s.IsHalfDone {
		t.Errorf("the status is %+v, want nothing pending", s)
	}
}

// TestCutOffAnywhere cuts migrations off before and after their statements: the next Up repeats
// them. Every statement can be repeated; the whole way from one that was cut off is gone for some.
func TestCutOffAnywhere(t *testing.T) {
	t.Parallel()
	w := warehousetest.Migrated(t)
	for _, file := range upFiles(t) {
		statement, err := os.ReadFile("migrations/" + file)
		if err != nil {
			t.Fatal(err)
		}
		execute(t, w, string(statement))
	}
	newest := status(t, w).Newest
	for _, version := range []uint{1, newest / 2, newest - 1, newest} {
		execute(t, w, "TRUNCATE TABLE schema_migrations")
		// The statements up to the newest have run, the version table knows of fewer.
		execute(t, w, "INSERT INTO schema_migrations (version, dirty, sequence) SELECT "+strconv.FormatUint(uint64(version), 10)+", 1, 1")
		if s := status(t, w); !s.IsHalfDone {
			t.Fatalf("the status is %+v, want a migration that is half done", s)
		}
		up(t, w)
		if s := status(t, w); len(s.Pending) != 0 || s.IsHalfDone {
			t.Fatalf("cut off in migration %d, after Up the status is %+v", version, s)
		}
	}
}

// The migrations of an empty database are sent side by side. One that fails leaves no version behind, and the next Up
// repeats all of them. What changes a table comes behind what makes it.
func TestCutOffInAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	w := warehousetest.New(t)
	files := fstest.MapFS{}
	migration := func(name, text string) { files["migrations/"+name+".up.sql"] = &fstest.MapFile{Data: []byte(text)} }
	migration("000001_create_a", "CREATE TABLE IF NOT EXISTS a (x UInt8) ENGINE = MergeTree ORDER BY x")
	migration("000002_create_b", "CREATE TABLE IF NOT EXISTS b (x Nothing at all) ENGINE = MergeTree ORDER BY x")
	migration("000003_create_c", "CREATE TABLE IF NOT EXISTS c (x UInt8) ENGINE = MergeTree ORDER BY x")
	migration("000004_drop_c", "DROP TABLE IF EXISTS c SYNC")
	migration("000005_create_c_again", "CREATE TABLE IF NOT EXISTS c (x UInt8, y UInt8, z UInt8) ENGINE = MergeTree ORDER BY x")
	if err := sql.UpWith(t.Context(), w, files); err == nil || !strings.Contains(err.Error(), "CREATE TABLE IF NOT EXISTS b") {
		t.Errorf("Up with a migration that is wrong: %v, want an error that names it", err)
	}
	if n := number(t, w, "SELECT count() FROM schema_migrations"); n != 0 {
		t.Errorf("%d versions are recorded, want none", n)
	}
	migration("000002_create_b", "CREATE TABLE IF NOT EXISTS b (x UInt8) ENGINE = MergeTree ORDER BY x")
	if err := sql.UpWith(t.Context(), w, files); err != nil {
		t.Errorf("Up after one that failed: %v", err)
	}
	if n := number(t, w, "SELECT count() FROM system.columns WHERE database = currentDatabase() AND table IN ('a', 'b', 'c')"); n != 5 {
		t.Errorf("the tables have %d columns, want 5", n)
	}
	if n := number(t, w, "SELECT toUInt64(sum(version * 10 + dirty)) FROM schema_migrations"); n != 50 {
		t.Errorf("ten times the versions and one for each that is half done are %d, want 50: version 5 alone", n)
	}
}

// upFiles are the names of the migrations, in their order.
func upFiles(t *testing.T) []string {
	t.Helper()
	files, err := fs.Glob(os.DirFS("migrations"), "*.up.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d migrations, %v", len(files), err)
	}
	return files
}

// A run of an older program on another host keeps the schema as it knows it.
func TestTheSchemaWaitsForARun(t *testing.T) {
	t.Parallel()
	w := warehousetest.Migrated(t)
	execute(t, w, "INSERT INTO schema_migrations (version, dirty, sequence) SELECT "+strconv.FormatUint(uint64(status(t, w).Newest-1), 10)+", 0, max(sequence) + 1 FROM schema_migrations")
	runLease := embedded.LeasePrefix + w.Names().Views + "-" + sql.RunLease
	running, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ctx := clickhouse.Context(running, clickhouse.WithQueryID(runLease), clickhouse.WithSettings(clickhouse.Settings{
			"log_comment": `{"host": "elsewhere", "process": 1, "doing": "stagelag run", "token": "another"}`, "max_block_size": 1,
		}))
		rows, err := w.DB().Query(ctx, "SELECT sleepEachRow(0.05) FROM numbers(1000000)")
		if err == nil {
			for rows.Next() {
			}
			err = rows.Err()
		}
		ended <- err
	}()
	for number(t, w, "SELECT count() FROM system.processes WHERE query_id = '"+runLease+"' AND read_rows > 0") == 0 {
		select {
		case err := <-ended:
			t.Fatalf("the run has ended: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
	waiting, stop := context.WithTimeout(t.Context(), 3*time.Second)
	defer stop()
	if err := sql.Up(waiting, w); err == nil || len(status(t, w).Pending) != 1 {
		t.Errorf("Up beside a run of another program: %v, %v pending, want that it waits", err, status(t, w).Pending)
	}
	end()
	<-ended
	up(t, w)
	if s := status(t, w); len(s.Pending) != 0 {
		t.Errorf("after the run the status is %+v, want nothing pending", s)
	}
}

func TestANewerSchemaIsRefused(t *testing.T) {
	t.Parallel()
	w := warehousetest.Migrated(t)
	execute(t, w, "INSERT INTO schema_migrations (version, dirty, sequence) SELECT 9999, 0, toUInt64(9e18)")
	var newer *sql.NewerError
	if err := sql.Up(context.Background(), w); !errors.As(err, &newer) || newer.Version != 9999 {
		t.Errorf("Up on schema 9999: %v, want a *NewerError", err)
	}
}

// TestEveryMigrationHasAWayBack runs all the way down, and up again.
func TestEveryMigrationHasAWayBack(t *testing.T) {
	t.Parallel()
	w := warehousetest.Migrated(t)
	for _, file := range slices.Backward(upFiles(t)) {
		down, err := os.ReadFile("migrations/" + strings.TrimSuffix(file, ".up.sql") + ".down.sql")
		if err != nil {
			t.Fatal(err)
		}
		execute(t, w, string(down))
	}
	if n := number(t, w, "SELECT count() FROM system.tables WHERE database = currentDatabase() AND engine != 'View' AND name != 'schema_migrations'"); n != 0 {
		t.Errorf("all the way down %d tables are left, want none", n)
	}
	execute(t, w, "TRUNCATE TABLE schema_migrations")
	up(t, w)
}

func TestOneStatementToAFile(t *testing.T) {
	files, err := fs.Glob(os.DirFS("migrations"), "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	comment := regexp.MustCompile(`(?m)--.*$|'(?:[^'\\]|\\.|'')*'`)
	for _, name := range files {
		text, err := os.ReadFile("migrations/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(comment.ReplaceAll(text, nil), []byte(";")) {
			t.Errorf("%s holds more than one statement, and nothing rolls back the first of two", name)
		}
		if bytes.Contains(text, []byte("stagelag")) {
			t.Errorf("%s names a database", name)
		}
	}
}

func TestEveryTableAndColumnIsExplained(t *testing.T) {
	t.Parallel()
	w := warehousetest.Migrated(t)
	for _, db := range []driver.Conn{w.DB(), w.Views()} {
		var unexplained []string
		err := db.Select(context.Background(), &unexplained, `
			SELECT name FROM system.tables WHERE database = currentDatabase() AND name != 'schema_migrations' AND comment = ''
			UNION ALL
			SELECT concat(table, '.', name) FROM system.columns WHERE database = currentDatabase() AND table != 'schema_migrations' AND comment = ''`)
		if err != nil || len(unexplained) > 0 {
			t.Errorf("without a comment: %v, %v", unexplained, err)
		}
	}
}

// TestReadersReadViewsAndNoTable: what people see are views, and of the internal database a reader
// has what those views ask.
func TestReadersReadViewsAndNoTable(t *testing.T) {
	t.Parallel()
	w := warehousetest.Migrated(t)
	var tables []struct {
		Database string `ch:"database"`
		Name     string `ch:"name"`
		Engine   string `ch:"engine"`
	}
	names := w.Names()
	if err := w.DB().Select(context.Background(), &tables, "SELECT database, name, engine FROM system.tables WHERE database IN (?, ?)", names.Views, names.Internal); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, table := range tables {
		seen[table.Database]++
		isPublic := table.Database == names.Views
		if isPublic && table.Engine != "View" {
			t.Errorf("the database that people see holds %s, a %s", table.Name, table.Engine)
		}
		from := table.Database + "." + table.Name
		isSnapshot := !isPublic && strings.HasPrefix(table.Name, "at_")
		if isSnapshot && table.Name != "at_newest" {
			from += "(newest_run = 0, hidden_runs = [], newest_day = '1970-01-01', newest_host = '', newest_number = 0, newest_funnels = [], newest_numbers = [], newest_curves = 0)"
		}
		err := w.Query(context.Background(), &bytes.Buffer{}, "SELECT * FROM "+from+" LIMIT 1", "TSV")
		if canRead := isPublic || isSnapshot; (err == nil) != canRead {
			t.Errorf("the analyst reads %s (%s): %v", from, table.Engine, err)
		}
	}
	if seen[names.Views] == 0 || seen[names.Internal] == 0 {
		t.Errorf("there are %v tables and views", seen)
	}
}

// A disk that is full is named as such, and the next Up goes on.
func TestUpOnAFullDisk(t *testing.T) {
	t.Parallel()
	w := warehousetest.Migrated(t)
	ctx := context.Background()
	set := func(bytes string) {
		t.Helper()
		if err := warehousetest.Set(ctx, w.DB(), "schema_migrations", warehousetest.FreeSpace, bytes); err != nil {
			t.Fatal(err)
		}
	}
	execute(t, w, "TRUNCATE TABLE schema_migrations")
	set("1000000000000000")
	err := sql.Up(ctx, w)
	if err == nil || strings.Contains(err.Error(), "migrate status") || !strings.Contains(warehouse.Remedy(err), "disk is full") {
		t.Errorf("Up on a full disk: %v, remedy %q, want that the disk is full and no other", err, warehouse.Remedy(err))
	}
	set("")
	up(t, w)
}

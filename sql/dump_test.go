package sql_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"stagelag/sql"
	"stagelag/warehouse"
	"stagelag/warehouse/embedded"
	"stagelag/warehouse/warehousetest"
)

// A released schema is kept as a dump of a small warehouse that the program of that time made:
// its tables and views as the engine tells them, its rows, and what the views showed. A new one
// comes from such a warehouse's folder: go test ./sql -dump FOLDER.
var dumped = flag.String("dump", "", "the `folder` of an embedded warehouse to be dumped into testdata")

func TestMain(m *testing.M) {
	embedded.RunIfAsked()
	flag.Parse()
	if *dumped == "" {
		warehousetest.Main(m)
	}
	if err := dump(*dumped); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func dump(folder string) error {
	ctx := context.Background()
	w, err := warehouse.Open(ctx, warehouse.Config{URL: warehouse.Embedded, Path: folder})
	if err != nil {
		return err
	}
	defer w.Close()
	status, err := sql.ReadStatus(ctx, w)
	if err != nil {
		return err
	}
	archive := &txtar.Archive{Comment: fmt.Appendf(nil, "A warehouse of schema %d.\n\n", status.Version)}
	keep := func(section, database, tables, query string) {
		names, failed := ask(w, database, "SELECT name FROM system.tables WHERE database = currentDatabase() AND "+tables+" ORDER BY name FORMAT TSV", "")
		for name := range strings.FieldsSeq(names) {
			var text string
			if text, failed = ask(w, database, strings.ReplaceAll(query, "{name}", name), ""); failed != nil {
				break
			}
			text = strings.Replace(text, "CREATE TABLE "+database+".", "CREATE TABLE ", 1)
			archive.Files = append(archive.Files, txtar.File{Name: section + "/" + name, Data: []byte(text)})
		}
		if err == nil {
			err = failed
		}
	}
	databases := w.Names()
	keep("schema", databases.Internal, "engine != 'View'", "SHOW CREATE TABLE {name} FORMAT TSVRaw")
	keep("rows", databases.Internal, "engine != 'View'", "SELECT * FROM {name} ORDER BY ALL FORMAT TSVWithNames")
	// A numbered version shows what the view over it does.
	keep("views", databases.Views, "NOT match(name, '_v[0-9]+$')", "SELECT * FROM {name} ORDER BY ALL FORMAT TSVWithNames")
	if err != nil {
		return err
	}
	return os.WriteFile(fmt.Sprintf("testdata/schema_%d.txtar", status.Version), txtar.Format(archive), 0o644)
}

// ask has the engine run a statement in a database, with the data of an INSERT behind it, and gives
// the text of the result.
func ask(w *warehouse.Warehouse, database, statement, data string) (string, error) {
	endpoints, _ := w.Endpoints()
	address := endpoints.HTTP + "?" + url.Values{"database": {database}, "query": {statement}}.Encode()
	request, err := http.NewRequest(http.MethodPost, address, strings.NewReader(data))
	if err != nil {
		return "", err
	}
	request.SetBasicAuth(w.Options().Auth.Username, w.Options().Auth.Password)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", statement, text)
	}
	return string(text), err
}

// section gives the files of a part of an archive, by name.
func section(archive *txtar.Archive, part string) (names []string, files map[string]string) {
	files = map[string]string{}
	for _, file := range archive.Files {
		if name, ok := strings.CutPrefix(file.Name, part+"/"); ok {
			names = append(names, name)
			files[name] = string(file.Data)
		}
	}
	return names, files
}

// load makes a warehouse of a dump.
func load(t *testing.T, w *warehouse.Warehouse, archive *txtar.Archive) {
	t.Helper()
	must := func(statement, data string) {
		t.Helper()
		if _, err := ask(w, w.Names().Internal, statement, data); err != nil {
			t.Fatal(err)
		}
	}
	names, statements := section(archive, "schema")
	for _, name := range names {
		must(statements[name], "")
	}
	names, rows := section(archive, "rows")
	for _, name := range names {
		must("INSERT INTO "+name+" FORMAT TSVWithNames", rows[name])
	}
}

// mustShow fails where a view shows other things than the dump's.
func mustShow(t *testing.T, w *warehouse.Warehouse, archive *txtar.Archive, when string) {
	t.Helper()
	names, views := section(archive, "views")
	if len(names) == 0 {
		t.Fatal("the dump has no views")
	}
	for _, name := range names {
		header, _, _ := strings.Cut(views[name], "\n")
		columns := strings.Join(strings.Split(header, "\t"), ", ") // those of then: a view may have got others
		got, err := ask(w, w.Names().Views, "SELECT "+columns+" FROM "+name+" ORDER BY ALL FORMAT TSVWithNames", "")
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		if got != views[name] {
			t.Errorf("%s: %s shows other things than before:\n%s", when, name, firstOther(got, views[name]))
		}
	}
}

func firstOther(got, want string) string {
	lines := strings.Split(want, "\n")
	for i, line := range strings.Split(got, "\n") {
		if i >= len(lines) || line != lines[i] {
			return fmt.Sprintf(" got %s\nwant %s", line, append(lines, "nothing")[min(i, len(lines))])
		}
	}
	return fmt.Sprintf("%d lines, want %d", strings.Count(got, "\n"), strings.Count(want, "\n"))
}

// Every released schema is brought up to the newest, its tables back and up again, and the views
// show what they showed when it was released. A backup that was made before that takes the place of what a
// newer program has made of the warehouse.
func TestEveryReleasedSchema(t *testing.T) {
	t.Parallel()
	dumps, err := filepath.Glob("testdata/schema_*.txtar")
	if err != nil || len(dumps) == 0 {
		t.Fatalf("%d dumps, %v", len(dumps), err)
	}
	for _, file := range dumps {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			w := warehousetest.New(t)
			load(t, w, archive)
			released := status(t, w).Version
			backup := filepath.Join(t.TempDir(), "released.tar.zst")
			if err := sql.Backup(t.Context(), w, backup); err != nil {
				t.Fatal(err)
			}
			up(t, w)
			mustShow(t, w, archive, "brought up")
			for version := status(t, w).Newest; version > released; version-- {
				stepDown(t, w, version)
			}
			up(t, w)
			mustShow(t, w, archive, "brought back, and up again")

			execute(t, w, "INSERT INTO schema_migrations (version, dirty, sequence) SELECT max(version) + 1, 0, max(sequence) + 1 FROM schema_migrations")
			execute(t, w, "CREATE TABLE notes (deal_id UInt64) ENGINE = MergeTree ORDER BY deal_id")
			execute(t, w, "INSERT INTO view_versions (version, hash, applied_at) SELECT max(version) + 1, 'newer', now64(3) FROM view_versions")
			if _, ok := errors.AsType[*sql.NewerError](sql.Up(t.Context(), w)); !ok {
				t.Errorf("the warehouse of a newer program is not refused")
			}
			if err := w.Restore(t.Context(), backup, sql.SchemaOf(w), func(ctx context.Context) error { return sql.Up(ctx, w) }); err != nil {
				t.Fatal(err)
			}
			mustShow(t, w, archive, "restored over a newer program's")
			if s := status(t, w); s.Version != s.Newest || len(s.Pending) > 0 {
				t.Errorf("restored, the schema is %+v", s)
			}
		})
	}
}

// stepDown takes a migration back.
func stepDown(t *testing.T, w *warehouse.Warehouse, version uint) {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("migrations/%06d_*.down.sql", version))
	if err != nil || len(files) != 1 {
		t.Fatalf("migration %d has the ways back %v, %v, want one", version, files, err)
	}
	statement, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	execute(t, w, string(statement))
	execute(t, w, "INSERT INTO schema_migrations (version, dirty, sequence) SELECT "+strconv.FormatUint(uint64(version-1), 10)+", 0, max(sequence) + 1 FROM schema_migrations")
}

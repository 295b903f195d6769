package sql

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"golang.org/x/sync/errgroup"

	"stagelag/warehouse"
)

//go:embed views/*.sql
var viewFiles embed.FS

// ViewsVersion grows with every release that changes the text of a view. A program leaves views of
// a greater version as they are.
const ViewsVersion = 1

// A View is one that people query, under its plain name.
type View struct {
	Name    string // without its number
	Comment string // what a row of it is
	Columns []Column
}

// A Column is one of a View.
type Column struct{ Name, Type, Comment string }

// Views are those that people query, in the order of their names: of each the newest version.
func Views() ([]View, error) {
	files, err := readViews()
	if err != nil {
		return nil, err
	}
	var list []View
	for _, f := range files {
		if f.plain == "" {
			continue
		}
		v := View{Name: f.plain, Comment: unquote(f.comment)}
		for line := range strings.Lines(f.columns) {
			parts := columnLine.FindStringSubmatch(strings.TrimSpace(line))
			if parts == nil {
				return nil, fmt.Errorf("view %s: %q is no column with a type and a COMMENT", f.name, line)
			}
			v.Columns = append(v.Columns, Column{parts[1], parts[2], unquote(parts[3])})
		}
		list = append(list, v)
	}
	return list, nil
}

func unquote(literal string) string {
	return strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(literal, "'"), "'"), "''", "'")
}

// A viewFile is a file of the folder views, which is named for its view.
type viewFile struct {
	name     string
	text     string
	columns  string // the lines between the parentheses
	comment  string // of the view, a literal
	isPublic bool   // people query it: it has a number
	plain    string // the name without the number, where it is the newest version; else empty
}

var (
	viewHead   = regexp.MustCompile(`^(?:--[^\n]*\n)*CREATE OR REPLACE VIEW (\w+)\n\(\n`)
	viewEnd    = regexp.MustCompile(`^'[^\n]*'\n$`)
	columnLine = regexp.MustCompile(`^(\w+) +(.+) COMMENT ('.*'),?$`)
	numbered   = regexp.MustCompile(`^(\w+)_v(\d+)$`)
)

// readViews reads the files in the order in which they can be applied: those that others read come
// first, which are all that people do not query.
var readViews = sync.OnceValues(func() ([]viewFile, error) {
	names, err := fs.Glob(viewFiles, "views/*.sql")
	if err != nil {
		return nil, fmt.Errorf("list the views: %w", err)
	}
	newest := map[string]viewFile{}
	var helpers, public []viewFile
	for _, name := range names {
		text, err := viewFiles.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read a view: %w", err)
		}
		f := viewFile{name: strings.TrimSuffix(path.Base(name), ".sql"), text: string(text)}
		if !f.split() {
			return nil, fmt.Errorf("%s does not create the view of its name, with its columns and a COMMENT", name)
		}
		number := numbered.FindStringSubmatch(f.name)
		if f.isPublic = number != nil; !f.isPublic {
			helpers = append(helpers, f)
			continue
		}
		public = append(public, f)
		// By length first: v10 is newer than v9.
		if last := newest[number[1]]; len(f.name) > len(last.name) || len(f.name) == len(last.name) && f.name > last.name {
			newest[number[1]] = f
		}
	}
	for i, f := range public {
		if plain := numbered.FindStringSubmatch(f.name)[1]; newest[plain].name == f.name {
			public[i].plain = plain
		}
	}
	helpers = inOrder(helpers)
	for i := range public {
		public[i].text = inPlace(public[i].text, helpers)
	}
	return slices.Concat(helpers, public), nil
})

// split takes the columns and the comment out of the text. It is false where the text has none, or creates another view.
func (f *viewFile) split() bool {
	head := viewHead.FindStringSubmatch(f.text)
	if len(head) == 0 || head[1] != f.name {
		return false
	}
	columns, rest, hasColumns := strings.Cut(f.text[len(head[0]):], "\n)\n")
	const word = "\nCOMMENT "
	end := strings.LastIndex(rest, word)
	if !hasColumns || end < 0 || !viewEnd.MatchString(rest[end+len(word):]) {
		return false
	}
	f.columns, f.comment = columns, strings.TrimSuffix(rest[end+len(word):], "\n")
	return true
}

// query is the SELECT of a view.
func (f viewFile) query() string {
	_, query, _ := strings.Cut(f.text, "\nAS\n")
	return query[:strings.LastIndex(query, "\nCOMMENT ")]
}

// inPlace puts the queries of views into a text that reads them by their names. The engine plans a view anew
// wherever another one reads it, which was a fifth of what a small query costs.
func inPlace(text string, helpers []viewFile) string {
	for _, f := range slices.Backward(helpers) {
		if !strings.Contains(text, "FROM "+f.name) {
			continue // to make an expression takes longer than to look
		}
		text = regexp.MustCompile(`\bFROM `+f.name+`\b`).ReplaceAllLiteralString(text, "FROM\n(\n"+f.query()+"\n)")
	}
	return text
}

// inOrder puts each view behind those that its text names.
func inOrder(files []viewFile) (list []viewFile) {
	for len(files) > 0 {
		i := max(0, slices.IndexFunc(files, func(f viewFile) bool {
			return !slices.ContainsFunc(files, func(other viewFile) bool {
				return other.name != f.name && strings.Contains(f.text, other.name) && regexp.MustCompile(`\b`+other.name+`\b`).MatchString(f.text)
			})
		}))
		list = append(list, files[i])
		files = slices.Delete(files, i, i+1)
	}
	return list
}

// parameters are what tells a view the snapshot: each is a part of what at_newest shows.
var parameters = []struct{ name, part string }{
	{"newest_run", "run_id"},
	{"hidden_runs", "hidden_runs"},
	{"newest_day", "day"},
	{"newest_host", "host"},
	{"newest_number", "number"},
	{"newest_funnels", "funnels"},
	{"newest_numbers", "numbers"},
	{"newest_curves", "curves"},
}

// call is a view for a snapshot, given that of now. Every view that people see asks for it by the same
// expression, in the reader's own query, where the engine evaluates once what is the same to the
// letter: so all views of a query show the state of one moment, also when a run is published
// meanwhile.
func (f viewFile) call(names warehouse.Names) string {
	var arguments []string
	for _, p := range parameters {
		if strings.Contains(f.text, "{"+p.name+":") {
			arguments = append(arguments, p.name+" = "+newest(names, p.part))
		}
	}
	return fmt.Sprintf("%s.at_%s(%s)", names.Internal, f.name, strings.Join(arguments, ", "))
}

// newest is a part of the snapshot of now.
func newest(names warehouse.Names, part string) string {
	return fmt.Sprintf("tupleElement((SELECT newest FROM %s.at_newest), '%s')", names.Internal, part)
}

// readsNoTable is whether a view shows parts of the snapshot alone, and so needs no rights of the program.
func (f viewFile) readsNoTable() bool { return strings.Contains(f.text, "\nSQL SECURITY INVOKER\n") }

// shows is the query of a view that people see: of the view for a snapshot that is given, or of the snapshot alone.
func (f viewFile) shows(names warehouse.Names) string {
	if !f.readsNoTable() {
		return "SELECT * FROM " + f.call(names)
	}
	query := f.query()
	for _, p := range parameters {
		query = regexp.MustCompile(`\{`+p.name+`:\w+\}`).ReplaceAllLiteralString(query, newest(names, p.part))
	}
	return query
}

// subview is a subquery as a view of its own. Where the tables of deals are over all shards, the engine makes no join of
// a subquery for each row unless they are behind a view; on a single server it would only plan the view in vain.
var subview = regexp.MustCompile(`\bFROM view(\s*\()`)

// statements are what brings a view into the databases. What people query is a view for a snapshot
// that is given, with the rights of the program, behind a view with the rights of its reader, which
// gives it the snapshot of now. The plain name is such a view too, and not one over the numbered
// version: the engine plans each view that it passes through, a tenth of what a small query costs.
func (f viewFile) statements(names warehouse.Names, isSharded bool) []string {
	if !f.isPublic {
		return []string{f.text}
	}
	text := strings.Replace(f.text, "VIEW "+f.name+"\n", "VIEW at_"+f.name+"\n", 1)
	if !isSharded {
		text = subview.ReplaceAllString(text, "FROM$1")
	}
	var list []string
	if !f.readsNoTable() {
		list = append(list, text)
	}
	list = append(list, f.over(names, f.name, f.numberedComment()))
	if f.plain != "" {
		list = append(list, f.over(names, f.plain, f.comment))
	}
	return list
}

// numberedComment says at the first word, in a list of views, that a person wants the other one.
func (f viewFile) numberedComment() string {
	parts := numbered.FindStringSubmatch(f.name)
	return fmt.Sprintf("'For programs: version %s of %s, whose meaning stays. People query %s. %s", parts[2], parts[1], parts[1], strings.TrimPrefix(f.comment, "'"))
}

// viewsIn are the views that the statements make, with their databases.
func (f viewFile) viewsIn(names warehouse.Names) []string {
	if !f.isPublic {
		return []string{names.Internal + "." + f.name}
	}
	list := []string{names.Views + "." + f.name}
	if !f.readsNoTable() {
		list = append(list, names.Internal+".at_"+f.name)
	}
	if f.plain != "" {
		list = append(list, names.Views+"."+f.plain)
	}
	return list
}

// over is a view that people see, which has their rights.
func (f viewFile) over(names warehouse.Names, name, comment string) string {
	return fmt.Sprintf("CREATE OR REPLACE VIEW %s.%s\n(\n%s\n)\nSQL SECURITY INVOKER\nAS\n%s\nCOMMENT %s", names.Views, name, f.columns, f.shows(names), comment)
}

// hashes are what viewsHash has found, by hashed: each run asks.
var hashes sync.Map

// A hashed is where views are.
type hashed struct {
	names     warehouse.Names
	isSharded bool
}

// viewsHash tells the texts of all views from others, for the databases that they are in.
func viewsHash(names warehouse.Names, isSharded bool) (string, error) {
	known, _ := hashes.Load(hashed{names, isSharded})
	if hash, ok := known.(string); ok {
		return hash, nil
	}
	files, err := readViews()
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, f := range files {
		for _, statement := range f.statements(names, isSharded) {
			fmt.Fprintf(sum, "%d\n%s", len(statement), statement)
		}
	}
	hash := hex.EncodeToString(sum.Sum(nil))
	hashes.Store(hashed{names, isSharded}, hash)
	return hash, nil
}

// A viewsRecord is a row of view_versions.
type viewsRecord struct {
	version uint32
	hash    string
}

// readViewsRecord reads which views a host was given last.
func readViewsRecord(ctx context.Context, db driver.Conn) (record viewsRecord, err error) {
	row := db.QueryRow(ctx, "SELECT max(version), argMax(hash, (version, applied_at)) FROM "+viewsTable)
	if err := row.Scan(&record.version, &record.hash); err != nil {
		return viewsRecord{}, fmt.Errorf("read the version of the views: %w", err)
	}
	return record, nil
}

// needsViews is whether a host, which has these tables, has other views than this program's, and none of a newer one. A
// warehouse that was restored has the record and no views.
func needsViews(ctx context.Context, db driver.Conn, there map[string]bool, names warehouse.Names, isSharded bool) (bool, error) {
	if !there[names.Internal+"."+viewsTable] {
		return true, nil
	}
	record, err := readViewsRecord(ctx, db)
	if err != nil || record.version > ViewsVersion {
		return false, err
	}
	hash, err := viewsHash(names, isSharded)
	if err != nil || record.hash != hash {
		return err == nil, err
	}
	files, err := readViews()
	if err != nil {
		return false, err
	}
	for _, f := range files {
		if slices.ContainsFunc(f.viewsIn(names), func(view string) bool { return !there[view] }) {
			return true, nil
		}
	}
	return false, nil
}

// atOnce is how many statements are sent side by side: most of the time of each is a wait.
const atOnce = 4

// applyViews brings a host's views to this program's texts and records that last, so that what was
// cut off is repeated.
func applyViews(ctx context.Context, db driver.Conn, names warehouse.Names, isSharded bool) error {
	there, err := tablesAt(ctx, db, names.Internal, names.Views)
	if err != nil {
		return err
	}
	isNeeded, err := needsViews(ctx, db, there, names, isSharded)
	if err != nil || !isNeeded {
		return err
	}
	files, err := readViews()
	if err != nil {
		return err
	}
	public, ctxPublic := errgroup.WithContext(ctx)
	public.SetLimit(atOnce)
	for _, f := range files {
		apply := func(ctx context.Context) error {
			for _, statement := range f.statements(names, isSharded) {
				if err := db.Exec(ctx, statement); err != nil {
					return fmt.Errorf("apply view %s: %w", f.name, err)
				}
			}
			return nil
		}
		if f.isPublic {
			public.Go(func() error { return apply(ctxPublic) })
		} else if err := apply(ctx); err != nil {
			return err
		}
	}
	if err := public.Wait(); err != nil {
		return err
	}
	hash, err := viewsHash(names, isSharded)
	if err != nil {
		return err
	}
	if err := db.Exec(ctx, "INSERT INTO view_versions (version, hash, applied_at) SELECT ?, ?, now64(3)", uint32(ViewsVersion), hash); err != nil {
		return fmt.Errorf("record the version of the views: %w", err)
	}
	return nil
}

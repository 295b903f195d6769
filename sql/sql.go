// Package sql holds the schema of the warehouse: the tables, made by numbered migrations, one
// statement to a file, each with its way back; and the views, a file for each with its current text,
// which are all made anew when any text has changed. No text names a database.
//
// A view that people query is served under a plain name and under a numbered version (deals_now and
// deals_now_v1): a changed meaning gets a new number and the old one keeps answering.
//
// All views of a query show the same published state, by two views for each file: at_NAME, in the
// internal database and with the program's rights, shows the state of a snapshot that it is given,
// and NAME, in the database that people see and with the rights of its reader, gives it the snapshot
// of now. A reader can so use what is named at_… in the internal database, and nothing else of it.
package sql

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/golang-migrate/migrate/v4"
	"github.com/golang-migrate/migrate/v4/database"
	"github.com/golang-migrate/migrate/v4/database/clickhouse"
	"github.com/golang-migrate/migrate/v4/source/iofs"

	"stagelag/warehouse"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Lease is the lock under which the schema changes. The library's own lock holds in
// one process only.
const Lease = "migration"

// RunLease is the lock under which a run appends. A schema that is there already changes under it
// as well: a run of an older program would append in the old way under the new views.
const RunLease = "run"

// leaseWait is how long another process may take to bring the schema up before this one
// gives up: the second of two runs that start at once finds the work done.
const leaseWait = time.Minute

// A Status tells where the schema of a warehouse stands.
type Status struct {
	Version uint // of the last migration that began; 0 in an empty warehouse
	Newest  uint // that this program has
	// IsHalfDone is whether that migration did not end. Each is one statement that can
	// be repeated, so the next Up repeats it.
	IsHalfDone bool
	Pending    []string // names of the migrations that are missing, in their order, and views
}

// NewestVersion is the newest schema that this program has.
func NewestVersion() uint {
	all, err := place{files: migrations}.names()
	if err != nil {
		panic(err) // files of the program itself
	}
	return all[len(all)-1].version
}

// IsNewer is whether the schema was made by a newer program.
func (s Status) IsNewer() bool { return s.Version > s.Newest }

// NewerError is what a schema of a newer program gives: this one can neither read nor
// change it.
type NewerError struct{ Version, Newest uint }

func (e *NewerError) Error() string {
	return fmt.Sprintf("the warehouse has schema %d, this program knows %d: use the program that made it, or a newer one", e.Version, e.Newest)
}

// UnreleasedError is what a warehouse gives that a program of before the first release made.
type UnreleasedError struct{ Database string }

func (e *UnreleasedError) Error() string {
	return fmt.Sprintf("database %s is a warehouse of a program of before the first release, which this one can't take over: start a new one, with another warehouse.path or warehouse.database", e.Database)
}

// Up brings the schema to the newest version, on a cluster that of each server. It may be called
// by several processes at once and again after it was killed at any moment. A warehouse that is
// half restored is left alone.
func Up(ctx context.Context, w *warehouse.Warehouse) error {
	if err := w.CheckWhole(ctx); err != nil {
		return err
	}
	status, err := ReadStatus(ctx, w)
	if err != nil {
		return err
	}
	if status.IsNewer() {
		return &NewerError{status.Version, status.Newest}
	}
	if len(status.Pending) == 0 && !status.IsHalfDone {
		return nil
	}
	lease, err := waitForLease(ctx, w, Lease)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer lease.End() // whoever takes it next waits for it
	if status.Version > 0 {
		run, err := waitForLease(lease.Context(), w, RunLease)
		switch {
		case errors.Is(err, errHeldHere): // by a restore, which keeps runs out itself
		case err != nil:
			return fmt.Errorf("migrate: %w", err)
		default:
			defer run.Release()
			lease = run // it ends with the other one
		}
	}
	if err := upEverywhere(lease.Context(), w); err != nil {
		if cause := context.Cause(lease.Context()); cause != nil {
			return fmt.Errorf("migrate: %w", cause)
		}
		return err
	}
	return nil
}

func upEverywhere(ctx context.Context, w *warehouse.Warehouse) error {
	list, err := places(w)
	if err != nil {
		return err
	}
	for _, p := range list {
		if err := p.up(ctx); err != nil {
			return err
		}
	}
	if w.IsSharded() {
		if err := spread(ctx, w); err != nil {
			return err
		}
	}
	for _, p := range list {
		if !p.hasViews {
			continue
		}
		if err := applyViews(ctx, p.DB(), w.Names(), w.IsSharded()); err != nil {
			return fmt.Errorf("migrate%s: %w", p.title(), err)
		}
	}
	return nil
}

// errHeldHere is a run's lease that this process has already: waiting would not end.
var errHeldHere = errors.New("this process keeps runs out itself")

func waitForLease(ctx context.Context, w *warehouse.Warehouse, name string) (*warehouse.Lease, error) {
	deadline := time.After(leaseWait)
	for {
		// The lease lasts as long as the context that it is taken with.
		lease, err := w.Lease(ctx, name, "stagelag migrate up")
		held, isHeld := errors.AsType[*warehouse.HeldError](err)
		switch {
		case !isHeld:
			return lease, err
		case name == RunLease && held.IsByThisProcess():
			return nil, errHeldHere
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-deadline:
			return nil, err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (p place) up(ctx context.Context) error {
	names, err := p.names()
	if err != nil {
		return err
	}
	m, err := p.open(names[len(names)-1].version)
	if err != nil {
		return err
	}
	defer m.Close()
	version, isDirty, err := m.Version()
	if err != nil && !errors.Is(err, migrate.ErrNilVersion) {
		return fmt.Errorf("migrate: read the schema's version: %w", err)
	}
	if isDirty {
		before, err := p.before(version)
		if err != nil {
			return err
		}
		if err := m.Force(before); err != nil {
			return fmt.Errorf("migrate: take up migration %d again: %w", version, err)
		}
	}
	stop := context.AfterFunc(ctx, func() { m.GracefulStop <- true })
	defer stop()
	err = m.Up()
	if err == nil || errors.Is(err, migrate.ErrNoChange) {
		return ctx.Err()
	}
	err = fmt.Errorf("migrate%s: %w", p.title(), oneLine(err))
	if warehouse.Remedy(err) != "" { // which the caller says
		return err
	}
	return fmt.Errorf("%w: see `stagelag migrate status`", err)
}

// title tells an error of the place from one of another place.
func (p place) title() string {
	if p.name == "" {
		return ""
	}
	return " " + p.name
}

// before is the version before one, as the library wants it.
func (p place) before(version uint) (int, error) {
	names, err := p.names()
	if err != nil {
		return 0, err
	}
	before := database.NilVersion
	for _, m := range names {
		if m.version < version {
			before = int(m.version)
		}
	}
	return before, nil
}

// oneLine leaves out the statement, which the library puts behind the cause.
func oneLine(err error) error {
	failed, ok := errors.AsType[database.Error](err)
	if behind, isPointer := errors.AsType[*database.Error](err); isPointer {
		failed, ok = *behind, true
	}
	if ok && failed.OrigErr != nil {
		name, _, _ := strings.Cut(strings.TrimSpace(firstStatementLine(string(failed.Query))), "(")
		return fmt.Errorf("%s: %w", strings.TrimSpace(name), failed.OrigErr)
	}
	return err
}

func firstStatementLine(statement string) string {
	for line := range strings.Lines(statement) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "--") {
			return line
		}
	}
	return "migration"
}

// open is the library at the place, which is brought up to the last version.
func (p place) open(last uint) (*migrate.Migrate, error) {
	source, err := iofs.New(p.files, "migrations")
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	library, err := clickhouse.WithInstance(p.OpenDB(), &clickhouse.Config{
		DatabaseName: p.database, MigrationsTable: "schema_migrations", MigrationsTableEngine: "MergeTree",
	})
	if err != nil {
		return nil, fmt.Errorf("migrate: open the warehouse: %w", err)
	}
	current, _, err := library.Version()
	if err != nil {
		_ = library.Close()
		return nil, fmt.Errorf("migrate: read the schema's version: %w", err)
	}
	if current == database.NilVersion {
		library = newFirstDriver(library, last)
	}
	m, err := migrate.NewWithInstance("iofs", source, p.database, library)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	return m, nil
}

// ReadStatus tells where the schema stands, on a cluster what is missing on any server, without
// changing anything.
func ReadStatus(ctx context.Context, w *warehouse.Warehouse) (Status, error) {
	status, err := readStatus(ctx, w)
	if err == nil && len(status.Pending) == 0 && !status.IsHalfDone && !status.IsNewer() {
		// Views of this very program read columns that no unreleased one has made.
		return status, nil
	}
	if unreleased := refuseUnreleased(ctx, w); unreleased != nil {
		return Status{}, unreleased
	}
	return status, err
}

func readStatus(ctx context.Context, w *warehouse.Warehouse) (Status, error) {
	list, err := places(w)
	if err != nil {
		return Status{}, err
	}
	status := Status{Newest: NewestVersion()}
	for _, p := range list {
		there, err := tablesAt(ctx, p.DB(), p.database, w.Names().Views)
		if err == nil {
			err = p.read(ctx, there, &status)
		}
		if err != nil {
			return Status{}, fmt.Errorf("read the schema's version: %w", err)
		}
		if !p.hasViews {
			continue
		}
		isNeeded, err := needsViews(ctx, p.DB(), there, w.Names(), w.IsSharded())
		switch {
		case err != nil:
			return Status{}, err
		case isNeeded:
			status.Pending = append(status.Pending, "views"+p.inBrackets())
		}
	}
	isSpread, err := isSpread(ctx, w)
	if err == nil && !isSpread {
		status.Pending = append(status.Pending, fmt.Sprintf("tables over all %d shards", len(w.Cluster().Shards)))
	}
	return status, err
}

// tablesAt are the tables and views of databases, as DATABASE.NAME.
func tablesAt(ctx context.Context, db driver.Conn, databases ...string) (map[string]bool, error) {
	var names []string
	row := db.QueryRow(ctx, "SELECT groupArray(concat(database, '.', name)) FROM system.tables WHERE database IN (?)", databases)
	if err := row.Scan(&names); err != nil {
		return nil, fmt.Errorf("list the tables: %w", err)
	}
	there := map[string]bool{}
	for _, name := range names {
		there[name] = true
	}
	return there, nil
}

// refuseUnreleased finds the tables of a program of before the first release, which had them in the
// database that people see, or without some columns.
func refuseUnreleased(ctx context.Context, w *warehouse.Warehouse) error {
	var isThere bool
	row := w.DB().QueryRow(ctx, `
		SELECT countIf(database = ? AND table = 'schema_migrations') > 0
			OR countIf(database = ? AND table = 'knowledge') > 0 AND countIf(database = ? AND table = 'knowledge' AND name = 'plan_past') = 0
			OR countIf(database = ? AND table = 'deals') > 0 AND countIf(database = ? AND table = 'deals' AND name = 'dimension_name') = 0
		FROM system.columns WHERE database IN (?, ?) AND table IN ('schema_migrations', 'knowledge', 'deals')`,
		w.Names().Views, w.Names().Internal, w.Names().Internal, w.Names().Internal, w.Names().Internal, w.Names().Views, w.Names().Internal)
	if err := row.Scan(&isThere); err != nil {
		return err
	}
	if isThere {
		return &UnreleasedError{w.Names().Views}
	}
	return nil
}

func (p place) inBrackets() string {
	if p.name == "" {
		return ""
	}
	return " (" + p.name + ")"
}

// read adds how a place stands that has these tables.
func (p place) read(ctx context.Context, there map[string]bool, status *Status) error {
	names, err := p.names()
	if err != nil {
		return err
	}
	var version int64
	if there[p.database+"."+versionTable] {
		var dirty uint8
		// One row always comes back, so an empty table reads as version 0.
		row := p.DB().QueryRow(ctx, "SELECT argMax(version, sequence), argMax(dirty, sequence) FROM schema_migrations")
		if err := row.Scan(&version, &dirty); err != nil {
			return err
		}
		status.Version = max(status.Version, uint(max(version, 0)))
		status.IsHalfDone = status.IsHalfDone || dirty != 0
	}
	for _, m := range names {
		if int64(m.version) > version {
			status.Pending = append(status.Pending, m.name+p.inBrackets())
		}
	}
	return nil
}

type migration struct {
	version uint
	name    string
}

// names are the migrations of a place in their order.
func (p place) names() ([]migration, error) {
	files, err := fs.Glob(p.files, "migrations/*.up.sql")
	if err != nil {
		return nil, fmt.Errorf("list the migrations: %w", err)
	}
	slices.Sort(files)
	list := make([]migration, 0, len(files))
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(file, "migrations/"), ".up.sql")
		number, _, _ := strings.Cut(name, "_")
		version, err := strconv.ParseUint(number, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("migration %s has no number", file)
		}
		list = append(list, migration{uint(version), name})
	}
	return list, nil
}

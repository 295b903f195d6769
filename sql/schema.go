package sql

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/golang-migrate/migrate/v4"

	"stagelag/warehouse"
)

// versionTable tells which migrations were made, and viewsTable which views.
const (
	versionTable = "schema_migrations"
	viewsTable   = "view_versions"
)

// SchemaOf is what a backup of the warehouse has in it, and what a restore puts it into: the tables of the
// migrations. The record of the views is not among them, so that all views are made anew after a restore.
func SchemaOf(w *warehouse.Warehouse) warehouse.Schema { return schema{w} }

type schema struct{ w *warehouse.Warehouse }

// Tables are those that any migration is about.
func (schema) Tables() []string {
	list, err := tablesOfMigrations()
	if err != nil {
		panic(err) // a file of the program itself
	}
	return append([]string{versionTable}, list...)
}

func tablesOfMigrations() (list []string, err error) {
	names, err := place{files: migrations}.names()
	if err != nil {
		return nil, err
	}
	for _, m := range names {
		text, err := migrations.ReadFile("migrations/" + m.name + ".up.sql")
		if err != nil {
			return nil, fmt.Errorf("read a migration: %w", err)
		}
		found := subject.FindSubmatch(text)
		if found == nil {
			return nil, fmt.Errorf("migration %s is about no table", m.name)
		}
		if table := string(found[1]); table != viewsTable && !slices.Contains(list, table) {
			list = append(list, table)
		}
	}
	return list, nil
}

func (s schema) place() place {
	return place{server: s.w, database: s.w.Names().Internal, files: migrations}
}

// Begin makes the table of versions, as the first migration finds it.
func (s schema) Begin(context.Context) error {
	m, err := s.place().open(0)
	if err != nil {
		return err
	}
	return closing(m)
}

// Make makes the tables as the migrations up to the version have made them.
func (s schema) Make(ctx context.Context) ([]string, error) {
	var status Status
	there, err := tablesAt(ctx, s.w.DB(), s.place().database)
	if err == nil {
		err = s.place().read(ctx, there, &status)
	}
	if err != nil {
		return nil, fmt.Errorf("read the version of the backup: %w", err)
	}
	names, err := s.place().names()
	if err != nil {
		return nil, err
	}
	switch newest := names[len(names)-1].version; {
	case status.Version > newest:
		return nil, &NewerError{status.Version, newest}
	case status.Version == 0 || status.IsHalfDone || !slices.ContainsFunc(names, func(m migration) bool { return m.version == status.Version }):
		return nil, errors.New("the backup has no whole schema of this program: use another one")
	}
	// The library makes the tables and writes its own record of that.
	if err := s.w.DB().Exec(ctx, "TRUNCATE TABLE "+versionTable+" SYNC"); err != nil {
		return nil, err
	}
	m, err := s.place().open(status.Version)
	if err != nil {
		return nil, err
	}
	err = m.Migrate(status.Version)
	if err := errors.Join(oneLine(err), closing(m)); err != nil {
		return nil, fmt.Errorf("make the tables of schema %d: %w", status.Version, err)
	}
	var tables []string
	row := s.w.DB().QueryRow(ctx, "SELECT groupArray(name) FROM system.tables WHERE database = currentDatabase() AND name IN (?)", s.Tables()[1:])
	if err := row.Scan(&tables); err != nil {
		return nil, fmt.Errorf("list the tables: %w", err)
	}
	return tables, nil
}

// Backup is that of the warehouse, whose schema has to be whole.
func Backup(ctx context.Context, w *warehouse.Warehouse, file string) error {
	status, err := ReadStatus(ctx, w)
	switch {
	case err != nil:
		return fmt.Errorf("back up: %w", err)
	case status.IsHalfDone:
		return errors.New("back up: the schema is half brought up: call stagelag migrate up first")
	case status.IsNewer():
		return fmt.Errorf("back up: %w", &NewerError{status.Version, status.Newest})
	}
	return w.Backup(ctx, file, SchemaOf(w))
}

func closing(m *migrate.Migrate) error {
	source, database := m.Close()
	return errors.Join(source, database)
}

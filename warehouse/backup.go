package warehouse

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"stagelag/warehouse/access"
	"stagelag/warehouse/exception"
)

// BackupSuffix is how the name of every backup ends: the engine takes the form from it.
const BackupSuffix = ".tar.zst"

// inBackup is what every backup calls the database in it, so that it can be put under any name.
var inBackup = access.NamesOf(access.Default).Internal

// The engine's codes for what can go wrong with a backup's file.
const (
	badArguments    = 36
	backupNotFound  = 599
	backupExists    = 598
	cannotUnpack    = 643
	unknownFormat   = 600 // BACKUP_VERSION_NOT_SUPPORTED
	backupDamaged   = 601
	noBackupEntry   = 602
	cannotRestore   = 608
	outOfBound      = 69 // from a file too short to be an archive
	fileNotOpenable = 76
)

// ErrNothingToBackUp is a warehouse without a single row.
var ErrNothingToBackUp = errors.New("the warehouse is empty, so there is nothing to back up; stagelag run fills it")

// errOnCluster is what a cluster's backup comes to: each of its servers writes on a disk of its own.
var errOnCluster = errors.New("a cluster is backed up and restored server by server, by BACKUP DATABASE in each while no run is under way: docs/cluster.md tells how")

// ErrHalfRestored is a warehouse whose restore was cut off.
var ErrHalfRestored = errors.New("a restore is under way or was cut off, and the warehouse holds a part of the backup: wait for it, or run stagelag restore again")

// A Schema makes the tables of a warehouse. A backup has those that it names, and a restore puts rows into
// those that it makes: nothing is ever made from what a backup says of its tables.
type Schema interface {
	// Tables are all that a backup may have, first the one whose rows tell the version of the schema.
	Tables() []string
	// Begin makes the first of Tables, without rows, in an empty database.
	Begin(ctx context.Context) error
	// Make makes the others as they are at the version that the first one tells, and gives the names of
	// those that a backup of this version has.
	Make(ctx context.Context) ([]string, error)
}

// CheckWhole gives ErrHalfRestored where that is so. Whoever writes asks first, and whoever shows
// numbers.
func (w *Warehouse) CheckWhole(ctx context.Context) error {
	if w.isRestoring.Load() {
		return nil
	}
	isAside, err := w.isAside(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("look into the warehouse: %w", exception.Plain(err))
	case isAside:
		return ErrHalfRestored
	default:
		return nil
	}
}

// doneMark is a view that is there while what a restore has replaced is dropped. A database is
// dropped table by table: cut off in the middle it is neither what was there before nor anything that
// is missed. No backup has views.
const doneMark = "restore_is_done"

// isAside is whether a restore has begun and not ended.
func (w *Warehouse) isAside(ctx context.Context) (bool, error) {
	var databases, marks uint64
	err := w.db.QueryRow(ctx, `
		SELECT (SELECT count() FROM system.databases WHERE name = ?), (SELECT count() FROM system.tables WHERE database = ? AND name = ?)`,
		w.names.Replaced, w.names.Internal, doneMark).Scan(&databases, &marks)
	return databases > 0 && marks == 0, err
}

// HasData is whether anything but the schema was ever written into the warehouse.
func (w *Warehouse) HasData(ctx context.Context) (bool, error) {
	var tables uint64
	row := w.db.QueryRow(ctx, "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name NOT IN ('schema_migrations', 'view_versions') AND total_rows > 0")
	if err := row.Scan(&tables); err != nil {
		return false, fmt.Errorf("look into the warehouse: %w", exception.Plain(err))
	}
	return tables > 0, nil
}

// Backup writes the tables of the schema into a file, which must not be there and whose name ends in
// BackupSuffix. No view is in it, and no definition that a restore makes anything from. A server writes it on
// its own disk, where its configuration allows that; any other file ends in a checksum of its own. The
// tables are copied one after another: nobody may be writing, backing up or restoring. When it
// fails, there is no file.
func (w *Warehouse) Backup(ctx context.Context, file string, schema Schema) error {
	if w.cluster != nil {
		return errOnCluster
	}
	hasData, err := w.HasData(ctx)
	switch {
	case err != nil:
		return err
	case !hasData:
		return ErrNothingToBackUp
	case w.seat == nil:
		return w.backUpTo(ctx, file, schema)
	}
	if _, err := os.Lstat(file); err == nil {
		return &fs.PathError{Op: "back up to", Path: file, Err: errors.New("the file exists already: give another name")}
	}
	// The engine writes into a folder of its own only.
	made, err := w.backupFile()
	if err != nil {
		return err
	}
	defer removeBackup(made)
	if err := w.backUpTo(ctx, made, schema); err != nil {
		return err
	}
	if err := seal(made, file); err != nil {
		return fmt.Errorf("back up: %w%s", err, w.backupRemedy(err))
	}
	return nil
}

func (w *Warehouse) backUpTo(ctx context.Context, file string, schema Schema) error {
	wrap := func(err error) error {
		return fmt.Errorf("back up to %s: %w%s", file, exception.Plain(err), w.backupRemedy(err))
	}
	var tables, changing []string
	row := w.db.QueryRow(ctx, `
		SELECT (SELECT groupArray(name) FROM system.tables WHERE database = currentDatabase() AND name IN (?)),
			(SELECT groupUniqArray(table) FROM system.mutations WHERE database = currentDatabase() AND NOT is_done)`, schema.Tables())
	if err := row.Scan(&tables, &changing); err != nil {
		return wrap(err)
	}
	if len(changing) > 0 {
		return fmt.Errorf("back up to %s: the engine still changes rows of %s: back up when it has", file, strings.Join(changing, " and "))
	}
	for i, table := range tables {
		tables[i] = fmt.Sprintf("TABLE %s.%s AS %s.%s", w.names.Internal, table, inBackup, table)
	}
	if err := w.db.Exec(ctx, "BACKUP "+strings.Join(tables, ", ")+" TO File("+access.Literal(file)+")"); err != nil {
		return wrap(err)
	}
	return nil
}

// Restore puts the rows of a backup in the place of all tables of the warehouse, then calls check, which
// makes the views; when anything fails, check included, what was before there is there again.
// The backup can be one of a warehouse with another name. Nobody may be writing, backing up or
// restoring.
//
// A file that the program can read is looked into first, and one that is damaged, or has anything in it
// that a backup never has, is refused. One on a server can't be looked into: of what is in it, the engine
// reads the rows of tables that have the definition of the program's own, and checks them afterwards.
//
// Cut off in the middle it is called again, and still knows what was there; until then
// CheckWhole tells.
func (w *Warehouse) Restore(ctx context.Context, file string, schema Schema, check func(context.Context) error) (err error) {
	if w.cluster != nil {
		return errOnCluster
	}
	isSealed := false
	if w.seat != nil {
		read, err := w.backupFile()
		if err != nil {
			return err
		}
		defer removeBackup(read)
		if isSealed, err = unseal(file, read); err == nil {
			err = inspect(read, schema.Tables())
		}
		if err != nil {
			return errors.Join(fmt.Errorf("restore: %s: %w", file, without(file, err)), w.bringBackHalf(ctx))
		}
		file = read
	}
	w.isRestoring.Store(true)
	defer w.isRestoring.Store(false)
	if err := w.setAside(ctx); err != nil {
		return fmt.Errorf("restore: set aside what is there: %w%s", exception.Plain(err), w.backupRemedy(err))
	}
	defer func() {
		// What is left to do has to be done also when the command was told to stop.
		ctx := context.WithoutCancel(ctx)
		if err == nil {
			err = exception.Plain(w.dropReplaced(ctx))
			return
		}
		if undoing := w.bringBack(ctx); undoing != nil {
			err = fmt.Errorf("%w; what was there before is kept as the database %s (%w)", err, w.names.Replaced, exception.Plain(undoing))
		}
	}()
	tables, err := w.restoreRows(ctx, file, schema)
	if err == nil && !isSealed {
		err = w.checkRows(ctx, tables)
	}
	if err == nil {
		err = w.renumber(ctx)
	}
	if err != nil {
		return fmt.Errorf("restore: %w%s", exception.Plain(err), w.backupRemedy(err))
	}
	return check(ctx)
}

// restoreRows makes the tables as they were, and reads their rows. It gives their names.
func (w *Warehouse) restoreRows(ctx context.Context, file string, schema Schema) ([]string, error) {
	restore := func(tables ...string) error {
		parts := make([]string, len(tables))
		for i, table := range tables {
			parts[i] = fmt.Sprintf("TABLE %s.%s AS %s.%s", inBackup, table, w.names.Internal, table)
		}
		// Made here is nothing: a table that is not there, or has another definition than in the backup, is an error.
		return w.db.Exec(ctx, "RESTORE "+strings.Join(parts, ", ")+" FROM File("+access.Literal(file)+") SETTINGS create_table = 0, allow_different_table_def = 0")
	}
	if err := schema.Begin(ctx); err != nil {
		return nil, err
	}
	if err := restore(schema.Tables()[0]); err != nil {
		return nil, err
	}
	tables, err := schema.Make(ctx)
	if err != nil {
		return nil, err
	}
	return tables, restore(tables...)
}

// checkRows reads all rows and compares them with the engine's checksums.
func (w *Warehouse) checkRows(ctx context.Context, tables []string) error {
	for _, table := range tables {
		var isGood uint8
		err := w.db.QueryRow(ctx, "CHECK TABLE "+table+" SETTINGS check_query_single_value_result = 1").Scan(&isGood)
		if err != nil {
			return fmt.Errorf("check the rows of %s: %w", table, err)
		}
		if isGood == 0 {
			return fmt.Errorf("the rows of %s are damaged: use another backup", table)
		}
	}
	return nil
}

// renumber gives the parts of all restored tables new numbers. The engine numbers blocks and mutations
// of a table in one sequence, and a mutation passes over a part that has the number of a later one.
// RESTORE keeps the numbers of the mutations that a part has seen and begins the sequence anew: until
// the engine starts again, mutations would change nothing in what was restored. A part that is
// attached to a table is a new one of it, with the same files.
func (w *Warehouse) renumber(ctx context.Context) error {
	var tables []struct {
		Name string `ch:"name"`
	}
	// A replicated table numbers what it is given.
	err := w.db.Select(ctx, &tables, "SELECT name FROM system.tables WHERE database = currentDatabase() AND endsWith(engine, 'MergeTree') AND NOT startsWith(engine, 'Replicated')")
	if err != nil {
		return fmt.Errorf("list the tables: %w", err)
	}
	for _, table := range tables {
		fresh := "fresh_" + table.Name
		for _, statement := range []string{
			"CREATE TABLE " + fresh + " AS " + table.Name,
			"ALTER TABLE " + fresh + " ATTACH PARTITION ALL FROM " + table.Name,
			"EXCHANGE TABLES " + fresh + " AND " + table.Name,
			"DROP TABLE " + fresh + " SYNC",
		} {
			if err := w.db.Exec(ctx, statement); err != nil {
				return fmt.Errorf("number the parts of %s: %w", table.Name, err)
			}
		}
	}
	return nil
}

// setAside leaves the place of our database empty, and what is worth keeping in the one beside.
func (w *Warehouse) setAside(ctx context.Context) error {
	isAside, err := w.isAside(ctx)
	if err != nil {
		return err
	}
	makeRoom := "RENAME DATABASE " + w.names.Internal + " TO " + w.names.Replaced
	if isAside {
		// A restore that was cut off has left it: what is in our place is half a backup.
		makeRoom = "DROP DATABASE IF EXISTS " + w.names.Internal + " SYNC"
	} else if err := w.dropReplaced(ctx); err != nil { // left by a restore that was cut off at its very end
		return err
	}
	if err := w.db.Exec(ctx, makeRoom); err != nil {
		return err
	}
	// Nobody could connect without it.
	return w.db.Exec(ctx, creating(w.names.Internal))
}

// dropReplaced drops what a restore has replaced. It can be called again.
func (w *Warehouse) dropReplaced(ctx context.Context) error {
	for _, statement := range []string{
		"CREATE OR REPLACE VIEW " + w.names.Internal + "." + doneMark + " AS SELECT 1",
		"DROP DATABASE IF EXISTS " + w.names.Replaced + " SYNC",
		"DROP VIEW IF EXISTS " + w.names.Internal + "." + doneMark + " SYNC",
	} {
		if err := w.db.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// bringBackHalf undoes a restore that was cut off, if there is one.
func (w *Warehouse) bringBackHalf(ctx context.Context) error {
	isAside, err := w.isAside(ctx)
	if err == nil && isAside {
		err = w.bringBack(ctx)
	}
	return exception.Plain(err)
}

func (w *Warehouse) bringBack(ctx context.Context) error {
	if err := w.db.Exec(ctx, "DROP DATABASE IF EXISTS "+w.names.Internal+" SYNC"); err != nil {
		return err
	}
	return w.db.Exec(ctx, "RENAME DATABASE "+w.names.Replaced+" TO "+w.names.Internal)
}

// backupRemedy is what to do about an error of BACKUP or RESTORE, with a beginning.
func (w *Warehouse) backupRemedy(err error) string {
	switch code := exception.Code(err); {
	case w.seat == nil && code == badArguments:
		return ": the file lies on the server, in the folder that backups.allowed_path in the server's configuration names; set it there, " +
			"as in <clickhouse><backups><allowed_path>/var/lib/clickhouse/backups/</allowed_path></backups></clickhouse>"
	case code == badArguments:
		return ": the engine was started by an older program; end the other commands that use it, and run this one again"
	case code == backupNotFound:
		return ": check the name"
	case code == backupExists:
		return ": give another name"
	case code == cannotRestore || code == noBackupEntry || code == unknownTable && strings.Contains(err.Error(), "in backup"):
		return ": the file is no backup of this program, or one of a version before the first release; use another one"
	case code == cannotUnpack || code == unknownFormat || code == backupDamaged || code == outOfBound || code == fileNotOpenable:
		return ": the file is damaged or no backup, use another one"
	default:
		if remedy := Remedy(err); remedy != "" {
			return "; " + remedy
		}
		return ""
	}
}

// backupFile is the name of a file that the embedded engine may write and read. There is none
// of that name; what commands that were killed have left of this warehouse is removed.
func (w *Warehouse) backupFile() (string, error) {
	// The other warehouses of the engine have theirs in the same folder.
	folder, prefix := w.seat.Backups(), w.names.Views+"-"
	files, err := os.ReadDir(folder)
	if err != nil {
		return "", err
	}
	for _, file := range files {
		if strings.HasPrefix(file.Name(), prefix) {
			if err := os.RemoveAll(filepath.Join(folder, file.Name())); err != nil {
				return "", err
			}
		}
	}
	return filepath.Join(folder, prefix+rand.Text()+BackupSuffix), nil
}

// removeBackup removes a file and what the engine may have left beside it.
func removeBackup(file string) {
	_ = os.Remove(file)
	_ = os.Remove(file + ".lock")
}

package loader

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/warehouse"
)

// An UnchangedError is a change of a table that the engine has called done, and that is not.
type UnchangedError struct {
	Database, Table string
	Rows            uint64 // that should have been changed
}

func (e *UnchangedError) Error() string {
	return fmt.Sprintf("the engine says that it has changed %[1]s.%[2]s, and %[3]d rows there are as before: "+
		"restart the server, or DETACH TABLE %[1]s.%[2]s SYNC and ATTACH TABLE %[1]s.%[2]s there; "+
		"where the warehouse is embedded, end all its commands, serve too; then try again", e.Database, e.Table, e.Rows)
}

// mutationTries is how often rows are to be changed before those that are left are an error. A run that was
// overtaken and does not know it yet may append new ones meanwhile.
const mutationTries = 2

// mutate changes or deletes the rows of a table that the condition holds for, until it holds for none.
// The engine's word that a mutation is done is not enough: it passes over parts that it takes for
// already mutated, as those that RESTORE has brought in while the engine is up.
func mutate(ctx context.Context, conn driver.Conn, table, change, where string, args ...any) error {
	unchanged := &UnchangedError{Table: table}
	for range mutationTries {
		// A server that is one of several refuses a subquery in a change that each of them makes, unless
		// told that it gives the same everywhere.
		err := warehouse.Retry(ctx, conn, func() error {
			return conn.Exec(ctx, "ALTER TABLE "+table+" "+change+" WHERE "+where+" SETTINGS mutations_sync = 2, allow_nondeterministic_mutations = 1", args...)
		})
		if err != nil {
			return err
		}
		row := conn.QueryRow(ctx, "SELECT currentDatabase(), count() FROM "+table+" WHERE "+where, args...)
		if err := row.Scan(&unchanged.Database, &unchanged.Rows); err != nil {
			return fmt.Errorf("check what was changed: %w", err)
		}
		if unchanged.Rows == 0 {
			return nil
		}
	}
	return unchanged
}

package warehouse

import (
	"errors"
	"fmt"
	"testing"

	"stagelag/warehouse/access"
)

// A reader makes no database, neither of the embedded engine nor of a server.
func TestAReaderMakesNoDatabase(t *testing.T) {
	w, database := newWarehouse(t), newConfig(t).Database // which nobody has opened
	users, passwords := access.UsersOf(database), w.seat.Passwords(database)
	at := func(scheme, address string) string {
		return fmt.Sprintf("%s://%s:%s@%s/%s", scheme, users.Program, passwords.Program, address, database)
	}
	for _, url := range []string{Embedded, at("clickhouse", w.seat.Native), at("http", w.seat.HTTP)} {
		reader := Config{URL: url, Path: sharedPath, Database: database, MustExist: true}
		for range 2 { // the first has made nothing that the second could find
			_, err := Open(t.Context(), reader)
			if absent, ok := errors.AsType[*AbsentError](err); !ok || absent.Database != database {
				t.Errorf("Open(%v) where no database is there: %v, want an *AbsentError", reader, err)
			}
		}
	}
}

// Who finds one of the databases has found a warehouse: a restore that was cut off can leave it without the
// internal one.
func TestAReaderFindsAWarehouseWithoutItsTables(t *testing.T) {
	config := newConfig(t)
	w := mustOpen(t, config)
	mustExec(t, w, "DROP DATABASE "+w.names.Internal+" SYNC")
	config.MustExist = true
	mustOpen(t, config)
}

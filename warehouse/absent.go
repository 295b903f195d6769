package warehouse

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2"

	"stagelag/warehouse/exception"
)

// An AbsentError says that there is no warehouse where the configuration says that it is.
type AbsentError struct {
	// Where is the absolute path of the embedded warehouse's folder, or the server.
	Where string
	// Database is the one that is not there although others are; empty where nothing is.
	Database string
}

func (e *AbsentError) Error() string {
	if e.Database != "" {
		return fmt.Sprintf("no warehouse in %s with the database %s", e.Where, e.Database)
	}
	return "no warehouse in " + e.Where
}

// remedy is what to do about it.
func (e *AbsentError) remedy() string {
	if e.Database != "" {
		return "stagelag run makes it; for another one, set warehouse.database"
	}
	return "stagelag run makes one; if it lies elsewhere, name its configuration with --config, or set warehouse.path or warehouse.url"
}

// checkThere returns an *AbsentError where none of the warehouse's databases is there. One of them
// alone may be missing: a restore that was cut off has renamed it.
func checkThere(ctx context.Context, options clickhouse.Options, names Names, where string) error {
	options.Auth.Database = "default"
	db, err := openConn(&options)
	if err != nil {
		return err
	}
	defer db.Close()
	var count uint64
	err = db.QueryRow(ctx, "SELECT count() FROM system.databases WHERE name IN (?, ?, ?)", names.Views, names.Internal, names.Replaced).Scan(&count)
	if err != nil {
		return exception.Plain(err)
	}
	if count == 0 {
		return &AbsentError{Where: where, Database: names.Views}
	}
	return nil
}

package warehouse

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"
	"io"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// The client sends the time that a context has left as the setting max_execution_time, with each
// statement and, over HTTP, with what connecting asks. A user whose profile constrains that
// setting is refused then, and a deadline of hours would lift a limit that the profile sets. So
// every connection of this package is opened here, and shows the client contexts without their
// deadlines. They end a statement all the same, as a context that is canceled does.

// endless is a context that keeps its deadline to itself.
type endless struct{ context.Context }

// Deadline says that there is none.
func (endless) Deadline() (time.Time, bool) { return time.Time{}, false }

// openConn opens connections with the options.
func openConn(options *clickhouse.Options) (driver.Conn, error) {
	undated := *options
	undated.DialStrategy = func(ctx context.Context, id int, options *clickhouse.Options, dial clickhouse.Dial) (clickhouse.DialResult, error) {
		return clickhouse.DefaultDialStrategy(endless{ctx}, id, options, dial)
	}
	db, err := clickhouse.Open(&undated)
	if err != nil {
		return nil, err
	}
	return conn{db}, nil
}

// A conn hides the deadlines of contexts from the client's connections.
type conn struct{ driver.Conn }

func (c conn) Select(ctx context.Context, dest any, query string, args ...any) error {
	return c.Conn.Select(endless{ctx}, dest, query, args...)
}

func (c conn) Query(ctx context.Context, query string, args ...any) (driver.Rows, error) {
	return c.Conn.Query(endless{ctx}, query, args...)
}

func (c conn) QueryRow(ctx context.Context, query string, args ...any) driver.Row {
	return c.Conn.QueryRow(endless{ctx}, query, args...)
}

func (c conn) PrepareBatch(ctx context.Context, query string, options ...driver.PrepareBatchOption) (driver.Batch, error) {
	return c.Conn.PrepareBatch(endless{ctx}, query, options...)
}

func (c conn) Exec(ctx context.Context, query string, args ...any) error {
	return c.Conn.Exec(endless{ctx}, query, args...)
}

func (c conn) QueryFormat(ctx context.Context, format, query string, args ...any) (io.ReadCloser, error) {
	return c.Conn.QueryFormat(endless{ctx}, format, query, args...)
}

func (c conn) InsertFormat(ctx context.Context, format, query string, data io.Reader) error {
	return c.Conn.InsertFormat(endless{ctx}, format, query, data)
}

func (c conn) AsyncInsert(ctx context.Context, query string, wait bool, args ...any) error {
	return c.Conn.AsyncInsert(endless{ctx}, query, wait, args...) //nolint:staticcheck // deprecated, and still a way to send a statement
}

func (c conn) Ping(ctx context.Context) error { return c.Conn.Ping(endless{ctx}) }

// openSQL opens connections with the options for database/sql.
func openSQL(options *clickhouse.Options) *sql.DB {
	return sql.OpenDB(connector{clickhouse.Connector(options)})
}

type connector struct{ sqldriver.Connector }

func (c connector) Connect(ctx context.Context) (sqldriver.Conn, error) {
	db, err := c.Connector.Connect(endless{ctx})
	if err != nil {
		return nil, err
	}
	client, ok := db.(clientConn)
	if !ok {
		_ = db.Close()
		return nil, fmt.Errorf("the client's %T can do less than is known of it", db)
	}
	return sqlConn{client}, nil
}

// A clientConn is what the client's connections for database/sql can do.
type clientConn interface {
	sqldriver.Conn
	sqldriver.ConnBeginTx
	sqldriver.ConnPrepareContext
	sqldriver.ExecerContext
	sqldriver.NamedValueChecker
	sqldriver.Pinger
	sqldriver.QueryerContext
	sqldriver.SessionResetter
}

// A sqlConn is conn for database/sql.
type sqlConn struct{ clientConn }

func (c sqlConn) ExecContext(ctx context.Context, query string, args []sqldriver.NamedValue) (sqldriver.Result, error) {
	return c.clientConn.ExecContext(endless{ctx}, query, args)
}

func (c sqlConn) QueryContext(ctx context.Context, query string, args []sqldriver.NamedValue) (sqldriver.Rows, error) {
	return c.clientConn.QueryContext(endless{ctx}, query, args)
}

func (c sqlConn) PrepareContext(ctx context.Context, query string) (sqldriver.Stmt, error) {
	return c.clientConn.PrepareContext(endless{ctx}, query)
}

func (c sqlConn) Ping(ctx context.Context) error { return c.clientConn.Ping(endless{ctx}) }

package warehouse

import (
	"context"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// A utcConn is a connection that gives a Date as the midnight of UTC, whatever the zone of the server. The
// driver takes the server's midnight unless told otherwise: another moment, and another date where the
// clocks skip midnight. A time that is bound keeps its moment: in UTC the driver names the zone, which it
// leaves out of a time in the server's zone.
type utcConn struct{ driver.Conn }

func (c utcConn) Query(ctx context.Context, query string, args ...any) (driver.Rows, error) {
	return c.Conn.Query(inUTC(ctx), query, boundInUTC(args)...)
}

func (c utcConn) QueryRow(ctx context.Context, query string, args ...any) driver.Row {
	return c.Conn.QueryRow(inUTC(ctx), query, boundInUTC(args)...)
}

func (c utcConn) Select(ctx context.Context, dest any, query string, args ...any) error {
	return c.Conn.Select(inUTC(ctx), dest, query, boundInUTC(args)...)
}

func (c utcConn) Exec(ctx context.Context, query string, args ...any) error {
	return c.Conn.Exec(ctx, query, boundInUTC(args)...)
}

func inUTC(ctx context.Context) context.Context {
	return clickhouse.Context(ctx, clickhouse.WithUserLocation(time.UTC))
}

func boundInUTC(args []any) []any {
	bound := make([]any, len(args))
	for i, arg := range args {
		switch t := arg.(type) {
		case time.Time:
			arg = t.UTC()
		case *time.Time:
			if t != nil {
				arg = t.UTC()
			}
		}
		bound[i] = arg
	}
	return bound
}

package loader

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// A block is sent with so many facts, or with so many spans or rows of visits and deals if they are
// fewer: enough for the engine to write few parts, few enough for some blocks to be in memory, here
// and there.
const (
	blockFacts = 2_000_000
	blockSpans = 131_072
	blockRows  = 32_768
)

// atOnce is how many blocks of a table are on their way while the next is filled: a block takes one
// core of the engine.
const atOnce = 2

// tries is how often a block is sent before the run fails.
const tries = 4

// An inserter sends blocks of columns into one table. A block whose answer was lost is
// sent again under the same token, which the table remembers, so that its rows come in
// once. Blocks are sent in the background while the next is filled.
type inserter struct {
	conn  driver.Conn
	table string
	write writer
	token string // differs for each run and appender; the number of the block is appended
	sent  int
	// underWay are the blocks that are, the oldest first.
	underWay []chan error
}

// A writer inserts columns, each a slice of one value a row, into a table.
type writer func(ctx context.Context, conn driver.Conn, table string, columns []any) error

func newInserter(s *Shard, table string, write writer) *inserter {
	return &inserter{
		conn: s.conn, table: table, write: write,
		token: fmt.Sprintf("%s/%d/%d/%d", table, s.run, s.startedAt.UnixNano(), s.appenders),
	}
}

// send hands over the columns, which must not be changed any more.
func (in *inserter) send(ctx context.Context, columns ...any) error {
	if len(in.underWay) == atOnce {
		if err := in.next(); err != nil {
			return err
		}
	}
	in.sent++
	token := fmt.Sprintf("%s/%d", in.token, in.sent)
	done := make(chan error, 1)
	in.underWay = append(in.underWay, done)
	go func() { done <- in.insert(ctx, token, columns) }()
	return nil
}

// next returns when the oldest block that is under way was written.
func (in *inserter) next() error {
	err := <-in.underWay[0]
	in.underWay = in.underWay[1:]
	if err != nil {
		return fmt.Errorf("append to %s: %w", in.table, err)
	}
	return nil
}

// wait returns when all blocks were written, with the first error.
func (in *inserter) wait() error {
	var first error
	for len(in.underWay) > 0 {
		if err := in.next(); first == nil {
			first = err
		}
	}
	return first
}

func (in *inserter) insert(ctx context.Context, token string, columns []any) error {
	// All in one place, because settings of a context take the place of those that it had. What a block
	// of spans becomes is one block again, made by one thread: sent again, the same rows come in the same
	// order under the same token.
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{
		"insert_deduplicate":              1,
		"insert_deduplication_token":      token,
		"async_insert":                    0,
		"max_partitions_per_insert_block": 0,
		"max_threads":                     1,
		"max_insert_threads":              1,
		"min_insert_block_size_rows":      blockFacts,
		"min_insert_block_size_bytes":     0,
	}))
	pause := 200 * time.Millisecond
	for try := 1; ; try++ {
		err := in.write(ctx, in.conn, in.table, columns)
		if err == nil || try == tries || !isTransient(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
			pause *= 4
		}
	}
}

// into inserts into columns of a table.
func into(names ...string) writer {
	return func(ctx context.Context, conn driver.Conn, table string, columns []any) error {
		batch, err := conn.PrepareBatch(ctx, "INSERT INTO "+table+" ("+strings.Join(names, ", ")+")")
		if err != nil {
			return err
		}
		defer batch.Close()
		for i, column := range columns {
			if err := batch.Column(i).Append(column); err != nil {
				return fmt.Errorf("column %s: %w", names[i], err)
			}
		}
		return batch.Send()
	}
}

// isTransient is whether sending again may help: the connection was lost. What the
// engine refuses it would refuse again.
func isTransient(err error) bool {
	if _, ok := errors.AsType[*clickhouse.Exception](err); ok {
		return false
	}
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.ECONNREFUSED)
}

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

// factBlockRows, and rowBlockRows for the wider rows of visits and deals, are how many
// rows a block is sent with: enough for the engine to write few parts, few enough for
// two blocks to be in memory.
const (
	factBlockRows = 131_072
	rowBlockRows  = 16_384
)

// tries is how often a block is sent before the run fails.
const tries = 4

// An inserter sends blocks of columns into one table. A block whose answer was lost is
// sent again under the same token, which the table remembers, so that its rows come in
// once. Blocks are sent in the background, one at a time, while the next is filled.
type inserter struct {
	conn    driver.Conn
	table   string
	columns []string
	token   string // differs for each run and appender; the number of the block is appended
	sent    int
	pending chan error // of the block that is under way
}

func newInserter(s *Shard, table string, columns ...string) *inserter {
	return &inserter{
		conn: s.conn, table: table, columns: columns,
		token: fmt.Sprintf("%s/%d/%d/%d", table, s.run, s.startedAt.UnixNano(), s.appenders),
	}
}

// send hands over the columns, each a slice of one value a row. They must not be
// changed before the next call of send or wait returns.
func (in *inserter) send(ctx context.Context, columns ...any) error {
	if err := in.wait(); err != nil {
		return err
	}
	in.sent++
	token := fmt.Sprintf("%s/%d", in.token, in.sent)
	in.pending = make(chan error, 1)
	go func(done chan<- error) { done <- in.insert(ctx, token, columns) }(in.pending)
	return nil
}

// wait returns when the last block was written.
func (in *inserter) wait() error {
	if in.pending == nil {
		return nil
	}
	err := <-in.pending
	in.pending = nil
	if err != nil {
		return fmt.Errorf("append to %s: %w", in.table, err)
	}
	return nil
}

func (in *inserter) insert(ctx context.Context, token string, columns []any) error {
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{
		"insert_deduplicate":              1,
		"insert_deduplication_token":      token,
		"async_insert":                    0,
		"max_partitions_per_insert_block": 0,
	}))
	pause := 200 * time.Millisecond
	for try := 1; ; try++ {
		err := in.insertOnce(ctx, columns)
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

func (in *inserter) insertOnce(ctx context.Context, columns []any) (err error) {
	batch, err := in.conn.PrepareBatch(ctx, "INSERT INTO "+in.table+" ("+strings.Join(in.columns, ", ")+")")
	if err != nil {
		return err
	}
	defer batch.Close()
	for i, column := range columns {
		if err := batch.Column(i).Append(column); err != nil {
			return fmt.Errorf("column %s: %w", in.columns[i], err)
		}
	}
	return batch.Send()
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

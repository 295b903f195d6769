package loader

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"golang.org/x/sync/errgroup"

	"stagelag/warehouse"
)

// A block is sent with so many facts, or with so many spans or rows of visits and deals if they are
// fewer: enough for the engine to write few parts, few enough for some blocks to be in memory, here
// and there.
const (
	blockFacts = 2_000_000
	blockSpans = 65_536
	blockRows  = 16_384
)

// atOnce is how many blocks of a table are on their way while the next is filled: a block takes one
// core of the engine.
const atOnce = 2

// tries is how often a block is sent before the run fails.
const tries = 4

// A feed fills blocks of a table and sends each that is full.
type feed[R any] struct {
	table  *table[R]
	run    RunID
	block  *block[R]
	sender *sender
}

func newFeed[R any](t *table[R], run RunID, s *sender) *feed[R] {
	return &feed[R]{t, run, t.block(run), s}
}

func (f *feed[R]) add(row R) {
	f.block.add(row)
	if f.block.rows() == blockRows {
		f.flush()
	}
}

func (f *feed[R]) flush() {
	if f.block.rows() > 0 {
		f.sender.send(f.block.columns())
		f.block = f.table.block(f.run)
	}
}

// finish sends the last block.
func (f *feed[R]) finish() {
	f.flush()
	close(f.sender.blocks)
}

// A sender sends blocks of columns into one table, in the background while the next is filled. A block
// whose answer was lost is sent again under the same token, which the table remembers, so that its
// rows come in once.
type sender struct {
	conn   driver.Conn
	table  string
	write  writer
	token  string // differs for each run and appender; the number of the block is appended
	sent   int
	blocks chan sending
	isOver <-chan struct{} // no block is taken any more
}

// A sending is a block on its way.
type sending struct {
	token   string
	columns []any
}

// A writer inserts columns, each a slice of one value a row, into a table.
type writer func(ctx context.Context, conn driver.Conn, table string, columns []any) error

// token tells the blocks of the newest appender into a table from all others.
func (s *Shard) token(table string) string {
	return fmt.Sprintf("%s/%d/%d/%d", table, s.run, s.startedAt.UnixNano(), s.appenders)
}

// newSender begins to send, until its blocks are closed or the group's context ends.
func (s *Shard) newSender(ctx context.Context, group *errgroup.Group, table string, write writer) *sender {
	sender := &sender{
		conn: s.conn, table: table, write: write, blocks: make(chan sending), isOver: ctx.Done(),
		token: s.token(table),
	}
	for range atOnce {
		group.Go(func() error { return sender.work(ctx) })
	}
	return sender
}

// send hands over the columns, which must not be changed any more. After an error, which the group has,
// they are dropped.
func (s *sender) send(columns []any) {
	s.sent++
	select {
	case s.blocks <- sending{fmt.Sprintf("%s/%d", s.token, s.sent), columns}:
	case <-s.isOver:
	}
}

// work sends one block after the other.
func (s *sender) work(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case block, isOpen := <-s.blocks:
			if !isOpen {
				return ctx.Err() // when it has ended, a block may have been dropped
			}
			if err := s.insert(ctx, block); err != nil {
				return fmt.Errorf("append to %s: %w", s.table, err)
			}
		}
	}
}

func (s *sender) insert(ctx context.Context, block sending) error {
	// All in one place, because settings of a context take the place of those that it had. What a block
	// of spans becomes is one block again, made by one thread: sent again, the same rows come in the same
	// order under the same token.
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{
		"insert_deduplicate":              1,
		"insert_deduplication_token":      block.token,
		"async_insert":                    0,
		"max_partitions_per_insert_block": 0,
		"max_threads":                     1,
		"max_insert_threads":              1,
		"min_insert_block_size_rows":      blockFacts,
		"min_insert_block_size_bytes":     0,
	}))
	pause := 200 * time.Millisecond
	for try := 1; ; try++ {
		err := warehouse.Retry(ctx, s.conn, func() error { return s.write(ctx, s.conn, s.table, block.columns) })
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

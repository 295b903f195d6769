package loader

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/warehouse"
	"stagelag/warehouse/warehousetest"
)

// A proxy passes on what clients send to the engine, and what it answers.
type proxy struct {
	engine   string
	listener net.Listener
	passing  sync.WaitGroup
	// sends is told how much a client has sent since the engine's last answer, before the last of it is
	// passed on; nil for nobody.
	sends func(sent int64)
	// loses tells whether the answer to so much is lost: the proxy hangs up instead; nil for none.
	loses func(sent int64) bool
}

// manyBytes is more than any request but a block of rows.
const manyBytes = 20_000

// through opens a warehouse through the proxy.
func through(t *testing.T, w *warehouse.Warehouse, p *proxy) *warehouse.Warehouse {
	t.Helper()
	var err error
	if p.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.listener.Close() })
	p.engine = w.Options().Addr[0]
	go p.serve()
	through, err := warehouse.Open(t.Context(), warehouse.Config{
		URL: warehousetest.ServerURL(w, p.listener.Addr().String()) + "?compress=none",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { through.Close() })
	return through
}

func (p *proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.passing.Go(func() { p.pass(client) })
	}
}

func (p *proxy) pass(client net.Conn) {
	defer client.Close()
	engine, err := net.Dial("tcp", p.engine)
	if err != nil {
		return
	}
	defer engine.Close()
	var sent atomic.Int64 // by the client since the engine's last answer
	var group sync.WaitGroup
	group.Go(func() {
		buffer := make([]byte, 64<<10)
		for {
			n, err := client.Read(buffer)
			if many := sent.Add(int64(n)); p.sends != nil {
				p.sends(many)
			}
			if _, failed := engine.Write(buffer[:n]); err != nil || failed != nil {
				engine.Close()
				return
			}
		}
	})
	buffer := make([]byte, 64<<10)
	for {
		n, err := engine.Read(buffer)
		if many := sent.Swap(0); p.loses != nil && p.loses(many) {
			client.Close()
			_, _ = io.Copy(io.Discard, engine) // the engine ends the insert in peace
			break
		}
		if _, failed := client.Write(buffer[:n]); err != nil || failed != nil {
			break
		}
	}
	client.Close()
	group.Wait()
}

// TestALostAnswerDoublesNothing loses the answers to blocks that the engine has written.
func TestALostAnswerDoublesNothing(t *testing.T) {
	w := warehousetest.Migrated(t)
	var left, lost atomic.Int32
	through := through(t, w, &proxy{loses: func(sent int64) bool {
		if sent < manyBytes || left.Add(-1) < 0 {
			return false
		}
		lost.Add(1)
		return true
	}})

	run := begin(t, through, lastDay)
	left.Store(3)
	appendVisits(t, run, 5_000)
	if err := run.Publish(context.Background()); err != nil {
		t.Fatal(err)
	}
	if lost.Load() == 0 {
		t.Fatal("no answer was lost, so nothing was tested")
	}
	for _, test := range []struct {
		conn  driver.Conn
		query string
		want  int64
	}{
		{w.DB(), "SELECT count() FROM facts", 5_000 * 21},
		{w.DB(), "SELECT count() FROM visits", 5_000},
		{w.DB(), "SELECT count() FROM deals", 5_000},
		{w.Views(), "SELECT sum(overdue_days_total) FROM deals_now", 5_000 * 10},
		{w.Views(), "SELECT sum(overdue_days_accrued) FROM portfolio_days", 5_000 * 10},
	} {
		if got := number(t, test.conn, test.query); got != test.want {
			t.Errorf("%s = %d, want %d", test.query, got, test.want)
		}
	}
}

// TestNothingIsSentAfterClose gives up while a block is on its way.
func TestNothingIsSentAfterClose(t *testing.T) {
	w := warehousetest.Migrated(t)
	isHeld, goOn := make(chan struct{}), make(chan struct{})
	var hold sync.Once
	p := &proxy{sends: func(sent int64) {
		if sent > manyBytes {
			hold.Do(func() { close(isHeld) })
			<-goOn
		}
	}}
	through := through(t, w, p)
	a := begin(t, through, lastDay).Shards()[0].Append(context.Background(), nil)
	v := visit(1, firstDay)
	v.Plan.Problem = strings.Repeat("long ", 200) // so that the block is larger than what is buffered on its way
	for range blockRows {
		a.Visit(v, false)
	}
	<-isHeld
	a.Close()
	if busy := through.DB().Stats().Open; busy != 0 {
		t.Errorf("%d connections are at work after Close, want none", busy)
	}
	close(goOn)
	if _, err := a.Finish(); !errors.Is(err, context.Canceled) {
		t.Errorf("Finish after Close: %v, want %v", err, context.Canceled)
	}
	p.listener.Close()
	through.Close()
	p.passing.Wait()
	if n := number(t, w.DB(), "SELECT count() FROM visits"); n != 0 {
		t.Errorf("%d rows came in after Close, want none", n)
	}
}

package warehouse

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"golang.org/x/sys/unix"

	"stagelag/warehouse/embedded"
	"stagelag/warehouse/exception"
)

// ErrLeaseLost is the cause that a lease's context ends with when the lease was
// lost rather than released.
var ErrLeaseLost = errors.New("the warehouse's lock was lost: its connection ended")

// A HeldError says who has the lease that was asked for.
type HeldError struct {
	Name   string // the lease
	Holder Holder
	Since  time.Time
}

// A Holder is who has, or had, a lease.
type Holder struct {
	Host    string `json:"host"`
	Process int    `json:"process"`
	Doing   string `json:"doing"` // for a person, such as the command

	// Token tells two leases of one process apart.
	Token string `json:"token"`
}

func (e *HeldError) Error() string {
	if e.Holder.Host == "" {
		return fmt.Sprintf("a %s is in progress: end it, or wait until it has ended", e.Name)
	}
	return fmt.Sprintf("a %s is in progress: %s on host %s, process %d, since %s; wait until it has ended, or end that process",
		e.Name, e.Holder.Doing, e.Holder.Host, e.Holder.Process, e.Since.UTC().Format(time.RFC3339))
}

// IsByThisProcess is whether the one who asked has the lease already.
func (e *HeldError) IsByThisProcess() bool {
	host, err := os.Hostname()
	return err == nil && e.Holder.Host == host && e.Holder.Process == os.Getpid()
}

// A Lease keeps others from doing the same thing at the same time, in whichever
// process and on whichever host they are. It ends with its holder: it is a query
// that runs until the holder's connection closes, under an id of which the engine
// runs one at a time. A host that vanishes without closing its connections
// keeps a lease until TCP gives up.
type Lease struct {
	w     *Warehouse
	id    string
	token string

	ctx    context.Context
	lost   context.CancelCauseFunc
	cancel context.CancelFunc // ends the query
	ended  chan struct{}      // closed when the query has ended here
}

const (
	// heartbeat is how often the lease's query makes a row, and so finds out that
	// nobody reads it any more.
	heartbeat = 50 * time.Millisecond

	// attention is how often the engine looks whether the holder has ended the query.
	attention = heartbeat / 2

	// leaseTimeout bounds the wait for the engine to notice that a holder is gone.
	leaseTimeout = 15 * time.Second

	// foreverTimeout is longer than anybody holds a lease.
	foreverTimeout = 10 * 365 * 24 * time.Hour

	// alreadyRunning is the engine's code for a query with an id that is taken.
	alreadyRunning = 216
)

// Lease takes the lease of the name, which says in a word what is done ("run"),
// or returns a *HeldError when somebody has it. Doing is for whoever is refused
// ("stagelag run"). The lease lasts until Release, until ctx ends, or until
// its connection is lost.
func (w *Warehouse) Lease(ctx context.Context, name, doing string) (*Lease, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	me := Holder{Host: host, Process: os.Getpid(), Doing: doing, Token: rand.Text()}
	waiting, cancel := context.WithTimeout(ctx, leaseTimeout)
	defer cancel()
	for {
		lease, err := w.tryLease(ctx, name, me)
		var held *HeldError
		if !errors.As(err, &held) {
			return lease, err
		}
		// The engine takes a moment to notice that a process was killed or has lost its
		// connection. Of one on this host we know at once.
		if held.Holder.Host != "" && (held.Holder.Host != host || held.Holder.isHolding()) {
			return nil, err
		}
		if pause(waiting) != nil {
			return nil, err
		}
	}
}

// tokens are those of the leases that this process holds.
var tokens sync.Map

// isHolding is whether a holder on this host still is one, as far as can be known here.
func (h Holder) isHolding() bool {
	if h.Process == os.Getpid() {
		_, ok := tokens.Load(h.Token)
		return ok
	}
	return !errors.Is(unix.Kill(h.Process, 0), unix.ESRCH)
}

func (w *Warehouse) tryLease(ctx context.Context, name string, me Holder) (*Lease, error) {
	comment, err := json.Marshal(me)
	if err != nil {
		return nil, err
	}
	l := &Lease{w: w, id: w.leaseID(name), token: me.Token, ended: make(chan struct{})}
	l.ctx, l.lost = context.WithCancelCause(ctx)
	var holding context.Context
	holding, l.cancel = context.WithCancel(ctx)
	refused := make(chan error, 1)
	tokens.Store(me.Token, nil)
	isIn := make(chan struct{})
	go func() {
		defer close(l.ended)
		err := l.hold(holding, string(comment), sync.OnceFunc(func() { close(isIn) }))
		tokens.Delete(me.Token)
		refused <- err
		l.lost(fmt.Errorf("%w (%w)", ErrLeaseLost, err))
	}()

	// A query that has made a row was let in. HTTP keeps rows back for a while, so the engine's own list of
	// queries is asked as well, once there can be a row.
	select {
	case <-isIn:
		return l, nil
	case err := <-refused:
		refused <- err
	case <-ctx.Done():
	case <-time.After(heartbeat):
	}
	for {
		holder, since, err := w.holder(ctx, l.id)
		if err == nil && holder.Token == me.Token {
			return l, nil
		}
		if err != nil {
			l.cancel()
			return nil, fmt.Errorf("lock the warehouse for a %s: %w", name, exception.Plain(err))
		}
		select {
		case err := <-refused:
			l.cancel()
			if exception.Code(err) == alreadyRunning {
				return nil, &HeldError{Name: name, Holder: holder, Since: since}
			}
			return nil, fmt.Errorf("lock the warehouse for a %s: %w", name, exception.Plain(err))
		default:
		}
		if err := pause(ctx); err != nil {
			l.cancel()
			return nil, err
		}
	}
}

// hold runs the lease's query, in a connection of its own, and returns why it
// has ended. It calls isIn when rows come.
func (l *Lease) hold(ctx context.Context, comment string, isIn func()) error {
	options := l.w.Options()
	options.MaxOpenConns, options.MaxIdleConns = 1, 1
	options.Compression = nil // it would keep rows back
	// The client gives a query that much time as a whole, not for each read.
	options.ReadTimeout = foreverTimeout
	db, err := openConn(options)
	if err != nil {
		return err
	}
	defer db.Close()
	// Connects first: over HTTP, what connecting asks would have the query's id.
	if err := db.Ping(ctx); err != nil {
		return err
	}
	ctx = clickhouse.Context(ctx, clickhouse.WithQueryID(l.id), clickhouse.WithSettings(clickhouse.Settings{
		"log_comment":        comment,
		"max_block_size":     1,
		"interactive_delay":  attention.Microseconds(),
		"max_execution_time": 0,
		"readonly":           2, // without it the next one does nothing
		"cancel_http_readonly_queries_on_client_close": 1,
	}))
	// The first row comes at once.
	rows, err := db.Query(ctx, fmt.Sprintf("SELECT sleepEachRow(0) FROM numbers(1) UNION ALL SELECT sleepEachRow(%g) FROM numbers(%d)",
		heartbeat.Seconds(), int64(math.MaxInt64)))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		isIn()
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return errors.New("the engine ended it")
}

// holder asks who has the lease. The zero Holder is nobody. A query that has read
// nothing yet may still be refused for another reason.
func (w *Warehouse) holder(ctx context.Context, id string) (Holder, time.Time, error) {
	rows, err := w.db.Query(ctx, `
		SELECT Settings['log_comment'], now64(3) - toIntervalMillisecond(toUInt64(elapsed * 1000))
		FROM system.processes
		WHERE query_id = ? AND read_rows > 0 AND startsWith(query, 'SELECT sleepEachRow')`, id)
	if err != nil {
		return Holder{}, time.Time{}, err
	}
	defer rows.Close()
	var holder Holder
	var since time.Time
	for rows.Next() {
		var comment string
		if err := rows.Scan(&comment, &since); err != nil {
			return Holder{}, time.Time{}, err
		}
		// A query that is just ending has no comment any more.
		if json.Unmarshal([]byte(comment), &holder) != nil {
			holder = Holder{}
		}
	}
	return holder, since, rows.Err()
}

// IsHeld is whether somebody has the lease of the name.
func (w *Warehouse) IsHeld(ctx context.Context, name string) (bool, error) {
	holder, _, err := w.holder(ctx, w.leaseID(name))
	if err != nil {
		return false, fmt.Errorf("look for a %s in progress: %w", name, exception.Plain(err))
	}
	return holder.Token != "", nil
}

// leaseID is the id of the lease's query. Each database of an engine has leases of its own.
func (w *Warehouse) leaseID(name string) string {
	return embedded.LeasePrefix + w.names.Views + "-" + name
}

// Context ends when the lease does. Whatever may be done by one holder only is
// done under it.
func (l *Lease) Context() context.Context { return l.ctx }

// End gives the lease back. The next one can have it in a moment, which Lease waits on this host.
func (l *Lease) End() {
	l.lost(context.Canceled)
	l.cancel()
	<-l.ended
}

// Release gives the lease back, and returns when the next one can have it. It does
// nothing to a lease that was released or lost.
func (l *Lease) Release() error {
	l.End()
	if errors.Is(context.Cause(l.ctx), ErrLeaseLost) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), leaseTimeout)
	defer cancel()
	for {
		// The engine takes a moment to notice.
		isLate := pause(ctx) != nil
		holder, _, err := l.w.holder(ctx, l.id)
		if err == nil && holder.Token != l.token {
			return nil
		}
		if isLate {
			return fmt.Errorf("release the warehouse's lock: the engine still has it after %s", leaseTimeout)
		}
	}
}

// pause waits a moment between two looks at something that gives no notice.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(25 * time.Millisecond):
		return nil
	}
}

package letter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/loader"
	"stagelag/transform"
)

// Kind is the way that a letter goes.
type Kind string

// The kinds of letters.
const (
	Chat    Kind = "chat"    // the summary, to a chat of the portal
	Mail    Kind = "mail"    // the summary with the report, by mail
	Manager Kind = "manager" // their own deals, in the portal's messenger
)

// The states of an attempt, as the table has them.
const (
	stateSending   = "sending"
	stateFailed    = "failed"
	stateUncertain = "uncertain"
	stateSent      = "sent"
)

// A recipient is one who gets a letter: a dialog of the portal, the number of a user, or a mail address.
type recipient struct {
	kind Kind
	id   string
}

// A past is what became of the letters to one recipient that are about one as-of date.
type past struct {
	attempt uint32 // the last one
	state   string // empty where nothing was ever tried
	at      time.Time
	error   string
}

// isOver is whether nothing is to be sent any more: it was, or it may have been.
func (p past) isOver() bool { return p.state == stateSent || p.state == stateUncertain }

// records are the letters in the warehouse.
type records struct {
	conn  driver.Conn
	run   loader.RunID
	asOf  transform.Day
	token string // of this process
	now   func() time.Time
}

// read is what became of all letters that are about the as-of date.
func (r records) read(ctx context.Context) (map[recipient]past, error) {
	fail := func(err error) (map[recipient]past, error) { return nil, fmt.Errorf("read what was sent: %w", err) }
	rows, err := r.conn.Query(ctx, `
		SELECT toString(kind), recipient, attempt, toString(state), recorded_at, error
		FROM letters WHERE as_of = toDate(?) ORDER BY attempt, letters.state, recorded_at`, r.asOf.String())
	if err != nil {
		return fail(err)
	}
	defer rows.Close()
	all := map[recipient]past{}
	for rows.Next() {
		var to recipient
		var p past
		if err := rows.Scan((*string)(&to.kind), &to.id, &p.attempt, &p.state, &p.at, &p.error); err != nil {
			return fail(err)
		}
		if before := all[to]; before.isOver() {
			continue
		}
		all[to] = p
	}
	if err := rows.Err(); err != nil {
		return fail(err)
	}
	return all, nil
}

// errAtWork is a letter that another process sends at this moment, in spite of the lease.
var errAtWork = errors.New("another process sends it")

// intend records that a letter is about to be sent. Without an error nobody else sends it, and whoever finds the record
// alone takes the letter for sent.
func (r records) intend(ctx context.Context, to recipient, attempt uint32) error {
	// The condition keeps out a process that had lost its lease and does not know it yet.
	err := r.insert(ctx, to, attempt, stateSending, "", `
		WHERE (SELECT count() FROM letters WHERE as_of = toDate(?) AND kind = ? AND recipient = ? AND (attempt >= ? OR state IN ('uncertain', 'sent'))) = 0`,
		r.asOf.String(), string(to.kind), to.id, attempt)
	if err != nil {
		return err
	}
	var tokens []string
	row := r.conn.QueryRow(ctx, "SELECT groupUniqArray(token) FROM letters WHERE as_of = toDate(?) AND kind = ? AND recipient = ? AND attempt = ? AND state = 'sending'",
		r.asOf.String(), string(to.kind), to.id, attempt)
	if err := row.Scan(&tokens); err != nil {
		return fmt.Errorf("record the letter: %w", err)
	}
	if len(tokens) != 1 || tokens[0] != r.token {
		return errAtWork
	}
	return nil
}

// Recording the end of an attempt does not end with the caller's context: an attempt without an end counts as sent.
const (
	recordTries   = 3
	recordTimeout = 10 * time.Second
)

// settle records what came of an attempt.
func (r records) settle(ctx context.Context, to recipient, attempt uint32, state, why string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	for try := 1; ; try++ {
		err := r.insert(ctx, to, attempt, state, why, "")
		if err == nil || try == recordTries || ctx.Err() != nil {
			return err
		}
	}
}

func (r records) insert(ctx context.Context, to recipient, attempt uint32, state, why, condition string, args ...any) error {
	err := r.conn.Exec(ctx, `
		INSERT INTO letters (as_of, kind, recipient, attempt, state, run_id, recorded_at, token, error)
		SELECT toDate(?), ?, ?, ?, ?, ?, toDateTime64(?, 3, 'UTC'), ?, ? `+condition,
		append([]any{
			r.asOf.String(), string(to.kind), to.id, attempt, state, uint32(r.run),
			r.now().UTC().Format("2006-01-02 15:04:05.000"), r.token, why,
		}, args...)...)
	if err != nil {
		return fmt.Errorf("record the letter: %w", err)
	}
	return nil
}

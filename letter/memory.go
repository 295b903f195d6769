package letter

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// A Memory is what a warehouse has recorded of the letters of the last weeks. A backup that takes its place does not
// know of all of them, and would have them sent again.
type Memory struct{ rows []recordedRow }

type recordedRow struct {
	asOf                  time.Time
	kind, recipient       string
	attempt, run          uint32
	state, token, problem string
	at                    time.Time
}

// rememberedDays is far longer than anybody waits before a backup is restored and the run repeated.
const rememberedDays = 60

// Remember reads what a database has recorded, which may have no table for it.
func Remember(ctx context.Context, conn driver.Conn, database string) (Memory, error) {
	fail := func(err error) (Memory, error) { return Memory{}, fmt.Errorf("read what was sent: %w", err) }
	var tables uint64
	if err := conn.QueryRow(ctx, "SELECT count() FROM system.tables WHERE database = ? AND name = 'letters'", database).Scan(&tables); err != nil {
		return fail(err)
	}
	if tables == 0 {
		return Memory{}, nil
	}
	rows, err := conn.Query(ctx, fmt.Sprintf(`
		SELECT as_of, toString(kind), recipient, attempt, toString(state), run_id, recorded_at, token, error
		FROM %[1]s.letters WHERE as_of + %[2]d > (SELECT max(as_of) FROM %[1]s.letters)`, database, rememberedDays))
	if err != nil {
		return fail(err)
	}
	defer rows.Close()
	var m Memory
	for rows.Next() {
		var r recordedRow
		if err := rows.Scan(&r.asOf, &r.kind, &r.recipient, &r.attempt, &r.state, &r.run, &r.at, &r.token, &r.problem); err != nil {
			return fail(err)
		}
		m.rows = append(m.rows, r)
	}
	if err := rows.Err(); err != nil {
		return fail(err)
	}
	return m, nil
}

// Keep records what is remembered in the warehouse of a connection. What is recorded there already may come in twice,
// which changes nothing.
func (m Memory) Keep(ctx context.Context, conn driver.Conn) error {
	if len(m.rows) == 0 {
		return nil
	}
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO letters (as_of, kind, recipient, attempt, state, run_id, recorded_at, token, error)")
	if err != nil {
		return fmt.Errorf("record what was sent: %w", err)
	}
	defer batch.Close()
	for _, r := range m.rows {
		if err := batch.Append(r.asOf, r.kind, r.recipient, r.attempt, r.state, r.run, r.at, r.token, r.problem); err != nil {
			return fmt.Errorf("record what was sent: %w", err)
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("record what was sent: %w", err)
	}
	return nil
}

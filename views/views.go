// Package views reads the views into Go values: what the newest published run shows. The
// program's statements on the views are here. The views alone define what a measure means.
//
// Each statement reads one published state. Two statements in a row may read two states, when a
// run is published between them.
package views

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/extractor"
	"stagelag/transform"
	"stagelag/warehouse"
)

// A Conn is what the views are read from. Its default database is the one that has them.
type Conn interface {
	Query(ctx context.Context, query string, args ...any) (driver.Rows, error)
}

// Views are the views of one warehouse. It can be used concurrently.
type Views struct {
	conn   Conn
	choice Choice
}

// In gives the views of a warehouse.
func In(w *warehouse.Warehouse) Views { return Of(w.Views()) }

// Of gives the views that a connection reads.
func Of(conn Conn) Views { return Views{conn: conn} }

// read yields a value for each row that a statement returns, in the statement's order. An
// error names the view, and nothing comes after it.
func read[T any](ctx context.Context, v Views, view, statement string, scan func(driver.Rows, *T) error, args ...any) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		fail := func(err error) {
			var none T
			yield(none, fmt.Errorf("read %s: %w", view, err))
		}
		rows, err := v.conn.Query(ctx, statement, args...)
		if err != nil {
			fail(err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			var row T
			if err := scan(rows, &row); err != nil {
				fail(err)
				return
			}
			if !yield(row, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			fail(err)
		}
	}
}

// list collects rows.
func list[T any](rows iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for row, err := range rows {
		if err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, nil
}

// one is the only row of a statement that always has one.
func one[T any](rows iter.Seq2[T, error]) (T, error) {
	for row, err := range rows {
		return row, err
	}
	var none T
	return none, errors.New("read the views: a sum without a row")
}

// isMissing is whether an error says that there is no such view, because no run has made the
// warehouse's schema yet.
func isMissing(err error) bool {
	const unknownTable = 60 // the engine's code
	refusal, ok := errors.AsType[*clickhouse.Exception](err)
	return ok && refusal.Code == unknownTable
}

// Funnels are the ids of funnels that a question is about; none: all.
type Funnels []extractor.FunnelID

// hold is the condition that a column is one of the funnels.
func (f Funnels) hold(column string) string {
	if len(f) == 0 {
		return "1"
	}
	return "has([" + strings.Join(f.texts(), ", ") + "], " + column + ")"
}

func (f Funnels) texts() (ids []string) {
	for _, id := range f {
		ids = append(ids, strconv.FormatUint(uint64(id), 10))
	}
	return ids
}

// dayOrNone is a date that may be absent.
func dayOrNone(day *int32) transform.Day {
	if day == nil {
		return transform.NoDay
	}
	return transform.Day(*day)
}

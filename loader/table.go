package loader

import (
	"cmp"
	"context"
	sqldriver "database/sql/driver"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/transform"
)

// A table describes the rows R of a table of the warehouse. Each column is written here once: the
// column list of an INSERT, the blocks that it sends and what reads the rows back follow from it.
// The first column, which no description repeats, is run_id: every row carries the number of its run.
type table[R any] struct {
	name    string
	columns []column[R]
}

// A column is one column of a table.
type column[R any] interface {
	String() string   // its name
	selected() string // the expression that it is read by
	// cells are none of its values.
	cells() cells[R]
}

// cells are values of one column: those of a block that is being filled, or the one that is being read.
type cells[R any] interface {
	add(rows []R) // appends the values of the rows
	list() any    // the values as the driver takes them
	target() any  // where the driver puts a value that it reads
	set(row *R)   // gives the row the value that was read
}

// A field is a column for a field F of the row, which the driver takes and gives as an S.
type field[R, F, S any] struct {
	name  string
	of    func(*R) *F
	store func(F) S
	load  func(S) F
}

func (f field[R, F, S]) String() string   { return f.name }
func (f field[R, F, S]) selected() string { return f.name }

func (f field[R, F, S]) cells() cells[R] { return &fieldCells[R, F, S]{field: f} }

type fieldCells[R, F, S any] struct {
	field[R, F, S]
	values []S
	read   S
}

func (c *fieldCells[R, F, S]) add(rows []R) {
	c.values = withRoom(c.values, len(rows))
	for i := range rows {
		c.values = append(c.values, c.store(*c.of(&rows[i])))
	}
}

// withRoom has room for so many values more, and twice as much as before when it needs more: append takes a quarter more
// each time, and so copies a large block many times over.
func withRoom[S any](values []S, more int) []S {
	if cap(values)-len(values) >= more {
		return values
	}
	return slices.Grow(values, max(more, len(values)))
}

func (c *fieldCells[R, F, S]) list() any   { return c.values }
func (c *fieldCells[R, F, S]) target() any { return &c.read }
func (c *fieldCells[R, F, S]) set(row *R)  { *c.of(row) = c.load(c.read) }

// plain is a field that the driver takes as it is.
func plain[R, F any](name string, of func(*R) *F) field[R, F, F] {
	same := func(value F) F { return value }
	return field[R, F, F]{name, of, same, same}
}

// id64, id32, text and enum are fields of a type of the program's own.
func id64[R any, F ~uint64](name string, of func(*R) *F) field[R, F, uint64] {
	return field[R, F, uint64]{name, of, func(f F) uint64 { return uint64(f) }, func(s uint64) F { return F(s) }}
}

func id32[R any, F ~uint32](name string, of func(*R) *F) field[R, F, uint32] {
	return field[R, F, uint32]{name, of, func(f F) uint32 { return uint32(f) }, func(s uint32) F { return F(s) }}
}

func text[R any, F ~string](name string, of func(*R) *F) field[R, F, string] {
	return field[R, F, string]{name, of, func(f F) string { return string(f) }, func(s string) F { return F(s) }}
}

func enum[R any, F ~uint8 | ~int8](name string, of func(*R) *F) field[R, F, int8] {
	return field[R, F, int8]{name, of, func(f F) int8 { return int8(f) }, func(s int8) F { return F(s) }}
}

// date is a date, stored as the first one where it is absent: whether it is, another column says.
func date[R any](name string, of func(*R) *transform.Day) dateField[R] {
	return dateField[R]{field[R, transform.Day, time.Time]{name, of, storedDay, loadedDay}}
}

// A dateField keeps dates as they are until they are sent: the driver's times take six times the memory.
type dateField[R any] struct {
	field[R, transform.Day, time.Time]
}

func (f dateField[R]) cells() cells[R] {
	return &dateCells[R]{fieldCells: fieldCells[R, transform.Day, time.Time]{field: f.field}}
}

type dateCells[R any] struct {
	fieldCells[R, transform.Day, time.Time]
	days days
}

func (c *dateCells[R]) add(rows []R) {
	c.days = withRoom(c.days, len(rows))
	for i := range rows {
		c.days = append(c.days, *c.of(&rows[i]))
	}
}

func (c *dateCells[R]) list() any { return c.days }

// days are a column of dates.
type days []transform.Day

// Value is what the driver takes for them.
func (d days) Value() (sqldriver.Value, error) {
	times := make([]time.Time, len(d))
	for i, day := range d {
		times[i] = storedDay(day)
	}
	return times, nil
}

func storedDay(day transform.Day) time.Time { return max(day, transform.FirstDay).Time() }

// loadedDay takes the date off the time as it stands: the driver gives the midnight of the server's zone.
func loadedDay(t time.Time) transform.Day { return transform.DayOf(t, t.Location()) }

// moment is a time, stored as 1970-01-01 where it is absent, and as the first or the last one that the
// warehouse can hold where it is beyond.
func moment[R any](name string, of func(*R) *time.Time) field[R, time.Time, time.Time] {
	return field[R, time.Time, time.Time]{name, of, storedMoment, loadedMoment}
}

// The times that the warehouse's DateTime64 can hold, and the driver can send: it counts nanoseconds, which end in 2262.
var (
	firstMoment = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)
	lastMoment  = time.Date(2261, 12, 31, 23, 59, 59, 0, time.UTC)
)

func storedMoment(t time.Time) time.Time {
	switch {
	case t.IsZero():
		return time.Unix(0, 0).UTC()
	case t.Before(firstMoment):
		return firstMoment
	case t.After(lastMoment):
		return lastMoment
	default:
		return t.UTC()
	}
}

func loadedMoment(t time.Time) time.Time {
	if t.UnixMilli() == 0 {
		return time.Time{}
	}
	return t
}

// each is a field of the elements E of a list in the row: an array of their values.
func each[R, E, F, S any](elements func(*R) *[]E, element elementField[E, F, S]) column[R] {
	return listField[R, E, F, S]{elements, element.ofElement()}
}

// An elementField is a field of the elements of a list.
type elementField[E, F, S any] interface {
	ofElement() field[E, F, S]
}

func (f field[R, F, S]) ofElement() field[R, F, S] { return f }

type listField[R, E, F, S any] struct {
	elements func(*R) *[]E
	element  field[E, F, S]
}

func (f listField[R, E, F, S]) String() string { return f.element.name }

// selected takes an array of enumerated values as one of their numbers: the driver gives their words.
func (f listField[R, E, F, S]) selected() string {
	if _, isEnum := any(*new(S)).(int8); isEnum {
		return "CAST(" + f.element.name + ", 'Array(Int8)')"
	}
	return f.element.name
}

func (f listField[R, E, F, S]) cells() cells[R] { return &listCells[R, E, F, S]{listField: f} }

type listCells[R, E, F, S any] struct {
	listField[R, E, F, S]
	values lists[S]
	read   []S
}

func (c *listCells[R, E, F, S]) add(rows []R) {
	c.values.ends = withRoom(c.values.ends, len(rows))
	for i := range rows {
		elements := *c.elements(&rows[i])
		c.values.all = withRoom(c.values.all, len(elements))
		for k := range elements {
			c.values.all = append(c.values.all, c.element.store(*c.element.of(&elements[k])))
		}
		c.values.ends = append(c.values.ends, uint32(len(c.values.all)))
	}
}

func (c *listCells[R, E, F, S]) list() any   { return &c.values }
func (c *listCells[R, E, F, S]) target() any { return &c.read }

// lists are a column of lists: all their elements, and where each of them ends. Most have an element or none, and a slice
// for each would take more memory than they.
type lists[S any] struct {
	all  []S
	ends []uint32
}

func (l *lists[S]) appendTo(c driver.BatchColumn) error {
	begin := uint32(0)
	for _, end := range l.ends {
		if err := c.AppendRow(l.all[begin:end:end]); err != nil {
			return err
		}
		begin = end
	}
	return nil
}

func (c *listCells[R, E, F, S]) set(row *R) {
	elements := c.elements(row)
	for len(*elements) < len(c.read) {
		*elements = append(*elements, *new(E))
	}
	for i, value := range c.read {
		*c.element.of(&(*elements)[i]) = c.element.load(value)
	}
}

func (t *table[R]) String() string { return t.name }

// names lists the columns of the table.
func (t *table[R]) names() string { return t.selection(nil) }

// selection is names with expressions in place of some of them.
func (t *table[R]) selection(instead map[string]string) string {
	list := []string{cmp.Or(instead["run_id"], "run_id")}
	for _, c := range t.columns {
		list = append(list, cmp.Or(instead[c.String()], c.String()))
	}
	return strings.Join(list, ", ")
}

// A block is rows of a table, column by column.
type block[R any] struct {
	run   uint32
	runs  []uint32
	cells []cells[R]
	rest  []R // rows that are in no column yet
}

// restRows is how many rows a block takes into its columns at once.
const restRows = 256

func (t *table[R]) block(run RunID) *block[R] {
	b := &block[R]{run: uint32(run), rest: make([]R, 0, restRows)}
	for _, c := range t.columns {
		b.cells = append(b.cells, c.cells())
	}
	return b
}

func (b *block[R]) add(row R) {
	b.runs, b.rest = append(withRoom(b.runs, 1), b.run), append(b.rest, row)
	if len(b.rest) == restRows {
		b.split()
	}
}

// split takes the rest of the rows into the columns.
func (b *block[R]) split() {
	for _, c := range b.cells {
		c.add(b.rest)
	}
	clear(b.rest)
	b.rest = b.rest[:0]
}

func (b *block[R]) rows() int { return len(b.runs) }

// columns are the values of the block, in the order of the table's columns.
func (b *block[R]) columns() []any {
	b.split()
	columns := []any{b.runs}
	for _, c := range b.cells {
		columns = append(columns, c.list())
	}
	return columns
}

// write inserts a block into a table that has the columns of this one.
func (t *table[R]) write(ctx context.Context, conn driver.Conn, into string, columns []any) error {
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO "+into+" ("+t.names()+")")
	if err != nil {
		return err
	}
	defer batch.Close()
	for i, values := range columns {
		if err := appendValues(batch.Column(i), values); err != nil {
			return fmt.Errorf("column %d of %s: %w", i+1, t.names(), err)
		}
	}
	return batch.Send()
}

// appendValues gives the driver a column: lists one by one, which it takes without looking up what they are of.
func appendValues(to driver.BatchColumn, values any) error {
	if lists, ok := values.(interface {
		appendTo(c driver.BatchColumn) error
	}); ok {
		return lists.appendTo(to)
	}
	return to.Append(values)
}

// insert writes rows of a run in one block.
func (t *table[R]) insert(ctx context.Context, conn driver.Conn, run RunID, rows []R) error {
	b := t.block(run)
	for _, row := range rows {
		b.add(row)
	}
	return t.write(ctx, conn, t.name, b.columns())
}

// read gives the rows that the rest of a SELECT leaves, without the numbers of their runs.
func (t *table[R]) read(ctx context.Context, conn driver.Conn, rest string, give func(*R), args ...any) error {
	var names []string
	var all []cells[R]
	var targets []any
	for _, c := range t.columns {
		cells := c.cells()
		names, all, targets = append(names, c.selected()), append(all, cells), append(targets, cells.target())
	}
	rows, err := conn.Query(ctx, "SELECT "+strings.Join(names, ", ")+" FROM "+t.name+" "+rest, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		var row R
		for _, cells := range all {
			cells.set(&row)
		}
		give(&row)
	}
	return rows.Err()
}

package bitrix24

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/sync/errgroup"
)

// PageRows is the size of the portal's pages, which is fixed.
const PageRows = 50

// noCount asks for a page without the count of all rows, which is the costly part.
var noCount = Param{"start", "-1"}

// A Listing is a list method read in the order of its ids: each page asks for the rows behind
// the last one of the page before, which works however rows come and go meanwhile. A row that
// the portal sends twice is one row, as it came last.
type Listing[T any] struct {
	Method string
	Params []Param // what is selected and filtered; order and pages are added
	IDName string  // the id's name in rows and filters: "id" or "ID"
	Decode func(page jsontext.Value) ([]T, error)
	ID     func(T) ID
	After  ID  // rows up to this id are left out
	Expect int // rows that are likely to come in all; 0: unknown
}

// inOrder are the parameters of any page.
func (l Listing[T]) inOrder() []Param {
	return append(slices.Clip(l.Params), Param{"order[" + l.IDName + "]", "ASC"}, noCount)
}

// FirstPages are the commands for the first n pages, to be sent along with others; the first of them has the position
// that is given in its batch.
func (l Listing[T]) FirstPages(position, n int) []Command {
	first := chain[T]{listing: l, after: l.After}
	return first.commands(position, n)
}

// Take reads the answers to the first pages as far as they follow each other, and returns the listing of what comes
// behind them, nil where that is nothing.
func (l Listing[T]) Take(answers []Answer) (rows []T, rest *Listing[T], err error) {
	first := chain[T]{listing: l, after: l.After}
	if rows, err = first.take(answers); err != nil {
		return nil, nil, err
	}
	if first.done {
		return rows, nil, nil
	}
	l.After, l.Expect = first.after, 0
	return rows, &l, nil
}

// A chain is one reading of a listing: a run of pages of which each refers to the one before,
// so that one request holds many.
type chain[T any] struct {
	listing Listing[T]
	number  int // the listing's among those that are read together
	after   ID  // everything up to this id has been read
	cursor  ID  // everything up to this id has been passed on
	// held is the last row that was read, or none: the next request may bring it again.
	held   []T
	expect int
	got    int
	done   bool
}

// pages is how many pages to ask for next: what is expected and room to see the end.
func (ch *chain[T]) pages() int {
	if ch.expect == 0 {
		return MaxCommands
	}
	if ch.got >= ch.expect {
		ch.expect = 2 * ch.got // it was a guess
	}
	return (ch.expect-ch.got)/PageRows + 1
}

// commands are the next n pages, when first is the position of the first of them in its batch.
func (ch *chain[T]) commands(first, n int) []Command {
	commands := make([]Command, n)
	for page := range commands {
		after := ch.after.String()
		if page > 0 {
			after = Reference(first+page-1, fmt.Sprintf("[items][%d][%s]", PageRows-1, ch.listing.IDName))
		}
		params := append(ch.listing.inOrder(), Param{"filter[>" + ch.listing.IDName + "]", after})
		commands[page] = Command{Method: ch.listing.Method, Params: params}
	}
	return commands
}

// take reads the answers to commands in their order, up to the first page that cannot be
// used, and moves the chain on. It returns what was held and what it has read; of a row that
// comes twice, the last. The error says why the first page could not be used, or why a later
// one was not run; what it holds up is to be asked again.
//
// A reference that the portal could not resolve is not an error: the page then begins anywhere.
// So pages behind a short one mean nothing, whatever they hold, and a page that does not
// begin behind the one before, or with its last row, is asked for again, by a number instead of
// a reference.
func (ch *chain[T]) take(answers []Answer) ([]T, error) {
	taken := ch.held
	ch.held = nil
	pages := ch.decode(answers)
	for page, answer := range answers {
		if answer.Err != nil {
			if page > 0 && !isPassing(answer.Err, false) {
				return taken, nil
			}
			return taken, answer.Err
		}
		rows, err := pages[page].rows, pages[page].err
		if err != nil {
			return taken, fmt.Errorf("%s: a page behind id %d: %w", ch.listing.Method, ch.after, err)
		}
		isFull := len(rows) >= PageRows
		if len(rows) > 0 {
			first, last := ch.listing.ID(rows[0]), ch.listing.ID(rows[len(rows)-1])
			// A full page without a new row would be asked for without end.
			if first < ch.after || isFull && last <= ch.after {
				if page > 0 {
					return taken, nil
				}
				return taken, fmt.Errorf("%s: the portal ignores the filter on ids: asked for those above %d, it sent %d",
					ch.listing.Method, ch.after, first)
			}
		}
		before := len(taken)
		var last ID
		if taken, last, err = ch.add(taken, rows); err != nil {
			return taken, err
		}
		ch.after, ch.got = last, ch.got+len(taken)-before
		if !isFull {
			ch.done = true
			return taken, nil
		}
	}
	return taken, nil
}

// add puts the rows of a page behind those that were taken before, and gives the last id. Nothing
// is changed when it fails.
func (ch *chain[T]) add(taken, rows []T) (together []T, last ID, err error) {
	last = ch.after
	for _, row := range rows {
		id := ch.listing.ID(row)
		if id < last {
			return taken, 0, fmt.Errorf("%s: the portal ignores the order of ids: %d comes after %d", ch.listing.Method, id, last)
		}
		last = id
	}
	last = ch.after
	for _, row := range rows {
		switch id := ch.listing.ID(row); {
		case id > last:
			taken, last = append(taken, row), id
		case len(taken) > 0:
			taken[len(taken)-1] = row
		}
		// Else it is the row that the listing is to begin behind.
	}
	return taken, last, nil
}

// pass holds back the last of the rows that were taken, unless it was the listing's last, and
// returns the others.
func (ch *chain[T]) pass(taken []T) []T {
	if ch.done {
		ch.cursor = ch.after
		return taken
	}
	if n := len(taken); n > 0 {
		taken, ch.held = taken[:n-1], slices.Clone(taken[n-1:])
	}
	if n := len(taken); n > 0 {
		ch.cursor = ch.listing.ID(taken[n-1])
	}
	return taken
}

// A decoded page is what its answer holds, or why it cannot be read.
type decoded[T any] struct {
	rows []T
	err  error
}

// decode reads pages on all processors: where the portal sets no limits, decoding is what takes longest.
func (ch *chain[T]) decode(answers []Answer) []decoded[T] {
	pages := make([]decoded[T], len(answers))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, answer := range answers {
		if answer.Err != nil {
			continue
		}
		group.Go(func() error {
			pages[i].rows, pages[i].err = ch.listing.Decode(answer.Result)
			return nil // take returns it, unless the page does not count
		})
	}
	_ = group.Wait()
	return pages
}

// A Part is what one request brought of a listing.
type Part[T any] struct {
	Listing int // which one, in the order in which Walk was given them
	Rows    []T
	Cursor  ID   // the listing has been passed on up to this id
	IsLast  bool // the listing has been read to its end
}

// Walk reads listings to their ends, as many pages to a request as it holds, and yields the
// parts in the order of the listings. A part may be empty. After an error nothing more comes,
// and the listing can be read on behind the last part's cursor.
func Walk[T any](ctx context.Context, c *Client, listings ...Listing[T]) iter.Seq2[Part[T], error] {
	return func(yield func(Part[T], error) bool) {
		p := patience{client: c}
		open := make([]*chain[T], len(listings))
		for i, l := range listings {
			open[i] = &chain[T]{listing: l, number: i, after: l.After, cursor: l.After, expect: l.Expect}
		}
		for len(open) > 0 {
			commands, lengths := fill(open, c.batchSize())
			answers, err := c.batch(ctx, commands)
			if err != nil {
				if err := p.wait(ctx, commands, err); err != nil {
					yield(Part[T]{}, err)
					return
				}
				continue
			}
			var trouble error
			for i, length := range lengths {
				ch := open[i]
				after := ch.after
				taken, err := ch.take(answers[:length])
				answers = answers[length:]
				if trouble == nil {
					trouble = err
				}
				if ch.after > after || ch.done {
					p.progress()
				}
				rows := ch.pass(taken)
				if !yield(Part[T]{ch.number, rows, ch.cursor, ch.done}, nil) {
					return
				}
			}
			if trouble != nil {
				if err := p.wait(ctx, commands, trouble); err != nil {
					yield(Part[T]{}, err)
					return
				}
			}
			open = stillOpen(open)
		}
	}
}

// fill makes a batch of the next pages of the first chains, and says how many each has in it.
func fill[T any](chains []*chain[T], size int) (commands []Command, lengths []int) {
	for _, ch := range chains {
		n := min(ch.pages(), size-len(commands))
		if n == 0 {
			break
		}
		commands = append(commands, ch.commands(len(commands), n)...)
		lengths = append(lengths, n)
	}
	return commands, lengths
}

func stillOpen[T any](chains []*chain[T]) []*chain[T] {
	var open []*chain[T]
	for _, ch := range chains {
		if !ch.done {
			open = append(open, ch)
		}
	}
	return open
}

// ByID reads the rows of a listing that have one of the ids, each once and in no order. Ids that
// the portal does not show are not among the result; a row that was not asked for is an error,
// since then the missing ones are not known.
func ByID[T any](ctx context.Context, c *Client, listing Listing[T], ids []ID) ([]T, error) {
	var commands []Command
	for group := range slices.Chunk(ids, PageRows) {
		params := listing.inOrder()
		for _, id := range group {
			params = append(params, Param{"filter[@" + listing.IDName + "][]", id.String()})
		}
		commands = append(commands, Command{Method: listing.Method, Params: params})
	}
	answers, err := c.Batch(ctx, commands)
	if err != nil {
		return nil, err
	}
	asked := make(map[ID]bool, len(ids))
	for _, id := range ids {
		asked[id] = true
	}
	var found []T
	places := make(map[ID]int, len(ids)) // in found
	for _, answer := range answers {
		if answer.Err != nil {
			return nil, answer.Err
		}
		rows, err := listing.Decode(answer.Result)
		if err != nil {
			return nil, fmt.Errorf("%s: rows by id: %w", listing.Method, err)
		}
		for _, row := range rows {
			id := listing.ID(row)
			if !asked[id] {
				return nil, fmt.Errorf("%s: the portal ignores the filter on ids: it sent %d unasked", listing.Method, id)
			}
			if place, isTwice := places[id]; isTwice {
				found[place] = row
				continue
			}
			places[id] = len(found)
			found = append(found, row)
		}
	}
	return found, nil
}

package extractor

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"
)

// The portal's pages have a fixed size.
const pageRows = 50

// A listing is a list method read in the order of its ids: each page asks for the rows behind
// the last one of the page before, which works however rows come and go meanwhile.
type listing[T any] struct {
	method string
	params []Param // all but the cursor
	cursor string  // "filter[>id]"
	lastID string  // path to the id of a full page's last row: "[items][49][id]"
	decode func(page json.RawMessage) ([]T, error)
	id     func(T) uint64
}

// A chain is one reading of a listing: a run of pages of which each refers to the one before,
// so that one request holds many.
type chain[T any] struct {
	listing listing[T]
	after   uint64 // everything up to this id has been read
	expect  int    // rows that are likely to come in all; 0: unknown
	got     int
	done    bool
}

// pages is how many pages to ask for next: what is expected and room to see the end.
func (ch *chain[T]) pages() int {
	if ch.expect == 0 {
		return maxCommands
	}
	if ch.got >= ch.expect {
		ch.expect = 2 * ch.got // it was a guess
	}
	return (ch.expect-ch.got)/pageRows + 1
}

// commands are the next n pages, when first is the position of the first of them in its batch.
func (ch *chain[T]) commands(first, n int) []Command {
	commands := make([]Command, n)
	for page := range commands {
		after := strconv.FormatUint(ch.after, 10)
		if page > 0 {
			after = "$result[" + key(first+page-1) + "]" + ch.listing.lastID
		}
		params := append(slices.Clip(ch.listing.params), Param{ch.listing.cursor, after})
		commands[page] = Command{Method: ch.listing.method, Params: params}
	}
	return commands
}

// take reads the answers to commands in their order, up to the first page that cannot be
// used, and moves the chain on by what it returns. The error says why the first page could
// not be used, or why a later one was not run; what it holds up is to be asked again.
//
// A reference that the portal could not resolve is no error: the page then begins anywhere.
// So pages behind a short one mean nothing, whatever they hold, and a page that does not
// begin behind the one before is asked for again, by a number instead of a reference.
func (ch *chain[T]) take(answers []Answer) ([]T, error) {
	var taken []T
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
			return taken, fmt.Errorf("%s: a page behind id %d: %w", ch.listing.method, ch.after, err)
		}
		if len(rows) > 0 && ch.listing.id(rows[0]) <= ch.after {
			if page > 0 {
				return taken, nil
			}
			return taken, fmt.Errorf("%s: the portal ignores the filter on ids: asked for those above %d, it sent %d",
				ch.listing.method, ch.after, ch.listing.id(rows[0]))
		}
		last := ch.after
		for _, row := range rows {
			if ch.listing.id(row) <= last {
				return taken, fmt.Errorf("%s: the portal ignores the order of ids: %d comes after %d",
					ch.listing.method, ch.listing.id(row), last)
			}
			last = ch.listing.id(row)
		}
		taken = append(taken, rows...)
		ch.after, ch.got = last, ch.got+len(rows)
		if len(rows) < pageRows {
			ch.done = true
			return taken, nil
		}
	}
	return taken, nil
}

// A decoded page is what its answer holds, or why that can't be told.
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
			pages[i].rows, pages[i].err = ch.listing.decode(answer.Result)
			return nil // take tells it, unless the page does not count
		})
	}
	_ = group.Wait()
	return pages
}

// A part is what one request brought of a chain.
type part[T any] struct {
	chain *chain[T]
	rows  []T
}

// walk reads chains to their ends, as many pages to a request as it holds, and yields the parts
// in the order of the chains. A part may be empty; after the last one its chain is done.
func walk[T any](ctx context.Context, c *Client, chains ...*chain[T]) iter.Seq2[part[T], error] {
	return func(yield func(part[T], error) bool) {
		p := patience{client: c}
		for open := chains; len(open) > 0; {
			commands, lengths := fill(open, c.batchSize())
			answers, err := c.batch(ctx, commands)
			if err != nil {
				if err := p.wait(ctx, commands, err); err != nil {
					yield(part[T]{}, err)
					return
				}
				continue
			}
			var trouble error
			for i, length := range lengths {
				rows, err := open[i].take(answers[:length])
				answers = answers[length:]
				if trouble == nil {
					trouble = err
				}
				if len(rows) > 0 || open[i].done {
					p.progress()
				}
				if !yield(part[T]{open[i], rows}, nil) {
					return
				}
			}
			if trouble != nil {
				if err := p.wait(ctx, commands, trouble); err != nil {
					yield(part[T]{}, err)
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

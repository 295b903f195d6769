package bitrix24

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// pageOf is an answer with the rows from an id on.
func pageOf(first uint64, rows int) Answer {
	ids := make([]string, rows)
	for i := range ids {
		ids[i] = fmt.Sprintf(`{"id":%d}`, first+uint64(i))
	}
	return Answer{Result: jsontext.Value(`{"items":[` + strings.Join(ids, ",") + `]}`)}
}

// rowsOf is an answer with the rows of these ids.
func rowsOf(ids ...uint64) Answer {
	rows := make([]string, len(ids))
	for i, id := range ids {
		rows[i] = fmt.Sprintf(`{"id":%d}`, id)
	}
	return Answer{Result: jsontext.Value(`{"items":[` + strings.Join(rows, ",") + `]}`)}
}

// upTo is the ids from 1 to last, and more behind them.
func upTo(last uint64, more ...uint64) []uint64 {
	var ids []uint64
	for id := range last {
		ids = append(ids, id+1)
	}
	return append(ids, more...)
}

func TestPagesOfAChain(t *testing.T) {
	passing := Answer{Err: &APIError{Method: listMethod, Code: CodeOperatingLimit}}
	final := Answer{Err: &APIError{Method: listMethod, Code: "INVALID_ARG_VALUE", HTTPStatus: 200}}
	tests := []struct {
		name    string
		answers []Answer
		after   ID // where the chain stands then
		done    bool
		fails   bool
	}{
		{"a short page ends it", []Answer{pageOf(1, 50), pageOf(51, 49)}, 99, true, false},
		{"an empty page ends it", []Answer{pageOf(1, 50), {Result: jsontext.Value(`[]`)}}, 50, true, false},
		{"what follows a short page means nothing", []Answer{pageOf(1, 3), pageOf(1, 50), final}, 3, true, false},
		{"full pages leave it open", []Answer{pageOf(1, 50), pageOf(60, 50)}, 109, false, false},
		{"a page that begins again is asked for by number", []Answer{pageOf(1, 50), pageOf(1, 50), pageOf(51, 50)}, 50, false, false},
		{"a page with an unresolved reference is asked for by number", []Answer{pageOf(1, 50), final}, 50, false, false},
		{"a page that was not run is asked for again", []Answer{pageOf(1, 50), {Err: errNotRun}, pageOf(51, 2)}, 50, false, true},
		{"a blocked page is asked for again", []Answer{pageOf(1, 50), passing}, 50, false, true},
		{"a first page that begins again is an error", []Answer{pageOf(0, 50)}, 0, false, true},
		{"a first page that fails is an error", []Answer{final}, 0, false, true},
		{"a page out of order is an error", []Answer{{Result: jsontext.Value(`{"items":[{"id":2},{"id":1}]}`)}}, 0, false, true},
		{"a row that comes twice does not go backwards", []Answer{rowsOf(1, 2, 2, 2, 3)}, 3, true, false},
		{"a page that goes back and forth is an error", []Answer{rowsOf(7, 8, 7, 9)}, 0, false, true},
		{"a full page with rows that come twice leaves it open", []Answer{rowsOf(upTo(49, 49)...)}, 49, false, false},
		{"a page may begin with the last row of the one before", []Answer{rowsOf(upTo(50)...), rowsOf(50, 51)}, 51, true, false},
		{"a page of more rows than it may have is read", []Answer{rowsOf(upTo(50, 50)...), rowsOf(50, 51)}, 51, true, false},
		{"a page that begins before the end of the one before is asked for by number", []Answer{rowsOf(upTo(50)...), rowsOf(49, 50, 51)}, 50, false, false},
		{"a full page of nothing but the last row is asked for by number", []Answer{rowsOf(upTo(50)...), rowsOf(slices.Repeat([]uint64{50}, 50)...)}, 50, false, false},
		{"a page that cannot be read is an error", []Answer{{Result: jsontext.Value(`{"items":[{}]}`)}}, 0, false, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ch := &chain[Item]{listing: someFields().listing()}
			rows, err := ch.take(test.answers)
			if ch.after != test.after || ch.done != test.done || (err != nil) != test.fails {
				t.Errorf("take = up to %d, done %v, %v; want %d, %v, an error %v", ch.after, ch.done, err, test.after, test.done, test.fails)
			}
			if len(rows) > 0 && rows[len(rows)-1].ID != test.after {
				t.Errorf("the last row is %d, want %d", rows[len(rows)-1].ID, test.after)
			}
		})
	}
}

// A row that comes twice is passed on once, as it came last, wherever the second one stands.
func TestOfARowThatComesTwiceTheLastCounts(t *testing.T) {
	const first, second = "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"
	page := func(after uint64, rows int, more ...string) Answer {
		var all []string
		for i := range rows {
			all = append(all, fmt.Sprintf(`{"id":%d,"updatedTime":%q}`, after+uint64(i)+1, first))
		}
		return Answer{Result: jsontext.Value(`{"items":[` + strings.Join(append(more, all...), ",") + `]}`)}
	}
	again := func(id int) string { return fmt.Sprintf(`{"id":%d,"updatedTime":%q}`, id, second) }
	tests := []struct {
		name     string
		requests [][]Answer
		ids      int // from 1
		twice    ID
	}{
		{"in a page", [][]Answer{{page(1, 20, fmt.Sprintf(`{"id":1,"updatedTime":%q}`, first), again(1))}}, 21, 1},
		{"over two pages", [][]Answer{{page(0, 50), page(50, 3, again(50))}}, 53, 50},
		{"over two requests", [][]Answer{{page(0, 50)}, {page(50, 3, again(50))}}, 53, 50},
		{"over two requests, with nothing behind it", [][]Answer{{page(0, 50)}, {page(0, 0, again(50))}}, 50, 50},
		{"over two requests, the second of which fails at first", [][]Answer{{page(0, 50)}, {{Err: errNotRun}}, {page(0, 0, again(50))}}, 50, 50},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ch := &chain[Item]{listing: someFields().listing()}
			var got []Item
			for _, answers := range test.requests {
				taken, _ := ch.take(answers)
				got = append(got, ch.pass(taken)...)
				if n := len(got); n > 0 && ch.cursor != got[n-1].ID {
					t.Errorf("the cursor is at %d behind a last row %d", ch.cursor, got[n-1].ID)
				}
			}
			if !ch.done || len(got) != test.ids || ch.got != test.ids {
				t.Fatalf("%d rows, %d counted, done %v, want %d", len(got), ch.got, ch.done, test.ids)
			}
			for i, item := range got {
				want := map[bool]string{false: first, true: second}[item.ID == test.twice]
				if item.ID != ID(i+1) || item.UpdatedAt.Format(time.RFC3339) != want {
					t.Errorf("row %d is %d of %v, want %d of %s", i, item.ID, item.UpdatedAt, i+1, want)
				}
			}
		})
	}
}

// A row that the listing is to begin behind is none of its rows, even where the portal takes
// "above" for "from".
func TestTheRowToBeginBehindIsLeftOut(t *testing.T) {
	ch := &chain[Item]{listing: someFields().listing(), after: 5}
	if rows, err := ch.take([]Answer{rowsOf(5, 6)}); err != nil || len(rows) != 1 || rows[0].ID != 6 {
		t.Errorf("take = %v, %v, want the row 6", rows, err)
	}
}

func TestPagesReferToTheOnesBefore(t *testing.T) {
	ch := &chain[Item]{after: 7, listing: someFields().listing()}
	var cursors []string
	for _, command := range ch.commands(3, 3) {
		cursors = append(cursors, command.Params[len(command.Params)-1].Value)
	}
	want := []string{"7", "$result[c03][items][49][id]", "$result[c04][items][49][id]"}
	if !slices.Equal(cursors, want) {
		t.Errorf("cursors %q, want %q", cursors, want)
	}
}

func TestHowManyPagesAreAskedFor(t *testing.T) {
	tests := []struct {
		name        string
		expect, got int
		want        int
	}{
		{"unknown: as many as fit", 0, 0, 50},
		{"few: one", 3, 0, 1},
		{"a full page: one more, to see the end", 50, 0, 2},
		{"the rest", 400, 300, 3},
		{"more than expected: as many again", 100, 100, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ch := &chain[Item]{expect: test.expect, got: test.got}
			if pages := ch.pages(); pages != test.want {
				t.Errorf("pages of %d, %d read = %d, want %d", test.expect, test.got, pages, test.want)
			}
		})
	}
}

func TestWhichErrorsPass(t *testing.T) {
	tests := []struct {
		err          error
		read, writes bool
	}{
		{nil, false, false},
		{errNotRun, true, true},
		{&APIError{Code: "operation_time_limit"}, true, true},
		{&APIError{Code: CodeTooManyRequests, HTTPStatus: 503}, true, true},
		{&APIError{Code: "INTERNAL_SERVER_ERROR"}, true, false},
		{&APIError{HTTPStatus: 502}, true, false},
		{&APIError{Code: CodeOverload, HTTPStatus: 503}, false, false},
		{&APIError{Code: CodePortalDeleted, HTTPStatus: 500}, false, false},
		{&APIError{Code: CodeInsufficientScope, HTTPStatus: 403}, false, false},
		{errors.New("else"), false, false},
	}
	for _, test := range tests {
		if read, writes := isPassing(test.err, false), isPassing(test.err, true); read != test.read || writes != test.writes {
			t.Errorf("isPassing(%v) = %v for a read, %v for a write; want %v, %v", test.err, read, writes, test.read, test.writes)
		}
	}
}

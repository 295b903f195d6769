package warehouse

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"stagelag/warehouse/exception"
)

// lineCounter counts lines and keeps nothing.
type lineCounter int

func (c *lineCounter) Write(p []byte) (int, error) {
	*c += lineCounter(bytes.Count(p, []byte("\n")))
	return len(p), nil
}

func query(t *testing.T, w *Warehouse, sql, format string) (string, error) {
	t.Helper()
	var out strings.Builder
	err := w.Query(t.Context(), &out, sql, format)
	return out.String(), err
}

func TestQueryWritesTheFormatAskedFor(t *testing.T) {
	w := newWarehouse(t)
	tests := []struct {
		name, sql, format, want string
	}{
		{"the one given", "SELECT 1 AS a", "TSVWithNames", "a\n1\n"},
		{"another one given", "SELECT 1 AS a", "JSONEachRow", "{\"a\":1}\n"},
		{"the statement's own outweighs it", "SELECT 1 AS a FORMAT CSV", "TSVWithNames", "1\n"},
		{"a semicolon at the end is no second statement", "SELECT 1;", "TSV", "1\n"},
		{"in ORDER BY and GROUP BY an alias outweighs a column of its name", "SELECT intDiv(n, 10) AS n, count() FROM (SELECT number AS n FROM numbers(12)) GROUP BY n ORDER BY n", "TSV", "0\t10\n1\t2\n"},
		{"an absent value is empty in CSV", "SELECT NULL AS a, 'x' AS b, '' AS c", "CSVWithNames", "\"a\",\"b\",\"c\"\n,\"x\",\"\"\n"},
		{"and stays what it is elsewhere", "SELECT NULL AS a", "TSV", "\\N\n"},
		{"the database is the default one", "SELECT currentDatabase(), currentUser()", "TSV", w.Names().Views + "\tanalyst_" + w.Names().Views + "\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got, err := query(t, w, test.sql, test.format); got != test.want || err != nil {
				t.Errorf("Query(%q, %s) = %q, %v, want %q", test.sql, test.format, got, err, test.want)
			}
		})
	}
}

func TestQueryErrorIsOneClearLine(t *testing.T) {
	w := newWarehouse(t)
	tests := []struct {
		name, sql, format, want string
	}{
		{"an unknown table", "SELECT 1 FROM nothing", "TSV", "query: Unknown table expression identifier 'nothing' in scope SELECT 1 FROM nothing (UNKNOWN_TABLE)"},
		{"no SQL", "SELEC 1", "TSV", "query: Syntax error: failed at position 7 (1): 1 (SYNTAX_ERROR)"},
		{"two statements", "SELECT 1; SELECT 2", "TSV", "query: Syntax error (Multi-statements are not allowed): failed at position 9 (end of query): ; SELECT 2 (SYNTAX_ERROR)"},
		{"an unknown format", "SELECT 1", "Papyrus", "query: Unknown format Papyrus (UNKNOWN_FORMAT)"},
		{"a failure in the midst of the result", "SELECT throwIf(number = 500000, 'too\nfar') FROM numbers(1000000) SETTINGS max_block_size = 1000", "TSV",
			"query: too far: while executing"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			out, err := query(t, w, test.sql, test.format)
			var engine *EngineError
			if !errors.As(err, &engine) || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("Query(%q):\n got %v\nwant %s", test.sql, err, test.want)
			}
			if strings.Trim(out, "0\n") != "" {
				t.Errorf("the result holds more than the result: %q", out[max(0, len(out)-300):])
			}
		})
	}
}

func TestAnalystReadsTenMillionRows(t *testing.T) {
	w := newWarehouse(t)
	tests := []struct {
		name string
		sql  string
		want int // the error's code
	}{
		{"ten million", "SELECT 1 FROM numbers(10000000)", 0},
		{"and no more", "SELECT 1 FROM numbers(10000001)", 396},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var lines lineCounter
			err := w.Query(t.Context(), &lines, test.sql, "TSV")
			if exception.Code(err) != test.want {
				t.Fatalf("Query: %v, want code %d", err, test.want)
			}
			if err == nil && lines != 10_000_000 {
				t.Errorf("%d lines, want ten million", lines)
			}
		})
	}
}

func TestCopyResultTakesTheExceptionOff(t *testing.T) {
	const exception = "\r\n__exception__\r\ntag\r\nCode: 395. DB::Exception: too far. (SOME_NAME) (version 26.7.2.1)\n76 tag\r\n__exception__\r\n"
	tests := []struct {
		name      string
		body, tag string
		want, err string
	}{
		{"a whole result", "1\n2\n", "tag", "1\n2\n", ""},
		{"an exception after rows", "1\n2\n" + exception, "tag", "1\n2\n", "too far (SOME_NAME)"},
		{"an exception at once", exception, "tag", "", "too far (SOME_NAME)"},
		{"data that looks like one has another tag", "1\n" + exception, "other", "1\n" + exception, ""},
		{"a long result", strings.Repeat("0123456789\n", 10_000) + exception, "tag", strings.Repeat("0123456789\n", 10_000), "too far (SOME_NAME)"},
		{"a server that announces none", "1\n", "", "1\n", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, body := range []io.Reader{strings.NewReader(test.body), iotest.OneByteReader(strings.NewReader(test.body))} {
				var out strings.Builder
				got := ""
				if err := copyResult(&out, body, test.tag); err != nil {
					got = err.Error()
				}
				if out.String() != test.want || got != test.err {
					t.Errorf("copyResult = %.100q, %q, want %.100q, %q", out.String(), got, test.want, test.err)
				}
			}
		})
	}
}

// A result is copied byte for byte, whatever it holds, and what follows the tag is an error.
func FuzzResult(f *testing.F) {
	f.Add([]byte("1\t2\n"), "tag", "")
	f.Add([]byte("a\r\n__exception__\r\n"), "sometag", "Code: 241. DB::Exception: too much (MEMORY_LIMIT_EXCEEDED)")
	f.Add(bytes.Repeat([]byte("x"), 300_000), "tag", "boom")
	f.Fuzz(func(t *testing.T, result []byte, tag, exception string) {
		if tag == "" || bytes.Contains(result, []byte(tag)) || len(exception) > longestException/2 || len(tag) > 100 {
			return
		}
		body := bytes.Clone(result)
		if exception != "" {
			body = fmt.Appendf(body, "\r\n__exception__\r\n%s\r\n%s\n%d %s\r\n__exception__\r\n", tag, exception, len(exception), tag)
		}
		var out bytes.Buffer
		err := copyResult(&out, bytes.NewReader(body), tag)
		if !bytes.Equal(out.Bytes(), result) || (err == nil) != (exception == "") {
			t.Errorf("copyResult of %q and %q: %q, %v", result, exception, out.Bytes(), err)
		}
	})
}

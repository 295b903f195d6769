package warehouse

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// Whatever a client begins with, reading it ends, keeps no more than it may, and what was read
// is passed on as it came.
func FuzzHello(f *testing.F) {
	f.Add([]byte("\x00\x06client\x01\x02\x03\x08stagelag\x08stagelag\x06secret"))
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		h, err := readHello(bufio.NewReader(bytes.NewReader(sent)))
		if err == nil && !bytes.HasPrefix(sent, h.raw) && len(h.raw) > len(sent) {
			t.Errorf("readHello(%q) passes on %q", sent, h.raw)
		}
		if len(h.database)+len(h.user)+len(h.password) > 3*4096 {
			t.Errorf("readHello(%q) keeps %d bytes", sent, len(h.database)+len(h.user)+len(h.password))
		}
	})
}

// Whatever an engine says, its exception is one line.
func FuzzException(f *testing.F) {
	f.Add("Code: 60. DB::Exception: Table stagelag.x does not exist. (UNKNOWN_TABLE) (version 26.7.2.1)")
	f.Add("Code: 62. DB::Exception: Syntax error: failed at position 1 (a\nb): Expected one of: SELECT")
	f.Add("Code: 99999999999999999999, e.what() = (")
	f.Fuzz(func(t *testing.T, text string) {
		if e := parseException(text); e != nil && strings.ContainsAny(e.Error(), "\n\r") {
			t.Errorf("parseException(%q) = %q", text, e.Error())
		}
	})
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

package embedded

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Each of these ended an engine without the gate, or came near it.
func TestEngineSurvivesABadClient(t *testing.T) {
	native := func(change func(*clickhouse.Options)) func(*testing.T, *Warehouse) {
		return func(t *testing.T, w *Warehouse) {
			options := w.Options()
			change(options)
			db, err := clickhouse.Open(options)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if err := db.Ping(t.Context()); exceptionCode(err) == 0 {
				t.Errorf("ping: %v, want the engine's refusal", err)
			}
		}
	}
	// raw sends bytes, and waits for an answer or for the end of the connection.
	raw := func(address func(endpoint) string, sent string) func(*testing.T, *Warehouse) {
		return func(t *testing.T, w *Warehouse) {
			c, err := net.Dial("tcp", address(w.seat.endpoint))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.Write([]byte(strings.ReplaceAll(sent, "PASSWORD", w.seat.credentials.Stagelag)))
			c.(*net.TCPConn).CloseWrite()
			c.SetReadDeadline(time.Now().Add(5 * time.Second))
			c.Read(make([]byte, 1))
		}
	}
	toNative := func(e endpoint) string { return e.Native }
	toHTTP := func(e endpoint) string { return e.HTTP }
	get := func(query string) func(*testing.T, *Warehouse) {
		return func(t *testing.T, w *Warehouse) {
			response, err := http.Get("http://" + w.seat.endpoint.HTTP + query)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if response.StatusCode < 400 {
				t.Errorf("GET %s: %s, want a refusal", query, response.Status)
			}
		}
	}

	tests := []struct {
		name string
		does func(*testing.T, *Warehouse)
	}{
		{"with a wrong password", native(func(o *clickhouse.Options) { o.Auth.Password = "wrong" })},
		{"with an unknown user", native(func(o *clickhouse.Options) { o.Auth.Username = "nobody" })},
		{"with the user of the start queries", native(func(o *clickhouse.Options) { o.Auth = clickhouse.Auth{Username: "default"} })},
		{"with an unknown database", native(func(o *clickhouse.Options) { o.Auth.Database = "nothing" })},
		{"that closes at once", raw(toNative, "")},
		{"that speaks HTTP to the native port", raw(toNative, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")},
		{"that sends noise to the native port", raw(toNative, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")},
		{"that breaks off in its hello", raw(toNative, "\x00\x0aclickh")},
		{"that names a huge length", raw(toNative, "\x00\xff\xff\xff\xff\x7f")},
		{"that sends noise to the HTTP port", raw(toHTTP, "\x00\xff\xff\xff\xff\r\n\r\n")},
		{"that breaks off in its headers", raw(toHTTP, "POST / HTTP/1.1\r\nHost:")},
		{"that breaks off in its body", raw(toHTTP, "POST /?user=stagelag&password=PASSWORD HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nSELECT")},
		{"that breaks off in a chunk", raw(toHTTP, "POST /?user=stagelag&password=PASSWORD HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nSELECT 1")},
		{"that breaks off in an insert", raw(toHTTP, "POST /?user=stagelag&password=PASSWORD&query=INSERT+INTO+days+FORMAT+TSV HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n2026-03-02\n2026-")},
		{"whose body is not compressed as it says", raw(toHTTP, "POST /?user=stagelag&password=PASSWORD HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 8\r\n\r\nSELECT 1")},
		{"whose blocks are not compressed as it says", raw(toHTTP, "POST /?user=stagelag&password=PASSWORD&decompress=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nSELECT 1")},
		{"with a wrong password over HTTP", get("/?user=stagelag&password=wrong&query=SELECT+1")},
		{"with an unknown database over HTTP", get("/?user=default&database=nothing&query=SELECT+1")},
		{"with a path that is not there", get("/nothing/here?query=SELECT+1")},
		{"with a bad setting", get("/?user=default&max_threads=many&query=SELECT+1")},
		{"that stops the listening", get("/?user=default&query=SYSTEM+STOP+LISTEN+TCP")},
	}
	w := mustOpen(t, newPath(t))
	mustExec(t, w, "CREATE TABLE days (day Date) ENGINE = MergeTree ORDER BY day")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.does(t, w)
			if err := w.seat.ping(t.Context()); err != nil {
				t.Fatalf("the engine afterwards: %v", err)
			}
		})
	}
}

// Clients vanish at every moment of a connection, half of them with a reset. The
// engine would end itself over one that it was about to write to.
func TestEngineSurvivesClientsThatVanish(t *testing.T) {
	w := mustOpen(t, newPath(t))
	mustExec(t, w, "CREATE TABLE days (day Date) ENGINE = MergeTree ORDER BY day")
	tests := []struct {
		name string
		does func(clickhouse.Conn) error
	}{
		{"while they connect", func(db clickhouse.Conn) error { return db.Ping(t.Context()) }},
		{"while they read", func(db clickhouse.Conn) error {
			return db.Exec(t.Context(), "SELECT number, toString(number) FROM numbers(1000000)")
		}},
		{"while they are refused", func(db clickhouse.Conn) error { return db.Exec(t.Context(), "SELECT 1 FROM nothing") }},
		{"while they write", func(db clickhouse.Conn) error {
			batch, err := db.PrepareBatch(t.Context(), "INSERT INTO days")
			if err != nil {
				return err
			}
			for range 10_000 {
				if err := batch.Append(time.Unix(0, 0)); err != nil {
					return err
				}
			}
			return batch.Send()
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for i := range 60 {
				options := w.Options()
				options.DialContext = func(_ context.Context, address string) (net.Conn, error) {
					c, err := net.Dial("tcp", address)
					if err == nil {
						_ = c.(*net.TCPConn).SetLinger(i%2 - 1) // 0 resets, -1 does not
						time.AfterFunc(time.Duration(i)*50*time.Microsecond, func() { c.Close() })
					}
					return c, err
				}
				db, err := clickhouse.Open(options)
				if err != nil {
					t.Fatal(err)
				}
				_ = test.does(db) // it fails, or was faster
				db.Close()
			}
			if err := w.seat.ping(t.Context()); err != nil {
				t.Fatalf("the engine afterwards: %v", err)
			}
			if isGone(w.seat.endpoint.Engine) {
				t.Error("the engine ended, and another was started")
			}
		})
	}
}

// A client that is gone takes its query along, also through the gate.
func TestAQueryEndsWithItsClient(t *testing.T) {
	w := mustOpen(t, newPath(t))
	running := func() bool {
		var n uint64
		err := w.DB().QueryRow(t.Context(), "SELECT count() FROM system.processes WHERE user = 'analyst'").Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n > 0
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		ended <- w.Query(ctx, &bytes.Buffer{}, "SELECT sleepEachRow(0.1) FROM numbers(100000) SETTINGS max_block_size = 1", "TSV")
	}()
	eventually(t, "the query", running)
	cancel()
	if err := <-ended; err == nil {
		t.Error("the cancelled query has no error")
	}
	eventually(t, "the end of the query", func() bool { return !running() })
}

func TestReadHelloTakesNoByteTooMany(t *testing.T) {
	sent := "\x00\x06client\x01\x00\xe0\xa9\x03\x08stagelag\x04user\x06secret"
	r := bufio.NewReader(strings.NewReader(sent + "the rest"))
	h, err := readHello(r)
	if err != nil {
		t.Fatal(err)
	}
	if h.database != "stagelag" || h.user != "user" || h.password != "secret" || string(h.raw) != sent {
		t.Errorf("readHello(%q) = %+v", sent, h)
	}
	if rest, _ := r.Peek(r.Buffered()); string(rest) != "the rest" {
		t.Errorf("left %q, want %q", rest, "the rest")
	}
}

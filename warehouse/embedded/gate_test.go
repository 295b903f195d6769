package embedded

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"stagelag/warehouse/access"
	"stagelag/warehouse/exception"
)

// mustGoOn fails where the engine has ended over what was asked of it.
func mustGoOn(t *testing.T, s *Seat) {
	t.Helper()
	mustExec(t, connect(t, s), "SELECT 1")
	if isGone(s.Engine) {
		t.Error("the engine has ended, and another was started")
	}
}

// Who may not come in is told so as a server tells it.
func TestTheGateRefuses(t *testing.T) {
	t.Parallel()
	s := mustJoin(t, newPath(t))
	connect(t, s) // makes the database
	tests := []struct {
		name   string
		change func(*clickhouse.Auth)
		want   int
	}{
		{"a wrong password", func(a *clickhouse.Auth) { a.Password = "wrong" }, authenticationFailed},
		{"no password", func(a *clickhouse.Auth) { a.Password = "" }, authenticationFailed},
		{"an unknown user", func(a *clickhouse.Auth) { a.Username = "nobody" }, authenticationFailed},
		{"the user of the start queries", func(a *clickhouse.Auth) { a.Username, a.Password = "default", "" }, authenticationFailed},
		{"the users of a database that the folder does not serve", func(a *clickhouse.Auth) { a.Username = "analyst_north" }, authenticationFailed},
		{"a database that is not there", func(a *clickhouse.Auth) { a.Database = "nothing" }, unknownDatabase},
		{"a reader whose database is not there", func(a *clickhouse.Auth) {
			a.Username, a.Password = "analyst", s.Passwords(access.Default).Analyst
		}, unknownDatabase},
		{"a path for a database", func(a *clickhouse.Auth) { a.Database = "../metadata/stagelag_internal" }, unknownDatabase},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := options(s, access.Default)
			test.change(&o.Auth)
			db, err := clickhouse.Open(o)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if err := db.Ping(t.Context()); exception.Code(err) != test.want {
				t.Errorf("ping: %v, want code %d", err, test.want)
			}
			mustGoOn(t, s)
		})
	}
	t.Run("a wrong password over HTTP", func(t *testing.T) {
		response, err := http.Get("http://" + s.HTTP + "/?user=stagelag&password=wrong&query=SELECT+1")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusForbidden {
			t.Errorf("GET: %s, want 403", response.Status)
		}
		mustGoOn(t, s)
	})
}

// What is not the beginning of a connection is not passed on, and not answered.
func TestTheGatePassesOnAHelloOnly(t *testing.T) {
	t.Parallel()
	s := mustJoin(t, newPath(t))
	for name, sent := range map[string]string{"nothing": "", "a greeting": "good morning\n"} {
		t.Run(name, func(t *testing.T) {
			c, err := net.Dial("tcp", s.Native)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := io.WriteString(c, sent); err != nil {
				t.Fatal(err)
			}
			if err := c.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if answer, _ := io.ReadAll(c); len(answer) > 0 {
				t.Errorf("the answer to %q is %q, want none", sent, answer)
			}
			mustGoOn(t, s)
		})
	}
}

// A client that is gone takes its query along, also through the gate.
func TestAQueryEndsWithItsClient(t *testing.T) {
	t.Parallel()
	s := mustJoin(t, newPath(t))
	const endless = "SELECT sleepEachRow(0.1) FROM numbers(100000) SETTINGS max_block_size = 1"
	overHTTP := func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.HTTP, strings.NewReader(endless))
		if err != nil {
			return err
		}
		request.Header.Set("X-ClickHouse-User", "analyst")
		request.Header.Set("X-ClickHouse-Key", s.Passwords(access.Default).Analyst)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		_, err = io.Copy(io.Discard, response.Body)
		return err
	}
	overNative := func(ctx context.Context) error {
		o := options(s, access.Default)
		o.Auth.Username, o.Auth.Password = "analyst", s.Passwords(access.Default).Analyst
		db, err := clickhouse.Open(o)
		if err != nil {
			return err
		}
		defer db.Close()
		return db.Exec(ctx, endless)
	}
	db := connect(t, s)
	mustExec(t, db, "CREATE DATABASE stagelag")
	for name, ask := range map[string]func(context.Context) error{"over HTTP": overHTTP, "over the native protocol": overNative} {
		t.Run(name, func(t *testing.T) {
			running := func() bool {
				return count(t, db, "SELECT count() FROM system.processes WHERE user = 'analyst'") > 0
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- ask(ctx) }()
			eventually(t, "the query", running)
			cancel()
			if err := <-ended; err == nil {
				t.Error("the cancelled query has no error")
			}
			eventually(t, "the end of the query", func() bool { return !running() })
			mustGoOn(t, s)
		})
	}
}

func TestReadHelloTakesNoByteTooMany(t *testing.T) {
	t.Parallel()
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

// Whatever a client begins with, reading it ends, keeps no more than it may, and what was read
// is passed on as it came.
func FuzzHello(f *testing.F) {
	f.Add([]byte("\x00\x06client\x01\x02\x03\x08stagelag\x08stagelag\x06secret"))
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("good morning\n"))
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

// An answer that begins before its question has come to its end gets through whole, as does the question.
func TestTheGateLetsAnAnswerBeginEarly(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	k := &keeper{}
	k.ending, k.beginEnd = context.WithCancel(t.Context())
	defer k.beginEnd()
	k.engine.Store(&engine{http: listener.Addr().String()})
	g, err := openGate(k)
	if err != nil {
		t.Fatal(err)
	}
	defer g.native.Close()
	defer g.http.Close()

	const beginning, end = "SELECT 1", " FORMAT TSV"
	question, rest := io.Pipe()
	asked := make(chan string, 1)
	go func() {
		connection, err := listener.Accept()
		if err != nil {
			asked <- err.Error()
			return
		}
		defer connection.Close()
		_ = connection.SetDeadline(time.Now().Add(10 * time.Second))
		request, err := http.ReadRequest(bufio.NewReader(connection))
		if err != nil {
			asked <- err.Error()
			return
		}
		_, _ = io.WriteString(connection, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\n1\n")
		body, err := io.ReadAll(request.Body)
		asked <- fmt.Sprint(string(body), err)
		_, _ = io.WriteString(connection, "2\n")
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	context.AfterFunc(ctx, func() { _ = question.Close() })
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+g.http.Addr().String(), question)
	if err != nil {
		t.Fatal(err)
	}
	request.ContentLength = int64(len(beginning + end))
	go func() { _, _ = io.WriteString(rest, beginning) }()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatalf("an answer that begins early does not come: %v", err)
	}
	defer response.Body.Close()
	_, _ = io.WriteString(rest, end)
	_ = rest.Close()
	if answer, err := io.ReadAll(response.Body); err != nil || string(answer) != "1\n2\n" {
		t.Errorf("the answer is %q, %v, want the whole of it", answer, err)
	}
	if got, want := <-asked, beginning+end+"<nil>"; got != want {
		t.Errorf("the engine was asked %q, want %q", got, want)
	}
}

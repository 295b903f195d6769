package embedded

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
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
}

// request asks the HTTP port of an engine, and returns the status and what was answered.
func request(t *testing.T, address string, prepare func(*http.Request)) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/?query=SELECT+currentUser()", nil)
	if err != nil {
		t.Fatal(err)
	}
	prepare(r)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// askAsStartUser asks an engine's own HTTP port as whom it takes somebody for who says nothing.
func askAsStartUser(t *testing.T, address, sql string) (int, string) {
	t.Helper()
	return request(t, address, func(r *http.Request) { r.URL.RawQuery = url.Values{"query": {sql}}.Encode() })
}

// Over HTTP a user names himself in one of the ways that the engine has, and nobody else is let in.
func TestTheGateLetsInItsUsersOverHTTP(t *testing.T) {
	t.Parallel()
	s := mustJoin(t, newPath(t))
	connect(t, s)
	mustExec(t, connect(t, s), "CREATE DATABASE IF NOT EXISTS stagelag")
	password := s.Passwords(access.Default).Analyst
	query := func(pairs string) func(*http.Request) {
		return func(r *http.Request) { r.URL.RawQuery += "&" + pairs }
	}
	headers := func(pairs ...string) func(*http.Request) {
		return func(r *http.Request) {
			for i := 0; i < len(pairs); i += 2 {
				r.Header.Add(pairs[i], pairs[i+1])
			}
		}
	}
	as := func(prepare func(*http.Request)) func(*http.Request) {
		return func(r *http.Request) {
			r.SetBasicAuth("analyst", password)
			prepare(r)
		}
	}
	tests := []struct {
		name    string
		prepare func(*http.Request)
		status  int
		want    string
	}{
		{"in the query", query("user=analyst&password=" + password), http.StatusOK, "analyst\n"},
		{"in the query, encoded", query("%75ser=analyst&p%61ssword=" + password), http.StatusOK, "analyst\n"},
		{"in headers", headers(userHeader, "analyst", passwordHeader, password), http.StatusOK, "analyst\n"},
		{"as it is usual", as(headers()), http.StatusOK, "analyst\n"},
		{"at another name of this machine", as(func(r *http.Request) { r.Host = "LOCALHOST:8123" }), http.StatusOK, "analyst\n"},
		{"for a page of its own", as(headers("Origin", "http://"+s.HTTP, "Sec-Fetch-Site", "same-origin")), http.StatusOK, "analyst\n"},
		{"whether it is up", func(r *http.Request) { r.URL.Path, r.URL.RawQuery = "/ping", "" }, http.StatusOK, "Ok.\n"},

		{"nobody", headers(), http.StatusForbidden, "Code: 516."},
		{"the user of the start queries", query("user=default"), http.StatusForbidden, "Code: 516."},
		{"the user of the start queries in headers", headers(userHeader, "default"), http.StatusForbidden, "Code: 516."},
		{"a wrong password", query("user=stagelag&password=wrong"), http.StatusForbidden, "Code: 516."},
		{"two ways at once", as(query("user=default&password=")), http.StatusForbidden, "name the user in one way"},
		{"two users in one way", query("user=analyst&user=default&password=" + password), http.StatusForbidden, "name the user in one way"},
		{"two users in headers", headers(userHeader, "analyst", userHeader, "default", passwordHeader, password), http.StatusForbidden, "name the user in one way"},
		{"another kind of login", headers("Authorization", "Bearer "+password), http.StatusForbidden, "only Basic"},
		{"another name", as(func(r *http.Request) { r.Host = "warehouse.example.com" }), http.StatusForbidden, "127.0.0.1 and localhost only"},
		{"a page of another site", as(headers("Origin", "http://example.com")), http.StatusForbidden, "pages of other sites"},
		{"a page of another program on this machine", as(headers("Origin", "http://127.0.0.1:1")), http.StatusForbidden, "pages of other sites"},
		{"a page without a site", as(headers("Origin", "null")), http.StatusForbidden, "pages of other sites"},
		{"a picture on a page of another site", as(headers("Sec-Fetch-Site", "cross-site")), http.StatusForbidden, "pages of other sites"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, text := request(t, s.HTTP, test.prepare)
			if status != test.status || !strings.Contains(text, test.want) {
				t.Errorf("GET: %d %q, want %d and %q", status, text, test.status, test.want)
			}
			if strings.Contains(text, password) {
				t.Errorf("the answer %q holds the password", text)
			}
		})
	}
	// What the client says about its connection does not take the user away that it is let in as.
	t.Run("headers that are for the connection only", func(t *testing.T) {
		c, err := net.Dial("tcp", s.HTTP)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = fmt.Fprintf(c, "GET /?query=SELECT+currentUser()&user=analyst&password=%s HTTP/1.1\r\nHost: %s\r\nConnection: close, %s\r\n\r\n", password, s.HTTP, userHeader)
		answer, err := io.ReadAll(c)
		if err != nil || !strings.Contains(string(answer), "\nanalyst\n") {
			t.Errorf("the answer is %q, %v, want the user analyst", answer, err)
		}
	})
	mustGoOn(t, s)
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
	passwords := Passwords{Program: "a", Analyst: "b", Grafana: "c"}
	k.engine.Store(&engine{http: listener.Addr().String(), credentials: credentials{access.Default: passwords}})
	ports, err := openGateports(Listen{})
	if err != nil {
		t.Fatal(err)
	}
	g, err := openGate(k, ports)
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
	request.SetBasicAuth("analyst", passwords.Analyst)
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

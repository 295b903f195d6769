package warehouse

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A server is a URL: here the embedded engine plays one, over each protocol.
func TestServerIsUsedLikeTheEmbeddedOne(t *testing.T) {
	overEachProtocol(t, func(t *testing.T, w *Warehouse, config Config) {
		config.AnalystURL = "http://analyst:" + w.seat.credentials.Analyst + "@" + w.seat.endpoint.HTTP
		server, err := Open(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		mustExec(t, server, "CREATE TABLE days (day Date, n Int32) ENGINE = MergeTree ORDER BY day")
		batch, err := server.DB().PrepareBatch(t.Context(), "INSERT INTO days")
		if err != nil {
			t.Fatal(err)
		}
		if err := batch.Append(time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), int32(7)); err != nil {
			t.Fatal(err)
		}
		if err := batch.Send(); err != nil {
			t.Fatal(err)
		}
		db := server.OpenDB()
		defer db.Close()
		var n int32
		if err := db.QueryRowContext(t.Context(), "SELECT n FROM days WHERE day = '2026-03-02'").Scan(&n); err != nil || n != 7 {
			t.Errorf("n = %d, %v, want 7", n, err)
		}
		if got, err := query(t, server, "SELECT currentUser()", "TSV"); got != "analyst\n" || err != nil {
			t.Errorf("Query asks as %q, %v, want the analyst", got, err)
		}
	})
}

// Without an analyst of its own a server is asked as the one user there is, and
// the query may still not write.
func TestServerWithoutAnAnalystIsAskedReadOnly(t *testing.T) {
	w := mustOpen(t, newPath(t))
	server, err := Open(t.Context(), Config{URL: serverURL(w, "http", w.seat.endpoint.HTTP)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	mustExec(t, server, "CREATE TABLE days (day Date) ENGINE = MergeTree ORDER BY day")
	tests := []struct {
		name, sql string
		want      int
	}{
		{"a select", "SELECT count() FROM days", 0},
		{"an insert", "INSERT INTO days VALUES ('2026-03-02')", readonlyRefused},
		{"a drop", "DROP TABLE days", readonlyRefused},
		{"a limit lifted", "SELECT 1 SETTINGS max_result_rows = 0", readonlyRefused},
		{"writing after all", "INSERT INTO days SETTINGS readonly = 0 VALUES ('2026-03-02')", readonlyRefused},
		{"too much", "SELECT * FROM numbers(10000001) FORMAT Null", tooManyRows},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := query(t, server, test.sql, "TSV"); exceptionCode(err) != test.want {
				t.Errorf("Query(%q): %v, want code %d", test.sql, err, test.want)
			}
		})
	}
}

func TestServersDatabaseIsMade(t *testing.T) {
	w := mustOpen(t, newPath(t))
	mustExec(t, w, "DROP DATABASE "+Database+" SYNC")
	server, err := Open(t.Context(), Config{URL: serverURL(w, "http", w.seat.endpoint.HTTP)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	mustExec(t, server, "CREATE TABLE days (day Date) ENGINE = MergeTree ORDER BY day")
}

func TestServersRefusalHoldsNoPassword(t *testing.T) {
	w := mustOpen(t, newPath(t))
	native, http := w.seat.endpoint.Native, w.seat.endpoint.HTTP
	tests := []struct {
		name, url, want string
	}{
		{"a wrong password", "clickhouse://stagelag:hunter2@" + native, "Authentication failed"},
		{"a wrong password over HTTP", "http://stagelag:hunter2@" + http, "Authentication failed"},
		{"nobody there", "clickhouse://stagelag:hunter2@127.0.0.1:1", "connection refused"},
		{"nobody there over HTTP", "http://stagelag:hunter2@127.0.0.1:1", "connection refused"},
		{"no such host", "http://stagelag:hunter2@nowhere.invalid", "nowhere.invalid"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w, err := Open(t.Context(), Config{URL: test.url})
			if err == nil {
				w.Close()
				t.Fatal("Open worked")
			}
			if got := err.Error(); !strings.Contains(got, test.want) || strings.Contains(got, "hunter2") || strings.Contains(got, "\n") {
				t.Errorf("Open: %q, want one line with %q, without the password", got, test.want)
			}
		})
	}
}

// Whoever follows a redirect shows the password to another host.
func TestRedirectsAreNotFollowed(t *testing.T) {
	var asked atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer elsewhere.Close()
	for _, status := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect} {
		moved := httptest.NewServer(http.RedirectHandler(elsewhere.URL, status))
		t.Cleanup(moved.Close)
		host, target := strings.TrimPrefix(moved.URL, "http://"), strings.TrimPrefix(elsewhere.URL, "http://")
		w, err := Open(t.Context(), Config{URL: "http://stagelag:hunter2@" + host})
		if err == nil {
			w.Close()
		}
		_, analyst, parsing := server("http://stagelag:hunter2@"+host, "")
		if parsing != nil {
			t.Fatal(parsing)
		}
		asking := analyst.query(t.Context(), io.Discard, "SELECT 1", "TSV")
		for _, err := range []error{err, asking} {
			if err == nil || !strings.Contains(err.Error(), "redirects to "+target) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("status %d: %v, want it to name %s, without the password", status, err, target)
			}
		}
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("the other host was asked %d times", n)
	}
}

func TestServerURL(t *testing.T) {
	tests := []struct {
		name, url, analyst         string
		address, protocol, askedAt string
		user, askedAs              string
	}{
		{"native", "clickhouse://u:p@host:9001", "", "host:9001", "native", "http://host:8123/", "u", "u"},
		{"native without a port", "clickhouse://u:p@host", "", "host:9000", "native", "http://host:8123/", "u", "u"},
		{"native with its database", "clickhouse://u:p@host/stagelag", "", "host:9000", "native", "http://host:8123/", "u", "u"},
		{"native with TLS", "clickhouse://u:p@host?secure=true", "", "host:9440", "native", "https://host:8443/", "u", "u"},
		{"HTTP", "http://u:p@host", "", "host:8123", "http", "http://host:8123/", "u", "u"},
		{"HTTP at a port", "http://u:p@host:80", "", "host:80", "http", "http://host:80/", "u", "u"},
		{"HTTPS", "https://u:p@host", "", "host:8443", "http", "https://host:8443/", "u", "u"},
		{"an analyst elsewhere", "clickhouse://u:p@host", "https://reader:p@other:443", "host:9000", "native", "https://other:443/", "u", "reader"},
		{"an analyst named in the native way", "clickhouse://u:p@host", "clickhouse://reader:p@host", "host:9000", "native", "http://host:8123/", "u", "reader"},
		{"an IPv6 address", "clickhouse://u:p@[::1]:9001", "", "[::1]:9001", "native", "http://[::1]:8123/", "u", "u"},
		{"the user among the parameters", "clickhouse://host?username=u&password=p", "", "host:9000", "native", "http://host:8123/", "u", "u"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			options, analyst, err := server(test.url, test.analyst)
			if err != nil {
				t.Fatal(err)
			}
			if options.Addr[0] != test.address || options.Protocol.String() != test.protocol ||
				options.Auth.Username != test.user || options.Auth.Password != "p" || options.Auth.Database != Database {
				t.Errorf("server(%q) connects to %s over %s as %+v", test.url, options.Addr, options.Protocol, options.Auth)
			}
			if analyst.url.String() != test.askedAt || analyst.user != test.askedAs || analyst.password != "p" {
				t.Errorf("server(%q) asks at %s as %s:%s, want %s as %s", test.url, analyst.url, analyst.user, analyst.password, test.askedAt, test.askedAs)
			}
		})
	}
}

func TestBadServerURL(t *testing.T) {
	tests := []struct {
		name, url, want string
	}{
		{"nothing", "", `must be "embedded" or begin with clickhouse://`},
		{"another scheme", "postgres://u:hunter2@host", "must be"},
		{"no host", "clickhouse://u:hunter2@", "names no host"},
		{"another database", "clickhouse://u:hunter2@host/other", `the database is always stagelag, not "other"`},
		{"several hosts", "clickhouse://u:hunter2@a:9000,b:9000", "several hosts"},
		{"a password that breaks the URL", "clickhouse://u:hunter2/%zz@host", "percent-encode"},
		{"a bad parameter", "clickhouse://u:hunter2@host?dial_timeout=soon", "dial timeout"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := server(test.url, "")
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("server(%q): %v, want %q in it, and no password", test.url, err, test.want)
			}
		})
	}
}

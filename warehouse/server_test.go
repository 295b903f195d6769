package warehouse

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/warehouse/access"
	"stagelag/warehouse/exception"
)

// A server is a URL: here the embedded engine plays one, over each protocol.
func TestServerIsUsedLikeTheEmbeddedOne(t *testing.T) {
	overEachProtocol(t, func(t *testing.T, w *Warehouse, config Config) {
		analyst, _ := w.Endpoints()
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
		if got, err := query(t, server, "SELECT currentUser()", "TSV"); got != analyst.User+"\n" || err != nil {
			t.Errorf("Query asks as %q, %v, want the analyst", got, err)
		}
	})
}

// Without an analyst of its own a server is asked as the one user there is, and
// the query may still not write.
func TestServerWithoutAnAnalystIsAskedReadOnly(t *testing.T) {
	w := newWarehouse(t)
	server, err := Open(t.Context(), Config{URL: serverURL(w, "http", w.seat.HTTP)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	mustExec(t, server, "CREATE TABLE "+w.Names().Views+".days (day Date) ENGINE = MergeTree ORDER BY day")
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
			if _, err := query(t, server, test.sql, "TSV"); exception.Code(err) != test.want {
				t.Errorf("Query(%q): %v, want code %d", test.sql, err, test.want)
			}
		})
	}
}

// Each connection begins in the database that it is for, and both are made where they are absent.
func TestOpenMakesTheDatabases(t *testing.T) {
	overEachProtocol(t, func(t *testing.T, w *Warehouse, config Config) {
		names := w.Names()
		mustExec(t, w, "DROP DATABASE "+names.Internal+" SYNC") // the other one is for good
		again := mustOpen(t, config)
		if again.Names() != names || names != access.NamesOf(config.Database) {
			t.Errorf("the databases are %+v, then %+v, want those of %s", names, again.Names(), config.Database)
		}
		db := again.OpenDB()
		defer db.Close()
		var opened string
		if err := db.QueryRowContext(t.Context(), "SELECT currentDatabase()").Scan(&opened); err != nil || opened != names.Internal {
			t.Errorf("OpenDB begins in %s, %v, want %s", opened, err, names.Internal)
		}
		for want, conn := range map[string]driver.Conn{names.Internal: again.DB(), names.Views: again.Views()} {
			var got, engine string
			row := conn.QueryRow(t.Context(), "SELECT name, engine FROM system.databases WHERE name = currentDatabase()")
			if err := row.Scan(&got, &engine); err != nil || got != want || engine != "Atomic" {
				t.Errorf("a connection begins in %s, an %s database, %v, want %s, Atomic", got, engine, err, want)
			}
		}
		if got, err := query(t, again, "SELECT currentDatabase()", "TSV"); err != nil || got != names.Views+"\n" {
			t.Errorf("Query begins in %q, %v, want %s", got, err, names.Views)
		}
	})
}

func TestServersRefusalHoldsNoPassword(t *testing.T) {
	w := newWarehouse(t)
	native, http := w.seat.Native, w.seat.HTTP
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
		_, _, analyst, parsing := server(Config{URL: "http://stagelag:hunter2@" + host})
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
			names, options, analyst, err := server(Config{URL: test.url, AnalystURL: test.analyst})
			if err != nil {
				t.Fatal(err)
			}
			if options.Addr[0] != test.address || options.Protocol.String() != test.protocol ||
				options.Auth.Username != test.user || options.Auth.Password != "p" || options.Auth.Database != "stagelag_internal" || names != access.NamesOf("stagelag") {
				t.Errorf("server(%q) connects to %s over %s as %+v", test.url, options.Addr, options.Protocol, options.Auth)
			}
			if analyst.url.String() != test.askedAt || analyst.user != test.askedAs || analyst.password != "p" || analyst.database != "stagelag" {
				t.Errorf("server(%q) asks at %s as %s:%s, want %s as %s", test.url, analyst.url, analyst.user, analyst.password, test.askedAt, test.askedAs)
			}
		})
	}
}

func TestDatabaseOfAServer(t *testing.T) {
	tests := []struct {
		name, url, configured string
		want, err             string
	}{
		{"neither is set", "clickhouse://u:p@host", "", "stagelag", ""},
		{"the URL names one", "clickhouse://u:p@host/north", "", "north", ""},
		{"the URL names one among its parameters", "clickhouse://u:p@host?database=north", "", "north", ""},
		{"the configuration names one", "clickhouse://u:p@host", "north", "north", ""},
		{"both name the same", "clickhouse://u:p@host/north", "north", "north", ""},
		{"they name different ones", "clickhouse://u:p@host/north", "south", "", "warehouse.database is south and warehouse.url names north: leave it out of the URL"},
		{"a name that is none", "clickhouse://u:p@host", "North", "", "warehouse.database: a database's name has lower-case letters"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			names, _, _, err := server(Config{URL: test.url, Database: test.configured})
			if names.Views != test.want || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("server(%q, %q) = %q, %v, want %q, %q", test.url, test.configured, names.Views, err, test.want, test.err)
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
		{"a database that can be none of ours", "clickhouse://u:hunter2@host/system", "warehouse.url: the database system is the engine's own"},
		{"several hosts", "clickhouse://u:hunter2@a:9000,b:9000", "several hosts"},
		{"a password that breaks the URL", "clickhouse://u:hunter2/%zz@host", "percent-encode"},
		{"a bad parameter", "clickhouse://u:hunter2@host?dial_timeout=soon", "dial timeout"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, _, _, err := server(Config{URL: test.url})
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("server(%q): %v, want %q in it, and no password", test.url, err, test.want)
			}
		})
	}
}

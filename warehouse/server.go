package warehouse

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"

	"stagelag/warehouse/access"
)

// reach prepares the connections to a server. Its errors hold no password.
func (w *Warehouse) reach(config Config) (err error) {
	w.names, w.options, w.analyst, err = server(config)
	return err
}

// server reads a server's URL into the names of the databases and options for the read/write
// connection, and finds where and as whom the analyst asks.
func server(config Config) (Names, *clickhouse.Options, analyst, error) {
	u, err := parse(config.URL)
	if err != nil {
		return Names{}, nil, analyst{}, fmt.Errorf("warehouse.url: %w", err)
	}
	options, err := clickhouse.ParseDSN(u.String())
	if err != nil {
		return Names{}, nil, analyst{}, fmt.Errorf("warehouse.url: %w", err)
	}
	database, err := databaseOf(config.Database, options.Auth.Database)
	if err != nil {
		return Names{}, nil, analyst{}, err
	}
	names := access.NamesOf(database)
	options.Auth.Database = names.Internal
	if len(options.Addr) != 1 {
		return Names{}, nil, analyst{}, errors.New("warehouse.url: it names several hosts, and one server has to keep the lock of a run: name one")
	}
	if options.DialTimeout == 0 {
		options.DialTimeout = dialTimeout
	}
	if options.Compression == nil {
		options.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
	}

	options.TransportFunc = func(t *http.Transport) (http.RoundTripper, error) { return noRedirect{t}, nil }

	if config.AnalystURL != "" {
		a, err := parse(config.AnalystURL)
		if err != nil {
			return Names{}, nil, analyst{}, fmt.Errorf("the analyst's URL: %w", err)
		}
		return names, options, analystAt(a, options, names), nil
	}
	own := analystAt(u, options, names)
	own.user, own.password = options.Auth.Username, options.Auth.Password
	own.settings = limits
	return names, options, own, nil
}

// databaseOf is the database that people see: the configured one, else the one in the URL.
func databaseOf(configured, inURL string) (string, error) {
	switch {
	case configured == "" && inURL == "":
		return access.Default, nil
	case configured == "":
		if err := access.Check(inURL); err != nil {
			return "", fmt.Errorf("warehouse.url: %w", err)
		}
		return inURL, nil
	case inURL != "" && inURL != configured:
		return "", fmt.Errorf("warehouse.database is %s and warehouse.url names %s: leave it out of the URL", configured, inURL)
	}
	if err := access.Check(configured); err != nil {
		return "", fmt.Errorf("warehouse.database: %w", err)
	}
	return configured, nil
}

// noRedirect takes a redirect for an error: whoever follows it shows the password, which is in
// headers, to the host that it points to.
type noRedirect struct{ http.RoundTripper }

func (n noRedirect) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := n.RoundTripper.RoundTrip(r)
	if err != nil || response.StatusCode/100 != 3 {
		return response, err
	}
	_ = response.Body.Close()
	to, err := response.Location()
	if err != nil {
		return nil, fmt.Errorf("%s redirects to nowhere", r.URL.Host)
	}
	return nil, fmt.Errorf("%s redirects to %s, which does not get the password unasked: if that is the server, name it in the address", r.URL.Host, to.Host)
}

// parse checks what clickhouse-go's parser would let pass or explain badly.
func parse(rawURL string) (*url.URL, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		// A *url.Error prints the URL, and the URL holds the password. The reason
		// inside can quote a part of it.
		return nil, errors.New("is no URL (percent-encode what is special in the user's name and password)")
	}
	switch u.Scheme {
	case "clickhouse", "http":
	case "https":
		query := u.Query()
		query.Set("secure", "true")
		u.RawQuery = query.Encode()
	default:
		return nil, fmt.Errorf("must be %q or begin with clickhouse://, http:// or https://", Embedded)
	}
	if u.Hostname() == "" {
		return nil, errors.New("names no host")
	}
	if u.Port() == "" && !strings.Contains(u.Host, ",") {
		u.Host = net.JoinHostPort(u.Hostname(), defaultPort(u))
	}
	return u, nil
}

func isSecure(u *url.URL) bool {
	return u.Scheme == "https" || u.Query().Has("secure") && u.Query().Get("secure") != "false"
}

func defaultPort(u *url.URL) string {
	switch {
	case u.Scheme == "clickhouse" && isSecure(u):
		return "9440"
	case u.Scheme == "clickhouse":
		return "9000"
	case isSecure(u):
		return "8443"
	default:
		return "8123"
	}
}

// analystAt finds the HTTP interface of the host that u names.
func analystAt(u *url.URL, options *clickhouse.Options, names Names) analyst {
	at := &url.URL{Scheme: "http", Host: u.Host, Path: "/"}
	if isSecure(u) {
		at.Scheme = "https"
	}
	if u.Scheme == "clickhouse" {
		at.Host = net.JoinHostPort(u.Hostname(), defaultPort(&url.URL{Scheme: at.Scheme}))
	}
	a := analyst{url: at, tls: options.TLS, database: names.Views, user: u.User.Username()}
	a.password, _ = u.User.Password()
	return a
}

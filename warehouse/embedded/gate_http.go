package embedded

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
)

// serveHTTP serves the HTTP port until the process ends.
func (g *gate) serveHTTP() {
	quiet := log.New(io.Discard, "", 0)
	proxy := &httputil.ReverseProxy{
		// Here, and not before: what the client says about its connection can take headers away.
		Rewrite:       func(r *httputil.ProxyRequest) { admit(r) },
		FlushInterval: -1, // a client sees rows when the engine sends them
		ErrorLog:      quiet,
		// The engine closes connections that were idle; a POST sent at that moment
		// could not be sent again.
		Transport: &http.Transport{
			DisableKeepAlives: true, DisableCompression: true,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return g.dial(ctx, func(e *engine) string { return e.http })
			},
		},
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if why := g.refuseHTTP(r); why != nil {
			why.write(w)
			return
		}
		// An answer can begin while the end of the question is not read yet. Without this the rest of the
		// question is thrown away then, which cuts the connection to the engine and the answer with it.
		_ = http.NewResponseController(w).EnableFullDuplex()
		proxy.ServeHTTP(w, r)
	}), ErrorLog: quiet, ReadHeaderTimeout: dialTimeout}
	_ = server.Serve(g.http) // it ends with the process
}

// A refusal is the answer to a request that is not let in.
type refusal struct {
	code int // the engine's, 0 for what is none of its
	text string
}

func (r *refusal) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if r.code != 0 {
		w.Header().Set("X-ClickHouse-Exception-Code", fmt.Sprint(r.code))
	}
	w.WriteHeader(http.StatusForbidden)
	_, _ = io.WriteString(w, r.text+"\n")
}

// refuseHTTP returns why a request is not let in, nil for one that is. A page in a browser on this machine
// reaches loopback, too, under a name of its own or as another site's: it is kept off by what the browser
// says of it. Everybody else needs the name and the password of a user, except to ask whether the engine is up, and for the page /play.
func (g *gate) refuseHTTP(r *http.Request) *refusal {
	if !isLoopback(r.Host) {
		return &refusal{text: fmt.Sprintf("the embedded engine answers to 127.0.0.1 and localhost only, and was asked as %q", r.Host)}
	}
	if !isSameOrigin(r) {
		return &refusal{text: "the embedded engine does not answer to pages of other sites"}
	}
	// Neither holds any data: the page asks as the user that is typed into it.
	if (r.URL.Path == "/ping" || r.URL.Path == "/play") && r.URL.RawQuery == "" && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		return nil
	}
	named, err := readLogin(r)
	if err == nil {
		user, known := g.keeper.engine.Load().credentials.account(named.user)
		if known && subtle.ConstantTimeCompare([]byte(user.password), []byte(named.password)) == 1 {
			return nil
		}
		err = errors.New("password is incorrect, or there is no user with such name")
	}
	return &refusal{authenticationFailed, fmt.Sprintf("Code: %d. DB::Exception: Authentication failed: %v. (AUTHENTICATION_FAILED)", authenticationFailed, err)}
}

// isLoopback is whether a host, with or without a port, is this machine by its nature. A name that somebody
// else can have point here is not.
func isLoopback(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// isSameOrigin is whether a request is no browser's, or one for a page of the engine's own.
func isSameOrigin(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
	default:
		return false
	}
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return true
	}
	origin, err := url.Parse(origins[0])
	return err == nil && len(origins) == 1 && origin.Scheme == "http" && strings.EqualFold(origin.Host, r.Host)
}

// A login is as whom a request comes. The engine takes it from headers of its own, from the standard one,
// or from the query.
type login struct{ user, password string }

const (
	userHeader     = "X-ClickHouse-User"
	passwordHeader = "X-ClickHouse-Key" //nolint:gosec // the name of a header
)

// certificateHeader asks for another way to log in, which the engine has no users for.
const certificateHeader = "X-ClickHouse-SSL-Certificate-Auth"

var errManyLogins = errors.New("name the user in one way: in the headers X-ClickHouse-User and X-ClickHouse-Key, in Authorization, or in the query")

// readLogin reads as whom a request comes, and fails where it says that in more than one way.
func readLogin(r *http.Request) (login, error) {
	var ways []login
	users, passwords := r.Header.Values(userHeader), r.Header.Values(passwordHeader)
	if len(users) > 1 || len(passwords) > 1 || len(r.Header.Values("Authorization")) > 1 {
		return login{}, errManyLogins
	}
	if len(users)+len(passwords) > 0 {
		ways = append(ways, login{r.Header.Get(userHeader), r.Header.Get(passwordHeader)})
	}
	if len(r.Header.Values("Authorization")) > 0 {
		user, password, ok := r.BasicAuth()
		if !ok {
			return login{}, errors.New("of the kinds of Authorization only Basic is known")
		}
		ways = append(ways, login{user, password})
	}
	inQuery, _, found, err := splitQuery(r.URL.RawQuery)
	if err != nil {
		return login{}, err
	}
	if found {
		ways = append(ways, inQuery)
	}
	switch len(ways) {
	case 0:
		return login{}, errors.New("no user is named")
	case 1:
		return ways[0], nil
	}
	return login{}, errManyLogins
}

// splitQuery takes the login out of a query, and leaves the rest as it is.
func splitQuery(raw string) (_ login, rest string, found bool, err error) {
	var l login
	var others []string
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(raw, "&") {
		key, value, _ := strings.Cut(pair, "=")
		name, keyErr := url.QueryUnescape(key)
		text, valueErr := url.QueryUnescape(value)
		if keyErr != nil {
			return login{}, "", false, errors.New("the query has a name that is not encoded right")
		}
		if name != "user" && name != "password" {
			others = append(others, pair)
			continue
		}
		if valueErr != nil || seen[name] {
			return login{}, "", false, errManyLogins
		}
		seen[name] = true
		if name == "user" {
			l.user = text
		} else {
			l.password = text
		}
	}
	return l, strings.Join(others, "&"), len(seen) > 0, nil
}

// admit leads a request that is let in to the engine, with its login in one form.
func admit(r *httputil.ProxyRequest) {
	named, err := readLogin(r.In)
	_, rest, _, _ := splitQuery(r.In.URL.RawQuery)
	r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", "engine", "engine"
	r.Out.URL.RawQuery = rest
	for _, name := range []string{"Authorization", "Origin", certificateHeader} {
		r.Out.Header.Del(name)
	}
	if err == nil { // not for /ping, which may have none
		r.Out.Header.Set(userHeader, named.user)
		r.Out.Header.Set(passwordHeader, named.password)
	}
}

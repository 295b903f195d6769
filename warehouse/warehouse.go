package warehouse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/warehouse/access"
	"stagelag/warehouse/embedded"
	"stagelag/warehouse/exception"
)

// Embedded is the Config.URL of the embedded warehouse.
const Embedded = "embedded"

// Config says where the warehouse is.
type Config struct {
	// URL is Embedded, or a server: clickhouse://user:password@host:9000 for the
	// native protocol, http:// or https:// for HTTP. It names one host, because a
	// Lease is kept by one server.
	URL string

	// Database is the database that people see; see Names. Empty means the one that URL
	// names, and access.Default where that names none.
	Database string

	// Path is the embedded warehouse's folder. It is made when absent.
	Path string

	// ListenNative and ListenHTTP are where the embedded warehouse answers when it is started, as
	// HOST:PORT at loopback. Empty, or with port 0, the system chooses the port.
	ListenNative, ListenHTTP string

	// MustExist has Open return an *AbsentError, and make nothing, where there is no warehouse: for
	// those who only read.
	MustExist bool

	// Cluster is the name of the cluster, in the server's configuration, that the warehouse
	// lies on; empty for the server alone. URL is for the native protocol then, which the
	// other servers are reached by.
	Cluster string

	// ShownOn is a date, as 2006-01-02: the views of this warehouse show what they showed at its end. Empty means
	// now.
	ShownOn string

	// AnalystURL is where Query asks a server, with a read-only user of its own.
	// Empty means the HTTP interface of the host in URL, and its user with
	// writing switched off for each query.
	AnalystURL string

	// CAFile holds the certificates of the authorities that may have signed the
	// server's, in place of the system's. CertificateFile and KeyFile are what the
	// server is shown if it asks. All are PEM; empty means none.
	CAFile, CertificateFile, KeyFile string
}

// Format writes which warehouse it is, without user and password, whatever the verb.
func (c Config) Format(f fmt.State, _ rune) {
	switch u, err := url.Parse(c.URL); {
	case c.URL == Embedded:
		_, _ = io.WriteString(f, "embedded in "+c.Path)
	case err != nil:
		_, _ = io.WriteString(f, "a server")
	default:
		_, _ = io.WriteString(f, "the server "+u.Host)
	}
}

// place is which warehouse it is: the absolute path of its folder, or the server.
func (c Config) place() string {
	if c.URL != Embedded {
		return fmt.Sprint(c)
	}
	if absolute, err := filepath.Abs(c.Path); err == nil {
		return absolute
	}
	return c.Path
}

// A Warehouse is an open warehouse. Its methods can be called concurrently.
type Warehouse struct {
	names   Names
	place   string
	options *clickhouse.Options // for Internal
	db      driver.Conn
	views   driver.Conn
	analyst analyst
	seat    *embedded.Seat // nil for a server
	cluster *Cluster       // nil without one
	shownOn string

	isRestoring atomic.Bool
}

// Names are the databases of a warehouse.
type Names = access.Names

// Open connects to the warehouse, starts the embedded one if nobody has, and
// makes the databases that are absent, see Config.MustExist. A warehouse that was opened has to be
// closed: the embedded engine stays up until then.
func Open(ctx context.Context, config Config) (*Warehouse, error) {
	w, err := open(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open warehouse: %w", unreached(config, err))
	}
	return w, nil
}

func open(ctx context.Context, config Config) (*Warehouse, error) {
	w := &Warehouse{place: config.place(), shownOn: config.ShownOn}
	if config.Cluster != "" && !strings.HasPrefix(config.URL, "clickhouse://") {
		return nil, errors.New("warehouse.cluster goes together with the native address of a server, clickhouse://…: set warehouse.url to one, or take the cluster out")
	}
	if config.URL == Embedded {
		if err := w.join(ctx, config); err != nil {
			return nil, err
		}
	} else {
		if err := w.reach(config); err != nil {
			return nil, err
		}
		if err := w.trust(config); err != nil {
			return nil, err
		}
	}
	if w.shownOn != "" {
		settings := map[string]string{}
		maps.Copy(settings, w.analyst.settings)
		settings[shownOnSetting] = shownOnPrefix + w.shownOn
		w.analyst.settings = settings
	}
	err := w.connect(ctx, config.MustExist)
	if err == nil && config.Cluster != "" {
		err = w.joinCluster(ctx, config.Cluster)
	}
	if err != nil {
		_ = w.Close()
		return nil, err
	}
	return w, nil
}

// Introduce has each embedded engine that the configurations name know all of their databases. An engine that
// runs is started anew for a database that is new to it, so that is done once for all, and before a run begins. The engines stay up until
// release is called, which can be done in any case. Servers are left alone.
func Introduce(ctx context.Context, configs ...Config) (release func(), err error) {
	var seats []*embedded.Seat
	release = sync.OnceFunc(func() {
		for _, seat := range seats {
			_ = seat.Leave()
		}
	})
	byPlace := map[string][]Config{}
	for _, config := range configs {
		if config.URL == Embedded {
			byPlace[config.place()] = append(byPlace[config.place()], config)
		}
	}
	var failures []error
	for _, place := range slices.Sorted(maps.Keys(byPlace)) {
		var databases []string
		for _, config := range byPlace[place] {
			database, failed := databaseOf(config.Database, "")
			failures = append(failures, failed)
			databases = append(databases, database)
		}
		first := byPlace[place][0]
		seat, failed := embedded.JoinAt(ctx, first.Path, embedded.Listen{Native: first.ListenNative, HTTP: first.ListenHTTP}, databases[0], databases[1:]...)
		failures = append(failures, failed)
		if failed == nil {
			seats = append(seats, seat)
		}
	}
	return release, errors.Join(failures...)
}

// join takes a seat at the embedded engine.
func (w *Warehouse) join(ctx context.Context, config Config) error {
	database, err := databaseOf(config.Database, "")
	if err != nil {
		return err
	}
	if config.MustExist {
		switch isThere, isKnown, err := embedded.Look(config.Path, database); {
		case err != nil: // Join says what is wrong with the folder
		case !isThere:
			return &AbsentError{Where: w.place}
		case !isKnown:
			return &AbsentError{Where: w.place, Database: database}
		}
	}
	if w.seat, err = embedded.JoinAt(ctx, config.Path, embedded.Listen{Native: config.ListenNative, HTTP: config.ListenHTTP}, database); err != nil {
		return err
	}
	users, passwords := access.UsersOf(database), w.seat.Passwords(database)
	w.names = access.NamesOf(database)
	w.options = &clickhouse.Options{
		Addr:        []string{w.seat.Native},
		Auth:        clickhouse.Auth{Database: w.names.Internal, Username: users.Program, Password: passwords.Program},
		DialTimeout: dialTimeout,
	}
	w.analyst = analyst{
		url:      &url.URL{Scheme: "http", Host: w.seat.HTTP, Path: "/"},
		database: w.names.Views,
		user:     users.Analyst,
		password: passwords.Analyst,
	}
	return nil
}

// unknownDatabase is the engine's code for connecting to a database that is not there.
const unknownDatabase = 81

func (w *Warehouse) connect(ctx context.Context, mustExist bool) (err error) {
	mayCreate := always
	if mustExist {
		mayCreate = func() error { return checkThere(ctx, *w.Options(), w.names, w.place) }
	}
	if w.db, err = openDatabase(ctx, w.Options(), mayCreate); err != nil {
		return err
	}
	options := in(w.names.Views, w.Options())
	if w.shownOn != "" {
		options.Settings = with(options.Settings, shownOnSetting, shownOnPrefix+w.shownOn)
	}
	w.views, err = openDatabase(ctx, options, mayCreate)
	return err
}

// always lets a database be made.
func always() error { return nil }

// The view at_newest, from which all others take their state, reads the date in this setting. It is one that the
// engine keeps for people's remarks: it has none for programs that every reader may set.
const (
	shownOnSetting = "log_comment"
	shownOnPrefix  = "shown on "
)

// in is the options for another database.
func in(database string, options *clickhouse.Options) *clickhouse.Options {
	options.Auth.Database = database
	return options
}

// openDatabase connects to a database, which is made when it is absent, unless mayCreate returns an error.
func openDatabase(ctx context.Context, options *clickhouse.Options, mayCreate func() error) (driver.Conn, error) {
	db, err := openConn(options)
	if err != nil {
		return nil, err
	}
	if err = db.Ping(ctx); exception.Code(err) == unknownDatabase {
		// Asked only now, so that a user without the right to make databases can
		// work in one that an administrator has made.
		if err = mayCreate(); err == nil {
			err = createDatabase(ctx, *options)
		}
		if err == nil {
			err = db.Ping(ctx)
		}
	}
	if err != nil {
		_ = db.Close()
		return nil, distrust(exception.Plain(err))
	}
	return utcConn{db}, nil
}

// createDatabase makes the database of the options.
func createDatabase(ctx context.Context, options clickhouse.Options) error {
	database := options.Auth.Database
	options.Auth.Database = "default"
	db, err := openConn(&options)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.Exec(ctx, creating(database)); err != nil {
		return fmt.Errorf("create database %s: %w", database, exception.Plain(err))
	}
	return nil
}

func creating(database string) string {
	return "CREATE DATABASE IF NOT EXISTS " + database + " ENGINE = Atomic"
}

// Close gives the connection back. An embedded engine that nobody else uses
// ends soon after.
func (w *Warehouse) Close() error {
	var errs []error
	for _, db := range []driver.Conn{w.db, w.views} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if w.cluster != nil {
		errs = append(errs, w.cluster.close())
	}
	if w.seat != nil {
		errs = append(errs, w.seat.Leave())
	}
	return errors.Join(errs...)
}

// Isolation is how far the embedded engine is kept apart from everybody else on the machine.
type Isolation struct {
	// IsIsolated is whether nobody reaches the engine but through the gate that looks who it is.
	IsIsolated bool
	// IsConfined is whether the engine can neither connect to anybody nor start a program.
	IsConfined bool
}

// Isolation is that of the embedded engine. A server is its administrator's: ok is false.
func (w *Warehouse) Isolation() (_ Isolation, ok bool) {
	if w.seat == nil {
		return Isolation{}, false
	}
	return Isolation{w.seat.IsIsolated, w.seat.IsConfined}, true
}

// IsRenewed is whether the embedded engine has ended since the warehouse was opened, or since it was last said to be
// renewed, and another one answers at the same addresses. It waits for that one. A server's answer
// is always no.
func (w *Warehouse) IsRenewed(ctx context.Context) bool {
	return w.seat != nil && w.seat.IsRenewed(ctx, w.names.Views)
}

// Place is which warehouse it is, for a person: the absolute path of the embedded one's folder or the
// server, and the database where that is not the usual one.
func (w *Warehouse) Place() string {
	if w.names.Views == access.Default {
		return w.place
	}
	return w.place + ", database " + w.names.Views
}

// Names are the databases of the warehouse. No statement has to name one: each connection
// begins in the one that it is for.
func (w *Warehouse) Names() Names { return w.names }

// DB is the connection that reads and writes, in the internal database. It belongs to the
// warehouse and ends with it.
func (w *Warehouse) DB() driver.Conn { return w.db }

// Views is DB in the database that people see.
func (w *Warehouse) Views() driver.Conn { return w.views }

// OpenDB opens the same connection for database/sql. The caller closes it.
func (w *Warehouse) OpenDB() *sql.DB { return openSQL(w.Options()) }

// Options are what DB was opened with, the password included, for a caller that
// wants a connection with settings of its own. They can be changed freely.
func (w *Warehouse) Options() *clickhouse.Options {
	options := *w.options
	options.Addr = slices.Clone(options.Addr)
	options.Settings = maps.Clone(options.Settings)
	if options.TLS != nil {
		options.TLS = options.TLS.Clone()
	}
	return &options
}

// Endpoints is what another program needs to read the warehouse. Printed as a whole,
// it leaves the passwords out.
type Endpoints struct {
	Native   string // host:port, for clickhouse-client and Grafana
	HTTP     string // URL, for DBeaver, Grafana and scripts
	Database string // that people see
	User     string // the analyst
	Password string // never logged

	// GrafanaUser is for a Grafana's data source, which shows what it reads to
	// everybody who may look at it.
	GrafanaUser     string
	GrafanaPassword string // never logged
}

// Format writes where the warehouse is and as whom to ask, whatever the verb.
func (e Endpoints) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "%s and %s as %s, for Grafana as %s", e.Native, e.HTTP, e.User, e.GrafanaUser)
}

// Endpoints are the embedded warehouse's addresses and its read-only users. They
// hold until Close. A server's are known to its administrator: ok is false.
func (w *Warehouse) Endpoints() (_ Endpoints, ok bool) {
	if w.seat == nil {
		return Endpoints{}, false
	}
	users, passwords := access.UsersOf(w.names.Views), w.seat.Passwords(w.names.Views)
	return Endpoints{
		Native:          w.seat.Native,
		HTTP:            w.analyst.url.String(),
		Database:        w.names.Views,
		User:            users.Analyst,
		Password:        passwords.Analyst,
		GrafanaUser:     users.Grafana,
		GrafanaPassword: passwords.Grafana,
	}, true
}

// dialTimeout is short enough for a person to wait for, and long enough for a
// server on the other side of the world.
const dialTimeout = 10 * time.Second

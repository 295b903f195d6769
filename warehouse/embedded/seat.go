package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"golang.org/x/sys/unix"

	"stagelag/warehouse/access"
	"stagelag/warehouse/exception"
)

const (
	// startTimeout bounds one start of the engine. A disk that has to bring 570 MB
	// into memory first can take its time.
	startTimeout = 60 * time.Second

	// endTimeout bounds the wait for an engine that neither answers nor ends: one
	// whose keeper was killed, or that does not know yet that it is the last.
	endTimeout = 15 * time.Second

	// askTimeout bounds the wait for an answer of an engine that is there.
	askTimeout = 3 * time.Second

	// mostStarts is how often an engine that has started may end before it is joined.
	mostStarts = 3
)

// LeasePrefix begins the ids of the queries that an engine must not be started anew under.
const LeasePrefix = "stagelag-"

// A Seat is a running engine that does not end before Leave.
type Seat struct {
	Native         string // host:port
	HTTP           string // host:port
	Keeper, Engine int    // process ids

	// IsIsolated is whether the engine is in a network of its own, where nobody reaches it but through the
	// two addresses. IsConfined is whether it cannot connect to anybody, nor start a program.
	IsIsolated, IsConfined bool

	users       *os.File // the open FIFO: its closing is the leaving
	credentials credentials
	folder      folder
}

// Join takes a seat at the engine of the folder path, starting one when there is none. Any
// number of processes can join at the same instant: one starts it. The engine then knows the
// users of the database, of more, and of every one that the folder was joined for before. Join
// makes no database.
//
// Where an engine is up that does not know the users yet, it is started anew, and all that is
// connected to it has to connect again. That does not happen under a lease: Join fails then.
func Join(ctx context.Context, path, database string, more ...string) (*Seat, error) {
	return JoinAt(ctx, path, Listen{}, database, more...)
}

// JoinAt is Join with the addresses of an engine that has to be started. One that is up stays where it is.
func JoinAt(ctx context.Context, path string, listen Listen, database string, more ...string) (*Seat, error) {
	databases := append([]string{database}, more...)
	for _, database := range databases {
		if err := access.Check(database); err != nil {
			return nil, err
		}
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	s, err := folder(path).join(ctx, listen, databases)
	if err != nil {
		return nil, fmt.Errorf("embedded in %s: %w%s", path, err, remedy(err))
	}
	return s, nil
}

// Passwords are those of the users of a database that the folder serves.
func (s *Seat) Passwords(database string) Passwords { return s.credentials[database] }

// Backups is the one folder that the engine may write backups to and read them from.
func (s *Seat) Backups() string { return s.folder.backups() }

// IsRenewed is whether the engine that the seat was taken at, or was last renewed with, has ended, and its keeper
// has started another one, which answers. It waits for that one, as long as there is a keeper.
func (s *Seat) IsRenewed(ctx context.Context, database string) bool {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		isAnswering := s.ask(s.Native, database, func(db driver.Conn) error { return db.Ping(ctx) }) == nil
		// While the next engine is being started, nothing says where it is.
		e, err := s.folder.readEndpoint()
		isKept, lockErr := s.folder.isKept()
		switch {
		case lockErr != nil || !isKept || err == nil && e.Keeper != s.Keeper:
			return false
		case isAnswering && err == nil && e.Engine != s.Engine:
			s.Engine = e.Engine
			return true
		case isAnswering && !isGone(s.Engine):
			return false
		}
		// One that ends answers no more before it is gone, and the next one answers before the file says so.
		if pause(ctx) != nil {
			return false
		}
	}
}

// isGone is whether there is no such process.
func isGone(process int) bool { return errors.Is(unix.Kill(process, 0), unix.ESRCH) }

// Leave gives the seat back. An engine that nobody else uses ends soon after.
func (s *Seat) Leave() error { return s.users.Close() }

// remedy is what a person can do about a folder that is no good.
func remedy(err error) string {
	remedies := []struct {
		errno  unix.Errno
		remedy string
	}{
		{unix.EACCES, ": make the folder writable for this user, or set warehouse.path to another one"},
		{unix.EPERM, ": make the folder writable for this user, or set warehouse.path to another one"},
		{unix.EROFS, ": set warehouse.path to a folder on a disk that can be written"},
		{unix.ENOTDIR, ": set warehouse.path to a folder"},
		{unix.ENOSPC, ": make room on the disk, or set warehouse.path to a folder on another"},
		{unix.EDQUOT, ": make room on the disk, or set warehouse.path to a folder on another"},
	}
	for _, r := range remedies {
		if errors.Is(err, r.errno) {
			return r.remedy
		}
	}
	return ""
}

func (f folder) join(ctx context.Context, listen Listen, databases []string) (*Seat, error) {
	f, err := f.secure()
	if err != nil {
		return nil, err
	}
	waiting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	starting, err := lock(waiting, f.startLock())
	if errors.Is(err, errLocked) {
		return nil, fmt.Errorf("another command has been starting or ending the engine for too long: %w", err)
	}
	if err != nil {
		return nil, err
	}
	defer starting.Close()

	credentials, err := f.readCredentials(databases...)
	if err != nil {
		return nil, err
	}
	taking, giveUp := context.WithCancel(ctx)
	defer giveUp()
	patience := time.AfterFunc(endTimeout, giveUp)
	defer patience.Stop()
	for starts := 0; ; {
		s, err := f.takeSeat(taking, credentials, databases)
		if err == nil {
			return s, nil
		}
		if exception.Code(err) != 0 || errors.Is(err, errBusy) {
			return nil, err // it answers, and says no: waiting will not help
		}
		isKept, lockErr := f.isKept()
		if lockErr != nil {
			return nil, lockErr
		}
		if !isKept {
			// The wait is for an engine that is up. A machine that is busy takes longer to
			// bring one up; one that is broken is not tried for ever.
			isPatient := starts < mostStarts && patience.Stop()
			err = f.startKeeper(ctx, listen)
			if isPatient {
				patience.Reset(endTimeout)
			}
			if starts++; err == nil {
				continue
			}
			if !errors.Is(err, errLocked) {
				return nil, err
			}
		}
		if pause(taking) != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, fmt.Errorf("an engine is there that neither answers nor ends (%w)%s", err, f.whoRuns())
		}
	}
}

// whoRuns names the processes to end, as far as they are known.
func (f folder) whoRuns() string {
	e, err := f.readEndpoint()
	if err != nil {
		return ": look for processes with the word " + keeperWord
	}
	return fmt.Sprintf(": end process %d, its engine, and %d, its keeper", e.Engine, e.Keeper)
}

// isKept tells whether a keeper or an engine is on the folder. Whoever
// holds start.lock can rely on it, but for a keeper whose starter was killed.
func (f folder) isKept() (bool, error) {
	file, err := tryLock(f.engineLock())
	if errors.Is(err, errLocked) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return false, file.Close()
}

// takeSeat joins the engine that runs, and fails when none does, or when it has not answered
// before the context ends.
func (f folder) takeSeat(ctx context.Context, c credentials, databases []string) (*Seat, error) {
	// Without a reader, which only a keeper is, this fails at once.
	users, err := openOwn(f.users(), os.O_WRONLY)
	if err != nil {
		return nil, err
	}
	s := &Seat{users: users, credentials: c, folder: f}
	if err := s.find(ctx, databases); err != nil {
		_ = users.Close()
		return nil, err
	}
	return s, nil
}

// find reads where the engine is and sees that it answers, as one that knows the databases.
func (s *Seat) find(ctx context.Context, databases []string) error {
	e, err := s.folder.readEndpoint()
	if err != nil {
		return err
	}
	if !e.serves(databases) {
		if e, err = s.renew(ctx, e, databases); err != nil {
			return err
		}
	}
	s.Native, s.HTTP, s.Keeper, s.Engine = e.Native, e.HTTP, e.Keeper, e.Engine
	s.IsIsolated, s.IsConfined = e.IsIsolated, e.IsConfined
	return s.ask(e.Native, databases[0], func(db driver.Conn) error { return db.Ping(ctx) })
}

// serves is whether the engine knows the users of all of the databases.
func (e endpoint) serves(databases []string) bool {
	return !slices.ContainsFunc(databases, func(name string) bool { return !slices.Contains(e.Databases, name) })
}

// errBusy says that the engine can't be started anew for a database.
var errBusy = errors.New("the engine has to be started anew for a database that is new in this folder, " +
	"and a run or another job of another database is under way: wait until it has ended")

// renew has the keeper start the engine anew, and returns where it is when it knows the
// databases.
func (s *Seat) renew(ctx context.Context, e endpoint, databases []string) (endpoint, error) {
	isKnown := func(database string) bool { return s.credentials[database] != Passwords{} }
	if i := slices.IndexFunc(e.Databases, isKnown); i >= 0 {
		var leases uint64
		err := s.ask(e.Native, e.Databases[i], func(db driver.Conn) error {
			return db.QueryRow(ctx, "SELECT count() FROM system.processes WHERE startsWith(query_id, ?)", LeasePrefix).Scan(&leases)
		})
		if err != nil {
			return endpoint{}, err
		}
		if leases > 0 {
			return endpoint{}, errBusy
		}
	}
	if _, err := s.users.Write([]byte{0}); err != nil {
		return endpoint{}, err
	}
	for {
		if e, err := s.folder.readEndpoint(); err == nil && e.serves(databases) {
			return e, nil
		}
		if isKept, err := s.folder.isKept(); err != nil {
			return endpoint{}, err
		} else if !isKept {
			return endpoint{}, errors.New("the engine could not be started anew")
		}
		if err := pause(ctx); err != nil {
			return endpoint{}, err
		}
	}
}

// ask does something as the program's user of a database, in no database of its own.
func (s *Seat) ask(address, database string, do func(driver.Conn) error) error {
	db, err := clickhouse.Open(&clickhouse.Options{
		Addr: []string{address},
		Auth: clickhouse.Auth{
			Database: "default", // there before ours is made
			Username: access.UsersOf(database).Program, Password: s.credentials[database].Program,
		},
		DialTimeout: time.Second,
		ReadTimeout: askTimeout,
	})
	if err != nil {
		return err
	}
	defer db.Close()
	return exception.Plain(do(db))
}

// startKeeper starts a keeper and waits until its engine is up. It returns
// errLocked when another keeper was faster. The caller holds start.lock.
func (f folder) startKeeper(ctx context.Context, listen Listen) error {
	engine, err := findEngine()
	if err != nil {
		return err
	}
	g, err := openGateports(listen)
	if err != nil {
		return err
	}
	defer g.close()
	in := reaching
	if !f.reachesOthers() {
		in = shared
		for _, wall := range walls() {
			attributes := keeperAttributes()
			wall(attributes)
			if err := f.startKeeperIn(ctx, attributes, isolated, engine, g); !errors.Is(err, errNoWall) {
				return err
			}
		}
	}
	return f.startKeeperIn(ctx, keeperAttributes(), in, engine, g)
}

// reachesOthers is whether the engine has other servers to reach, which its owner has told it of beside what
// is written anew at each start.
func (f folder) reachesOthers() bool {
	files, err := os.ReadDir(filepath.Join(f.config(), "conf.d"))
	return err == nil && len(files) > 0
}

// keeperAttributes give a keeper a session of its own: what a terminal or a shell does to the first
// command's process group must not take the engine from the second.
func keeperAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// errNoWall says that the system does not give a keeper a network of its own.
var errNoWall = errors.New("no network of its own")

func (f folder) startKeeperIn(ctx context.Context, attributes *syscall.SysProcAttr, in network, engine string, g gateports) error {
	report, reporter, err := os.Pipe()
	if err != nil {
		return err
	}
	defer report.Close()
	cmd := exec.Command(self(), keeperWord, string(f), engine, string(in))
	cmd.Args[0] = keeperName
	cmd.Dir = "/" // the command's own folder can be removed meanwhile
	cmd.Env = inherited(os.Environ())
	cmd.ExtraFiles = []*os.File{reporter, g.native, g.http}
	cmd.SysProcAttr = attributes
	err = cmd.Start()
	_ = reporter.Close()
	if err != nil && in == isolated {
		return fmt.Errorf("%w: %w", errNoWall, err)
	}
	if err != nil {
		return fmt.Errorf("start the engine's keeper: %w", err)
	}
	go func() { _ = cmd.Wait() }() // it may end long before this process does

	// A keeper that is given up on ends by itself: nobody will hold the FIFO.
	waiting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	stop := context.AfterFunc(waiting, func() { _ = report.SetReadDeadline(time.Unix(0, 0)) })
	defer stop()
	said, err := io.ReadAll(report)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("the engine has not started within %s", startTimeout)
	}
	switch what := strings.TrimSpace(string(said)); what {
	case saidReady:
		return nil
	case saidLocked:
		return fmt.Errorf("%s %w", f.engineLock(), errLocked)
	case saidNoWall:
		return errNoWall
	case "":
		return fmt.Errorf("the engine's keeper ended without a word: see %s", f.log())
	default:
		return keeperError(what)
	}
}

// A keeperError is what a keeper has said. It is again the system's error that
// it tells of, so that join can say what to do.
type keeperError string

func (e keeperError) Error() string { return string(e) }

func (e keeperError) Is(target error) bool {
	errno, ok := target.(unix.Errno)
	return ok && strings.Contains(strings.ToLower(string(e)), errno.Error())
}

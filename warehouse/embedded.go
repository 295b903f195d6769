package warehouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"golang.org/x/sys/unix"
)

const (
	// startTimeout bounds one start of the engine. A disk that has to bring 570 MB
	// into memory first can take its time.
	startTimeout = 60 * time.Second

	// endTimeout bounds the wait for an engine that neither answers nor ends: one
	// whose keeper was killed, or that does not know yet that it is the last.
	endTimeout = 15 * time.Second

	// mostStarts is how often an engine that has started may end before it is joined.
	mostStarts = 3
)

// A seat is a running embedded engine that does not end before leave.
type seat struct {
	users       *os.File // the open FIFO: its closing is the leaving
	endpoint    endpoint
	credentials credentials
	folder      folder
}

// join takes a seat at the engine of the folder, starting one when there is
// none. Any number of processes can join at the same instant: one starts it.
func join(ctx context.Context, f folder) (*seat, error) {
	s, err := f.join(ctx)
	if err != nil {
		return nil, fmt.Errorf("embedded in %s: %w%s", f, err, remedy(err))
	}
	return s, nil
}

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

func (f folder) join(ctx context.Context) (*seat, error) {
	if err := f.make(); err != nil {
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

	credentials, err := f.readCredentials()
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(endTimeout)
	for starts := 0; ; {
		s, err := f.takeSeat(ctx, deadline, credentials)
		if err == nil {
			return s, nil
		}
		if exceptionCode(err) != 0 {
			return nil, err // it answers, and says no: waiting will not help
		}
		free, lockErr := f.isFree()
		if lockErr != nil {
			return nil, lockErr
		}
		if free {
			err = f.startKeeper(ctx)
			if starts++; err == nil {
				// The wait is for an engine that is up. A machine that is busy takes
				// longer to bring one up; one that is broken is not tried for ever.
				if starts <= mostStarts {
					deadline = time.Now().Add(endTimeout)
				}
				continue
			}
			if !errors.Is(err, errLocked) {
				return nil, err
			}
		}
		if err := pause(ctx); err != nil {
			return nil, err
		}
		if time.Now().After(deadline) {
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

// isFree tells whether neither a keeper nor an engine is on the folder. Whoever
// holds start.lock can rely on it, but for a keeper whose starter was killed.
func (f folder) isFree() (bool, error) {
	file, err := tryLock(f.engineLock())
	if errors.Is(err, errLocked) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, file.Close()
}

// takeSeat joins the engine that runs, and fails when none does, or when it has not answered by
// the deadline.
func (f folder) takeSeat(ctx context.Context, deadline time.Time, c credentials) (*seat, error) {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	// Without a reader, which only a keeper is, this fails at once.
	users, err := os.OpenFile(f.users(), os.O_WRONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	s := &seat{users: users, credentials: c, folder: f}
	if s.endpoint, err = f.readEndpoint(); err == nil {
		err = s.ping(ctx)
	}
	if err != nil {
		_ = users.Close()
		return nil, err
	}
	return s, nil
}

func (s *seat) ping(ctx context.Context) error {
	options := s.options()
	options.Auth.Database = "default" // there before the first Open makes ours
	options.DialTimeout = time.Second
	options.ReadTimeout = 3 * time.Second
	db, err := clickhouse.Open(options)
	if err != nil {
		return err
	}
	defer db.Close()
	return plain(db.Ping(ctx))
}

func (s *seat) leave() error { return s.users.Close() }

func (s *seat) options() *clickhouse.Options {
	return &clickhouse.Options{
		Addr:        []string{s.endpoint.Native},
		Auth:        clickhouse.Auth{Database: Database, Username: "stagelag", Password: s.credentials.Stagelag},
		DialTimeout: dialTimeout,
	}
}

func (s *seat) analyst() analyst {
	return analyst{
		url:      &url.URL{Scheme: "http", Host: s.endpoint.HTTP, Path: "/"},
		user:     "analyst",
		password: s.credentials.Analyst,
	}
}

// startKeeper starts a keeper and waits until its engine is up. It returns
// errLocked when another keeper was faster. The caller holds start.lock.
func (f folder) startKeeper(ctx context.Context) error {
	engine, err := findEngine()
	if err != nil {
		return err
	}
	report, reporter, err := os.Pipe()
	if err != nil {
		return err
	}
	defer report.Close()
	cmd := exec.Command(self(), keeperWord, string(f), engine)
	cmd.Args[0] = "stagelag"
	cmd.Dir = "/" // the command's own folder can be removed meanwhile
	cmd.ExtraFiles = []*os.File{reporter}
	// A session of its own: what a terminal or a shell does to the first
	// command's process group must not take the engine from the second.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	_ = reporter.Close()
	if err != nil {
		return fmt.Errorf("start the engine's keeper: %w", err)
	}
	go func() { _ = cmd.Wait() }() // it may end long before this process does

	// A keeper that is given up on ends by itself: nobody will hold the FIFO.
	stop := context.AfterFunc(ctx, func() { _ = report.SetReadDeadline(time.Now()) })
	defer stop()
	_ = report.SetReadDeadline(time.Now().Add(startTimeout))
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

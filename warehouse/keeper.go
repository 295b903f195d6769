package warehouse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// The hidden words that make this program a keeper or an engine.
const (
	keeperWord = "engine-keeper"
	engineWord = "engine-exec"
)

// What a keeper says to the command that started it, if not an error.
const (
	saidReady  = "ready"
	saidLocked = "locked"
)

// RunEngineIfAsked turns this process into a part of an embedded warehouse, and
// does not return, when it was started to be one. Otherwise it does nothing.
func RunEngineIfAsked() {
	if len(os.Args) < 4 {
		return
	}
	switch os.Args[1] {
	case keeperWord:
		report := os.NewFile(3, "report")
		err := keep(folder(os.Args[2]), os.Args[3], report)
		fmt.Fprintln(report, err) // to nobody, when the engine had been up
		os.Exit(1)
	case engineWord:
		fmt.Fprintln(os.Stderr, runLibrary(os.Args[2], os.Args[3:]))
		os.Exit(1)
	}
}

// A keeper starts an engine and ends it when nobody uses it any more.
type keeper struct {
	folder folder
	users  int // the reading end of the FIFO
	engine atomic.Pointer[engine]
	gate   *gate
}

// An engine that does not live as long would not live longer the next time.
const shortLife = 2 * time.Second

// keep returns only with what went wrong: a keeper that is not needed any more exits.
func keep(f folder, engineFile string, report io.WriteCloser) error {
	// The kernel ends the engine with the thread that started it, see dieWithParent.
	runtime.LockOSThread()
	// A shell that goes away means nothing to the other commands.
	signal.Ignore(unix.SIGHUP, unix.SIGINT, unix.SIGPIPE)
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, unix.SIGTERM)

	engineLock, err := tryLock(f.engineLock())
	if errors.Is(err, errLocked) {
		return errors.New(saidLocked)
	}
	if err != nil {
		return err
	}
	k := &keeper{folder: f}
	if k.users, err = unix.Open(f.users(), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0); err != nil {
		return fmt.Errorf("open %s: %w", f.users(), err)
	}
	if err := k.start(engineFile, engineLock); err != nil {
		return err
	}
	go k.revive(engineFile, engineLock)
	go func() {
		<-terminated
		k.engine.Load().stop()
		k.end(0)
	}()
	fmt.Fprintln(report, saidReady)
	_ = report.Close()
	return k.serve()
}

// start starts an engine and makes it one that others can join.
func (k *keeper) start(engineFile string, engineLock *os.File) error {
	e, err := startEngine(k.folder, engineFile, engineLock)
	if err != nil {
		return err
	}
	if err := k.publish(e); err != nil {
		e.stop()
		return err
	}
	return nil
}

// revive starts another engine whenever one ends that was not told to: it ends over
// what it takes for a failure of its own, a client that vanished at the wrong moment
// among others, and those who use it should not have to come again for that.
func (k *keeper) revive(engineFile string, engineLock *os.File) {
	runtime.LockOSThread() // see keep
	for {
		e, begun := k.engine.Load(), time.Now()
		<-e.ended
		if e.stopping.Load() {
			select {} // the keeper ends, and with this thread its engine would
		}
		// What it said last is for whoever wonders.
		_ = os.Rename(k.folder.log(), k.folder.log()+".ended")
		if time.Since(begun) < shortLife || k.start(engineFile, engineLock) != nil {
			// With this process the FIFO has no reader, so the next command sees
			// that there is no engine, and starts one.
			k.end(1)
		}
	}
}

// publish leads the gate to the engine and tells where that is.
func (k *keeper) publish(e *engine) error {
	credentials, err := k.folder.readCredentials()
	if err != nil {
		return err
	}
	if err := e.createDatabase(credentials); err != nil {
		return err
	}
	k.engine.Store(e)
	if k.gate == nil {
		if k.gate, err = openGate(k.folder, k.engine.Load, credentials); err != nil {
			return err
		}
	}
	content, err := json.Marshal(endpoint{
		Native: k.gate.native.Addr().String(),
		HTTP:   k.gate.http.Addr().String(),
		Keeper: os.Getpid(),
		Engine: e.cmd.Process.Pid,
	})
	if err != nil {
		return err
	}
	return replace(k.folder.endpoint(), append(content, '\n'))
}

// serve returns when nobody uses the engine and it has ended.
func (k *keeper) serve() error {
	for {
		starting, err := lock(context.Background(), k.folder.startLock())
		if err != nil {
			return err
		}
		used, err := k.isUsed()
		if err != nil {
			return err
		}
		if !used {
			// start.lock is kept to the end: a command that comes now waits, and
			// finds no engine rather than half of one.
			k.engine.Load().stop()
			k.end(0)
		}
		_ = starting.Close()
		if err := k.waitUntilUnused(); err != nil {
			return err
		}
	}
}

func (k *keeper) end(code int) {
	os.Remove(k.folder.endpoint())
	os.Exit(code)
}

// isUsed tells whether anybody has the FIFO open for writing.
func (k *keeper) isUsed() (bool, error) {
	if err := unix.SetNonblock(k.users, true); err != nil {
		return false, err
	}
	n, err := unix.Read(k.users, make([]byte, 1))
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
		return true, nil
	}
	return n > 0, err
}

// waitUntilUnused reads the FIFO to its end, in a plain blocking read: Go's
// poller does not see the end of a FIFO on every system.
func (k *keeper) waitUntilUnused() error {
	if err := unix.SetNonblock(k.users, false); err != nil {
		return err
	}
	for {
		n, err := unix.Read(k.users, make([]byte, 1))
		if err == nil && n == 0 {
			return nil
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// self is this program, also after its file was replaced by a newer build.
func self() string {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe"
	}
	name, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return name
}

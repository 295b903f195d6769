package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The hidden words that make this program a keeper or an engine.
const (
	keeperWord = "engine-keeper"
	engineWord = "engine-exec"
)

// The names of their processes. A signal that is meant for the commands, which are found as stagelag, is
// not for these. Linux shows fifteen characters.
const (
	keeperName = "stagelag-keeper"
	engineName = "stagelag-engine"
)

// What a keeper says to the command that started it, if not an error.
const (
	saidReady  = "ready"
	saidLocked = "locked"
	saidNoWall = "no wall" // the network of its own that it was started in is of no use
)

// A network is the one that a keeper is started in.
type network string

const (
	isolated network = "isolated" // one of its own
	shared   network = "shared"   // the machine's
	reaching network = "reaching" // the machine's, with an engine that connects to others
)

// RunIfAsked turns this process into a part of an embedded warehouse, and does not return,
// when it was started to be one. Otherwise it does nothing.
func RunIfAsked() {
	if len(os.Args) < 4 {
		return
	}
	switch os.Args[1] {
	case keeperWord:
		if len(os.Args) < 5 {
			return
		}
		nameProcess(keeperName)
		// The engine must not hold the ports when the keeper is gone.
		syscall.CloseOnExec(4)
		syscall.CloseOnExec(5)
		report, ports := os.NewFile(3, "report"), gateports{os.NewFile(4, "native"), os.NewFile(5, "http")}
		err := keep(folder(os.Args[2]), os.Args[3], network(os.Args[4]), ports, report)
		fmt.Fprintln(report, err) // to nobody, when the engine had been up
		os.Exit(1)
	case engineWord:
		nameProcess(engineName)
		fmt.Fprintln(os.Stderr, runEngine(os.Args[2], os.Args[3], os.Args[4:]))
		os.Exit(1)
	}
}

// A keeper starts an engine and ends it when nobody uses it any more.
type keeper struct {
	folder     folder
	engineFile string
	network    network
	ports      gateports
	engineLock *os.File
	users      int           // the reading end of the FIFO
	asked      chan struct{} // to start the engine anew
	ending     context.Context
	beginEnd   context.CancelFunc
	engine     atomic.Pointer[engine]
	gate       *gate
}

// An engine that does not live as long would not live longer the next time.
const shortLife = 2 * time.Second

// keep returns only with what went wrong: a keeper that is not needed any more exits.
func keep(f folder, engineFile string, in network, ports gateports, report io.WriteCloser) error {
	// A shell that goes away means nothing to the other commands.
	signal.Ignore(unix.SIGHUP, unix.SIGINT, unix.SIGPIPE)
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, unix.SIGTERM)
	// The engine makes its files for its group, too, unless this forbids it.
	unix.Umask(int(openToOthers))

	engineLock, err := tryLock(f.engineLock())
	if errors.Is(err, errLocked) {
		return errors.New(saidLocked)
	}
	if err != nil {
		return err
	}
	k := &keeper{folder: f, engineFile: engineFile, network: in, ports: ports, engineLock: engineLock, asked: make(chan struct{})}
	k.ending, k.beginEnd = context.WithCancel(context.Background())
	if k.users, err = unix.Open(f.users(), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0); err != nil {
		return fmt.Errorf("open %s: %w", f.users(), err)
	}
	started := make(chan error)
	go k.run(started)
	if err := <-started; err != nil {
		return err
	}
	go func() {
		<-terminated
		k.end(0)
	}()
	fmt.Fprintln(report, saidReady)
	_ = report.Close()
	return k.serve()
}

// run starts the engine, tells how that went, and starts another one whenever it has ended or
// the keeper is asked to: an engine ends over what it takes for a failure of its own, and those
// who use it should not have to come again for that.
func (k *keeper) run(started chan<- error) {
	// The kernel ends an engine with the thread that started it, see dieWithParent.
	runtime.LockOSThread()
	if k.network == isolated && openLoopback() != nil {
		started <- errors.New(saidNoWall)
		return
	}
	err := k.start()
	started <- err
	for err == nil {
		e, grown := k.engine.Load(), time.After(shortLife)
		isAsked := false
		select {
		case <-k.asked:
			isAsked = true
			k.gate.cut()
			e.stop()
		case <-e.ended:
		}
		if k.ending.Err() != nil {
			select {} // with this thread an engine would end that still puts its data away
		}
		// What the last one said is for whoever wonders.
		_ = os.Rename(k.folder.log(), k.folder.lastLog())
		select {
		case <-grown:
		default:
			if !isAsked {
				k.giveUp(fmt.Errorf("the engine has ended within %s of its start", shortLife))
			}
		}
		if err = k.start(); err != nil {
			k.giveUp(fmt.Errorf("start the engine again: %w", err))
		}
	}
}

// giveUp ends the keeper, and leaves the reason in the log of the engine. With this process
// the FIFO has no reader, so the next command sees that there is no engine, and starts one.
func (k *keeper) giveUp(reason error) {
	if log, err := openOwn(k.folder.lastLog(), os.O_WRONLY|os.O_CREATE|os.O_APPEND); err == nil {
		fmt.Fprintln(log, reason)
		_ = log.Close()
	}
	os.Remove(k.folder.endpoint())
	os.Exit(1)
}

// start starts an engine and makes it one that others can join.
func (k *keeper) start() error {
	c, err := k.folder.readCredentials()
	if err != nil {
		return err
	}
	e, err := startEngine(k.folder, k.engineFile, k.engineLock, c, k.network != reaching && canConfine())
	if err != nil {
		return err
	}
	if err := k.publish(e); err != nil {
		e.stop()
		return err
	}
	return nil
}

// publish leads the gate to the engine and tells where that is.
func (k *keeper) publish(e *engine) error {
	k.engine.Store(e)
	if k.gate == nil {
		var err error
		if k.gate, err = openGate(k, k.ports); err != nil {
			return err
		}
	}
	content, err := json.Marshal(endpoint{
		Native:    k.gate.native.Addr().String(),
		HTTP:      k.gate.http.Addr().String(),
		Keeper:    os.Getpid(),
		Engine:    e.cmd.Process.Pid,
		Databases: e.credentials.databases(),

		IsIsolated: k.network == isolated,
		IsConfined: e.isConfined,
	})
	if err != nil {
		return err
	}
	return replace(k.folder.endpoint(), append(content, '\n'))
}

// What is in the FIFO.
type usage int

const (
	isUsed   usage = iota // nothing, but somebody may still write
	isAsking              // a byte, which asks for the engine to be started anew
	isUnused              // its end: nobody has it open for writing
)

// serve returns only with what went wrong.
func (k *keeper) serve() error {
	for {
		found, err := k.read(true)
		for err == nil && found == isUnused {
			// start.lock is kept to the end: a command that comes now waits, and finds no
			// engine rather than half of one.
			var starting *os.File
			if starting, err = tryLock(k.folder.startLock()); err == nil {
				if found, err = k.read(false); err == nil && found == isUnused {
					k.end(0)
				}
				_ = starting.Close()
				continue
			}
			if !errors.Is(err, errLocked) {
				return err
			}
			// The one that joins may ask for something, with the lock in its hands.
			if found, err = k.read(false); found == isUnused && err == nil {
				err = pause(context.Background())
			}
		}
		if err != nil {
			return err
		}
		if found == isAsking {
			k.asked <- struct{}{}
		}
	}
}

// end stops the engine and ends the keeper.
func (k *keeper) end(code int) {
	k.beginEnd()
	k.gate.cut()
	k.engine.Load().stop()
	os.Remove(k.folder.endpoint())
	os.Exit(code)
}

// read looks into the FIFO, and waits for something to be there or for its end where it is
// told to. That is a plain blocking read: Go's poller does not see the end of a FIFO on every
// system.
func (k *keeper) read(waits bool) (usage, error) {
	if err := unix.SetNonblock(k.users, !waits); err != nil {
		return isUsed, err
	}
	for {
		n, err := unix.Read(k.users, make([]byte, 1))
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return isUsed, nil
		case err != nil:
			return isUsed, err
		case n > 0:
			return isAsking, nil
		default:
			return isUnused, nil
		}
	}
}

// needed are the variables that a keeper takes over from the command that starts it: what finds
// programs, libraries and folders. Those of tests begin with testPrefix, or are Go's.
var needed = []string{"PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "GORACE", "GOCOVERDIR"}

const testPrefix = "STAGELAG_TEST_ENGINE_"

// isNeeded is whether a keeper gets a variable, given as NAME=value. A command's environment holds the webhook
// and passwords, and the keeper may outlive the command by hours.
func isNeeded(variable string) bool {
	name, _, _ := strings.Cut(variable, "=")
	return slices.Contains(needed, name) || strings.HasPrefix(name, testPrefix)
}

// inherited are the variables of a command that a keeper gets.
func inherited(environment []string) []string {
	return slices.DeleteFunc(slices.Clone(environment), func(variable string) bool { return !isNeeded(variable) })
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

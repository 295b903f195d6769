package embedded

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
	"golang.org/x/sys/unix"

	"stagelag/warehouse/exception"
)

// ZoneVariable names the time zone of engines that are started, where that is not UTC: for tests, to which
// an engine stands for a server.
const ZoneVariable = "STAGELAG_TEST_ENGINE_ZONE"

// MemoryVariable gives the bytes that engines which are started may use in all, where that is not a part of the
// machine's memory: for tests of what happens when they are used up.
const MemoryVariable = "STAGELAG_TEST_ENGINE_MEMORY"

// TemporaryVariable gives the bytes that the queries of engines which are started may put on the disk for as long as
// they run, where that is not a part of what is free on it: for tests of what happens when they are used up.
const TemporaryVariable = "STAGELAG_TEST_ENGINE_TEMPORARY"

// temporaryLimit is how many bytes that is: a quarter of what is free, so that the warehouse has room to grow
// whatever readers ask.
func temporaryLimit(folder string) string {
	var disk unix.Statfs_t
	if err := unix.Statfs(folder, &disk); err != nil {
		return "10000000000"
	}
	return strconv.FormatUint(max(disk.Bavail*uint64(disk.Bsize)/4, 1), 10) // 0 would be no limit
}

// An engine is a running engine.
type engine struct {
	native, http string // host:port
	credentials  credentials
	cmd          *exec.Cmd
	listening    *os.File      // it listens when it has read this to the end
	stdin        *os.File      // its last query reads this to the end
	ended        chan struct{} // closed when the process is gone
	isConfined   bool          // see confine
}

// The confinements that an engine is started in.
const (
	confined   = "confined" // see confine
	unconfined = "unconfined"
)

// startEngine returns when the engine listens, which it does not begin before all that keeps others
// off stands. The engine holds the lock too, as long as it lives.
func startEngine(f folder, file string, engineLock *os.File, c credentials, isConfined bool) (*engine, error) {
	if err := f.writeConfig(c); err != nil {
		return nil, err
	}
	for _, name := range []string{f.endpoint(), f.started(), f.ports()} {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	if err := writeOwn(f.log(), nil); err != nil {
		return nil, err
	}
	log, err := openOwn(f.log(), os.O_WRONLY|os.O_APPEND)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	if err := os.MkdirAll(f.cwd(), 0o700); err != nil {
		return nil, err
	}

	arguments := []string{
		"--config-file=" + filepath.Join(f.config(), "engine.xml"),
		"--path=" + f.data(),
		"--log-level=none",
		// Port 0 lets the system choose, and with one host there is one choice.
		"--listen_host=127.0.0.1", "--tcp_port=0", "--http_port=0",
		"--queries-file", f.startQueries(),
		"--queries-file", fmt.Sprintf("/dev/fd/%d", listeningFile),
		"--queries-file", "/dev/stdin",
	}
	in := unconfined
	if isConfined {
		in = confined
	}
	cmd := exec.Command(self(), append([]string{engineWord, in, file}, arguments...)...)
	cmd.Args[0] = engineName
	stdin, hold, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer stdin.Close()
	queries, listening, err := os.Pipe()
	if err != nil {
		_ = hold.Close()
		return nil, err
	}
	defer queries.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, log, log
	cmd.ExtraFiles = []*os.File{engineLock, queries} // from 3 on
	cmd.Dir = f.cwd()
	// Not all of ours: what stands in the environment of the first command, such
	// as the keys of a cloud, is not for everybody's queries.
	cmd.Env = c.environment()
	for _, name := range []string{"PATH", "HOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"} {
		if value, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.Env = append(cmd.Env,
		"STAGELAG_USERS_CONFIG="+filepath.Join(f.config(), "users.xml"),
		"STAGELAG_TMP_PATH="+filepath.Join(f.data(), "tmp")+"/",
		"STAGELAG_BACKUPS_PATH="+f.backups(),
		"STAGELAG_MEMORY="+cmp.Or(os.Getenv(MemoryVariable), "0"),
		"STAGELAG_TEMPORARY="+cmp.Or(os.Getenv(TemporaryVariable), temporaryLimit(f.data())),
		// Dates and times without a zone mean the same on every machine: the engine takes its zone
		// from here, and not from its configuration.
		"TZ="+cmp.Or(os.Getenv(ZoneVariable), "UTC"),
		// The library's threads are none of Go's, which preempts with signals.
		"GODEBUG=asyncpreemptoff=1", "GOTRACEBACK=none",
	)
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	dieWithParent(cmd.SysProcAttr)

	e := &engine{credentials: c, cmd: cmd, listening: listening, stdin: hold, ended: make(chan struct{}), isConfined: isConfined}
	if err := cmd.Start(); err != nil {
		_ = listening.Close()
		_ = hold.Close()
		return nil, fmt.Errorf("start the engine %s: %w", file, err)
	}
	go func() {
		_ = cmd.Wait()
		close(e.ended)
	}()
	if err := e.waitUntilUp(f, file); err != nil {
		e.stop()
		return nil, err
	}
	return e, nil
}

// listeningFile is the file in which the engine gets the queries that let it listen.
const listeningFile = 4

// waitUntilUp waits until the engine has come up, closes what was open for that, and then lets it
// listen.
func (e *engine) waitUntilUp(f folder, file string) error {
	deadline := time.After(startTimeout)
	version, err := e.told(f, file, f.started(), 1, deadline)
	if err != nil {
		return err
	}
	if err := f.checkVersion(version[0]); err != nil {
		return err
	}
	// The engine gives a query that reads a file by its name, which every
	// user may call, the files below its working directory, and takes any
	// path for being below. Without a working directory it gives none.
	if err := os.Remove(f.cwd()); err != nil {
		return err
	}
	_, err = e.listening.WriteString(f.listenQueries())
	// An engine that has ended says more about itself than its pipe does.
	if err := errors.Join(err, e.listening.Close()); err != nil && !errors.Is(err, unix.EPIPE) {
		return err
	}
	ports, err := e.told(f, file, f.ports(), 2, deadline)
	if err != nil {
		return err
	}
	e.native = net.JoinHostPort("127.0.0.1", ports[0])
	e.http = net.JoinHostPort("127.0.0.1", ports[1])
	return nil
}

// told waits until the engine has written so many words into a file.
func (e *engine) told(f folder, file, name string, words int, deadline <-chan time.Time) ([]string, error) {
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-e.ended:
			return nil, fmt.Errorf("the engine %s does not start: %s%s", file, lastWords(f.log()), f.engineHint(file))
		case <-deadline:
			return nil, fmt.Errorf("the engine %s has not started within %s", file, startTimeout)
		case <-look.C:
		}
		// The line's end tells that it is whole.
		content, err := readOwn(name)
		if err != nil || !strings.HasSuffix(string(content), "\n") {
			continue
		}
		fields := strings.Fields(string(content))
		if len(fields) != words {
			return nil, fmt.Errorf("the engine %s wrote %q into %s", file, content, name)
		}
		return fields, nil
	}
}

// stop ends the engine: by its last query, which waits for connections that are
// open, then by force. Data that was written is safe either way.
func (e *engine) stop() {
	_ = e.listening.Close()
	_ = e.stdin.Close()
	for _, signal := range []os.Signal{unix.SIGTERM, unix.SIGKILL} {
		select {
		case <-e.ended:
			return
		case <-time.After(2 * time.Second):
			_ = e.cmd.Process.Signal(signal)
		}
	}
	<-e.ended
}

// checkVersion refuses data that a newer engine has written, and notes this
// one's version. Within a release (26.7) going back is safe.
func (f folder) checkVersion(version string) error {
	content, err := readOwn(f.lastEngine())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	last := strings.TrimSpace(string(content))
	if last == version {
		return nil
	}
	if older(version, last) {
		return fmt.Errorf("its data was written by ClickHouse %s and this engine is %s: name a newer engine in STAGELAG_ENGINE, or set warehouse.path to another folder", last, version)
	}
	return replace(f.lastEngine(), []byte(version+"\n"))
}

// older compares the releases of two versions such as 26.7.2.1.
func older(version, last string) bool {
	a, b := strings.Split(version, "."), strings.Split(last, ".")
	for i := range min(2, len(a), len(b)) {
		x, _ := strconv.Atoi(a[i])
		y, _ := strconv.Atoi(b[i])
		if x != y {
			return x < y
		}
	}
	return false
}

// engineHint says what else can be the matter with an engine that was not chosen
// by us.
func (f folder) engineHint(file string) string {
	if content, err := readOwn(f.lastEngine()); err == nil {
		return fmt.Sprintf(" (its data was written by ClickHouse %s)", strings.TrimSpace(string(content)))
	}
	if !isLibrary(file) {
		return " (ClickHouse 26.6 or newer is needed)"
	}
	return ""
}

// lastWords is the line of a log that says most, for an error.
func lastWords(name string) string {
	content, err := readOwn(name)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	for _, line := range lines {
		if e := exception.Parse(line); e != nil {
			return e.Error()
		}
	}
	if last := lines[len(lines)-1]; last != "" {
		return last
	}
	return "it said nothing"
}

func isLibrary(file string) bool {
	return strings.HasSuffix(file, ".so") || strings.HasSuffix(file, ".dylib")
}

// runEngine turns this process into clickhouse local, and returns only with what went wrong.
func runEngine(in, file string, arguments []string) error {
	if in == confined {
		// A filter is for all threads only if none has one that the others don't have.
		runtime.LockOSThread()
		if err := confine(!isLibrary(file)); err != nil {
			return err
		}
	}
	if isLibrary(file) {
		return runLibrary(file, arguments)
	}
	err := syscall.Exec(file, append([]string{file, "local"}, arguments...), os.Environ())
	return fmt.Errorf("start %s: %w", file, err)
}

// runLibrary runs clickhouse local from libchdb. It returns when the last query
// has ended, with what went wrong; what an exception said is already on standard
// error then.
func runLibrary(file string, arguments []string) error {
	runtime.LockOSThread()
	library, err := purego.Dlopen(file, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return fmt.Errorf("load %s: %w", file, err)
	}
	run, err := purego.Dlsym(library, "chdb_query_cmdline")
	if err != nil {
		return fmt.Errorf("load %s: %w", file, err)
	}
	// The library would spend seconds on a report for its developers before it
	// lets a failure end the process, and answers nobody meanwhile. It has been seen
	// to fail at its very end, after all data was put away.
	if handle, err := purego.Dlsym(library, "chdb_set_signal_handlers_enabled"); err == nil {
		purego.SyscallN(handle, 0)
	}
	if err := callMain(run, append([]string{"clickhouse-local"}, arguments...)); err != nil {
		return err
	}
	// The result holds what the queries printed, and that was nothing. Going on
	// in Go after the library has shut its threads down is asking for trouble.
	syscall.Exit(0)
	return nil
}

// callMain calls a C function of the kind of main, and returns when that does.
func callMain(function uintptr, arguments []string) error {
	argv := make([]*byte, 0, len(arguments)+1)
	var pinned runtime.Pinner
	// Only what comes after the call keeps the pins to its end: the garbage collector
	// ends a process that lets go of them in the middle.
	defer pinned.Unpin()
	for _, argument := range arguments {
		p, err := unix.BytePtrFromString(argument)
		if err != nil {
			return err
		}
		pinned.Pin(p)
		argv = append(argv, p)
	}
	argc := len(argv)
	argv = append(argv, nil)
	pinned.Pin(&argv[0])
	purego.SyscallN(function, uintptr(argc), uintptr(unsafe.Pointer(&argv[0])))
	return nil
}

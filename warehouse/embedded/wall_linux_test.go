package embedded

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// confineVariable makes the test binary a process that gives up what an engine does.
const confineVariable = "EMBEDDED_TEST_CONFINE"

func init() {
	if target := os.Getenv(confineVariable); target != "" {
		if err := confinedProcess(target); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

// canIsolate is whether the system gives a process a network of its own, tried with another program.
func canIsolate(t *testing.T) bool {
	t.Helper()
	return slices.ContainsFunc(walls(), func(wall func(*syscall.SysProcAttr)) bool {
		cmd := exec.Command("true")
		cmd.SysProcAttr = &syscall.SysProcAttr{}
		wall(cmd.SysProcAttr)
		return cmd.Run() == nil
	})
}

// networkOf names the network that a process is in.
func networkOf(t *testing.T, process int) string {
	t.Helper()
	name, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", process))
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// inProc reads a file of a process in /proc.
func inProc(t *testing.T, process int, name string) string {
	t.Helper()
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", process, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// own are the ports that an engine itself listens on.
func own(t *testing.T, f folder) []string {
	t.Helper()
	content, err := os.ReadFile(f.ports())
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(content))
}

// Where the system has networks for processes, nobody but the keeper reaches the engine, and from there
// no way leads out. People come through the gate, which is in the network of the machine.
func TestTheEngineIsInANetworkOfItsOwn(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s := mustJoin(t, path)
	mustExec(t, connect(t, s), "SELECT 1")
	if want := canIsolate(t); s.IsIsolated != want {
		t.Fatalf("the engine is isolated: %t, want %t", s.IsIsolated, want)
	}
	if got := networkOf(t, s.Engine) != networkOf(t, os.Getpid()); got != s.IsIsolated {
		t.Errorf("the engine is in another network: %t, and said to be isolated: %t", got, s.IsIsolated)
	}
	for _, port := range own(t, folder(path)) {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if reached := err == nil; reached == s.IsIsolated {
			t.Errorf("the engine's own port is reached: %t, and it is said to be isolated: %t", reached, s.IsIsolated)
		}
		if err == nil {
			c.Close()
		}
	}
	routes := strings.Count(inProc(t, s.Engine, "net/route"), "\n") - 1 // of which one is the heading
	if s.IsIsolated && routes != 0 {
		t.Errorf("from the engine there are %d routes, want none:\n%s", routes, inProc(t, s.Engine, "net/route"))
	}
}

// An engine whose owner has told it of other servers reaches them, and its own ports are open.
func TestAnEngineWithOtherServersReachesThem(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	servers := filepath.Join(folder(path).config(), "conf.d")
	if err := os.MkdirAll(servers, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(servers, "servers.xml"), []byte("<clickhouse/>"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := mustJoin(t, path)
	if s.IsIsolated || s.IsConfined || networkOf(t, s.Engine) != networkOf(t, os.Getpid()) {
		t.Errorf("the engine is isolated: %t, confined: %t, in network %s, want it in this one", s.IsIsolated, s.IsConfined, networkOf(t, s.Engine))
	}
	// Here the user of the start queries can be reached beside the gate. It has little.
	tests := []struct {
		name, sql, want string
		status          int
	}{
		{"it reads nothing", "SELECT * FROM system.processes", "ACCESS_DENIED", 500},
		{"it starts no other listening", "SYSTEM START LISTEN MYSQL", "QUOTA_EXCEEDED", 500},
		{"it has one thread", "SELECT getSetting('max_threads')", "1\n", 200},
		{"it has little memory", "SELECT getSetting('max_memory_usage')", "100000000\n", 200},
		{"it has little time", "SELECT getSetting('max_execution_time')", "10\n", 200},
		{"it takes no more threads", "SELECT 1 SETTINGS max_threads = 2", "SETTING_CONSTRAINT_VIOLATION", 500},
		{"it takes no more memory", "SELECT 1 SETTINGS max_memory_usage = 0", "SETTING_CONSTRAINT_VIOLATION", 500},
		{"it takes no more time", "SELECT 1 SETTINGS max_execution_time = 0", "SETTING_CONSTRAINT_VIOLATION", 500},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, text := askAsStartUser(t, "127.0.0.1:"+own(t, folder(path))[1], test.sql)
			if !strings.Contains(text, test.want) || status != test.status {
				t.Errorf("%s: %d %q, want %d and %q", test.sql, status, text, test.status, test.want)
			}
		})
	}
}

// A confined process is connected to and answers, and connects to nobody, in whichever way.
func TestAConfinedProcessConnectsToNobody(t *testing.T) {
	t.Parallel()
	if !canConfine() {
		t.Fatal("the system cannot confine a process: run the tests where it can")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), confineVariable+"="+listener.Addr().String())
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	var address string
	if _, err := fmt.Fscanln(out, &address); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	answer, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	const want = "tcp: refused\nudp: refused\nunix: refused\na datagram: refused\na program: refused\n"
	if string(answer) != want {
		t.Errorf("the process says\n%s, want\n%s", answer, want)
	}
}

// confinedProcess confines itself, listens, and answers the first who comes with what it tried.
func confinedProcess(target string) error {
	file, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	datagrams, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := confine(false); err != nil {
		return err
	}
	fmt.Println(file.Addr())
	c, err := file.Accept()
	if err != nil {
		return err
	}
	defer c.Close()
	dial := func(network, address string) error {
		c, err := net.Dial(network, address)
		if err == nil {
			_ = c.Close()
		}
		return err
	}
	to, err := net.ResolveUDPAddr("udp", target)
	if err != nil {
		return err
	}
	_, sent := datagrams.WriteTo([]byte{0}, to)
	for _, tried := range []struct {
		what string
		err  error
	}{
		{"tcp", dial("tcp", target)},
		{"udp", dial("udp", target)},
		{"unix", dial("unix", "@nobody")},
		{"a datagram", sent},
		{"a program", exec.Command("/proc/self/exe").Start()},
	} {
		said := "refused"
		if !errors.Is(tried.err, unix.EPERM) {
			said = fmt.Sprint(tried.err)
		}
		if _, err := fmt.Fprintf(c, "%s: %s\n", tried.what, said); err != nil {
			return err
		}
	}
	return nil
}

// An engine is confined unless it has others to reach.
func TestTheEngineIsConfined(t *testing.T) {
	t.Parallel()
	s := mustJoin(t, newPath(t))
	if want := canConfine(); s.IsConfined != want {
		t.Errorf("the engine is confined: %t, want %t", s.IsConfined, want)
	}
	if status := inProc(t, s.Engine, "status"); s.IsConfined && (!strings.Contains(status, "\nSeccomp:\t2\n") || !strings.Contains(status, "\nNoNewPrivs:\t1\n")) {
		t.Errorf("the engine is said to be confined, and its status is\n%s", status)
	}
}

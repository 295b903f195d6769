package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"stagelag/simulator"
	"stagelag/warehouse/warehousetest"
)

// A watched command runs while its log is read.
type watched struct {
	t   *testing.T
	cmd *exec.Cmd

	mu  sync.Mutex
	log bytes.Buffer
	// seen is how much of the log expect has gone through.
	seen int
}

func (w *watched) Write(text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(text)
}

func (w *watched) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.String()
}

// follow starts a command in the folder.
func follow(t *testing.T, folder string, args ...string) *watched {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{t: t, cmd: exec.Command(self, args...)}
	w.cmd.Args[0] = "stagelag"
	w.cmd.Dir = folder
	w.cmd.Stderr = w
	w.cmd.Env = append(os.Environ(), "STAGELAG_SCHEDULE_LISTEN=127.0.0.1:0")
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = w.cmd.Process.Kill()
		_ = w.cmd.Wait()
	})
	return w
}

// expect waits for a line of the log behind those that were waited for before.
func (w *watched) expect(pattern string) []string {
	w.t.Helper()
	line := regexp.MustCompile("(?m)^.*" + pattern + ".*$")
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		text := w.text()
		if at := line.FindStringSubmatchIndex(text[w.seen:]); at != nil {
			match := line.FindStringSubmatch(text[w.seen:])
			w.seen += at[1]
			return match
		}
		time.Sleep(20 * time.Millisecond)
	}
	w.t.Fatalf("%v: no line %s in the log:\n%s", w.cmd.Args, pattern, w.text())
	return nil
}

func (w *watched) signal(s os.Signal) {
	w.t.Helper()
	if err := w.cmd.Process.Signal(s); err != nil {
		w.t.Fatal(err)
	}
}

// stop sends the signal and wants the command to end well.
func (w *watched) stop(s os.Signal) {
	w.t.Helper()
	w.signal(s)
	if err := w.cmd.Wait(); err != nil {
		w.t.Errorf("%v after %v: %v, the log:\n%s", w.cmd.Args, s, err, w.text())
	}
}

// scheduledPortal is a portal with deals, and a configuration for it in the folder. What it
// returns writes the configuration anew with something added.
func scheduledPortal(t *testing.T, folder string, deals int) (*simulator.Portal, func(more string)) {
	t.Helper()
	world, _ := simulator.Generate(simulator.GenerateOptions{Seed: 1, Deals: deals, Now: time.Now()})
	simulated := simulator.New(world, simulator.Options{Now: time.Now, Secret: "hidden5ecret"})
	server := httptest.NewServer(simulated)
	t.Cleanup(server.Close)
	configure := func(more string) {
		t.Helper()
		settings := fmt.Sprintf("portal: {url: %q, time_zone: Europe/Moscow, limits: none}\nplan: {norms: [{stage: NEW, days: 3}]}\n%s\n",
			simulated.WebhookURL(server.URL), more)
		if err := os.WriteFile(filepath.Join(folder, "stagelag.yaml"), []byte(settings), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	configure("")
	return simulated, configure
}

// holdFrom has the portal keep back its answers from the n-th on, until hold is closed.
func holdFrom(simulated *simulator.Portal, n int) (hold, reached chan struct{}) {
	hold, reached = make(chan struct{}), make(chan struct{})
	var once sync.Once
	simulated.Inject(func(*simulator.Call) *simulator.Fault {
		if n--; n > 0 {
			return nil
		}
		once.Do(func() { close(reached) })
		return &simulator.Fault{Hold: hold}
	})
	return hold, reached
}

const runsQuery = "SELECT run_id, status FROM runs ORDER BY run_id"

func expectRuns(t *testing.T, folder, want string) {
	t.Helper()
	got, stderr, code := call(t, folder, "", "query", "--format", "TSV", runsQuery)
	if code != 0 || got != want {
		t.Errorf("the runs are %q (exit code %d, %s), want %q", got, code, stderr, want)
	}
}

// A schedule makes the first run at once, takes a new configuration and leaves a wrong one
// alone, and ends well when it is told to. Started again, it has nothing to catch up.
func TestScheduleFromStartToStop(t *testing.T) {
	t.Parallel()
	folder := newFolder(t)
	_, configure := scheduledPortal(t, folder, 40)
	s := follow(t, folder, "schedule")
	s.expect(`"msg":"schedule began"`)
	s.expect(`"msg":"published","run_id":1`)
	s.expect(`"msg":"waiting for the next run","next":"\d{4}-\d\d-\d\dT02:30:00\+03:00"`)

	configure("schedule: {cron: '61 5 * * *'}\nfunnels: [x]")
	s.signal(syscall.SIGHUP)
	line := s.expect("configuration not reloaded, the old one stays")[0]
	if !strings.Contains(line, "schedule.cron: end of range") || !strings.Contains(line, `funnels: the portal has no funnel \"x\"; it has `) {
		t.Errorf("the line %s does not say all that is wrong", line)
	}

	configure("schedule: {cron: '15 5 1 * 7'}")
	s.signal(syscall.SIGHUP)
	s.expect(`"cron":"15 5 1 \* 7".*"msg":"configuration reloaded"`)
	s.expect(`"days":"on the days 1 of a month, and also on Sundays: cron joins the two by .*"msg":"schedule\.cron limits the days of the month and of the week"`)
	s.expect(`"msg":"waiting for the next run","next":"\d{4}-\d\d-\d\dT05:15:00\+03:00"`)
	s.stop(syscall.SIGTERM)
	if strings.Contains(s.text(), "hidden5ecret") {
		t.Errorf("the webhook's secret is in the log:\n%s", s.text())
	}
	expectRuns(t, folder, "1\tpublished\n")

	// The next run is due tomorrow: the cron's minute is the one before this.
	before := time.Now().Add(-time.Minute).In(time.FixedZone("Moscow", 3*60*60))
	configure(fmt.Sprintf("schedule: {cron: '%d %d * * *'}", before.Minute(), before.Hour()))
	if _, stderr, code := call(t, folder, "", "run"); code != 0 {
		t.Fatalf("run: exit code %d, %s", code, stderr)
	}
	s = follow(t, folder, "schedule")
	s.expect(`"msg":"waiting for the next run"`)
	s.stop(os.Interrupt)
	expectRuns(t, folder, "1\tpublished\n2\tpublished\n")
}

// A portal that fails is asked again, while another command that comes in between is told who
// is at work. A stop in the middle of a run ends it, and the next one goes on.
func TestScheduleOverFailuresAndStops(t *testing.T) {
	t.Parallel()
	folder := seededFolder(t)
	simulated, configure := scheduledPortal(t, folder, 40)
	configure("plan2: {}")
	if _, stderr, code := call(t, folder, "", "schedule"); code != 2 || !strings.Contains(stderr, "plan2: unknown key") {
		t.Errorf("schedule with a wrong configuration: exit code %d, %s, want 2 and why", code, stderr)
	}
	configure("stages: {map: {OLD: NO_SUCH_STAGE}}")
	s := follow(t, folder, "schedule")
	s.expect(`"again":"[^"]*","error":"configuration: stages.map.OLD: the portal has no stage.*"msg":"run failed",.*"tries":1`)

	hold, reached := holdFrom(simulated, 3) // the portal has described itself in two
	configure("")
	s.signal(syscall.SIGHUP) // what failed is tried at once
	<-reached
	_, stderr, code := call(t, folder, "", "run")
	want := fmt.Sprintf(`a run is in progress: stagelag schedule on host .*, process %d, since `, s.cmd.Process.Pid)
	if code != 1 || !regexp.MustCompile(want).MatchString(stderr) {
		t.Errorf("run beside a schedule: exit code %d, %s, want 1 and %s", code, stderr, want)
	}
	s.stop(syscall.SIGTERM)
	s.expect(`"error":"terminated signal received.*"msg":"run stopped"`)
	close(hold)
	simulated.Inject(nil)
	expectRuns(t, folder, "1\tfailed\n")

	s = follow(t, folder, "schedule")
	s.expect(`"msg":"published","run_id":2`)
	s.expect(`"msg":"waiting for the next run"`)
	s.stop(syscall.SIGTERM)
	expectRuns(t, folder, "1\tfailed\n2\tpublished\n")
}

// A run by hand keeps a schedule out, which then makes its own.
func TestScheduleBesideARun(t *testing.T) {
	t.Parallel()
	folder := seededFolder(t)
	simulated, _ := scheduledPortal(t, folder, 40)
	hold, reached := holdFrom(simulated, 1)
	run := follow(t, folder, "run")
	<-reached
	s := follow(t, folder, "schedule")
	s.expect(fmt.Sprintf(`"error":"a run is in progress: stagelag run on host [^"]*, process %d, since [^"]*","level":"error","msg":"run failed"`, run.cmd.Process.Pid))
	close(hold)
	if err := run.cmd.Wait(); err != nil {
		t.Errorf("the run: %v, %s", err, run.text())
	}
	s.signal(syscall.SIGHUP)
	s.expect(`"msg":"waiting for the next run"`)
	s.stop(syscall.SIGTERM)
}

// What the schedule tells over HTTP is what the warehouse has.
func TestScheduleTellsHowItIsDoing(t *testing.T) {
	t.Parallel()
	folder := seededFolder(t)
	_, configure := scheduledPortal(t, folder, 40)
	s := follow(t, folder, "schedule")
	address := s.expect(`"listen":"(127\.0\.0\.1:\d+)","msg":"schedule began"`)[1]
	s.expect(`"msg":"waiting for the next run"`)
	get := func(path string) (int, string) { return answerAt(t, address, path) }
	if status, body := get("/healthz"); status != 200 || !strings.HasPrefix(body, "live: the next run is due at ") {
		t.Errorf("/healthz = %d, %q, want 200 and when the next run is due", status, body)
	}
	if status, body := get("/readyz"); status != 200 || !strings.HasPrefix(body, "ready: run 1 as of ") {
		t.Errorf("/readyz = %d, %q, want 200 and the run", status, body)
	}
	health := func(args ...string) (string, string, int) {
		t.Helper()
		return callWith(t, folder, []string{"STAGELAG_SCHEDULE_LISTEN=" + strings.Replace(address, "127.0.0.1", "0.0.0.0", 1)}, "", append([]string{"schedule", "health"}, args...)...)
	}
	if stdout, stderr, code := health(); code != 0 || !strings.HasPrefix(stdout, "live: the next run is due at ") {
		t.Errorf("schedule health: exit code %d, %q, %s", code, stdout, stderr)
	}
	if stdout, stderr, code := health("--ready"); code != 0 || !strings.HasPrefix(stdout, "ready: run 1 as of ") {
		t.Errorf("schedule health --ready: exit code %d, %q, %s", code, stdout, stderr)
	}
	status, metrics := get("/metrics")
	figures, stderr, code := call(t, folder, "", "query", "--format", "TSV", `
		SELECT concat('stagelag_day_losses ', toString(sum(overdue_days_total))) FROM deals_now
		UNION ALL SELECT concat('stagelag_gaps{reason="', reason, '"} ', toString(count())) FROM data_gaps GROUP BY reason
		UNION ALL SELECT concat('stagelag_portal_requests_total ', toString(portal_requests)) FROM runs
		UNION ALL SELECT concat('stagelag_runs_total{result="', status, '"} ', toString(count())) FROM runs GROUP BY status`)
	if code != 0 || strings.Count(figures, "\n") < 5 {
		t.Fatalf("query: exit code %d, %s%s", code, figures, stderr)
	}
	labels := regexp.MustCompile(`database="stagelag",portal="127\.0\.0\.1:\d+"`).FindString(metrics)
	metrics = strings.NewReplacer("{"+labels+"}", "", labels+",", "").Replace(metrics)
	for figure := range strings.Lines(figures) {
		if status != 200 || !strings.Contains(metrics, figure) {
			t.Errorf("/metrics (%d) lacks the line %s:\n%s", status, figure, metrics)
		}
	}
	if strings.Contains(metrics, "hidden5ecret") {
		t.Errorf("the webhook's secret is in the metrics:\n%s", metrics)
	}

	configure("schedule: {cron: '1 2 * * *'}")
	s.signal(syscall.SIGHUP)
	s.expect(`"listen":"127\.0\.0\.1:\d+","msg":"configuration reloaded"`)
	s.stop(syscall.SIGTERM)
	if response, err := http.Get("http://" + address + "/healthz"); err == nil {
		_ = response.Body.Close()
		t.Error("a schedule that was stopped answers")
	}
	if _, stderr, code := health(); code != 1 || !strings.Contains(stderr, "no schedule answers at "+address) {
		t.Errorf("schedule health of one that was stopped: exit code %d, %s", code, stderr)
	}
}

// An address that is taken is said so at the start.
func TestScheduleOfATakenAddress(t *testing.T) {
	t.Parallel()
	folder := newFolder(t)
	_, configure := scheduledPortal(t, folder, 1)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	configure(fmt.Sprintf("schedule: {listen: %q}", listener.Addr()))
	_, stderr, code := call(t, folder, "", "schedule")
	if code != 1 || !strings.HasSuffix(stderr, "address already in use; set schedule.listen to another address, or to off\n") {
		t.Errorf("schedule on a taken address: exit code %d, %s, want 1 and what to do", code, stderr)
	}
}

// A write-back that fails is tried again without another run.
func TestScheduleWritesBack(t *testing.T) {
	t.Parallel()
	folder := seededFolder(t)
	simulated, configure := scheduledPortal(t, folder, 40)
	configure("write_back: {state: UF_CRM_NOT_THERE}")
	s := follow(t, folder, "schedule")
	s.expect(`"msg":"published","run_id":1`)
	s.expect(`"error":"run 1 is published, but not all of it is written back.*"msg":"run failed"`)
	if _, stderr, code := call(t, folder, "", "write-back", "setup", "--create"); code != 0 {
		t.Fatalf("setup: exit code %d, %s", code, stderr)
	}
	configure("write_back: {days_lost: UF_CRM_STAGELAG_DAYS_LOST}")
	s.signal(syscall.SIGHUP)
	s.expect(`"msg":"written back".*"run_id":1`)
	s.expect(`"msg":"waiting for the next run"`)
	s.stop(syscall.SIGTERM)
	if n := len(updatesOf(simulated)); n != 40 {
		t.Errorf("%d deals were written, want 40", n)
	}
	expectRuns(t, folder, "1\tpublished\n")
}

// freeAddresses are addresses at loopback that nobody listens at.
func freeAddresses(t *testing.T) (native, web string) {
	t.Helper()
	var free [2]string
	var listeners [2]net.Listener
	for i := range free {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listeners[i], free[i] = listener, listener.Addr().String()
	}
	for _, listener := range listeners { // both were open at once, so that they differ
		_ = listener.Close()
	}
	return free[0], free[1]
}

// Readers find the warehouse at the ports of the configuration, at any time of the day and without a command of
// their own, and the page for SQL with it.
func TestScheduleServesReaders(t *testing.T) {
	t.Parallel()
	folder := seededFolder(t)
	_, configure := scheduledPortal(t, folder, 5)
	native, web := freeAddresses(t)
	configure(fmt.Sprintf("warehouse: {listen: {native: %q, http: %q}}", native, web))
	s := follow(t, folder, "schedule")
	s.expect(`"http":"http://` + web + `/".*"msg":"readers are served","native":"` + native + `"`)
	s.expect(`"msg":"published","run_id":1`)
	for _, page := range []string{"ping", "play"} {
		response, err := http.Get("http://" + web + "/" + page)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("GET /%s: %s", page, response.Status)
		}
	}
	stdout, stderr, code := call(t, folder, "", "query", "--format", "TSV", "SELECT count() FROM deals_now")
	if code != 0 || stdout == "0\n" {
		t.Errorf("query beside it: exit code %d, %q, %s", code, stdout, stderr)
	}
	s.stop(syscall.SIGTERM)

	// The ports are free again, and an engine that finds one taken says whose key it is.
	if err := warehousetest.WaitUntilEnded(filepath.Join(folder, "data", "warehouse")); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", native)
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, stderr, code = call(t, folder, "", "query", "SELECT 1")
	if want := "warehouse.listen.native: listen tcp " + native + ": bind: address already in use; set it to another port, or to 127.0.0.1:0"; code != 1 || !strings.Contains(stderr, want) {
		t.Errorf("query where the port is taken: exit code %d, %s, want %s", code, stderr, want)
	}
}

// answerAt is what a schedule answers at a path: the status and the text.
func answerAt(t *testing.T, address, path string) (int, string) {
	t.Helper()
	response, err := http.Get("http://" + address + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

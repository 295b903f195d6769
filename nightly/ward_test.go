package nightly_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"stagelag/bitrix24"
	"stagelag/config"
	"stagelag/nightly"
	"stagelag/simulator"
	"stagelag/transform"
	"stagelag/warehouse"
	"stagelag/warehouse/warehousetest"
	"stagelag/writeback"
)

// A ward is a site whose passes reach the portal and the warehouse through proxies, and whose
// world changes from night to night. Its warehouse is an engine of its own, to be killed.
type ward struct {
	*site
	life     life
	path     string       // of the warehouse
	address  atomic.Value // the engine's, host:port
	engine   *proxy
	toPortal *proxy
	night    time.Time
	nights   int // since the first one
	ended    sync.Once
	readable atomic.Value // the endpoints of those who read
	begun    time.Time    // of the engine, at the latest
	changes  int          // a night, beside those that are always there
}

// newWard makes a portal that lives the same nights for the same seed.
func newWard(t *testing.T, seed uint64, deals, changes int) *ward {
	t.Helper()
	path, err := os.MkdirTemp("", "ward-") //nolint:usetesting // it must outlive the engine
	if err != nil {
		t.Fatal(err)
	}
	warehousetest.Seed(t, path)
	v := &ward{path: path, night: firstNight, changes: changes}
	t.Cleanup(v.end)
	world, suggested := simulator.Generate(simulator.GenerateOptions{Seed: seed, Deals: deals, Now: firstNight})
	world.AddField(simulator.Field{Name: lostField, Type: "integer"})
	world.AddField(simulator.Field{Name: stateField, Type: "string"})
	v.life = life{world, seed}
	v.site = newSiteOn(t, v.open(t), world, suggested, firstNight)
	v.cfg.WriteBack = config.WriteBack{Language: config.English, DaysLost: lostField, State: stateField}

	v.engine = newProxy(t, func() string { return v.address.Load().(string) })
	server := httptest.NewServer(v.portal)
	t.Cleanup(server.Close)
	v.toPortal = newProxy(t, func() string { return server.Listener.Addr().String() })
	if v.cfg.Portal.URL, err = bitrix24.ParseWebhook(v.portal.WebhookURL("http://" + v.toPortal.address)); err != nil {
		t.Fatal(err)
	}
	return v
}

// end ends the engine. A ward whose test has ended is ended already.
func (v *ward) end() {
	v.ended.Do(func() {
		if v.site != nil {
			_ = v.w.Close()
		}
		_ = warehousetest.WaitUntilEnded(v.path)
		_ = os.RemoveAll(v.path)
	})
}

func (v *ward) open(t testing.TB) *warehouse.Warehouse {
	t.Helper()
	w, err := warehouse.Open(context.Background(), warehouse.Config{URL: warehouse.Embedded, Path: v.path})
	if err != nil {
		t.Fatal(err)
	}
	v.begun = time.Now()
	endpoints, _ := w.Endpoints()
	v.address.Store(endpoints.Native)
	v.readable.Store(endpoints)
	return w
}

// enginePID is the process of the engine.
func (v *ward) enginePID() int {
	var endpoint struct {
		Engine int `json:"engine"`
	}
	text, err := os.ReadFile(filepath.Join(v.path, "endpoint.json"))
	if err == nil {
		err = json.Unmarshal(text, &endpoint)
	}
	if err != nil || endpoint.Engine < 2 {
		v.t.Fatalf("which process is the engine: %v", err)
	}
	return endpoint.Engine
}

// killEngine ends the engine as a crash does.
func (v *ward) killEngine() {
	_ = syscall.Kill(v.enginePID(), syscall.SIGKILL)
}

// letEngineAge waits until the engine is old enough to be replaced by its keeper when it ends,
// rather than given up.
func (v *ward) letEngineAge() { time.Sleep(time.Until(v.begun.Add(2200 * time.Millisecond))) }

// revive has an engine again, after one was killed.
func (v *ward) revive() {
	_ = v.w.Close()
	v.w = v.open(v.t)
}

// nextNight lets a day pass.
func (v *ward) nextNight() {
	v.night = v.night.AddDate(0, 0, 1)
	v.nights++
	v.life.before(v.night, v.changes)
	v.at(v.night)
}

// warehouseURL is the warehouse as a server behind the proxy.
func (v *ward) warehouseURL(parameters string) string {
	return fmt.Sprintf("%s?max_memory_usage=%s&max_untracked_memory=%s%s", warehousetest.ServerURL(v.w, v.engine.address), memoryLimit, untracked, parameters)
}

// A result is what came of a pass.
type result struct {
	isPublished bool
	err         error
}

// A patient is what a pass is made with.
type patient struct {
	isFull  bool
	timeout time.Duration // of a request to the portal; 0: the usual
	read    string        // parameters of the warehouse's address
	clock   bitrix24.Clock
}

// pass makes one pass as stagelag run does: the run, then the write-back.
func (v *ward) pass(p patient) result {
	client := bitrix24.NewClient(bitrix24.ClientOptions{
		Webhook: v.cfg.Portal.URL, Limits: bitrix24.Unlimited, Clock: p.clock, HTTP: &http.Client{Timeout: p.timeout},
	})
	return pass(v.warehouseURL(p.read), v.cfg, client, p.isFull, 1)
}

func pass(url string, cfg config.Config, client *bitrix24.Client, isFull bool, parts int) result {
	ctx := context.Background()
	w, err := warehouse.Open(ctx, warehouse.Config{URL: url})
	if err != nil {
		return result{err: err}
	}
	defer w.Close()
	log := logrus.New()
	log.SetOutput(io.Discard)
	outcome, err := nightly.Run(ctx, nightly.Pass{
		Warehouse: w, Client: client, Config: cfg, AsOf: transform.NoDay, Full: isFull, Parts: parts, Progress: quiet{}, Log: log, Now: time.Now,
	})
	if err != nil {
		return result{err: err}
	}
	if outcome.Run.Status != "published" {
		return result{err: fmt.Errorf("a run that is %s gives no error", outcome.Run.Status)}
	}
	if cfg.WriteBack.IsOn() {
		_, err = writeback.Run(ctx, writeback.Pass{Warehouse: w, Client: client, Config: cfg, Progress: quiet{}, Log: log, Now: time.Now})
	}
	return result{isPublished: true, err: err}
}

// nightsVariable is how many nights the soak lasts; make soak sets it, and has the long forms of
// other tests with it.
const nightsVariable = "STAGELAG_SOAK_NIGHTS"

// passVariable makes the test binary a process that makes one pass.
const passVariable = "NIGHTLY_TEST_PASS"

// A passTask is a pass for another process.
type passTask struct {
	Warehouse, Webhook string
	Suggested          simulator.Suggested
	Full               bool
	WritesBack         bool
	Parts              int
	Works              bool // on parts of another process's run
	AsksWhatIf         bool // in place of a pass
	CountsWorkingDays  bool // of Russia, and has deals pause
}

// task is a pass over the warehouse and the portal at the addresses.
func (s *site) task(warehouse, webhook string) passTask {
	fields := map[string]simulator.SuggestedFields{}
	for stage, f := range s.cfg.Plan.Fields {
		fields[string(stage)] = simulator.SuggestedFields{Days: string(f.Days), Date: string(f.Date)}
	}
	task := passTask{Warehouse: warehouse, Webhook: webhook}
	task.Suggested = simulator.Suggested{TimeZone: s.cfg.Portal.TimeZone.String(), Fields: fields, StageMap: map[string]string{}}
	task.Suggested.Pauses = simulator.SuggestedPauses{Flag: string(s.cfg.Pauses.Flag), From: string(s.cfg.Pauses.From), Until: string(s.cfg.Pauses.Until)}
	for from, to := range s.cfg.Stages.Map {
		task.Suggested.StageMap[string(from)] = string(to)
	}
	for _, n := range s.cfg.Plan.Norms {
		norm := simulator.SuggestedNorm{Stage: string(n.Stage), Days: int(n.Days)}
		if !n.From.IsZero() {
			norm.From = n.From.Format(time.DateOnly)
		}
		task.Suggested.Norms = append(task.Suggested.Norms, norm)
	}
	return task
}

// startPass starts a pass as a process.
func (v *ward) startPass(isFull bool) *exec.Cmd {
	v.t.Helper()
	task := v.task(v.warehouseURL(""), v.portal.WebhookURL("http://"+v.toPortal.address))
	task.Full, task.WritesBack = isFull, true
	return task.start(v.t)
}

func (task passTask) start(t testing.TB) *exec.Cmd {
	t.Helper()
	cmd := task.command(t)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func (task passTask) command(t testing.TB) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(task)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), passVariable+"="+string(text))
	cmd.Stderr = os.Stderr
	return cmd
}

// passAsProcess is a pass in a process of its own. At its end it prints the megabytes that it had
// resident at most, where the system tells.
func passAsProcess(text string) (code int) {
	var task passTask
	err := json.Unmarshal([]byte(text), &task)
	s := &site{cfg: config.Default()}
	if err == nil {
		s.configure(task.Suggested)
		s.cfg.Portal.URL, err = bitrix24.ParseWebhook(task.Webhook)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	if task.CountsWorkingDays {
		countWorkingDays(&s.cfg, task.Suggested)
	}
	if task.WritesBack {
		s.cfg.WriteBack = config.WriteBack{Language: config.English, DaysLost: lostField, State: stateField}
	}
	if task.Works {
		return work(task.Warehouse, s.cfg)
	}
	if task.AsksWhatIf {
		return askWhatIf(task.Warehouse, s.cfg)
	}
	client := bitrix24.NewClient(bitrix24.ClientOptions{Webhook: s.cfg.Portal.URL, Limits: bitrix24.Unlimited, Clock: hasty{}})
	if r := pass(task.Warehouse, s.cfg, client, task.Full, task.Parts); r.err != nil {
		fmt.Fprintln(os.Stderr, r.err)
		return 1
	}
	fmt.Println(peakMemory())
	return 0
}

// peakMemory is the most that this process had resident, in MB, 0 where the system does not tell.
// What a parent is told of its child is no less than its own, from before the child's program began.
func peakMemory() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	var kilobytes float64
	if _, rest, ok := strings.Cut(string(status), "VmHWM:"); ok {
		_, _ = fmt.Sscan(rest, &kilobytes)
	}
	return kilobytes / 1024
}

// A state is what the views show, in a word for each.
type state map[string]string

var everyView = slices.Sorted(maps.Keys(views))

// digestOf asks for a view in a word: all that it tells of the deals, but not the run that a row
// is of, which a failed run moves, nor the portal's address.
func digestOf(view string) string {
	columns := "*"
	switch view {
	case "deal_stage_days":
		columns = "* EXCEPT run_id"
	case "deal_stages", "deals_now", "data_gaps":
		columns = "* EXCEPT deal_url"
	}
	return "SELECT concat(toString(count()), ' rows, ', hex(sum(cityHash64(toString(tuple(" + columns + "))))) ) FROM " + view
}

func (s *site) state(of ...string) state {
	s.t.Helper()
	all := state{}
	for _, view := range of {
		digest, err := ask(s.w, digestOf(view))
		if err != nil {
			s.t.Fatalf("%s: %v", view, err)
		}
		all[view] = digest
	}
	return all
}

// A chronicle is what the views show after each night when nothing goes wrong, night by night
// as somebody wants to know.
type chronicle struct {
	mu     sync.Mutex
	ward   *ward
	nights []state
}

func (c *chronicle) after(t testing.TB, night int) state {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.nights) <= night {
		if len(c.nights) > 0 {
			c.ward.nextNight()
		}
		if r := c.ward.pass(patient{clock: hasty{}}); r.err != nil {
			t.Fatalf("a night without faults: %v", r.err)
		}
		c.nights = append(c.nights, c.ward.state(everyView...))
	}
	return c.nights[night]
}

// A watcher asks the views again and again, and must see nothing but what was published.
type watcher struct {
	stopped  chan struct{}
	stopping sync.Once
	done     chan struct{}
	seen     int
}

// watch begins to look. What is shown must be one of the states, view by view.
func (v *ward) watch(allowed ...state) *watcher {
	w := &watcher{stopped: make(chan struct{}), done: make(chan struct{})}
	// To look costs more than the run that is looked at, and more yet on a slow machine.
	pauses := 20
	if isLong() {
		pauses = 2
	}
	go func() {
		defer close(w.done)
		for {
			for view := range views {
				select {
				case <-w.stopped:
					return
				default:
				}
				begun := time.Now()
				got, err := askAt(v.readable.Load().(warehouse.Endpoints), digestOf(view))
				if err != nil {
					time.Sleep(20 * time.Millisecond) // the engine is gone for the moment
					continue
				}
				w.seen++
				isAllowed := false
				for _, s := range allowed {
					isAllowed = isAllowed || s[view] == got
				}
				if !isAllowed {
					v.t.Errorf("on %s a reader sees %s as %s, which was never published", v.night.Format(time.DateOnly), view, got)
					return
				}
				time.Sleep(time.Duration(pauses) * time.Since(begun))
			}
		}
	}()
	return w
}

// stop ends the looking and tells how often something was seen. It may be called again.
func (w *watcher) stop() int {
	w.stopping.Do(func() { close(w.stopped) })
	<-w.done
	return w.seen
}

// askAt asks as the user of the endpoints wherever the engine is now, with settings; every engine of a keeper is behind
// the same address.
func askAt(e warehouse.Endpoints, query string, settings ...string) (string, error) {
	parameters := append([]string{"database=" + e.Database}, settings...)
	request, err := http.NewRequest(http.MethodPost, e.HTTP+"?"+strings.Join(parameters, "&"), strings.NewReader(query))
	if err != nil {
		return "", err
	}
	request.Header.Set("X-ClickHouse-User", e.User)
	request.Header.Set("X-ClickHouse-Key", e.Password)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, body)
	}
	return strings.TrimSuffix(string(body), "\n"), err
}

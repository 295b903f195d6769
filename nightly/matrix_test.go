package nightly_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"stagelag/simulator"
	"stagelag/warehouse/warehousetest"
)

// A step is a part of a run in which something goes wrong.
type step struct {
	name   string
	isFull bool
	// asks is whether a request to the portal belongs to the step; nil: the portal isn't asked.
	asks func(simulator.Command) bool
	// says finds the step in what is sent to the engine.
	says *regexp.Regexp
	// writes are the tables that the step writes to.
	writes []string
	marks  bool // it changes rows in their place
}

var faultSteps = []step{
	{name: "read deals", asks: readsDeals, says: regexp.MustCompile(`INSERT INTO landing_deals \([^)]*\) FORMAT`), writes: []string{"landing_deals"}},
	{name: "read all deals", isFull: true, asks: readsDeals, says: regexp.MustCompile(`INSERT INTO landing_deals \([^)]*\) FORMAT`), writes: []string{"landing_deals"}},
	{name: "read history", asks: readsHistory, says: regexp.MustCompile(`INSERT INTO landing_stage_changes \([^)]*\) FORMAT`), writes: []string{"landing_stage_changes"}},
	{name: "read all history", isFull: true, asks: readsHistory, says: regexp.MustCompile(`INSERT INTO landing_stage_changes \([^)]*\) FORMAT`), writes: []string{"landing_stage_changes"}},
	{name: "sweep", asks: sweeps, says: regexp.MustCompile(`SELECT deal_id, funnel_id, run_id, hidden_since IS NOT NULL FROM landing_deals FINAL`), writes: []string{"landing_deals", "landing_stage_changes"}},
	{name: "derive", says: regexp.MustCompile(`FROM visits WHERE NOT is_gone AND deal_id BETWEEN`)},
	{name: "append", says: regexp.MustCompile(`INSERT INTO facts \(`), writes: []string{"facts", "visits", "deals", "day_measures"}},
	{name: "mark what is replaced", says: regexp.MustCompile(`ALTER TABLE visits UPDATE`), marks: true},
	{name: "forecast", says: regexp.MustCompile(`INSERT INTO forecast_curves \(`), writes: []string{"forecast_curves"}},
	{name: "publish", says: regexp.MustCompile(`SELECT \d+, 'published'`), writes: []string{"run_events"}},
	{name: "write back", asks: updates, says: regexp.MustCompile(`INSERT INTO write_backs`), writes: []string{"write_backs"}},
}

func readsDeals(c simulator.Command) bool {
	return c.Method == "crm.item.list" && slices.Contains(c.Params.List("select"), "title") && slices.Contains(c.Params.Keys("filter"), ">id")
}

func readsHistory(c simulator.Command) bool {
	return c.Method == "crm.stagehistory.list" && c.Params.Text("start") == "-1"
}

func sweeps(c simulator.Command) bool {
	return c.Method == "crm.item.list" && slices.Contains(c.Params.Keys("filter"), "<=id")
}

func updates(c simulator.Command) bool { return c.Method == "crm.item.update" }

// What a cell of the matrix can't be, and why.
const (
	notAsked     = "the portal is not asked in this step"
	writesNot    = "the step inserts nothing, and the setting that plays a full disk only refuses inserts"
	readsNoClock = "the step reads no clock; the times that it records are for people"
)

// A fault is something that goes wrong from the moment on that a run is in a step.
type fault struct {
	name string
	// cannot is why the fault can't happen in a step, empty where it can.
	cannot func(step) string
	// arm lets it go wrong, and calls met when it has. What it returns mends it, if there is
	// something to mend beside the proxies and the portal.
	arm func(c *cell) (mend func())
	// wants is what must come of the pass; either, unless told.
	wants outcome
	// passes changes how the pass is made.
	passes func(*patient)
	// killsProgram has the pass made by a process of its own.
	killsProgram bool
	class        class
}

// A class is faults that come to the same for a run. Whatever goes wrong with a request, the client
// hands the step an answer or an error, and whatever goes wrong with a connection to the engine, the
// statement returns an error: which fault it was, the tests of the client and of the warehouse look at.
// So make test walks each step with each class, and each fault in one step at least, the faults of a
// class taking turns over the steps; make soak walks every fault in every step.
type class string

const (
	passing   class = "the portal fails once and can be asked again"
	lasting   class = "the portal fails from then on"
	refusal   class = "asking again does not help"
	elsewhere class = "the portal has moved, or a clock has"

	cutOff   class = "a connection to the engine breaks or is silent"
	crash    class = "the engine is killed"
	noRoom   class = "the engine refuses a statement"
	homicide class = "the program is killed"
)

type outcome int

const (
	either outcome = iota
	goesWell
	fails
)

func (o outcome) String() string { return [...]string{"either", "it ends well", "it fails"}[o] }

func needsPortal(s step) string { return unlessThat(s.asks != nil, notAsked) }

func unlessThat(is bool, reason string) string {
	if is {
		return ""
	}
	return reason
}

// onRequest arms a fault of the portal: the first request of the step, or each one from it on.
func onRequest(isLasting bool, f simulator.Fault) func(*cell) func() {
	return func(c *cell) func() {
		c.onRequest(isLasting, func() *simulator.Fault { return &f })
		return nil
	}
}

func onPortal(name string, f simulator.Fault, wantsOnce outcome, passes func(*patient)) []fault {
	return []fault{
		{name: name + ", once", class: map[outcome]class{goesWell: passing, fails: refusal}[wantsOnce], cannot: needsPortal, arm: onRequest(false, f), wants: wantsOnce, passes: passes},
		{name: name + ", from then on", class: lasting, cannot: needsPortal, arm: onRequest(true, f), wants: fails, passes: passes},
	}
}

var faults = slices.Concat(
	[]fault{
		{name: "the portal refuses connections, for a moment", class: passing, cannot: needsPortal, wants: goesWell, arm: func(c *cell) func() {
			c.onRequest(false, func() *simulator.Fault {
				heal := c.toPortal.mend
				c.onSleep.Store(&heal)
				c.toPortal.refuse()
				return nil
			})
			return nil
		}},
		{name: "the portal refuses connections, from then on", class: lasting, cannot: needsPortal, wants: fails, arm: func(c *cell) func() {
			c.onRequest(false, func() *simulator.Fault { c.toPortal.refuse(); return nil })
			return nil
		}},
		{name: "the portal's connection is reset, from then on", class: lasting, cannot: needsPortal, wants: fails, arm: func(c *cell) func() {
			c.onRequest(false, func() *simulator.Fault { c.toPortal.breakAll(); return nil })
			return nil
		}},
	},
	onPortal("the answer ends in mid-body", simulator.Fault{CutsBody: true}, goesWell, nil),
	onPortal("503 by rate", simulator.Fault{Error: &simulator.QueryLimitExceeded}, goesWell, nil),
	onPortal("429 by operating time", simulator.Fault{Error: &simulator.OperationTimeLimit}, goesWell, nil),
	onPortal("401", simulator.Fault{Error: &simulator.NoAuthFound}, fails, nil),
	onPortal("a page of HTML", simulator.Fault{HTML: 502}, goesWell, nil),
	onPortal("a page of HTML that says all is well", simulator.Fault{HTML: 200}, goesWell, nil),
	onPortal("the portal does not answer", simulator.Fault{Hold: make(chan struct{})}, goesWell, hurriesPortal),
	[]fault{
		{name: "the portal is renamed to a neighbour", class: elsewhere, cannot: needsPortal, wants: goesWell, arm: func(c *cell) func() {
			return onRequest(false, simulator.Fault{RedirectTo: "http://" + c.toPortal.target()})(c)
		}},
		{name: "the portal is renamed to a stranger", class: refusal, cannot: needsPortal, arm: onRequest(true, simulator.Fault{RedirectTo: "https://stranger.example"}), wants: fails},
		{name: "our clock jumps back", class: elsewhere, cannot: clocked, wants: goesWell, arm: func(c *cell) func() {
			c.onRequest(false, func() *simulator.Fault { c.clock.back.Store(int64(36 * time.Hour)); return nil })
			return nil
		}},
		{name: "the portal's clock jumps back", class: elsewhere, cannot: clocked, wants: goesWell, arm: func(c *cell) func() {
			c.onRequest(false, func() *simulator.Fault { c.at(c.night.Add(-36 * time.Hour)); return nil })
			return func() { c.at(c.night) }
		}},

		{name: "the engine refuses connections", class: cutOff, wants: fails, arm: func(c *cell) func() {
			c.onQuery(func(*link, []byte) { c.engine.refuse() })
			return nil
		}},
		{name: "a connection to the engine is reset", class: cutOff, arm: func(c *cell) func() {
			c.onQuery(func(l *link, _ []byte) { reset(l.client) })
			return nil
		}},
		{name: "all connections to the engine are reset", class: cutOff, wants: fails, arm: func(c *cell) func() {
			c.onQuery(func(*link, []byte) { c.engine.breakAll() })
			return nil
		}},
		{name: "the engine does not answer", class: cutOff, wants: fails, passes: hurriesEngine, arm: func(c *cell) func() {
			c.onQuery(func(l *link, _ []byte) { c.engine.stall(l, true) })
			return nil
		}},
		{name: "the engine is killed", class: crash, arm: func(c *cell) func() {
			c.letEngineAge()
			c.onQuery(func(*link, []byte) { c.killEngine() })
			return c.revive
		}},
		{name: "the engine is out of memory", class: noRoom, wants: fails, arm: func(c *cell) func() {
			c.onQuery(func(_ *link, b []byte) { starve(b) })
			return nil
		}},
		{name: "the disk is full", class: noRoom, wants: fails, cannot: func(s step) string { return unlessThat(s.writes != nil, writesNot) }, arm: func(c *cell) func() {
			c.onQuery(func(*link, []byte) { c.fill("1000000000000000") })
			return func() { c.fill("") }
		}},
		{name: "the program is killed", class: homicide, wants: fails, killsProgram: true, arm: func(c *cell) func() {
			if c.step.asks != nil {
				c.onRequest(false, func() *simulator.Fault { c.killProgram(); return &simulator.Fault{Drops: true} })
			} else {
				c.onQuery(func(*link, []byte) { c.killProgram() })
			}
			return nil
		}},
	},
)

func clocked(s step) string { return unlessThat(s.asks != nil, readsNoClock) }

// The program waits for a portal and an engine longer than a test should, and a slow machine
// longer than it would seem.
func hurriesPortal(p *patient) { p.timeout = 2 * time.Second }
func hurriesEngine(p *patient) { p.read = "&read_timeout=4s&dial_timeout=4s" }

// A cell is one fault in one step.
type cell struct {
	*ward
	step    step
	met     atomic.Bool
	onSleep atomic.Pointer[func()] // before a try is repeated; called once
	clock   *jumpingClock
	program chan int // the process that makes the pass
}

// A jumpingClock is ours, and does not wait between tries.
type jumpingClock struct {
	back    atomic.Int64 // nanoseconds
	onSleep func()
}

func (c *jumpingClock) Now() time.Time { return time.Now().Add(-time.Duration(c.back.Load())) }

func (c *jumpingClock) Sleep(ctx context.Context, _ time.Duration) error {
	c.onSleep()
	return ctx.Err()
}

// onRequest fails the first request of the step, or each from it on.
func (c *cell) onRequest(isLasting bool, f func() *simulator.Fault) {
	c.portal.Inject(func(call *simulator.Call) *simulator.Fault {
		isMet := c.met.Load()
		if !isMet && !slices.ContainsFunc(call.Commands, c.step.asks) || isMet && !isLasting {
			return nil
		}
		c.met.Store(true)
		return f()
	})
}

// onQuery fails the first query of the step.
func (c *cell) onQuery(f func(l *link, b []byte)) {
	c.engine.on(c.step.says, func(l *link, b []byte) {
		c.met.Store(true)
		f(l, b)
	})
}

func (c *cell) killProgram() { _ = syscall.Kill(<-c.program, syscall.SIGKILL) }

// fill sets how much room inserts into the tables of the step must leave.
func (c *cell) fill(bytes string) {
	for _, table := range c.step.writes {
		if err := warehousetest.Set(context.Background(), c.w.DB(), table, warehousetest.FreeSpace, bytes); err != nil {
			c.t.Error(err)
		}
	}
}

// suffer makes a pass with the fault in it, and mends everything.
func (c *cell) suffer(f fault) result {
	c.clock = &jumpingClock{onSleep: func() {
		if do := c.onSleep.Swap(nil); do != nil {
			(*do)()
		}
	}}
	p := patient{isFull: c.step.isFull, clock: c.clock}
	if f.passes != nil {
		f.passes(&p)
	}
	c.program = make(chan int, 1)
	mend := f.arm(c)
	var r result
	if f.killsProgram {
		cmd := c.startPass(p.isFull)
		c.program <- cmd.Process.Pid
		r.err = cmd.Wait()
		c.awaitEngine()
	} else {
		r = c.pass(p)
	}
	c.portal.Inject(nil)
	c.toPortal.mend()
	c.engine.mend()
	if mend != nil {
		mend()
	}
	return r
}

// awaitEngine returns when the engine has done what a killed program has left it with.
func (c *cell) awaitEngine() {
	for c.number("SELECT count() FROM system.processes WHERE query NOT LIKE '%system.processes%' AND user = 'stagelag'") > 0 {
		time.Sleep(10 * time.Millisecond)
	}
}

// A badNight is one in which runs fail, one after the other, until one goes well.
type badNight struct {
	*ward
	before, after state
	reader        *watcher
	failed        []string // what has made runs fail
	isShown       bool     // one of them has been published
}

// begin lets it become night, with a reader that looks on until it is over.
func (v *ward) begin(t testing.TB, right *chronicle) *badNight {
	n := &badNight{ward: v, before: right.after(t, v.nights), after: right.after(t, v.nights+1)}
	v.nextNight()
	n.reader = v.watch(n.before, n.after)
	return n
}

// has lets a fault happen in the night, and tells whether the run has gone well.
func (n *badNight) has(s step, f fault) (wentWell bool) {
	n.t.Helper()
	c := &cell{ward: n.ward, step: s}
	r := c.suffer(f)
	// On a slow machine, who hurries may give up before it comes to the step.
	for try := 0; !c.met.Load() && f.passes != nil && try < 3; try++ {
		r = c.suffer(f)
	}
	what := s.name + ": " + f.name
	if !c.met.Load() {
		n.t.Errorf("%s: the run never came to it (%v)", what, r.err)
	}
	if f.wants == goesWell && r.err != nil || f.wants == fails && r.err == nil {
		n.t.Errorf("%s: %v, want that %v", what, r.err, f.wants)
	}
	c.mustBeClear(what, r.err)
	wants := n.before
	if n.isShown || r.isPublished || s.name == "write back" {
		wants = n.after
	}
	// A run that fails before it has appended rows of deals leaves them as they are. All views are looked at when
	// the night ends.
	seen := []string{"deal_stage_days"}
	if s.marks || s.asks == nil || isLong() {
		seen = append(seen, "deals_now")
	}
	if isLong() {
		seen = append(seen, "data_gaps")
	}
	got := n.state(seen...)
	// Of a run that died over its publishing nobody knows whether it is published.
	if s.name == "publish" && r.err != nil && got["deals_now"] == n.after["deals_now"] {
		wants = n.after
	}
	n.mustBe(what+", after the fault", got, wants)
	if r.err != nil {
		n.failed = append(n.failed, f.name)
		n.isShown = wants["deals_now"] == n.after["deals_now"]
	}
	return r.err == nil
}

// isFull is whether the next run has to go well: so many have failed, or there is nothing left to do in the step.
func (n *badNight) isFull(s step, most int) bool {
	return len(n.failed) >= most || n.isShown && (s.name != "write back" || n.differing() == 0)
}

// end is the end of the night, after a run that went well.
func (n *badNight) end(s step) {
	n.t.Helper()
	what := s.name + ": a run that goes well after those with " + strings.Join(n.failed, " and ")
	n.mustBe(what, n.state("deal_stage_days", "deals_now", "data_gaps", "quality_report"), n.after)
	if k := n.number("SELECT count() FROM runs WHERE status = 'running' OR status = 'failed' AND (error IS NULL OR finished_at IS NULL)"); k != 0 {
		n.t.Errorf("%s: %d runs have no end", what, k)
	}
	if k := n.differing(); k != 0 {
		n.t.Errorf("%s: %d deals are not written back", what, k)
	}
	if n.reader.stop() == 0 {
		n.t.Errorf("%s: the reader has seen nothing", what)
	}
}

// recovers makes the run after those that failed, and ends the night.
func (n *badNight) recovers(s step) {
	n.t.Helper()
	if r := n.pass(patient{clock: hasty{}}); r.err != nil {
		n.t.Errorf("%s: the next run: %v", s.name, r.err)
	}
	n.end(s)
}

// mustBeClear fails if an error is no line for a person, or tells a secret.
func (c *cell) mustBeClear(what string, err error) {
	if err == nil {
		return
	}
	text := err.Error()
	password := c.w.Options().Auth.Password
	if strings.ContainsAny(text, "\n\r") || len(text) > 600 || strings.Contains(text, "/rest/") || strings.Contains(text, password) {
		c.t.Errorf("%s: the error is not a line for a person: %q", what, text)
	}
	if testing.Verbose() {
		c.t.Logf("%s: %s", what, text)
	}
}

func (v *ward) mustBe(what string, got, want state) {
	v.t.Helper()
	for view := range got {
		if got[view] != want[view] {
			v.t.Errorf("%s: %s shows %s, want %s", what, view, got[view], want[view])
		}
	}
}

// differing counts the deals whose fields are not what the views show.
func (v *ward) differing() int {
	rows := v.rows("SELECT deal_id, overdue_days_total FROM deals_now")
	n := 0
	for _, row := range rows {
		var id simulator.DealID
		var lost string
		if _, err := fmt.Sscan(row, &id, &lost); err != nil {
			v.t.Fatal(err)
		}
		deal, _ := v.world.Deal(id)
		if fmt.Sprint(deal.Fields[lostField]) != lost {
			n++
		}
	}
	return n
}

// isLong is whether all forms of every fault are walked, as make soak does.
func isLong() bool { return os.Getenv(nightsVariable) != "" }

// classes are in the order in which the short form meets them: where a run can go well in spite of what
// happens, it is the one after those that fail.
var classes = []class{lasting, refusal, passing, cutOff, crash, noRoom, homicide, elsewhere}

// walked are the faults that are let happen in a step: all that can, or of each class the one whose
// turn it is, and more of a class that has more faults than there are steps for it.
func walked(s step, isLong bool) []fault {
	var all []fault
	for _, f := range faults {
		if f.cannot == nil || f.cannot(s) == "" {
			all = append(all, f)
		}
	}
	if isLong {
		return all
	}
	var list []fault
	for _, c := range classes {
		steps := stepsFor(c)
		turn := slices.Index(steps, s.name)
		possible := slices.DeleteFunc(slices.Clone(all), func(f fault) bool { return f.class != c })
		if turn < 0 || len(possible) == 0 {
			continue
		}
		for i := turn % len(possible); i < len(possible); i += len(steps) {
			list = append(list, possible[i])
		}
	}
	return list
}

// stepsFor are the steps that the short form walks with a class. What reads all asks the portal and writes to
// the engine as what reads changes does, which stands for it: in its place a run only fails, and is killed. To
// mark what is replaced asks the engine as appending does, but goes on where a killed program or engine has left
// it. TestKilledAtAnyMoment, of the commands, kills the program at each request of a run that reads changes.
func stepsFor(c class) []string {
	isPortals := slices.Contains([]class{passing, lasting, refusal, elsewhere}, c)
	isStatements := slices.Contains([]class{cutOff, noRoom}, c)
	var names []string
	for _, s := range faultSteps {
		hasTwin := s.isFull && !slices.Contains([]class{lasting, homicide}, c) || s.marks && isStatements || s.asks != nil && !s.isFull && s.name != "write back" && c == homicide
		if !hasTwin && (s.asks != nil || !isPortals) {
			names = append(names, s.name)
		}
	}
	return names
}

// TestTheShortFormOfTheMatrix holds the short form to what it promises of classes and faults.
func TestTheShortFormOfTheMatrix(t *testing.T) {
	t.Parallel()
	met := map[string]bool{}
	cells := 0
	for _, s := range faultSteps {
		walks := map[class]bool{}
		for _, f := range walked(s, false) {
			met[f.name], walks[f.class] = true, true
			cells++
		}
		portals := walks[lasting] && (s.isFull || walks[passing] && walks[refusal] && walks[elsewhere])
		engines := walks[cutOff] && walks[crash] && walks[noRoom]
		isKilledElsewhere := s.asks != nil && !s.isFull && s.name != "write back"
		if s.asks != nil && !portals || !s.isFull && !s.marks && !engines || s.marks && !walks[crash] || !isKilledElsewhere && !walks[homicide] {
			t.Errorf("%s is walked with the classes %v only", s.name, walks)
		}
	}
	for _, f := range faults {
		if !met[f.name] {
			t.Errorf("no step is walked with the fault that %s", f.name)
		}
	}
	t.Logf("%d cells", cells)
}

// wards are those that a step of the matrix is walked in, one step after another.
type wards struct {
	t     *testing.T
	make  func(t *testing.T) *ward
	right *chronicle

	mu   sync.Mutex
	free []*ward
}

// manyNights is how many nights a ward has for more than one step: what is right is found out night
// by night, once for all wards.
const manyNights = 8

// take gives a ward for a step, in which all that went before has been found right.
func (w *wards) take(t *testing.T) *ward {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.free); n > 0 {
		v := w.free[n-1]
		w.free = w.free[:n-1]
		v.t = t
		return v
	}
	v := w.make(w.t)
	v.t = t
	if r := v.pass(patient{clock: hasty{}}); r.err != nil {
		t.Fatalf("the first night: %v", r.err)
	}
	return v
}

// give gives it back, for another step unless there was something wrong in it.
func (w *wards) give(v *ward) {
	if v.nights >= manyNights || v.t.Failed() {
		w.look(v)
		v.end()
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.free = append(w.free, v)
}

// end is when all steps have been walked.
func (w *wards) end() {
	for _, v := range w.free {
		v.t = w.t
		w.look(v)
	}
}

// look looks at a ward whose nights are over: all views show what they show where nothing went wrong, whose laws hold
// then as they do there. Which runs facts are of is what failed runs may have changed.
func (w *wards) look(v *ward) {
	of := lawsOf("fact_changes")
	if isLong() {
		of = laws
	}
	v.mustBe("after all nights", v.state(everyView...), w.right.after(v.t, v.nights))
	v.expectAll("after all nights", of)
}

// TestFaultMatrix lets faults happen in each step of a run while a reader looks on. The run ends with the
// right numbers or fails with one line; what was published stays; and the next run that nothing hinders
// is right. That is the next one in the long form. In the short one up to six runs fail in a night.
func TestFaultMatrix(t *testing.T) {
	t.Parallel()
	const seed, deals, changes = 7, 40, 6
	most := 6
	if isLong() {
		most = 1
	}
	w := &wards{t: t, make: func(t *testing.T) *ward { return newWard(t, seed, deals, changes) }}
	w.right = &chronicle{ward: w.make(t)}
	defer func() { w.right.ward.expectLaws("where nothing went wrong") }()
	t.Run("steps", func(t *testing.T) {
		for _, s := range faultSteps {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				v := w.take(t)
				defer w.give(v)
				var night *badNight
				defer func() {
					if night != nil {
						night.reader.stop()
					}
				}()
				for _, f := range walked(s, isLong()) {
					if night == nil {
						night = v.begin(t, w.right)
					}
					begun := time.Now()
					switch {
					case night.has(s, f):
						night.end(s)
						night = nil
					case night.isFull(s, most):
						night.recovers(s)
						night = nil
					}
					t.Logf("%s: %s: %.2f s", s.name, f.name, time.Since(begun).Seconds())
				}
				if night != nil {
					night.recovers(s)
				}
			})
		}
	})
	w.end()
}

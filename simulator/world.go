package simulator

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"
)

// The portal's own numbers and codes. They are types so that they cannot be swapped.
type (
	DealID       int64
	ChangeID     int64
	FunnelID     int32
	UserID       int64
	DepartmentID int64
	StageID      string
)

// A World is what a portal knows. Its methods may be called at any time, also while a
// portal serves it.
//
// A method that takes a time makes something happen at that time: at once when the
// world's clock has reached it, else when the clock does. Things that happen at the same
// time happen in the order of the calls. A zero time means at once, without a trace in
// the deal's time of update. What would happen to a deal that does not exist at that
// time does not happen; naming a deal, a stage, a field or a person that was never
// added is a mistake in the scenario, and panics.
type World struct {
	mu sync.Mutex

	clock      int64 // unix seconds; noTime until it is first moved
	queue      []event
	queued     int  // events ever queued
	isUnsorted bool // the queue
	modes      HistoryModes

	deals      map[DealID]*deal
	lastDeal   DealID
	lastChange ChangeID
	readable   index[deal]   // existing deals that the webhook may read
	changes    index[change] // and their history

	funnels     []*funnel
	lastStatus  int64
	users       []*user
	departments []*department
	companies   []*company // by id
	fields      []*field
	fieldsEra   int // grows when the fields change
	calendar    CalendarSettings
	events      []Event
	chats       []*Chat
	messages    []Message
	language    Language // of the portal's country; empty: Russian
}

// HistoryModes are the versions of the product that write stage history differently.
// The zero value writes what the documentation tells.
type HistoryModes struct {
	// FunnelChangeErases deletes a deal's rows when it changes its funnel and writes one
	// new row; otherwise a row of type 5 is added.
	FunnelChangeErases bool
	// ReopenErases deletes the closing row of a deal that is opened again.
	ReopenErases bool
	// CreatedInFinalIsCreation gives a deal that is created in a final stage a row of
	// type 1; otherwise its first row has type 3.
	CreatedInFinalIsCreation bool
}

// An Event is a change that the portal would report to its subscribers.
type Event struct {
	Name string // ONCRMDEALADD, ONCRMDEALUPDATE, ONCRMDEALDELETE
	Deal DealID
	At   time.Time
}

type event struct {
	at     int64
	number int // in the order of the calls
	do     func()
}

// noTime stands for an absent time.
const noTime = math.MinInt64

// NewWorld returns a world without funnels, people, fields and deals.
func NewWorld() *World {
	w := &World{clock: noTime, deals: make(map[DealID]*deal), calendar: defaultCalendar}
	w.readable.id = func(d *deal) int64 { return int64(d.id) }
	w.changes.id = func(c *change) int64 { return int64(c.id) }
	return w
}

// SetHistoryModes chooses how history is written from now on. [New] calls it with the
// modes of its options.
func (w *World) SetHistoryModes(modes HistoryModes) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.modes = modes
}

// Advance moves the clock to the time, and everything up to it happens. A time before
// the clock changes nothing.
func (w *World) Advance(to time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance(to.Unix())
}

func (w *World) advance(to int64) {
	if to <= w.clock {
		return
	}
	w.clock = to
	if w.isUnsorted {
		slices.SortFunc(w.queue, func(a, b event) int {
			return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.number, b.number))
		})
		w.isUnsorted = false
	}
	due := 0
	for due < len(w.queue) && w.queue[due].at <= to {
		w.queue[due].do()
		w.queue[due].do = nil // the closures of a large world's past are worth freeing
		due++
	}
	if due == 0 {
		return
	}
	w.queue = w.queue[due:]
	w.settle()
}

// settle restores the order of the lists after deals appeared out of it.
func (w *World) settle() {
	w.readable.settle()
	w.changes.settle()
}

// at lets something happen at a time, as World's methods promise. The lock is held.
func (w *World) at(t int64, do func()) {
	if t <= w.clock || t == noTime {
		do()
		w.settle()
		return
	}
	if n := len(w.queue); n > 0 && w.queue[n-1].at > t {
		w.isUnsorted = true
	}
	w.queued++
	w.queue = append(w.queue, event{t, w.queued, do})
}

func (w *World) record(name string, d *deal, at int64) {
	w.events = append(w.events, Event{name, d.id, fromUnix(at)})
}

// Events tells, in order, what callers of the portal's own methods changed. What the
// scenario itself does is not among them.
func (w *World) Events() []Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.events)
}

func (w *World) mustDeal(id DealID) *deal {
	d := w.deals[id]
	if d == nil {
		panic(fmt.Sprintf("portal: no deal %d was added", id))
	}
	return d
}

func toUnix(t time.Time) int64 {
	if t.IsZero() {
		return noTime
	}
	return t.Unix()
}

func fromUnix(u int64) time.Time {
	if u == noTime {
		return time.Time{}
	}
	return time.Unix(u, 0).UTC()
}

// An index keeps records in the order of their ids.
type index[R any] struct {
	id         func(*R) int64
	sorted     []*R
	isUnsorted bool
}

// add takes a record in. The order holds again after settle.
func (x *index[R]) add(r *R) {
	if n := len(x.sorted); n > 0 && x.id(x.sorted[n-1]) > x.id(r) {
		x.isUnsorted = true
	}
	x.sorted = append(x.sorted, r)
}

func (x *index[R]) settle() {
	if x.isUnsorted {
		slices.SortFunc(x.sorted, func(a, b *R) int { return cmp.Compare(x.id(a), x.id(b)) })
		x.isUnsorted = false
	}
}

// search returns where the id is, or where it would be.
func (x *index[R]) search(id int64) (int, bool) {
	return slices.BinarySearchFunc(x.sorted, id, func(r *R, id int64) int { return cmp.Compare(x.id(r), id) })
}

func (x *index[R]) remove(r *R) {
	x.settle()
	if i, found := x.search(x.id(r)); found {
		x.sorted = slices.Delete(x.sorted, i, i+1)
	}
}

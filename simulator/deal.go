package simulator

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// A Deal is a deal as the world has it.
type Deal struct {
	ID        DealID // 0 in AddDeal: the next one
	Title     string
	Funnel    FunnelID
	Stage     StageID
	Manager   UserID // 0: nobody
	CreatedBy UserID
	UpdatedBy UserID
	MovedBy   UserID
	Company   int64
	Cents     int64 // the amount in hundredths of Currency
	Currency  string
	Created   time.Time // each of the times may be zero: the portal gives none
	Updated   time.Time // zero in AddDeal: as Created
	Moved     time.Time // zero in AddDeal: as Created
	Begin     time.Time // its date counts, in its own zone
	Close     time.Time // its date counts, in its own zone; the planned one until the deal closes
	// AppearsAt is when the deal comes into being, in AddDeal; zero: at Created. A Created
	// that is later makes a deal from the future.
	AppearsAt time.Time
	// HasNoHistory, in AddDeal, leaves out the row that tells of the creation, as for an
	// imported deal. Later moves write rows as ever.
	HasNoHistory bool
	IsRecurring  bool // a template
	IsHidden     bool // the webhook may not read it
	IsReadOnly   bool // the webhook may not change it
	// Fields are values of custom fields by name: string, int, float64, bool, time.Time, or
	// a []string for several values. What is missing or empty has no value.
	Fields map[string]any
}

// deal is a Deal in less memory: a large world has hundreds of thousands.
type deal struct {
	id         DealID
	title      string
	funnel     FunnelID
	stage      StageID
	semantics  Semantics
	exists     bool // has appeared and was not deleted
	isTemplate bool
	isHidden   bool
	binned     []*change // the history of a deleted deal
	isReadOnly bool
	manager    UserID
	createdBy  UserID
	updatedBy  UserID
	movedBy    UserID
	company    int64
	cents      int64
	currency   string
	created    int64
	updated    int64
	moved      int64
	begin      int64 // midnight UTC
	close      int64 // midnight UTC
	custom     []customValue
	history    []*change
}

type customValue struct {
	field *field
	text  string
	list  []string // of a field with several values
}

const secondsPerDay = 24 * 60 * 60

func midnight(unix int64) int64 {
	if unix == noTime {
		return noTime
	}
	return unix - (unix%secondsPerDay+secondsPerDay)%secondsPerDay
}

// dayOf is the time's date in its own zone, as that date's midnight in UTC.
func dayOf(t time.Time) int64 {
	if t.IsZero() {
		return noTime
	}
	year, month, day := t.Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix()
}

// AddDeal adds a deal and returns its id, which is known before the deal appears.
func (w *World) AddDeal(given Deal) DealID {
	w.mu.Lock()
	defer w.mu.Unlock()
	if given.ID == 0 {
		given.ID = w.lastDeal + 1
	}
	if w.deals[given.ID] != nil {
		panic(fmt.Sprintf("portal: deal %d was added before", given.ID))
	}
	w.lastDeal = max(w.lastDeal, given.ID)
	d := &deal{id: given.ID}
	w.deals[d.id] = d
	w.fill(d, given)
	if given.Updated.IsZero() {
		d.updated = d.created
	}
	if given.Moved.IsZero() {
		d.moved = d.created
	}
	appears := d.created
	if !given.AppearsAt.IsZero() {
		appears = given.AppearsAt.Unix()
	}
	hasHistory := !given.HasNoHistory
	w.at(appears, func() { w.appear(d, hasHistory) })
	return d.id
}

func (w *World) appear(d *deal, hasHistory bool) {
	d.exists = true
	d.semantics = w.semantics(d.funnel, d.stage)
	if !d.isHidden {
		w.readable.add(d)
	}
	if d.semantics.isFinal() && d.close == noTime {
		d.close = midnight(d.created)
	}
	if !hasHistory {
		return
	}
	kind := created
	if d.semantics.isFinal() && !w.modes.CreatedInFinalIsCreation {
		kind = movedToFinal
	}
	w.write(d, kind, d.created)
}

// fill takes over everything that a Deal tells but its id and history.
func (w *World) fill(d *deal, given Deal) {
	d.title = given.Title
	d.funnel, d.stage = given.Funnel, given.Stage
	d.semantics = w.semantics(d.funnel, d.stage)
	d.isTemplate, d.isHidden, d.isReadOnly = given.IsRecurring, given.IsHidden, given.IsReadOnly
	d.manager, d.createdBy, d.updatedBy, d.movedBy = given.Manager, given.CreatedBy, given.UpdatedBy, given.MovedBy
	d.company, d.cents, d.currency = given.Company, given.Cents, given.Currency
	d.created, d.updated, d.moved = toUnix(given.Created), toUnix(given.Updated), toUnix(given.Moved)
	d.begin, d.close = dayOf(given.Begin), dayOf(given.Close)
	d.custom = d.custom[:0]
	for _, name := range slices.Sorted(maps.Keys(given.Fields)) {
		f := w.mustField(name)
		text, list := customText(f, given.Fields[name])
		d.set(f, text, list)
	}
}

func (d *deal) snapshot() Deal {
	out := Deal{
		ID: d.id, Title: d.title, Funnel: d.funnel, Stage: d.stage,
		Manager: d.manager, CreatedBy: d.createdBy, UpdatedBy: d.updatedBy, MovedBy: d.movedBy,
		Company: d.company, Cents: d.cents, Currency: d.currency,
		Created: fromUnix(d.created), Updated: fromUnix(d.updated), Moved: fromUnix(d.moved),
		Begin: fromUnix(d.begin), Close: fromUnix(d.close),
		IsRecurring: d.isTemplate, IsHidden: d.isHidden, IsReadOnly: d.isReadOnly,
	}
	for _, v := range d.custom {
		if out.Fields == nil {
			out.Fields = make(map[string]any)
		}
		if v.field.IsMultiple {
			out.Fields[v.field.Name] = slices.Clone(v.list)
		} else {
			out.Fields[v.field.Name] = v.text
		}
	}
	return out
}

// Deal returns a deal as it is now, hidden ones too, and whether it exists. The values of
// its custom fields are text as the world keeps them.
func (w *World) Deal(id DealID) (Deal, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := w.deals[id]
	if d == nil || !d.exists {
		return Deal{}, false
	}
	return d.snapshot(), true
}

// Deals returns all existing deals by id, templates and hidden ones too.
func (w *World) Deals() []Deal {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []Deal
	for _, d := range w.deals {
		if d.exists {
			all = append(all, d.snapshot())
		}
	}
	slices.SortFunc(all, func(a, b Deal) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// edit lets something happen to a deal that exists at the time, and marks it updated. The
// lock is held.
func (w *World) edit(id DealID, at time.Time, do func(d *deal, now int64)) {
	d, now := w.mustDeal(id), toUnix(at)
	w.at(now, func() {
		if !d.exists {
			return
		}
		do(d, now)
		if now != noTime {
			d.updated = max(d.updated, now)
		}
	})
}

// SetField sets a custom field of the deal; see [Deal] for the values.
func (w *World) SetField(id DealID, at time.Time, name string, v any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.mustField(name)
	text, list := customText(f, v)
	w.edit(id, at, func(d *deal, _ int64) { d.set(f, text, list) })
}

// SetManager makes another person responsible for the deal.
func (w *World) SetManager(id DealID, at time.Time, manager UserID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.edit(id, at, func(d *deal, _ int64) { d.manager = manager })
}

// EditDeal changes anything else about a deal: its title, its times, whether it is hidden.
// It writes no history, and stamps the time of update unless the function sets one. The
// function must not call the world.
func (w *World) EditDeal(id DealID, at time.Time, change func(*Deal)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d, now := w.mustDeal(id), toUnix(at)
	w.at(now, func() {
		if !d.exists {
			return
		}
		edited := d.snapshot()
		before := edited.Updated
		change(&edited)
		wasHidden := d.isHidden
		w.fill(d, edited)
		if now != noTime && edited.Updated.Equal(before) {
			d.updated = now
		}
		if d.isHidden != wasHidden {
			w.reveal(d, !d.isHidden)
		}
	})
}

// HideDeal takes the webhook's right to read the deal, without a trace in the deal.
func (w *World) HideDeal(id DealID, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := w.mustDeal(id)
	w.at(toUnix(at), func() {
		if d.exists && !d.isHidden {
			d.isHidden = true
			w.reveal(d, false)
		}
	})
}

// ShowDeal gives back what HideDeal took.
func (w *World) ShowDeal(id DealID, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := w.mustDeal(id)
	w.at(toUnix(at), func() {
		if d.exists && d.isHidden {
			d.isHidden = false
			w.reveal(d, true)
		}
	})
}

// RestoreDeal brings a deleted deal back from the recycle bin, with its history or without. It stands where it
// stood, and has a new time of update.
func (w *World) RestoreDeal(id DealID, at time.Time, withHistory bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := w.mustDeal(id)
	w.at(toUnix(at), func() {
		if d.exists {
			return
		}
		d.exists, d.updated = true, toUnix(at)
		if withHistory {
			d.history = d.binned
		}
		d.binned = nil
		if !d.isHidden {
			w.reveal(d, true)
		}
	})
}

// DeleteDeal deletes the deal with its history.
func (w *World) DeleteDeal(id DealID, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := w.mustDeal(id)
	w.at(toUnix(at), func() {
		if !d.exists {
			return
		}
		if !d.isHidden {
			w.reveal(d, false)
		}
		d.exists, d.binned, d.history = false, d.history, nil
	})
}

// reveal puts a deal and its history into the lists that callers read, or takes them out.
func (w *World) reveal(d *deal, isReadable bool) {
	if !isReadable {
		w.readable.remove(d)
		for _, c := range d.history {
			w.changes.remove(c)
		}
		return
	}
	w.readable.add(d)
	for _, c := range d.history {
		w.changes.add(c)
	}
}

// value is the deal's value of a field, nil where it has none.
func (d *deal) value(f *field) *customValue {
	for i := range d.custom {
		if d.custom[i].field == f {
			return &d.custom[i]
		}
	}
	return nil
}

// set stores a value of a custom field, as customText makes it, and tells whether it
// differs from the one before.
func (d *deal) set(f *field, text string, list []string) bool {
	old := d.value(f)
	switch {
	case old != nil && old.text == text && slices.Equal(old.list, list):
		return false
	case old != nil && text == "" && len(list) == 0:
		d.custom = slices.DeleteFunc(d.custom, func(v customValue) bool { return v.field == f })
	case old != nil:
		old.text, old.list = text, list
	case text == "" && len(list) == 0:
		return false
	default:
		d.custom = append(d.custom, customValue{f, text, list})
	}
	return true
}

// customText is how the world keeps a value: numbers in their shortest form, dates as
// YYYY-MM-DD, times in RFC 3339, flags as 1 and 0.
func customText(f *field, given any) (text string, list []string) {
	switch v := given.(type) {
	case nil:
		return "", nil
	case []string:
		if f.IsMultiple {
			return "", slices.Clone(v)
		}
		if len(v) == 0 {
			return "", nil
		}
		text = v[0]
	case string:
		text = v
	case int:
		text = strconv.Itoa(v)
	case float64:
		text = strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		text = "0"
		if v {
			text = "1"
		}
	case time.Time:
		if v.IsZero() {
			return "", nil
		}
		text = v.Format(time.RFC3339)
		if f.Type == "date" {
			text = v.Format(time.DateOnly)
		}
	default:
		panic(fmt.Sprintf("portal: field %s: a %T is no value", f.Name, given))
	}
	if f.IsMultiple && text != "" {
		return "", []string{text}
	}
	return text, nil
}

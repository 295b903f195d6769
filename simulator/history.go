package simulator

import (
	"fmt"
	"slices"
	"time"
)

// A Change is one row of the stage history: the deal entered the stage.
type Change struct {
	ID        ChangeID
	Deal      DealID
	At        time.Time
	Funnel    FunnelID
	Stage     StageID
	Semantics Semantics // of the stage when it was entered
	TypeID    int       // 1 created, 2 moved, 3 moved to a final stage, 5 changed funnel
}

type change struct {
	id        ChangeID
	deal      *deal
	at        int64
	funnel    FunnelID
	stage     StageID
	semantics Semantics
	kind      changeKind
}

type changeKind uint8

const (
	created       changeKind = 1
	moved         changeKind = 2
	movedToFinal  changeKind = 3
	changedFunnel changeKind = 5
)

// Move moves the deal to a stage of its funnel. To the stage where it is, it does nothing.
// From a final stage to another it reopens the deal.
func (w *World) Move(id DealID, at time.Time, stage StageID) {
	w.MoveStamped(id, at, at, stage)
}

// MoveStamped is Move at one time with the history telling another, such as one after the
// clock.
func (w *World) MoveStamped(id DealID, at, stamp time.Time, stage StageID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.edit(id, at, func(d *deal, _ int64) { w.move(d, toUnix(stamp), stage, d.manager) })
}

// ChangeFunnel moves the deal to a stage of another funnel.
func (w *World) ChangeFunnel(id DealID, at time.Time, to FunnelID, stage StageID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mustFunnel(to)
	w.edit(id, at, func(d *deal, now int64) { w.changeFunnel(d, now, to, stage, d.manager) })
}

func (w *World) move(d *deal, at int64, stage StageID, by UserID) {
	if d.stage == stage {
		return
	}
	w.enter(d, at, stage, by)
}

// enter is move with a row also for the stage where the deal already is.
func (w *World) enter(d *deal, at int64, stage StageID, by UserID) {
	wasFinal := d.semantics.isFinal()
	d.stage, d.semantics = stage, w.semantics(d.funnel, stage)
	d.moved, d.movedBy = at, by
	kind := moved
	if d.semantics.isFinal() {
		kind = movedToFinal
		d.close = midnight(at)
	}
	if wasFinal && kind == moved && w.modes.ReopenErases {
		w.eraseClosing(d)
	}
	w.write(d, kind, at)
}

func (w *World) changeFunnel(d *deal, at int64, to FunnelID, stage StageID, by UserID) {
	d.funnel, d.stage, d.semantics = to, stage, w.semantics(to, stage)
	d.moved, d.movedBy = at, by
	if d.semantics.isFinal() {
		d.close = midnight(at)
	}
	if w.modes.FunnelChangeErases {
		for _, c := range slices.Clone(d.history) {
			w.erase(c)
		}
		w.write(d, created, at)
		return
	}
	w.write(d, changedFunnel, at)
}

// write appends a row for the stage where the deal is now.
func (w *World) write(d *deal, kind changeKind, at int64) {
	w.lastChange++
	c := &change{
		id: w.lastChange, deal: d, at: at,
		funnel: d.funnel, stage: d.stage, semantics: d.semantics, kind: kind,
	}
	d.history = append(d.history, c)
	if !d.isHidden {
		w.changes.add(c)
	}
}

func (w *World) eraseClosing(d *deal) {
	for _, c := range slices.Backward(d.history) {
		if c.semantics.isFinal() {
			w.erase(c)
			return
		}
	}
}

func (w *World) erase(c *change) {
	c.deal.history = slices.DeleteFunc(c.deal.history, func(other *change) bool { return other == c })
	w.changes.remove(c)
}

// History returns the rows of a deal by id.
func (w *World) History(id DealID) []Change {
	w.mu.Lock()
	defer w.mu.Unlock()
	var rows []Change
	for _, c := range w.mustDeal(id).history {
		rows = append(rows, c.snapshot())
	}
	return rows
}

func (c *change) snapshot() Change {
	return Change{
		ID: c.id, Deal: c.deal.id, At: fromUnix(c.at),
		Funnel: c.funnel, Stage: c.stage, Semantics: c.semantics, TypeID: int(c.kind),
	}
}

// CorrectChange edits a row of the deal's history: its time, funnel, stage, semantics or
// type. The deal itself only gets a new time of update, and not even that at a zero time.
func (w *World) CorrectChange(id DealID, row ChangeID, at time.Time, fix func(*Change)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.edit(id, at, func(d *deal, _ int64) {
		c := d.mustChange(row)
		edited := c.snapshot()
		fix(&edited)
		c.at, c.funnel, c.stage = toUnix(edited.At), edited.Funnel, edited.Stage
		c.semantics, c.kind = edited.Semantics, changeKind(edited.TypeID)
	})
}

// RemoveChange deletes a row of the deal's history. The deal stays where it is.
func (w *World) RemoveChange(id DealID, row ChangeID, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.edit(id, at, func(d *deal, _ int64) { w.erase(d.mustChange(row)) })
}

func (d *deal) mustChange(row ChangeID) *change {
	for _, c := range d.history {
		if c.id == row {
			return c
		}
	}
	panic(fmt.Sprintf("portal: deal %d has no history row %d", d.id, row))
}

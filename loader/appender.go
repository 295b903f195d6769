package loader

import (
	"context"

	"stagelag/transform"
)

// An Appender appends what a run derived. It is for one goroutine; nothing of it can be
// seen before the run is published.
type Appender struct {
	ctx      context.Context
	run      *Run
	calendar transform.Calendar
	err      error // the first one; later rows are dropped

	facts, spare *factBlock // spare is on its way while facts is filled
	visits       *visitBlock
	deals        *dealBlock
	factRows     *inserter
	visitRows    *inserter
	dealRows     *inserter
}

// Append begins to append under the run.
func (r *Run) Append(ctx context.Context, calendar transform.Calendar) *Appender {
	return &Appender{
		ctx: ctx, run: r, calendar: calendar,
		facts: &factBlock{}, spare: &factBlock{}, visits: &visitBlock{}, deals: &dealBlock{},
		factRows:  newInserter(r.conn, "facts", r, factColumns...),
		visitRows: newInserter(r.conn, "visits", r, visitColumns...),
		dealRows:  newInserter(r.conn, "deals", r, dealColumns...),
	}
}

// Fact appends a fact, or takes one back. An error comes with Finish.
func (a *Appender) Fact(sign transform.Sign, f *transform.Fact) {
	a.facts.add(a.run.row.RunID, sign, f)
	a.run.row.FactsAppended++
	if a.facts.rows() == factBlockRows {
		a.flushFacts()
	}
}

func (a *Appender) flushFacts() {
	if a.err == nil && a.facts.rows() > 0 {
		a.err = a.factRows.send(a.ctx, a.facts.columns()...)
		a.facts, a.spare = a.spare, a.facts
	}
	a.facts.reset()
}

// Visit appends a visit as it is now, or that it is no more. An error comes with Finish.
func (a *Appender) Visit(v *transform.Visit, isGone bool) {
	a.visits.add(a.run.row.RunID, v, isGone, a.calendar)
	if a.visits.rows() == rowBlockRows {
		a.flushVisits()
	}
}

func (a *Appender) flushVisits() {
	if a.err == nil && a.visits.rows() > 0 {
		a.err = a.visitRows.send(a.ctx, a.visits.columns()...)
	}
	a.visits = &visitBlock{}
}

// Deal appends what readers see of a deal beside its visits.
func (a *Appender) Deal(d *DealRow) {
	a.deals.add(a.run.row.RunID, d)
	if a.deals.rows() == rowBlockRows {
		a.flushDeals()
	}
}

func (a *Appender) flushDeals() {
	if a.err == nil && a.deals.rows() > 0 {
		a.err = a.dealRows.send(a.ctx, a.deals.columns()...)
	}
	a.deals = &dealBlock{}
}

// Err is the first error so far.
func (a *Appender) Err() error { return a.err }

// Changed counts a deal of which more changed than the days that passed.
func (a *Appender) Changed() { a.run.row.DealsChanged++ }

// Finish writes what is left, with the day measures that follow from it, and marks what it
// replaces.
func (a *Appender) Finish() error {
	a.flushFacts()
	a.flushVisits()
	a.flushDeals()
	for _, in := range []*inserter{a.factRows, a.visitRows, a.dealRows} {
		if err := in.wait(); a.err == nil {
			a.err = err
		}
	}
	if a.err != nil {
		return a.err
	}
	if err := a.run.appendMeasures(a.ctx); err != nil {
		return err
	}
	for _, in := range []*inserter{a.visitRows, a.dealRows} {
		if in.sent == 0 {
			continue
		}
		if err := a.run.markReplaced(a.ctx, in.table); err != nil {
			return err
		}
	}
	return nil
}

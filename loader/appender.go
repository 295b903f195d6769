package loader

import (
	"context"

	"stagelag/transform"
)

// Appended counts what was appended.
type Appended struct {
	Facts, Visits, Deals uint64
	// Changed is the deals of which more changed than the days that passed.
	Changed uint64
}

// Add adds what was appended elsewhere.
func (a *Appended) Add(b Appended) {
	a.Facts, a.Visits, a.Deals, a.Changed = a.Facts+b.Facts, a.Visits+b.Visits, a.Deals+b.Deals, a.Changed+b.Changed
}

// An Appender appends what a run derived of deals in one shard. It is for one goroutine; nothing
// of it can be seen before the run is published.
type Appender struct {
	ctx      context.Context
	run      RunID
	calendar transform.Calendar
	appended Appended
	err      error // the first one; later rows are dropped

	facts     *spanBlock
	visits    *visitBlock
	deals     *dealBlock
	factRows  *inserter
	visitRows *inserter
	dealRows  *inserter
}

// Append begins to append, into a stage if there is one. Only one Appender of a shard is used at a
// time.
func (s *Shard) Append(ctx context.Context, calendar transform.Calendar, stage *Stage) *Appender {
	s.appenders++
	prefix := ""
	if stage != nil {
		prefix = stage.name
	}
	return &Appender{
		ctx: ctx, run: s.run, calendar: calendar,
		facts: &spanBlock{}, visits: &visitBlock{}, deals: &dealBlock{},
		factRows:  newInserter(s, prefix+"facts", writeSpans),
		visitRows: newInserter(s, prefix+"visits", into(visitColumns...)),
		dealRows:  newInserter(s, prefix+"deals", into(dealColumns...)),
	}
}

// Fact appends a fact, or takes one back. An error comes with Finish.
func (a *Appender) Fact(sign transform.Sign, f *transform.Fact) {
	a.facts.add(a.run, sign, f)
	a.appended.Facts++
	if a.facts.isFull() {
		a.flushFacts()
	}
}

func (a *Appender) flushFacts() {
	if a.err == nil && a.facts.rows() > 0 {
		a.err = a.factRows.send(a.ctx, a.facts.columns()...)
	}
	a.facts = &spanBlock{}
}

// Visit appends a visit as it is now, or that it is no more. An error comes with Finish.
func (a *Appender) Visit(v *transform.Visit, isGone bool) {
	a.visits.add(a.run, v, isGone, a.calendar)
	a.appended.Visits++
	if a.visits.rows() == blockRows {
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
	a.deals.add(a.run, d)
	a.appended.Deals++
	if a.deals.rows() == blockRows {
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
func (a *Appender) Changed() { a.appended.Changed++ }

// Finish writes what is left, and tells how much it was in all.
func (a *Appender) Finish() (Appended, error) {
	a.flushFacts()
	a.flushVisits()
	a.flushDeals()
	for _, in := range []*inserter{a.factRows, a.visitRows, a.dealRows} {
		if err := in.wait(); a.err == nil {
			a.err = err
		}
	}
	return a.appended, a.err
}

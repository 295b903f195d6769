package loader

import (
	"context"

	"golang.org/x/sync/errgroup"

	"stagelag/extractor"
	"stagelag/transform"
)

// Appended counts what was appended.
type Appended struct {
	Facts, Visits, Deals, Knowledge uint64
	// Changed is the deals of which more changed than the days that passed.
	Changed uint64
}

// Add adds what was appended elsewhere.
func (a *Appended) Add(b Appended) {
	a.Facts, a.Visits, a.Deals, a.Knowledge = a.Facts+b.Facts, a.Visits+b.Visits, a.Deals+b.Deals, a.Knowledge+b.Knowledge
	a.Changed += b.Changed
}

// An Appender appends what a run derived of deals in one shard. It is for one goroutine, which
// closes it; nothing of it can be seen before the run is published.
type Appender struct {
	appended Appended

	facts     *spanFeed
	visits    *feed[visitRow]
	deals     *feed[DealRow]
	knowledge *feed[knowledgeRow]

	senders *errgroup.Group
	isOver  <-chan struct{} // nothing more is sent
	stop    context.CancelFunc
}

// Append begins to append, into a stage if there is one. Only one Appender of a shard is used at a
// time. When the context ends, it appends no more.
func (s *Shard) Append(ctx context.Context, stage *Stage) *Appender {
	s.appenders++
	prefix := ""
	if stage != nil {
		prefix = stage.name
	}
	ctx, stop := context.WithCancel(ctx)
	senders, ctx := errgroup.WithContext(ctx)
	sender := func(table string, write writer) *sender { return s.newSender(ctx, senders, prefix+table, write) }
	return &Appender{
		senders: senders, isOver: ctx.Done(), stop: stop,
		facts:     &spanFeed{feed: newFeed(&spanTable, s.run, sender(factTable.name, writeSpans))},
		visits:    newFeed(&visitTable, s.run, sender(visitTable.name, visitTable.write)),
		deals:     newFeed(&dealTable, s.run, sender(dealTable.name, dealTable.write)),
		knowledge: newFeed(&knowledgeTable, s.run, sender(knowledgeTable.name, knowledgeTable.write)),
	}
}

// Fact appends a fact, or takes one back. An error comes with Finish.
func (a *Appender) Fact(sign transform.Sign, f *transform.Fact) {
	a.facts.fact(sign, f)
	a.appended.Facts++
}

// Visit appends a visit as it is now, or that it is no more. An error comes with Finish.
func (a *Appender) Visit(v *transform.Visit, isGone bool) {
	a.visits.add(visitRowOf(v, isGone))
	a.appended.Visits++
}

// Deal appends what readers see of a deal beside its visits. An error comes with Finish.
func (a *Appender) Deal(d *DealRow) {
	a.deals.add(*d)
	a.appended.Deals++
}

// Knowledge appends what has been seen of a deal. An error comes with Finish.
func (a *Appender) Knowledge(deal extractor.DealID, k *transform.Knowledge) {
	a.knowledge.add(knowledgeRowOf(deal, k))
	a.appended.Knowledge++
}

// Changed counts a deal of which more changed than the days that passed.
func (a *Appender) Changed() { a.appended.Changed++ }

// Err is the first error so far.
func (a *Appender) Err() error {
	select {
	case <-a.isOver:
		return a.senders.Wait()
	default:
		return nil
	}
}

// Finish writes what is left, and tells how much it was in all.
func (a *Appender) Finish() (Appended, error) {
	a.facts.finish()
	a.visits.finish()
	a.deals.finish()
	a.knowledge.finish()
	return a.appended, a.senders.Wait()
}

// Close gives up what was not written yet: when it returns, nothing more is sent. After Finish there is
// nothing to give up. A block of facts that is being sent is sent to its end, which the driver offers no
// way to cut short.
func (a *Appender) Close() {
	a.stop()
	_ = a.senders.Wait()
}

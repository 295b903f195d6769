// Package writeback puts what the views show of a deal into custom fields of the deal itself,
// where managers look. It reads what the portal has and writes what differs, so it can be
// stopped at any moment and simply called again.
package writeback

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/sirupsen/logrus"

	"stagelag/bitrix24"
	"stagelag/config"
	"stagelag/extractor"
	"stagelag/loader"
	"stagelag/memory"
	"stagelag/remedy"
	"stagelag/views"
	"stagelag/warehouse"
)

// Lease is the name under which one write-back keeps others on the same warehouse out.
const Lease = "write-back"

// softMemory is the heap, in bytes, above which memory is given back sooner than speed asks for. A
// million deals that all differ need half of it.
const softMemory = 160 << 20

// A Pass is what one write-back works with.
type Pass struct {
	Warehouse *warehouse.Warehouse
	Client    *bitrix24.Client
	Config    config.Config
	// DryRun finds what would be written, and writes nothing.
	DryRun bool
	// Overwrite writes fields although they hold values that write-back has not written. It is for once: such a
	// field is write-back's from then on.
	Overwrite bool
	// Limit is how many deals are written at most; 0: all that differ.
	Limit    int
	Progress Progress
	Log      logrus.FieldLogger
	Now      func() time.Time
}

// Progress is told what a pass is doing.
type Progress interface {
	Step(name string)
	Rows(done, total int64) // a total of 0 is not known
}

// A Summary is what a pass did.
type Summary struct {
	RunID loader.RunID `json:"run_id"` // whose results were written; the newest of them
	Deals int          `json:"deals"`  // that the views show
	// Unchanged had all their values before the pass.
	Unchanged int       `json:"unchanged"`
	Written   int       `json:"written"`
	Refused   []Refusal `json:"refused"` // the most frequent reason first, a bounded number of them
	Left      int       `json:"left"`    // differ and were not written: the limit, or the pass has failed
	// Requests and Waited are those of this pass.
	Requests int           `json:"portal_requests"`
	Waited   time.Duration `json:"-"`
	Took     time.Duration `json:"-"`
	IsDry    bool          `json:"-"`
	// Planned is how many deals a dry run would write, up to the limit.
	Planned int `json:"-"`
	// Place is where the warehouse is; empty where that is not told.
	Place string `json:"-"`

	plan *plan // of a dry run
}

// Changes are what a dry run would write, in the order of writing, up to the limit. They can be
// asked for again and again.
func (s Summary) Changes() iter.Seq[Change] {
	return func(yield func(Change) bool) {
		if s.plan != nil {
			s.plan.changes(yield)
		}
	}
}

// A Change is a new value for one field of one deal.
type Change struct {
	DealID   extractor.DealID
	Field    string
	From, To string // empty: no value
}

// A Refusal is a reason why deals were not written.
type Refusal struct {
	Reason string           `json:"reason"`
	Count  int              `json:"deals"`
	Deal   extractor.DealID `json:"deal"` // one of them
}

// ErrNothingPublished is a warehouse that no run has published to.
var ErrNothingPublished = errors.New("no run was published yet, so there is nothing to write back; stagelag run makes one")

// Check complains, with a *config.Error, of a configuration that has nothing written back.
func Check(cfg config.WriteBack) error {
	if cfg.IsOn() {
		return nil
	}
	return &config.Error{Complaints: []config.Complaint{{
		Text: "write_back: names no field, so nothing is written back; stagelag write-back setup shows what to set",
	}}}
}

// Run writes what the last published run shows. When another run is published meanwhile, it
// goes on with that one's results. A deal that the portal refuses is counted and left out. With
// an error the summary says how far it came.
func Run(ctx context.Context, p Pass) (Summary, error) {
	if err := Check(p.Config.WriteBack); err != nil {
		return Summary{}, err
	}
	if !p.DryRun {
		lease, err := p.Warehouse.Lease(ctx, Lease, "stagelag write-back")
		if err != nil {
			return Summary{}, err
		}
		defer lease.Release()
		ctx = lease.Context()
	}
	defer memory.Limit(softMemory)()
	begun := p.Now()
	w := &writing{
		pass: p, conn: p.Warehouse.DB(), shown: views.In(p.Warehouse), before: p.Client.Stats(),
		written: map[extractor.DealID]struct{}{}, said: begun,
	}
	err := w.run(ctx)
	return w.finish(begun), remedy.Explain(ctx, err)
}

// shown is what is written back.
type shown interface {
	Published(ctx context.Context) (views.Published, error)
	Totals(ctx context.Context) (views.Totals, error)
	Results(ctx context.Context, after extractor.DealID, most int, withForecasts bool) ([]views.Result, error)
}

// A writing is a pass under way.
type writing struct {
	pass    Pass
	conn    driver.Conn
	shown   shown
	fields  *bitrix24.Fields
	before  bitrix24.Stats
	summary Summary

	own     map[string]bool    // the fields that this warehouse has written before, by name
	foreign map[string]foreign // what other fields hold, by name

	// Of the run whose results are being written.
	plan    plan
	refused refusals

	written  map[extractor.DealID]struct{}
	tried    int // deals written or refused
	rejected int // updates refused since the last one that was not
	lost     int // requests in a row whose answers were lost

	said time.Time // when the log last said how far the pass is
}

// quietFor is how long a pass is at work without a line in the log: the portal's limits make thousands of
// deals a matter of minutes.
const quietFor = 30 * time.Second

// rows says how many deals of the step are done.
func (w *writing) rows(done, total int64) {
	w.pass.Progress.Rows(done, total)
	if now := w.pass.Now(); now.Sub(w.said) >= quietFor {
		w.said = now
		w.pass.Log.WithFields(logrus.Fields{"run_id": w.summary.RunID, "done": done, "deals": total}).Info("writing back")
	}
}

func (w *writing) run(ctx context.Context) error {
	p := w.pass
	published, err := w.shown.Published(ctx)
	if err != nil {
		return err
	}
	if published.RunID == 0 {
		return ErrNothingPublished
	}
	p.Progress.Step("write back: ask the portal what it has")
	portal, err := p.Client.Describe(ctx)
	if err != nil {
		return fmt.Errorf("describe the portal: %w", err)
	}
	fields, err := configured(p.Config.WriteBack, portal)
	if err != nil {
		return err
	}
	var names []string
	for _, field := range fields {
		names = append(names, field.Name)
	}
	if w.fields, err = bitrix24.NewFields(p.Client, portal, names); err != nil {
		return err
	}
	if w.own, err = ownFields(ctx, w.conn); err != nil {
		return err
	}
	for w.summary.RunID < published.RunID {
		w.summary.RunID = published.RunID
		w.plan = newPlan(p.Config.WriteBack.Language, fields, p.DryRun)
		if err := w.compare(ctx); err != nil {
			return fmt.Errorf("read the fields: %w", err)
		}
		if err := w.takeOver(ctx, fields); err != nil {
			return err
		}
		if published, err = w.write(ctx); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	return nil
}

// resultsAtOnce is how many results are read and kept at a time.
const resultsAtOnce = 50_000

// results yields the results by deal. They are read page by page along with the fields, and the
// portal's limits decide how long that takes. When another run is published meanwhile, the results
// are of two runs, and write writes none of them.
func (w *writing) results(ctx context.Context) iter.Seq2[views.Result, error] {
	return func(yield func(views.Result, error) bool) {
		for after, more := extractor.DealID(0), true; more; {
			page, err := w.shown.Results(ctx, after, resultsAtOnce, w.plan.hasForecasts())
			if err != nil {
				yield(views.Result{}, fmt.Errorf("read the results: %w", err))
				return
			}
			for _, r := range page {
				if !yield(r, nil) {
					return
				}
				after = r.DealID
			}
			more = len(page) == resultsAtOnce
		}
	}
}

// compare finds the deals whose fields differ from the results.
func (w *writing) compare(ctx context.Context) error {
	w.pass.Progress.Step("write back: compare")
	w.summary.Deals, w.summary.Unchanged, w.summary.Left = 0, 0, 0
	w.refused, w.foreign = refusals{}, map[string]foreign{}
	totals, err := w.shown.Totals(ctx)
	if err != nil {
		return err
	}
	missing, err := w.join(ctx, int(totals.Deals))
	if err != nil {
		return err
	}
	// Deals that have left the configured funnels, and deleted ones.
	const atOnce = 2500
	for group := range slices.Chunk(missing, atOnce) {
		items, err := w.fields.ReadByID(ctx, onPortal(idsOfTodo(group)))
		if err != nil {
			return err
		}
		byID := map[extractor.DealID]bitrix24.Item{}
		for _, item := range items {
			byID[extractor.DealID(item.ID)] = item
		}
		for _, t := range group {
			if item, ok := byID[t.id]; ok {
				w.take(t, item.Values)
			} else {
				w.refused.add(t.id, gone)
			}
		}
	}
	w.summary.Left = w.plan.len()
	w.plan.settle(w.limit())
	if w.pass.DryRun {
		w.summary.Left -= w.plan.len()
		w.summary.Planned, w.summary.plan = w.plan.len(), &w.plan
	}
	return nil
}

// limit is how many more deals are tried at most; -1: all.
func (w *writing) limit() int {
	if w.pass.Limit == 0 {
		return -1
	}
	return max(0, w.pass.Limit-w.tried)
}

// join compares the deals that the portal shows in the configured funnels with their results. It
// returns the results of deals that the portal did not show there, by id. Both sides come by id, so
// neither is kept in memory.
func (w *writing) join(ctx context.Context, expect int) (missing []todo, err error) {
	next, stop := iter.Pull2(w.results(ctx))
	defer stop()
	r, err, ok := next()
	read := 0
	for items, failed := range w.fields.Read(ctx, onPortal(w.pass.Config.Funnels), expect) {
		if failed != nil {
			return nil, failed
		}
		for _, item := range items {
			id := extractor.DealID(item.ID)
			for ; ok && err == nil && r.DealID < id; r, err, ok = next() {
				missing = append(missing, w.plan.todo(r))
				w.summary.Deals++
			}
			if err != nil {
				return nil, err
			}
			if ok && r.DealID == id { // else it is not in the report
				w.take(w.plan.todo(r), item.Values)
				w.summary.Deals++
				r, err, ok = next()
			}
		}
		read += len(items)
		w.rows(int64(read), int64(expect))
	}
	for ; ok && err == nil; r, err, ok = next() {
		missing = append(missing, w.plan.todo(r))
		w.summary.Deals++
	}
	return missing, err
}

// take compares what the portal shows of a deal with its result.
func (w *writing) take(t todo, shown map[string]string) {
	if w.plan.compare(&t, shown) {
		w.plan.add(t, shown)
		w.notice(&t, shown)
	} else if _, isWritten := w.written[t.id]; !isWritten {
		w.summary.Unchanged++
	}
}

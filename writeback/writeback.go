// Package writeback puts what the views show of a deal into custom fields of the deal itself,
// where managers look. It reads what the portal has and writes what differs, so it can be
// stopped at any moment and simply called again.
package writeback

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/sirupsen/logrus"

	"stagelag/bitrix24"
	"stagelag/config"
	"stagelag/extractor"
	"stagelag/loader"
	"stagelag/remedy"
	"stagelag/warehouse"
)

// Lease is the name under which one write-back keeps others on the same warehouse out.
const Lease = "write-back"

// A Pass is what one write-back works with.
type Pass struct {
	Warehouse *warehouse.Warehouse
	Client    *bitrix24.Client
	Config    config.Config
	// DryRun finds what would be written, and writes nothing.
	DryRun bool
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
	// Changes are what a dry run would write, in the order of writing, up to the limit.
	Changes []Change `json:"-"`
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
	w := &writing{
		pass: p, conn: p.Warehouse.DB(), before: p.Client.Stats(),
		written: map[extractor.DealID]bool{}, refused: map[extractor.DealID]string{},
	}
	begun := p.Now()
	err := w.run(ctx)
	return w.finish(begun), remedy.Explain(ctx, err, p.Client.Portal())
}

// A writing is a pass under way.
type writing struct {
	pass    Pass
	conn    driver.Conn
	fields  *bitrix24.Fields
	byRole  map[Role]string // names of the fields that are written
	before  bitrix24.Stats
	summary Summary

	// Of the run whose results are being written.
	wanted  map[extractor.DealID]result
	todo    []todo
	refused map[extractor.DealID]string // the reason

	written  map[extractor.DealID]bool
	tried    int // deals written or refused
	rejected int // updates refused since the last one that was not
	lost     int // requests in a row whose answers were lost
}

// A todo is a deal that differs.
type todo struct {
	id      extractor.DealID
	isOpen  bool
	changes []Change // what differs
}

func (w *writing) run(ctx context.Context) error {
	p := w.pass
	published, err := loader.LastPublished(ctx, w.conn)
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
	w.byRole = map[Role]string{}
	for _, field := range fields {
		names = append(names, field.Name)
		w.byRole[field.Role] = field.Name
	}
	if w.fields, err = bitrix24.NewFields(p.Client, portal, names); err != nil {
		return err
	}
	for w.summary.RunID < published.RunID {
		w.summary.RunID = published.RunID
		if w.wanted, err = results(ctx, w.conn); err != nil {
			return err
		}
		if err := w.compare(ctx); err != nil {
			return fmt.Errorf("read the fields: %w", err)
		}
		if p.DryRun {
			return nil
		}
		if published, err = w.write(ctx); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	return nil
}

// results is what the views show of each deal.
func results(ctx context.Context, conn driver.Conn) (map[extractor.DealID]result, error) {
	rows, err := conn.Query(ctx, `
		SELECT deal_id, is_open, toString(status), planned_end, days_left, toInt64(overdue_days_now), toInt64(overdue_days_total)
		FROM deals_now`)
	if err != nil {
		return nil, fmt.Errorf("read the results: %w", err)
	}
	defer rows.Close()
	all := map[extractor.DealID]result{}
	for rows.Next() {
		var id uint64
		var r result
		var isOpen uint8
		if err := rows.Scan(&id, &isOpen, &r.status, &r.plannedEnd, &r.daysLeft, &r.daysLate, &r.daysLost); err != nil {
			return nil, fmt.Errorf("read the results: %w", err)
		}
		r.isOpen = isOpen == 1
		all[extractor.DealID(id)] = r
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the results: %w", err)
	}
	return all, nil
}

// compare finds the deals whose fields differ from the results.
func (w *writing) compare(ctx context.Context) error {
	w.pass.Progress.Step("write back: compare")
	w.todo, w.summary.Deals, w.summary.Unchanged, w.summary.Left = nil, len(w.wanted), 0, 0
	clear(w.refused)
	missing := maps.Clone(w.wanted)
	read := 0
	for items, err := range w.fields.Read(ctx, onPortal(w.pass.Config.Funnels), len(w.wanted)) {
		if err != nil {
			return err
		}
		w.take(items, missing)
		read += len(items)
		w.pass.Progress.Rows(int64(read), int64(len(w.wanted)))
	}
	// Deals that have left the configured funnels, and deleted ones.
	const atOnce = 2500
	for group := range slices.Chunk(slices.Sorted(maps.Keys(missing)), atOnce) {
		items, err := w.fields.ReadByID(ctx, onPortal(group))
		if err != nil {
			return err
		}
		w.take(items, missing)
	}
	for id := range missing {
		w.refused[id] = gone
	}
	// Managers look at open deals, and whoever sets a limit wants those first.
	slices.SortFunc(w.todo, func(a, b todo) int {
		if a.isOpen != b.isOpen {
			return map[bool]int{true: -1, false: 1}[a.isOpen]
		}
		return cmp.Compare(a.id, b.id)
	})
	w.summary.Left = len(w.todo)
	if limit := w.pass.Limit - w.tried; w.pass.Limit > 0 && len(w.todo) > limit {
		w.todo = w.todo[:limit]
	}
	if w.pass.DryRun {
		w.summary.Left -= len(w.todo)
		for _, t := range w.todo {
			w.summary.Changes = append(w.summary.Changes, t.changes...)
		}
	}
	return nil
}

package extractor

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"stagelag/bitrix24"
)

// Options says what to extract.
type Options struct {
	// Description is the portal as Describe showed it just before: its clock is what this run
	// counts from. The caller has checked Funnels and Fields against it.
	Description Description
	Funnels     []FunnelID // empty: all
	Fields      []string   // custom fields of the deal by their upper-case names
	// Full reads everything again, whatever was landed before.
	Full bool
	// Ahead is how far the portal's clock is ahead of this machine's, nil where they were not compared or not
	// found to agree.
	Ahead *time.Duration
	// OwnWrites gives those of the deals, as the portal shows them now, that only
	// this program has changed since they were landed. They are not read again. nil: none.
	OwnWrites func(ctx context.Context, deals []Deal) (map[DealID]bool, error)
	// Progress is called with the rows read so far in a step; total is 0 where it is not known.
	Progress func(step Step, rows, total int)
}

// A Step is a part of an extraction that may take long.
type Step string

// The steps, in their order. An extraction has some of them.
const (
	StepDeals     Step = "deals"
	StepChanges   Step = "stage changes"
	StepChanged   Step = "changed deals"
	StepSweep     Step = "sweep for deleted deals"
	StepManagers  Step = "managers"
	StepCompanies Step = "companies"
)

// A Result is what an extraction did.
type Result struct {
	Clock       time.Time // the portal's, before anything was read
	IsFull      bool      // everything was read, by this run or those that it went on from
	Funnels     []Funnel
	Managers    []Manager    // of all known deals, as far as the portal shows them
	Departments []Department // all; nil where the portal was not asked, or did not tell
	DealsRead   int
	ChangesRead int
	Vanished    int // deals that the portal has no longer
	Hidden      int // deals that it was newly found not to show
	Requests    int // by the client so far
	Waited      map[string]time.Duration
	Warnings    []string
}

// The portal may show a change a little after its time, a run's first request comes a little after its clock was
// asked, and the clock may be off by an hour without being refused.
const overlap = 70 * time.Minute

// A full reading that died longer ago than this is begun anew.
const fullReadLasts = 24 * time.Hour

// Extract brings the landing up to what the portal shows: all of it on the first run, under
// another scope and with Full; else what has changed since the last complete extraction. When
// it fails, what was landed stays, and the next run goes on from there: a full reading at its
// cursors, any other from the last watermark.
func Extract(ctx context.Context, c *bitrix24.Client, landing Landing, o Options) (Result, error) {
	x, err := newExtraction(ctx, c, landing, o)
	if err != nil {
		return Result{}, err
	}
	since := landing.Run()
	if x.state.Full != nil {
		since = x.state.Full.SinceRun
		if err := x.readAll(ctx); err != nil {
			return Result{}, err
		}
	}
	switch {
	case x.state.Full == nil:
		if err := x.catchUp(ctx, x.state.Watermark); err != nil {
			return Result{}, err
		}
	case since != landing.Run():
		// What changed between the runs that this reading took.
		if err := x.catchUp(ctx, x.state.Full.StartedAt); err != nil {
			return Result{}, err
		}
	}
	if err := x.settle(ctx, since); err != nil {
		return Result{}, fmt.Errorf("deals that do not match their history: %w", err)
	}
	if err := x.readNames(ctx); err != nil {
		return Result{}, err
	}
	x.state = State{Scope: x.state.Scope, Watermark: x.watermark(), LastChange: x.lastChange, Ahead: o.Ahead, CompaniesAt: x.state.CompaniesAt}
	if err := x.saveState(ctx); err != nil {
		return Result{}, err
	}
	return x.finish(), nil
}

// An extraction is a run of Extract.
type extraction struct {
	client   *bitrix24.Client
	reader   *reader
	landing  Landing
	options  Options
	state    State
	progress func(Step, int, int)
	// newest is the newest change of a deal that was read and is not after the clock.
	newest time.Time
	// lastChange is the last stage change of the configured funnels that was read.
	lastChange ChangeID
	// landed are the deals that were landed one by one, with their histories.
	landed map[DealID]bool
	// ask is what is asked for beside the lists, and atOnce what of it goes with the first request of a catch-up, nil
	// where that has no room for it.
	ask    asking
	atOnce *atOnce
	result Result

	people    peopleAsking
	companies companyAsking
}

// watermark is up to when all has been read. That is the clock where it is known to be right. Any other may have been
// ahead, so the newest change counts, up to the clock: a run that lasts may read a change that came after another
// which it passed by.
func (x *extraction) watermark() time.Time {
	clock := x.options.Description.Clock
	newest := x.newest
	if x.options.Ahead != nil {
		return clock
	}
	if x.state.Full == nil && x.state.Watermark.After(newest) {
		newest = x.state.Watermark
	}
	if newest.IsZero() || newest.After(clock) {
		return clock
	}
	return newest
}

// catchUp lands what has changed since a time of the portal's, and marks what it shows no longer.
func (x *extraction) catchUp(ctx context.Context, since time.Time) error {
	if err := x.askAtOnce(ctx, since); err != nil {
		return fmt.Errorf("changed deals: %w", err)
	}
	if err := x.readChanged(ctx, since); err != nil {
		return fmt.Errorf("changed deals: %w", err)
	}
	if err := x.sweep(ctx); err != nil {
		return fmt.Errorf("sweep for deleted deals: %w", err)
	}
	return nil
}

// newExtraction decides what is to be read: state.Full is set when everything is.
func newExtraction(ctx context.Context, c *bitrix24.Client, landing Landing, o Options) (*extraction, error) {
	r, err := newReader(c, o.Description, o.Funnels, o.Fields)
	if err != nil {
		return nil, err
	}
	state, err := landing.State(ctx)
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	x := &extraction{
		client: c, reader: r, landing: landing, options: o, state: state, progress: o.Progress, landed: map[DealID]bool{},
		result: Result{Clock: o.Description.Clock, Funnels: o.Description.Funnels, Warnings: slices.Clone(o.Description.Warnings)},
	}
	if x.progress == nil {
		x.progress = func(Step, int, int) {}
	}
	if scope := scope(c, o); state.Scope != scope {
		x.state = State{Scope: scope}
	}
	x.lastChange = x.state.LastChange
	// A watermark after the clock was made by a clock that was ahead: what changed meanwhile is not known.
	if x.state.Watermark.After(o.Description.Clock.Add(overlap)) {
		x.state.Watermark = time.Time{}
	}
	isOld := x.state.Full != nil && o.Description.Clock.Sub(x.state.Full.StartedAt) > fullReadLasts
	if isOld || x.state.Full == nil && (o.Full || x.state.Watermark.IsZero()) {
		x.state.Full = &FullRead{SinceRun: landing.Run(), StartedAt: o.Description.Clock}
	}
	x.result.IsFull = x.state.Full != nil
	return x, nil
}

// scope says what is asked for. Rows landed under another scope may lack funnels or fields.
func scope(c *bitrix24.Client, o Options) string {
	funnels := slices.Compact(slices.Sorted(slices.Values(o.Funnels)))
	fields := slices.Compact(slices.Sorted(slices.Values(o.Fields)))
	return fmt.Sprintf("%s funnels=%v fields=%s", c.Portal(), funnels, strings.Join(fields, ","))
}

// readAll lands every deal and every change, and marks what is no longer there.
func (x *extraction) readAll(ctx context.Context) error {
	full := x.state.Full
	if err := x.saveState(ctx); err != nil {
		return err
	}
	deals, changes, err := x.reader.sizes(ctx)
	if err != nil {
		return fmt.Errorf("count deals: %w", err)
	}
	if err := x.readAllDeals(ctx, deals); err != nil {
		return fmt.Errorf("deals: %w", err)
	}
	if err := x.readAllChanges(ctx, changes); err != nil {
		return fmt.Errorf("stage changes: %w", err)
	}
	unseen, err := x.unseen(ctx, full.SinceRun)
	if err != nil {
		return fmt.Errorf("deals outside the funnels: %w", err)
	}
	missing, err := x.readByID(ctx, unseen)
	if err != nil {
		return fmt.Errorf("deals outside the funnels: %w", err)
	}
	if _, err := x.classify(ctx, missing); err != nil {
		return err
	}
	if err := x.askDeleted(ctx); err != nil {
		return fmt.Errorf("deals that were deleted: %w", err)
	}
	if err := x.completeHistories(ctx, full.SinceRun); err != nil {
		return fmt.Errorf("histories over several funnels: %w", err)
	}
	if err := x.landing.VanishUnseenChanges(ctx, full.SinceRun); err != nil {
		return fmt.Errorf("mark what has vanished: %w", err)
	}
	x.lastChange = max(x.lastChange, full.ChangeCursor)
	return nil
}

func (x *extraction) readAllDeals(ctx context.Context, total int) error {
	full := x.state.Full
	if full.DealsDone {
		return nil
	}
	expect := total
	if full.DealCursor > 0 {
		expect = 0 // a part of them has been read
	}
	x.progress(StepDeals, 0, expect)
	err := landAhead(x.reader.deals(ctx, full.DealCursor, time.Time{}, expect), func(b block[Deal]) {
		x.stamp(b.rows)
		x.result.DealsRead += len(b.rows)
		x.progress(StepDeals, x.result.DealsRead, expect)
	}, func(b block[Deal]) error {
		if err := x.landDeals(ctx, b.rows); err != nil {
			return err
		}
		full.DealCursor = DealID(b.cursor)
		return x.saveState(ctx)
	})
	if err != nil {
		return err
	}
	full.DealsDone = true
	return nil
}

func (x *extraction) readAllChanges(ctx context.Context, total int) error {
	full := x.state.Full
	if full.ChangesDone {
		return nil
	}
	expect := total
	if full.ChangeCursor > 0 {
		expect = 0
	}
	x.progress(StepChanges, 0, expect)
	err := landAhead(x.reader.changes(ctx, full.ChangeCursor, expect), func(b block[StageChange]) {
		x.result.ChangesRead += len(b.rows)
		x.progress(StepChanges, x.result.ChangesRead, expect)
	}, func(b block[StageChange]) error {
		if err := x.landing.LandStageChanges(ctx, b.rows); err != nil {
			return fmt.Errorf("land: %w", err)
		}
		full.ChangeCursor = ChangeID(b.cursor)
		return x.saveState(ctx)
	})
	if err != nil {
		return err
	}
	full.ChangesDone = true
	return nil
}

// landAtOnce is how many rows are landed at once, where there are so many: an insert costs the engine much the same for
// a few rows. A run that is killed reads so many again.
const landAtOnce = 10_000

// landAhead lands rows while others are read. Each block is reported as it is read.
func landAhead[T any](blocks iter.Seq2[block[T], error], tell func(block[T]), land func(block[T]) error) error {
	var landing errgroup.Group // one at a time
	var waiting block[T]
	begin := func() error {
		if err := landing.Wait(); err != nil {
			return err
		}
		if b := waiting; b.cursor > 0 {
			waiting = block[T]{}
			landing.Go(func() error { return land(b) })
		}
		return nil
	}
	var broken error
	for b, err := range blocks {
		if err != nil {
			broken = err
			break
		}
		tell(b)
		waiting.rows, waiting.cursor = append(waiting.rows, b.rows...), b.cursor
		if len(waiting.rows) < landAtOnce {
			continue
		}
		if err := begin(); err != nil {
			return err
		}
	}
	// What was read before an error lands, so that the next run goes on behind it.
	err := begin()
	if err == nil {
		err = landing.Wait()
	}
	return cmp.Or(broken, err)
}

func (x *extraction) saveState(ctx context.Context) error {
	if err := x.landing.SaveState(ctx, x.state); err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	return nil
}

// stamp takes the newest change of the deals into account.
func (x *extraction) stamp(deals []Deal) {
	for i := range deals {
		if at := deals[i].UpdatedAt; at.After(x.newest) && !at.After(x.options.Description.Clock) {
			x.newest = at
		}
	}
}

// landDeals lands deals. One that the portal shows without a stage is taken to be where it was.
func (x *extraction) landDeals(ctx context.Context, deals []Deal) error {
	var lost []DealID
	for i := range deals {
		if deals[i].StageID == "" {
			lost = append(lost, deals[i].ID)
		}
	}
	places, err := x.landing.Places(ctx, lost)
	if err != nil {
		return err
	}
	for i := range deals {
		d := &deals[i]
		if d.StageID != "" {
			continue
		}
		d.IsPlaceUnknown = true
		if place, ok := places[d.ID]; ok {
			d.StageID, d.FunnelID, d.Semantics, d.MovedAt = place.StageID, place.FunnelID, place.Semantics, place.MovedAt
		}
	}
	if err := x.landing.LandDeals(ctx, deals); err != nil {
		return fmt.Errorf("land: %w", err)
	}
	return nil
}

// unseen gives the deals that the lists did not bring: owners of changes that they brought,
// and deals known from before, which may have left the funnels or be hidden.
func (x *extraction) unseen(ctx context.Context, since uint64) ([]DealID, error) {
	unseen, err := x.landing.OrphanOwners(ctx, since)
	if err != nil {
		return nil, err
	}
	for known, err := range x.known(ctx) {
		if err != nil {
			return nil, err
		}
		if known.LandedBy < since || known.IsHidden {
			unseen = append(unseen, known.ID)
		}
	}
	slices.Sort(unseen)
	return slices.Compact(unseen), nil
}

// completeHistories reads the whole history of deals whose changes in the configured funnels
// may not be all: visits are counted over all funnels.
func (x *extraction) completeHistories(ctx context.Context, since uint64) error {
	if len(x.options.Funnels) == 0 {
		return nil
	}
	deals, err := x.landing.MovedFunnel(ctx, since, x.options.Funnels)
	if err != nil {
		return err
	}
	return x.replaceHistories(ctx, deals)
}

// readChanged lands the deals changed since a time of the portal's, with their whole
// histories: a history can be rewritten behind its end.
func (x *extraction) readChanged(ctx context.Context, since time.Time) error {
	rows := 0
	x.progress(StepChanged, 0, 0)
	for deals, err := range x.changedDeals(ctx, since.Add(-overlap)) {
		if err != nil {
			return err
		}
		x.stamp(deals)
		changed, err := x.withoutOwnWrites(ctx, deals)
		if err != nil {
			return err
		}
		if err := x.landWithHistories(ctx, changed); err != nil {
			return err
		}
		rows += len(changed)
		x.progress(StepChanged, rows, 0)
	}
	return nil
}

// changedDeals reads the deals changed since a time of the portal's, the first of them from what was asked for at once.
func (x *extraction) changedDeals(ctx context.Context, since time.Time) iter.Seq2[[]Deal, error] {
	return func(yield func([]Deal, error) bool) {
		after := DealID(0)
		if x.atOnce != nil {
			deals, rest, err := x.atOnce.deals.Take(x.atOnce.changed.of(x.ask.answers))
			unchanged := func(d Deal) bool { return !x.reader.changedSince(since)(d) }
			if !yield(slices.DeleteFunc(deals, unchanged), err) || err != nil || rest == nil {
				return
			}
			after = DealID(rest.After)
		}
		for block, err := range x.reader.deals(ctx, after, since, 0) {
			if !yield(block.rows, err) {
				return
			}
		}
	}
}

func (x *extraction) withoutOwnWrites(ctx context.Context, deals []Deal) ([]Deal, error) {
	if x.options.OwnWrites == nil || len(deals) == 0 {
		return deals, nil
	}
	own, err := x.options.OwnWrites(ctx, deals)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(deals, func(d Deal) bool { return own[d.ID] }), nil
}

// landWithHistories lands deals with their whole histories. The histories come first: a run that dies in between
// leaves a deal that is read again, because it stands as it did before.
func (x *extraction) landWithHistories(ctx context.Context, deals []Deal) error {
	if len(deals) == 0 {
		return nil
	}
	if err := x.replaceHistories(ctx, dealIDs(deals)); err != nil {
		return err
	}
	if err := x.landDeals(ctx, deals); err != nil {
		return err
	}
	x.result.DealsRead += len(deals)
	for i := range deals {
		x.landed[deals[i].ID] = true
	}
	return nil
}

func dealIDs(deals []Deal) []DealID {
	ids := make([]DealID, len(deals))
	for i, deal := range deals {
		ids[i] = deal.ID
	}
	return ids
}

// dealsAtOnce is how many deals are read by id, or have their histories read, in one go.
const dealsAtOnce = bitrix24.MaxCommands * bitrix24.PageRows

func (x *extraction) replaceHistories(ctx context.Context, deals []DealID) error {
	for group := range slices.Chunk(deals, dealsAtOnce) {
		counts, err := x.landing.HistoryCounts(ctx, group)
		if err != nil {
			return fmt.Errorf("count stage changes: %w", err)
		}
		var read history
		land := func() error {
			if err := x.landing.ReplaceStageChanges(ctx, read.deals, read.changes); err != nil {
				return fmt.Errorf("land stage changes: %w", err)
			}
			x.result.ChangesRead += len(read.changes)
			read = history{}
			return nil
		}
		for history, err := range x.reader.histories(ctx, group, counts) {
			if err != nil {
				return err
			}
			read.deals, read.changes = append(read.deals, history.deals...), append(read.changes, history.changes...)
			if len(read.changes) < landAtOnce {
				continue
			}
			if err := land(); err != nil {
				return err
			}
		}
		if err := land(); err != nil {
			return err
		}
	}
	return nil
}

// readByID lands deals in whatever funnel they are now, with their histories, and returns those
// that the portal does not show.
func (x *extraction) readByID(ctx context.Context, ids []DealID) (missing []DealID, err error) {
	for group := range slices.Chunk(ids, dealsAtOnce) {
		deals, err := x.reader.dealsByID(ctx, group)
		if err != nil {
			return nil, err
		}
		if err := x.landWithHistories(ctx, deals); err != nil {
			return nil, err
		}
		missing = append(missing, without(group, dealIDs(deals))...)
	}
	return missing, nil
}

func without(ids, found []DealID) []DealID {
	slices.Sort(found)
	var missing []DealID
	for _, id := range ids {
		if _, ok := slices.BinarySearch(found, id); !ok {
			missing = append(missing, id)
		}
	}
	return missing
}

// classify asks of each deal that no list shows whether it is deleted or only hidden, marks it so, and lands and
// returns those that can be read after all. What tells neither is no deletion.
func (x *extraction) classify(ctx context.Context, missing []DealID) (shown []Deal, err error) {
	for group := range slices.Chunk(missing, dealsAtOnce) {
		found, err := x.reader.absent(ctx, group)
		if err != nil {
			return nil, err
		}
		if err := x.landWithHistories(ctx, found.shown); err != nil {
			return nil, err
		}
		if err := x.landing.VanishDeals(ctx, found.deleted); err != nil {
			return nil, fmt.Errorf("mark deleted deals: %w", err)
		}
		if err := x.landing.HideDeals(ctx, found.hidden); err != nil {
			return nil, fmt.Errorf("mark hidden deals: %w", err)
		}
		x.result.Vanished += len(found.deleted)
		x.result.Hidden += len(found.hidden)
		shown = append(shown, found.shown...)
	}
	return shown, nil
}

// settle reads once more what was read at two moments: a deal moved between the two shows
// another stage than its history.
func (x *extraction) settle(ctx context.Context, since uint64) error {
	deals, err := x.landing.Inconsistent(ctx, since)
	if err != nil || len(deals) == 0 {
		return err
	}
	missing, err := x.readByID(ctx, deals)
	if err != nil {
		return err
	}
	if _, err := x.classify(ctx, missing); err != nil {
		return err
	}
	deals, err = x.landing.Inconsistent(ctx, since)
	if err != nil {
		return err
	}
	if len(deals) > 0 {
		x.result.Warnings = append(x.result.Warnings,
			fmt.Sprintf("%d deals stand in a stage that their history does not end with, such as deal %d", len(deals), deals[0]))
	}
	return nil
}

func (x *extraction) finish() Result {
	stats := x.client.Stats()
	x.result.Requests, x.result.Waited = stats.Requests, stats.Waited
	x.result.Warnings = append(x.result.Warnings, x.client.Warnings()...)
	return x.result
}

package nightly

import (
	"context"
	"errors"
	"time"

	"github.com/sirupsen/logrus"

	"stagelag/config"
	"stagelag/extractor"
	"stagelag/loader"
	"stagelag/memory"
	"stagelag/remedy"
	"stagelag/sql"
	"stagelag/transform"
	"stagelag/warehouse"
)

// partsPause is how often a process looks whether a part has become free, or a run split.
const partsPause = 200 * time.Millisecond

// deriveParts lets other processes derive parts of the run, and derives what they leave. A part
// whose process is killed becomes free again.
func (p Pass) deriveParts(ctx context.Context, run *loader.Run, ids [][]extractor.DealID, rules *transform.Rules, labels *labels, dates transform.Dates,
	all bool, progress *counter,
) ([]loader.Appended, error) {
	split, err := run.Split(ctx, ids, p.Parts, dates.Clock, all)
	if err != nil {
		return nil, err
	}
	for {
		parts, err := split.Parts(ctx)
		if err != nil {
			return nil, err
		}
		done := 0
		for _, part := range parts {
			if part.IsDone {
				done += len(part.Among(ids[part.Shard]))
			}
		}
		progress.set(done)
		if done == progress.total {
			return split.Collect(ctx, parts)
		}
		isTaken := false
		for _, part := range parts {
			if isTaken, err = p.takePart(ctx, split, part, func(ctx context.Context, shard *loader.Shard) (*loader.Stage, loader.Appended, error) {
				appended, err := appendDeals(ctx, shard, part.Among(ids[part.Shard]), nil, rules, labels, dates, progress)
				return nil, appended, err
			}); isTaken || err != nil {
				break
			}
		}
		if err != nil {
			return nil, err
		}
		if !isTaken && !pauseFor(ctx, partsPause) {
			return nil, context.Cause(ctx)
		}
	}
}

// takePart derives a part unless it is done or somebody is at it.
func (p Pass) takePart(ctx context.Context, split *loader.Split, part loader.Part,
	derive func(context.Context, *loader.Shard) (*loader.Stage, loader.Appended, error),
) (isTaken bool, err error) {
	if part.IsDone {
		return false, nil
	}
	lease, err := p.Warehouse.Lease(ctx, part.Lease(), p.command())
	if _, isHeld := errors.AsType[*warehouse.HeldError](err); isHeld {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer lease.Release()
	// Somebody may have done it between the look at the parts and the lease.
	parts, err := split.Parts(lease.Context())
	if err != nil {
		return false, err
	}
	if int(part.No) > len(parts) || parts[part.No-1].IsDone {
		return false, nil
	}
	stage, appended, err := derive(lease.Context(), split.Shards()[part.Shard])
	if err != nil {
		return false, err
	}
	return true, split.Done(lease.Context(), part, stage, appended)
}

// pauseFor waits, and is false when the context has ended.
func pauseFor(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// Help is what a process does for runs of others.
type Help struct {
	Warehouse *warehouse.Warehouse
	Config    config.Config
	// Wait is how long to wait for a run that is split.
	Wait     time.Duration
	Progress Progress
	Log      logrus.FieldLogger
}

// Helped is what came of it.
type Helped struct {
	Run   loader.RunID // 0: there was none
	Parts int          // that this process has derived
	Deals int          // in them
	// Status is what has become of the run.
	Status string
}

// ErrOtherRules is a run whose configuration is another one than this process has.
var ErrOtherRules = errors.New("the run under way derives by other rules than this configuration has: give it the same plan, stages, funnels, calendar and time zone, and the same version of the program")

// Work derives parts of the run that is under way until none is left, and tells what has become
// of the run.
func Work(ctx context.Context, h Help) (Helped, error) {
	defer memory.Limit(softMemory)()
	p := Pass{Warehouse: h.Warehouse, Config: h.Config, Command: "stagelag work", Progress: h.Progress, Log: h.Log}
	helped, err := p.work(ctx, h.Wait)
	return helped, remedy.Explain(ctx, err)
}

func (p Pass) work(ctx context.Context, wait time.Duration) (Helped, error) {
	split, err := p.awaitSplit(ctx, wait)
	if err != nil || split == nil {
		return Helped{}, err
	}
	helped := Helped{Run: split.Run()}
	log := p.Log.WithField("run_id", split.Run())
	funnels, err := loader.FunnelsOf(ctx, p.Warehouse.DB(), split.Run())
	if err != nil {
		return helped, err
	}
	calendars, err := loader.CalendarsOf(ctx, p.Warehouse.DB(), split.Run())
	if err != nil {
		return helped, err
	}
	published, err := loader.CalendarsOf(ctx, p.Warehouse.DB(), 0)
	if err != nil {
		return helped, err
	}
	if fingerprint(p.Config, funnels, calendars.Calendars) != split.RulesHash {
		return helped, ErrOtherRules
	}
	rules := under(Rules(p.Config, funnels, calendars.Calendars), &published.Calendars, split.RulesHash == split.Before.RulesHash)
	dates := transform.Dates{RunID: uint32(split.Run()), AsOf: split.AsOf, PublishedAsOf: split.Before.AsOf, Clock: split.Clock}
	dimensions, err := loader.DimensionsOf(ctx, p.Warehouse.DB(), split.Run())
	if err != nil {
		return helped, err
	}
	labels, err := labelsOf(ctx, p, dimensions, split.Run(), dates.AsOf)
	if err != nil {
		return helped, err
	}
	p.Progress.Step("derive and append")
	ids := make([][]extractor.DealID, len(split.Shards()))
	for i, shard := range split.Shards() {
		if ids[i], err = shard.DealIDs(ctx, split.IsAll, rules.Zone, loader.GrowthOf(rules, dates), labels.departments, dates.AsOf); err != nil {
			return helped, err
		}
	}
	isSaid := false
	for {
		isOver, err := p.isOver(ctx, split, &helped)
		if err != nil || isOver {
			return helped, err
		}
		parts, err := split.Parts(ctx)
		if err != nil {
			return helped, err
		}
		isTaken := false
		// From the end, because the run itself begins at the beginning.
		for i := len(parts) - 1; i >= 0 && !isTaken; i-- {
			part := parts[i]
			deals := part.Among(ids[part.Shard])
			isTaken, err = p.takePart(ctx, split, part, func(ctx context.Context, shard *loader.Shard) (*loader.Stage, loader.Appended, error) {
				stage, err := shard.NewStage(ctx, part)
				if err != nil {
					return nil, loader.Appended{}, err
				}
				appended, err := appendDeals(ctx, shard, deals, stage, rules, labels, dates, &counter{shown: p.Progress, total: len(deals)})
				return stage, appended, err
			})
			if err != nil {
				return helped, err
			}
			if isTaken {
				helped.Parts, helped.Deals = helped.Parts+1, helped.Deals+len(deals)
				log.WithFields(logrus.Fields{"part": part.No, "deals": len(deals)}).Info("part derived")
			}
		}
		if isTaken {
			continue
		}
		if !isSaid {
			log.Info("every part is taken: waiting for the run to end")
			isSaid = true
		}
		if !pauseFor(ctx, partsPause) {
			return helped, context.Cause(ctx)
		}
	}
}

// awaitSplit waits for a run whose parts can be taken, nil when none has come.
func (p Pass) awaitSplit(ctx context.Context, wait time.Duration) (*loader.Split, error) {
	p.Progress.Step("wait for a run that is split")
	if err := sql.Up(ctx, p.Warehouse); err != nil {
		return nil, err
	}
	isSaid := false
	for isLate := time.After(wait); ; {
		split, err := loader.FindSplit(ctx, p.Warehouse)
		if err != nil {
			return nil, err
		}
		if split != nil {
			// A run that was killed stays as it was until the next one.
			isHeld, err := p.Warehouse.IsHeld(ctx, Lease)
			if err != nil || isHeld {
				return split, err
			}
		}
		select {
		case <-isLate:
			return nil, nil
		default:
		}
		if !isSaid {
			p.Log.WithField("at_most", wait.String()).Info("waiting for a run that is split: stagelag run --parts makes one")
			isSaid = true
		}
		if !pauseFor(ctx, partsPause) {
			return nil, context.Cause(ctx)
		}
	}
}

// isOver is whether the run goes on no more, and tells what has become of it.
func (p Pass) isOver(ctx context.Context, split *loader.Split, helped *Helped) (bool, error) {
	// In this order: a run that gives its lease back has told before what has become of it.
	isHeld, err := p.Warehouse.IsHeld(ctx, Lease)
	if err != nil {
		return false, err
	}
	if helped.Status, err = loader.StatusOf(ctx, p.Warehouse.DB(), split.Run()); err != nil {
		return false, err
	}
	if !isHeld && helped.Status == loader.Running {
		helped.Status = loader.Failed // it was killed
	}
	return helped.Status != loader.Running, nil
}

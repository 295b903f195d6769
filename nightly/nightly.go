// Package nightly is one pass from the portal to the published views: extract, derive,
// append, publish.
package nightly

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sirupsen/logrus"

	"stagelag/bitrix24"
	"stagelag/calendar"
	"stagelag/config"
	"stagelag/extractor"
	"stagelag/loader"
	"stagelag/memory"
	"stagelag/plain"
	"stagelag/remedy"
	"stagelag/sql"
	"stagelag/transform"
	"stagelag/warehouse"
	"stagelag/writeback"
)

// Lease is the name under which a run keeps other runs on the same warehouse out.
const Lease = sql.RunLease

// softMemory is the heap, in bytes, above which memory is given back sooner than speed asks for. A
// pass needs less than half of it at any time.
const softMemory = 200 << 20

// A Pass is what one run works with.
type Pass struct {
	Warehouse *warehouse.Warehouse
	Client    *bitrix24.Client
	Config    config.Config
	// AsOf is the date to compute up to; NoDay for the date on the portal's own clock.
	AsOf transform.Day
	// Full reads and derives everything again.
	Full bool
	// AcceptDeletions publishes although more deals have gone than a person deletes by hand.
	AcceptDeletions bool
	// Parts is how many parts the derivation is split into for other processes to take some of; up
	// to 1 for none.
	Parts int
	// Command is what somebody reads who is kept out by the run; "stagelag run" unless set.
	Command  string
	Progress Progress
	Log      logrus.FieldLogger
	Now      func() time.Time

	// asked is what the client had been asked before the pass.
	asked bitrix24.Stats
	steps *Steps
}

// Progress is told what a pass is doing.
type Progress interface {
	Step(name string)
	Rows(done, total int64) // a total of 0 is not known
}

// An AsOfError is an as-of date that can't be computed.
type AsOfError struct {
	AsOf   transform.Day
	Reason string // what is wrong with it, and what to do
}

func (e *AsOfError) Error() string { return fmt.Sprintf("--as-of %s: %s", e.AsOf, e.Reason) }

// An Outcome is what a pass did.
type Outcome struct {
	Run      loader.Row
	Before   loader.State // the state that was published before
	Steps    []Step       // in their order, the one that failed included
	IsPast   bool         // the as-of date was past already on the portal's clock
	Warnings []string     // what only thins the result
}

// mostTries is how often a pass is begun whose engine ends under it.
const mostTries = 3

// Run makes one pass. When it fails, what was published stays, the runs row tells why,
// and the next pass goes on from there. When it fails because the embedded engine has ended,
// and another one has taken its place, that next pass is made at once.
func Run(ctx context.Context, p Pass) (Outcome, error) {
	defer memory.Limit(softMemory)()
	for try := 1; ; try++ {
		outcome, err := p.once(ctx)
		if err == nil || try == mostTries || ctx.Err() != nil || !p.Warehouse.IsRenewed(ctx) {
			return outcome, err
		}
		p.Log.WithField("run_id", outcome.Run.RunID).WithError(err).Warn("the engine ended, and the run is made again with the next one")
	}
}

// once makes one pass, with steps of its own.
func (p Pass) once(ctx context.Context) (Outcome, error) {
	startedAt := p.Now()
	p.asked = p.Client.Stats()
	p.steps = NewSteps(p.Progress, p.Log, p.Now)
	p.Progress = p.steps
	outcome, err := p.guarded(ctx, startedAt)
	outcome.Steps = p.steps.End(err)
	return outcome, err
}

// guarded keeps other runs out.
func (p Pass) guarded(ctx context.Context, startedAt time.Time) (Outcome, error) {
	// The schema comes first: the lease is kept by the engine, but a schema of a newer
	// program must not be touched.
	p.Progress.Step("bring up the schema")
	if err := sql.Up(ctx, p.Warehouse); err != nil {
		return Outcome{}, p.explained(ctx, err)
	}
	lease, err := p.Warehouse.Lease(ctx, Lease, p.command())
	if err != nil {
		return Outcome{}, p.explained(ctx, err)
	}
	defer lease.Release()
	outcome, err := p.run(lease.Context(), startedAt)
	if err != nil && outcome.Run.RunID == 0 {
		err = p.explained(lease.Context(), err)
	}
	return outcome, err
}

func (p Pass) command() string { return cmp.Or(p.Command, "stagelag run") }

func (p Pass) explained(ctx context.Context, err error) error {
	return remedy.Explain(ctx, err)
}

// run is the way from the portal to the views.
func (p Pass) run(ctx context.Context, startedAt time.Time) (Outcome, error) {
	conn := p.Warehouse.DB()
	before, err := loader.LastPublished(ctx, conn)
	if err != nil {
		return Outcome{}, err
	}
	p.Progress.Step("ask the portal what it has")
	portal, err := extractor.Describe(ctx, p.Client)
	if err != nil {
		// A night without a portal is a failed run, for whoever watches the runs.
		asOf := p.AsOf
		if asOf == transform.NoDay {
			asOf = transform.DayOf(startedAt, p.Config.Portal.TimeZone)
		}
		err = fmt.Errorf("describe the portal: %w", err)
		run, beginning := loader.Begin(ctx, p.Warehouse, loader.Start{Now: p.Now, At: startedAt, AsOf: asOf, PortalHost: p.Client.Portal()})
		if beginning != nil {
			return Outcome{Before: before}, fmt.Errorf("%w; and the run is not recorded: %w", err, beginning)
		}
		p.steps.SetRun(run.ID())
		return p.failed(ctx, run, err)
	}
	names, err := KnownNames(ctx, p.Config, portal, p.Client, conn)
	if err != nil {
		return p.refused(ctx, before, startedAt, portal.Clock, err)
	}
	published, err := loader.CalendarsOf(ctx, conn, 0)
	if err != nil {
		return Outcome{Before: before}, err
	}
	dates, err := p.dates(portal.Clock, before)
	if _, isTyped := errors.AsType[*AsOfError](err); isTyped {
		return Outcome{Before: before}, err
	}
	warnings, wrong := Check(p.Config, portal, names)
	ahead, misled := p.checkClock(ctx, portal.Clock)
	counted, warned, unknown := p.calendars(ctx, published)
	warnings = append(warnings, warned...)
	if refusal := cmp.Or(wrong, calendar.CheckFields(p.Config.Pauses, portal.Description), misled, unknown, err); refusal != nil {
		return p.refused(ctx, before, startedAt, portal.Clock, refusal)
	}
	dimensions, thinned, err := p.dimensions(ctx, portal)
	if err != nil {
		return p.refused(ctx, before, startedAt, portal.Clock, err)
	}
	warnings = append(warnings, thinned...)
	if cluster := p.Warehouse.Cluster(); p.Parts > 1 && cluster != nil && cluster.IsReplicated {
		return Outcome{Before: before}, loader.ErrReplicatedParts
	}
	run, err := loader.Begin(ctx, p.Warehouse, loader.Start{
		Now: p.Now, At: startedAt, AsOf: dates.AsOf, PortalHost: p.Client.Portal(),
		RulesHash: fingerprint(p.Config, names.Funnels, counted.now.Calendars), Rules: RulesText(p.Config), Calendars: &counted.now.Calendars,
		Before: &before,
	})
	if err != nil {
		return Outcome{Before: before}, err
	}
	run.SetWarnings(warnings)
	if err := p.pass(ctx, run, portal, names, dimensions, counted, ahead, dates); err != nil {
		return p.failed(ctx, run, err)
	}
	return Outcome{
		Run: run.Row(), Before: before, Warnings: run.Row().Warnings,
		IsPast: dates.AsOf < transform.DayOf(portal.Clock, p.Config.Portal.TimeZone),
	}, nil
}

// refused is a run that is not begun. Once anything is published it leaves a failed run behind, for whoever watches
// the runs: the numbers that they see grow old.
func (p Pass) refused(ctx context.Context, before loader.State, startedAt, clock time.Time, refusal error) (Outcome, error) {
	if before.RunID == 0 {
		return Outcome{Before: before}, refusal
	}
	run, err := loader.Begin(ctx, p.Warehouse, loader.Start{
		Now: p.Now, At: startedAt, AsOf: transform.DayOf(clock, p.Config.Portal.TimeZone), PortalHost: p.Client.Portal(),
	})
	if err != nil {
		return Outcome{Before: before}, fmt.Errorf("%w; and the refusal is not recorded: %w", refusal, err)
	}
	p.steps.SetRun(run.ID())
	return p.failed(ctx, run, refusal)
}

// A ClockError is a portal's clock that can't be believed.
type ClockError struct{ what string }

func (e *ClockError) Error() string {
	return e.what + ": set the clocks, or give the date with --as-of; portal.check_clock: false in the configuration leaves the check out"
}

// clocksAgree is by how much two clocks may differ that are believed.
const clocksAgree = time.Hour

// checkClock holds the portal's clock against this machine's. It tells how far it is ahead, nil where that is not
// checked. Whoever gives a date has looked himself.
func (p Pass) checkClock(ctx context.Context, clock time.Time) (*time.Duration, error) {
	if !p.Config.Portal.CheckClock || p.AsOf != transform.NoDay {
		return nil, nil
	}
	ahead := clock.Sub(p.Now()).Round(time.Second)
	if ahead.Abs() > clocksAgree {
		return nil, &ClockError{fmt.Sprintf("the portal's clock says %s and this machine's %s",
			clock.UTC().Format(time.RFC3339), p.Now().UTC().Format(time.RFC3339))}
	}
	state, err := loader.ExtractionState(ctx, p.Warehouse.DB())
	if err != nil {
		return nil, err
	}
	if state.Ahead != nil && (ahead-*state.Ahead).Abs() > clocksAgree {
		return nil, &ClockError{fmt.Sprintf("since the last run the portal's clock has moved %s against this machine's", plain.Duration(ahead-*state.Ahead))}
	}
	return &ahead, nil
}

// A DeletionsError is a portal that has lost more deals in a night than a person deletes by hand.
type DeletionsError struct{ Deleted, Reported uint64 }

func (e *DeletionsError) Error() string {
	return fmt.Sprintf("%d of %d deals of the report are deleted on the portal, more than a person deletes in a day: nothing is published; "+
		"if they really were, run again with --accept-deletions", e.Deleted, e.Reported)
}

// areByHand is whether a person deletes so many deals in a night.
func (e *DeletionsError) areByHand() bool { return e.Deleted <= 5 || e.Deleted*50 <= e.Reported }

// failed records why a run came to nothing, also when it was interrupted, and explains it.
func (p Pass) failed(ctx context.Context, run *loader.Run, err error) (Outcome, error) {
	err = p.explained(ctx, err)
	recording, stop := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer stop()
	run.SetPortalFigures(p.figures())
	if failing := run.Fail(recording, err); failing != nil {
		p.Log.WithError(failing).Warn("failed run not recorded")
	}
	return Outcome{Run: run.Row(), Before: run.Before()}, err
}

// pass extracts, derives, appends and publishes.
func (p Pass) pass(ctx context.Context, run *loader.Run, portal extractor.Description, names Names, dimensions []loader.Dimension, counted counting,
	ahead *time.Duration, dates transform.Dates,
) error {
	p.steps.SetRun(run.ID())
	log := p.Log.WithField("run_id", run.ID())
	log.WithFields(logrus.Fields{"as_of": dates.AsOf.String(), "portal": p.Client.Portal()}).Info("run began")

	extracted, err := extractor.Extract(ctx, p.Client, run.Landing(), extractor.Options{
		Description: portal, Funnels: p.Config.Funnels, Fields: FieldNames(p.Config), Full: p.Full, Ahead: ahead,
		OwnWrites: func(ctx context.Context, deals []extractor.Deal) (map[extractor.DealID]bool, error) {
			return writeback.OwnWrites(ctx, p.Warehouse.DB(), deals)
		},
		Progress: p.extracting(),
	})
	if err != nil {
		return fmt.Errorf("extract: %w", err)
	}
	run.SetHistoryRows(extracted.ChangesRead)
	log.WithFields(logrus.Fields{
		"deals": extracted.DealsRead, "stage_changes": extracted.ChangesRead, "vanished": extracted.Vanished, "hidden": extracted.Hidden,
		"requests": p.figures().PortalRequests, "is_full": extracted.IsFull,
	}).Info("extracted")

	if err := p.lookAtAbsent(ctx, run, extracted.Warnings); err != nil {
		return err
	}

	p.Progress.Step("derive and append")
	found := loader.NamesOf{Funnels: names.Funnels, Managers: extracted.Managers, Departments: extracted.Departments}
	if err := run.AppendNames(ctx, found); err != nil {
		return err
	}
	hasOtherLabels, err := run.AppendDimensions(ctx, dimensions)
	if err != nil {
		return err
	}
	if err := run.AppendCalendars(ctx, counted.now, counted.published); err != nil {
		return err
	}
	dates.RunID = uint32(run.ID())
	rules := under(Rules(p.Config, names.Funnels, counted.now.Calendars), &counted.published.Calendars, run.HasSameRules())
	labels, err := labelsOf(ctx, p, dimensions, run.ID(), dates.AsOf)
	if err != nil {
		return err
	}
	if err := p.derive(ctx, run, rules, labels, dates, p.Full || hasOtherLabels || !run.HasSameRules()); err != nil {
		return err
	}
	p.Progress.Step("forecast")
	if err := run.AppendForecasts(ctx); err != nil {
		return err
	}
	if counted.loaded.HasEnd() {
		furthest, err := run.FurthestPlannedEnd(ctx)
		if err != nil {
			return err
		}
		run.SetWarnings(append(run.Row().Warnings, counted.loaded.Ends(furthest)...))
	}
	p.Progress.Step("publish")
	if err := p.Warehouse.Settle(ctx); err != nil {
		return err
	}
	run.SetPortalFigures(p.figures())
	if err := run.Publish(ctx); err != nil {
		return err
	}
	log.WithFields(logrus.Fields{"facts": run.Row().FactsAppended, "deals_changed": run.Row().DealsChanged}).Info("published")
	p.tidy(ctx, log)
	return nil
}

// lookAtAbsent refuses a night in which more deals were deleted than a person deletes, and warns of hidden ones.
func (p Pass) lookAtAbsent(ctx context.Context, run *loader.Run, warnings []string) error {
	deleted, reported, err := run.Deletions(ctx)
	if err != nil {
		return err
	}
	if found := (&DeletionsError{deleted, reported}); !p.AcceptDeletions && !found.areByHand() {
		return found
	}
	hidden, err := run.CountDeals(ctx)
	if err != nil {
		return err
	}
	if hidden > 0 {
		warnings = append(warnings, fmt.Sprintf("%s hidden: the portal does not let the webhook's user read them, and they are shown as they were last seen (data_gaps, reason hidden); "+
			"give the user the right to read all deals, or take a deal out with stagelag forget --deal", deals(hidden)))
	}
	run.SetWarnings(append(run.Row().Warnings, warnings...))
	return nil
}

func deals(n uint64) string {
	if n == 1 {
		return "1 deal is"
	}
	return fmt.Sprintf("%d deals are", n)
}

// tidy removes what is kept no longer. The run is published whatever comes of it.
func (p Pass) tidy(ctx context.Context, log logrus.FieldLogger) {
	removed, err := loader.TidyLanding(ctx, p.Warehouse, p.Now().AddDate(0, 0, -int(p.Config.Warehouse.KeepLanding)))
	switch {
	case err != nil:
		log.WithError(err).Warn("replaced rows not removed, the next run tries again")
	case removed > 0:
		log.WithField("rows", removed).Info("replaced rows removed")
	}
}

// figures are what the portal was asked in this pass so far.
func (p Pass) figures() loader.Figures {
	stats := p.Client.Stats()
	figures := loader.Figures{PortalRequests: uint64(stats.Requests - p.asked.Requests)}
	for reason, waited := range stats.Waited {
		figures.SecondsWaited += (waited - p.asked.Waited[reason]).Seconds()
	}
	return figures
}

// dates checks the as-of date against the portal's clock and what was published.
func (p Pass) dates(clock time.Time, before loader.State) (transform.Dates, error) {
	today := transform.DayOf(clock, p.Config.Portal.TimeZone)
	asOf := p.AsOf
	if asOf == transform.NoDay {
		asOf = today
	}
	switch {
	case asOf > today:
		return transform.Dates{}, &AsOfError{asOf, fmt.Sprintf("is in the future: on the portal's clock it is %s; give that date or an earlier one", today)}
	case before.RunID > 0 && asOf < before.AsOf && p.AsOf == transform.NoDay && p.isOfAnotherZone(before):
		return transform.Dates{}, fmt.Errorf("it is %s in portal.time_zone (%s), but run %d was published as of %s, its date in another zone: set portal.time_zone to that one, or wait until that date; to go on in this zone, take that run back with stagelag withdraw",
			today, p.Config.Portal.TimeZone, before.RunID, before.AsOf)
	case before.RunID > 0 && asOf < before.AsOf && p.AsOf == transform.NoDay:
		return transform.Dates{}, fmt.Errorf("the portal's clock says %s, but run %d was published as of %s: set the portal's clock, or wait until that date; if a wrong clock made that run, take it back with stagelag withdraw",
			today, before.RunID, before.AsOf)
	case before.RunID > 0 && asOf < before.AsOf:
		return transform.Dates{}, &AsOfError{asOf, fmt.Sprintf("is before %s, the date of the last published run (%d); give that date or a later one", before.AsOf, before.RunID)}
	}
	return transform.Dates{AsOf: asOf, PublishedAsOf: before.AsOf, Clock: clock}, nil
}

// isOfAnotherZone is whether the moment when a run began has, in the zone that is configured now, the date
// before the one that it was published as of. A wrong clock is off by more, or is refused.
func (p Pass) isOfAnotherZone(run loader.State) bool {
	return run.AsOf == transform.DayOf(run.StartedAt, p.Config.Portal.TimeZone)+1
}

// extracting tells the progress of an extraction.
func (p Pass) extracting() func(extractor.Step, int, int) {
	var current extractor.Step
	return func(step extractor.Step, rows, total int) {
		if step != current {
			current = step
			p.Progress.Step("extract: " + string(step))
		}
		p.Progress.Rows(int64(rows), int64(total))
	}
}

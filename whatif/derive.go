// Package whatif derives the landed data again, in memory: under another configuration, to show its numbers beside
// the published ones, and to see how long visits lasted, for norms. It only reads.
package whatif

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"stagelag/calendar"
	"stagelag/config"
	"stagelag/extractor"
	"stagelag/loader"
	"stagelag/memory"
	"stagelag/nightly"
	"stagelag/sql"
	"stagelag/transform"
	"stagelag/warehouse"
)

// ErrNothingPublished is a warehouse without a published run.
var ErrNothingPublished = errors.New("no run has been published yet; stagelag run makes one")

// softMemory is the heap, in bytes, above which memory is given back sooner than speed asks for.
const softMemory = 200 << 20

// Options say what is derived and where from.
type Options struct {
	Warehouse *warehouse.Warehouse
	// Config is the other configuration. Its portal and its warehouse are not asked.
	Config config.Config
	// Norms are the stages in it whose norms are asked about: they hold for visits that ended under the same
	// norm, too.
	Norms []extractor.StageID
	// Settings reads the portal's own calendar. It is called when a list asks for that calendar and no run has
	// read it.
	Settings func(context.Context) (calendar.Settings, error)
	Progress nightly.Progress
}

// mostTries is how often a derivation is begun that a published run overtakes.
const mostTries = 3

// A source is the landed data as of the last published run, with two sets of rules for it.
type source struct {
	landed    *loader.Landed
	published rulebook
	other     rulebook
	names     names
	newer     uint64 // deals that were read since
	progress  nightly.Progress
}

// A rulebook is a configuration with the rules that it makes.
type rulebook struct {
	cfg   config.Config
	rules *transform.Rules
}

// use opens the source for do and does it again when a run was published meanwhile.
func use(ctx context.Context, o Options, do func(*source) error) error {
	defer memory.Limit(softMemory)()
	for try := 1; ; try++ {
		s, err := open(ctx, o)
		if err != nil {
			return err
		}
		if err := do(s); err != nil {
			return err
		}
		now, err := loader.LastPublished(ctx, o.Warehouse.DB())
		switch {
		case err != nil:
			return err
		case now.RunID == s.landed.State.RunID:
			return nil
		case try == mostTries:
			return fmt.Errorf("run %d was published meanwhile: do it again", now.RunID)
		}
	}
}

func open(ctx context.Context, o Options) (*source, error) {
	conn := o.Warehouse.DB()
	if err := checkSchema(ctx, o.Warehouse); err != nil {
		return nil, err
	}
	landed, err := loader.OpenLanded(ctx, o.Warehouse)
	if err != nil {
		return nil, err
	}
	if landed.State.RunID == 0 {
		return nil, ErrNothingPublished
	}
	s := &source{landed: landed, progress: o.Progress}
	if s.published.cfg, err = nightly.ParseRules(landed.State.Rules); err != nil {
		return nil, err
	}
	seen, err := nightly.SeenNames(ctx, o.Config, conn)
	if err != nil {
		return nil, err
	}
	if err := o.checkNorms(seen); err != nil {
		return nil, err
	}
	if err := nightly.CheckSeen(o.Config, s.published.cfg, seen); err != nil {
		return nil, err
	}
	s.other.cfg = o.Config
	if s.other.cfg.Portal.TimeZone == nil {
		s.other.cfg.Portal.TimeZone = s.published.cfg.Portal.TimeZone
	}
	counted, err := loader.CalendarsOf(ctx, conn, 0)
	if err != nil {
		return nil, err
	}
	loaded, err := o.calendars(ctx, counted.Settings)
	if err != nil {
		return nil, err
	}
	managers, err := landed.Managers(ctx)
	if err != nil {
		return nil, err
	}
	s.names = newNames(seen.Funnels, managers)
	s.published.rules = nightly.Rules(s.published.cfg, seen.Funnels, counted.Calendars)
	s.other.rules = nightly.Rules(s.other.cfg, seen.Funnels, *loaded.Calendars())
	s.other.rules.WhatIf = &transform.WhatIf{Published: s.published.rules, Norms: map[extractor.StageID]bool{}}
	for _, stage := range o.Norms {
		s.other.rules.WhatIf.Norms[stage] = true
	}
	return s, nil
}

// checkNorms refuses a norm of a stage that has none.
func (o *Options) checkNorms(seen nightly.Names) error {
	var complaints []config.Complaint
	complain := func(stage extractor.StageID, format string, args ...any) {
		complaints = append(complaints, config.Complaint{Text: fmt.Sprintf("--norm %s: ", stage) + fmt.Sprintf(format, args...)})
	}
	for _, id := range o.Norms {
		stage := seen.Stage(id)
		now, isMapped := o.Config.Stages.Map[id]
		switch {
		case isMapped:
			complain(id, "the stage counts as %s, see stages.map: name that one", now)
		case slices.Contains(o.Config.Stages.Waiting, id):
			complain(id, "the stage is in stages.waiting and has no plan: name another one")
		case stage == nil && !seen.Historic[id]:
			complain(id, "no run has seen such a stage%s", seen.Nearest(id))
		case stage != nil && stage.Semantics.IsFinal():
			complain(id, "the stage closes the deal and has no plan: name another one")
		}
	}
	if len(complaints) > 0 {
		return &config.Error{Complaints: complaints}
	}
	return nil
}

// checkSchema refuses tables of another version: what only reads makes no schema.
func checkSchema(ctx context.Context, w *warehouse.Warehouse) error {
	status, err := sql.ReadStatus(ctx, w)
	switch {
	case err != nil:
		return err
	case status.Version == 0:
		return ErrNothingPublished
	case status.IsNewer():
		return &sql.NewerError{Version: status.Version, Newest: status.Newest}
	case status.Version < status.Newest || status.IsHalfDone:
		return fmt.Errorf("the warehouse has schema %d and this program needs %d: stagelag migrate up brings it there", status.Version, status.Newest)
	default:
		return nil
	}
}

// calendars are those of the other configuration.
func (o *Options) calendars(ctx context.Context, published string) (*calendar.Loaded, error) {
	var settings *calendar.Settings
	if calendar.NeedsSettings(o.Config.Calendar) {
		var read calendar.Settings
		var err error
		if published != "" {
			err = json.Unmarshal([]byte(published), &read)
		} else {
			read, err = o.Settings(ctx)
		}
		if err != nil {
			return nil, fmt.Errorf("read the portal's calendar: %w", err)
		}
		settings = &read
	}
	return calendar.Load(o.Config.Calendar, settings)
}

// dates are those of the last published run.
func (s *source) dates() transform.Dates {
	asOf := s.landed.State.AsOf
	return transform.Dates{AsOf: asOf, PublishedAsOf: asOf, Clock: s.landed.State.StartedAt}
}

// derive derives all deals under the other rules, in as many goroutines as there are processors. Each has a sink of
// its own, which takes the visits of a deal at a time and may not keep them; all are returned.
func derive[S any](ctx context.Context, s *source, newSink func() S, take func(S, []transform.Visit)) ([]S, error) {
	s.progress.Step("derive")
	type share struct {
		shard *loader.Shard
		ids   []extractor.DealID
	}
	var shares []share
	total := 0
	for _, shard := range s.landed.Shards() {
		ids, err := shard.DealIDs(ctx, true, s.other.rules.Zone, nil, nil, transform.NoDay)
		if err != nil {
			return nil, err
		}
		total += len(ids)
		parts := max(1, runtime.GOMAXPROCS(0)/len(s.landed.Shards()))
		size := max(1, (len(ids)+parts-1)/parts)
		for start := 0; start < len(ids); start += size {
			shares = append(shares, share{shard, ids[start:min(start+size, len(ids))]})
		}
	}
	var done atomic.Int64
	sinks := make([]S, len(shares))
	dates := s.dates()
	group, deriving := errgroup.WithContext(ctx)
	for i, part := range shares {
		sinks[i] = newSink()
		group.Go(func() error {
			for known, err := range part.shard.LandedHistories(deriving, part.ids) {
				if err != nil {
					return err
				}
				known.IsGone = known.IsGone || known.IsForgotten
				take(sinks[i], s.other.rules.Derive(&known.History, dates).Visits)
				if n := done.Add(1); n%1000 == 0 || n == int64(total) {
					s.progress.Rows(n, int64(total))
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var err error
	s.newer, err = s.landed.Newer(ctx)
	return sinks, err
}

// note says what may make the numbers differ beside the rules; empty for nothing.
func (s *source) note() string {
	switch s.newer {
	case 0:
		return ""
	case 1:
		return "something of 1 deal was read since that run and is not published yet: it is in the numbers of what if"
	default:
		return fmt.Sprintf("something of %d deals was read since that run and is not published yet: it is in the numbers of what if", s.newer)
	}
}

// day is a date of the configuration.
func day(t time.Time) string { return t.Format(time.DateOnly) }

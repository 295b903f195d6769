package nightly

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"

	"stagelag/extractor"
	"stagelag/loader"
	"stagelag/transform"
)

// derive appends the difference between what is published and what the rules make of
// the landed deals, in all shards at once. Where the rules are the same, visits of which only the date has changed
// grow in the engine.
func (p Pass) derive(ctx context.Context, run *loader.Run, rules *transform.Rules, labels *labels, dates transform.Dates, all bool) error {
	shards := run.Shards()
	ids := make([][]extractor.DealID, len(shards))
	progress := &counter{shown: p.Progress}
	growth := loader.GrowthOf(rules, dates)
	if all {
		growth = nil
	}
	for i, shard := range shards {
		var err error
		if ids[i], err = shard.DealIDs(ctx, all, rules.Zone, growth, labels.departments, dates.AsOf); err != nil {
			return err
		}
		progress.total += len(ids[i])
	}
	var appended []loader.Appended
	var err error
	if p.Parts > 1 && progress.total > 0 {
		appended, err = p.deriveParts(ctx, run, ids, rules, labels, dates, all, progress)
	} else {
		appended, err = deriveShards(ctx, shards, ids, rules, labels, dates, progress)
	}
	if err != nil {
		return err
	}
	group, completing := errgroup.WithContext(ctx)
	for i, shard := range shards {
		group.Go(func() error {
			grown, err := shard.Grow(completing, growth, ids[i])
			if err != nil {
				return err
			}
			appended[i].Add(grown)
			return shard.Complete(completing, appended[i], labels.departments)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	var sum loader.Appended
	for _, a := range appended {
		sum.Add(a)
	}
	run.SetAppended(sum)
	return nil
}

// under gives the rules what the published state was derived under.
func under(rules *transform.Rules, calendars *transform.Calendars, hasSameRules bool) *transform.Rules {
	rules.Published = transform.Published{Calendars: calendars, HasSameRules: hasSameRules}
	if calendars.Equal(&rules.Calendars) {
		rules.Published.Calendars = &rules.Calendars
	}
	return rules
}

// deriveShards derives in all shards at once.
func deriveShards(ctx context.Context, shards []*loader.Shard, ids [][]extractor.DealID, rules *transform.Rules, labels *labels, dates transform.Dates,
	progress *counter,
) ([]loader.Appended, error) {
	appended := make([]loader.Appended, len(shards))
	group, ctx := errgroup.WithContext(ctx)
	for i, shard := range shards {
		group.Go(func() (err error) {
			appended[i], err = appendDeals(ctx, shard, ids[i], nil, rules, labels, dates, progress)
			return err
		})
	}
	return appended, group.Wait()
}

// A counter counts deals that several goroutines have done.
type counter struct {
	shown Progress
	total int

	mu   sync.Mutex
	done int
}

func (c *counter) add() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done++; c.done%1000 == 0 || c.done == c.total {
		c.shown.Rows(int64(c.done), int64(c.total))
	}
}

// set tells of deals that others have done as well.
func (c *counter) set(done int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done = done
	c.shown.Rows(int64(done), int64(c.total))
}

// appendDeals appends what is other than published of the deals, into a stage if there is one.
func appendDeals(ctx context.Context, shard *loader.Shard, ids []extractor.DealID, stage *loader.Stage, rules *transform.Rules, labels *labels,
	dates transform.Dates, progress *counter,
) (loader.Appended, error) {
	appender := shard.Append(ctx, stage)
	defer appender.Close()
	for known, err := range shard.Histories(ctx, ids) {
		if err != nil {
			return loader.Appended{}, err
		}
		if appendDeal(appender, known, rules, labels, dates) {
			appender.Changed()
		}
		if err := appender.Err(); err != nil {
			return loader.Appended{}, err
		}
		progress.add()
	}
	return appender.Finish()
}

// appendDeal appends what is other than published of one deal. It tells whether that is
// more than the days that passed.
func appendDeal(appender *loader.Appender, known *loader.Known, rules *transform.Rules, labels *labels, dates transform.Dates) (isChanged bool) {
	known.IsGone = known.IsGone || known.IsForgotten
	derived := rules.Derive(&known.History, dates)
	before := transform.State{Visits: known.History.Published, AsOf: dates.PublishedAsOf, Calendars: rules.Published.Calendars}
	after := transform.State{Visits: derived.Visits, AsOf: dates.AsOf, Calendars: &rules.Calendars}
	transform.Compare(before, after, transform.Difference{
		Fact: appender.Fact,
		Visit: func(v *transform.Visit, isGone bool) {
			isChanged = true
			appender.Visit(v, isGone)
		},
	})
	if !derived.Knowledge.Equal(&known.Knowledge) {
		appender.Knowledge(known.Deal.ID, &derived.Knowledge)
	}
	row := dealRow(known, rules, labels, derived, dates.AsOf)
	if known.Published == nil && row.IsGone || known.Published != nil && known.Published.Equal(row) {
		return isChanged
	}
	appender.Deal(row)
	return true
}

// dealRow is what readers see of a deal beside its visits; of one that has left the report, what they saw last.
func dealRow(known *loader.Known, rules *transform.Rules, labels *labels, derived transform.Derived, asOf transform.Day) *loader.DealRow {
	d := &known.Deal
	if len(derived.Visits) == 0 && len(derived.Gaps) == 0 {
		row := &loader.DealRow{DealID: d.ID}
		if known.Published != nil {
			*row = *known.Published
		}
		row.IsGone, row.Why = true, goneWhy(known)
		if row.Why == loader.ForgottenDeal {
			row.Title, row.CompanyID, row.CompanyName, row.Dimensions = "", 0, "", nil
		}
		return row
	}
	row := &loader.DealRow{
		DealID: d.ID, Standing: transform.Stand(derived.Visits),
		Title: d.Title, Currency: d.Currency, Gaps: derived.Gaps,
	}
	if d.BadAmount == "" {
		amount := d.Amount // a pointer into the deal would keep all that was read with it
		row.Amount = &amount
	}
	if !d.CreatedAt.IsZero() {
		row.CreatedDate = transform.DayOf(d.CreatedAt, rules.Zone)
	}
	labels.of(row, known, derived.Visits, asOf)
	return row
}

// goneWhy says why a deal is not in the report. What is neither deleted nor a template is in no funnel of it.
func goneWhy(known *loader.Known) loader.GoneWhy {
	switch {
	case known.IsForgotten:
		return loader.ForgottenDeal
	case known.IsGone:
		return loader.Deleted
	case known.Deal.IsRecurring:
		return loader.Template
	default:
		return loader.OutsideFunnels
	}
}

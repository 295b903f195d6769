package loader

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"golang.org/x/sync/errgroup"

	"stagelag/extractor"
	"stagelag/warehouse"
)

// A Shard is where the rows of some of the deals lie, as a run works in it; a single server is
// one. What is asked of it stays in it.
type Shard struct {
	conn      driver.Conn
	front     driver.Conn // where the names of things are
	run       RunID
	startedAt time.Time // of the run
	before    State
	// shown is the condition for the rows of visits and deals that stand in the published state,
	// as numbers: a shard knows no runs. They stay the same as long as the run goes on.
	shown string
	// published is the condition for rows of published runs, replaced ones included.
	published string
	// forgotten is what a run keeps out.
	forgotten Forgotten
	// appenders are how many there were, so that the blocks of each are told apart.
	appenders int
}

func shardsOf(ctx context.Context, w *warehouse.Warehouse, run RunID, startedAt time.Time, before State) ([]*Shard, error) {
	var published []struct {
		RunID uint32 `ch:"run_id"`
	}
	if err := w.DB().Select(ctx, &published, publishedRuns+" ORDER BY run_id"); err != nil {
		return nil, fmt.Errorf("list the published runs: %w", err)
	}
	numbers := make([]uint32, len(published))
	for i, p := range published {
		numbers[i] = p.RunID
	}
	ofPublished, shown := "false", "false"
	if len(numbers) > 0 {
		ofPublished = fmt.Sprintf("run_id IN (%s)", list(numbers))
		shown = fmt.Sprintf("%s AND until_run_id NOT IN (%s)", ofPublished, list(numbers))
	}
	forgotten, err := ReadForgotten(ctx, w.DB())
	if err != nil {
		return nil, err
	}
	var shards []*Shard
	for _, conn := range w.Shards() {
		shards = append(shards, &Shard{
			conn: conn, front: w.DB(), run: run, startedAt: startedAt, before: before, shown: shown, published: ofPublished, forgotten: forgotten,
		})
	}
	return shards, nil
}

// forgotten is what the run keeps out.
func (r *Run) forgotten() Forgotten { return r.shards[0].forgotten }

// Shards are where the run appends.
func (r *Run) Shards() []*Shard { return r.shards }

// dealIDs are the ids that a query gives in all shards, ascending; what says what they are for.
func (r *Run) dealIDs(ctx context.Context, what, query string, args ...any) ([]extractor.DealID, error) {
	var all []extractor.DealID
	for _, shard := range r.shards {
		ids, err := dealIDs(ctx, shard.conn, what, query, args...)
		if err != nil {
			return nil, err
		}
		all = append(all, ids...)
	}
	slices.Sort(all)
	return all, nil
}

// inEachShard executes a statement that is about single deals.
func (r *Run) inEachShard(ctx context.Context, statement string) error {
	for _, shard := range r.shards {
		if err := warehouse.Retry(ctx, shard.conn, func() error { return shard.conn.Exec(ctx, statement) }); err != nil {
			return err
		}
	}
	return nil
}

// Complete adds what follows from the rows that the run has appended in the shard: the measures of
// each day, and which rows they replace.
func (s *Shard) Complete(ctx context.Context, appended Appended, departments *Departments) error {
	if appended.Facts > 0 || appended.Visits > 0 {
		if err := s.appendMeasures(ctx, departments); err != nil {
			return err
		}
	}
	marking, ctx := errgroup.WithContext(ctx) // the engine begins a change with a pause
	if appended.Visits > 0 {
		marking.Go(func() error { return s.markReplaced(ctx, "visits") })
	}
	if appended.Deals > 0 {
		marking.Go(func() error { return s.markReplaced(ctx, "deals") })
	}
	return marking.Wait()
}

package loader

import (
	"context"
	"errors"
	"fmt"
	"time"

	"stagelag/warehouse"
)

// ErrNothingPublished is a warehouse from which no run can be withdrawn.
var ErrNothingPublished = errors.New("no run is published: there is nothing to withdraw")

// Withdraw takes the last published run out of the views, which then show what they showed before it, and gives
// that state. The caller holds the lease that keeps runs out. What the run has landed stays, the next one derives
// from it again; its own rows the next one removes.
func Withdraw(ctx context.Context, w *warehouse.Warehouse, run RunID, now time.Time) (State, error) {
	published, err := LastPublished(ctx, w.DB())
	if err != nil {
		return State{}, err
	}
	switch {
	case published.RunID == 0:
		return State{}, ErrNothingPublished
	case published.RunID != run:
		return State{}, fmt.Errorf("run %d is the last published one now, not run %d: look at it and withdraw again", published.RunID, run)
	}
	// One row as publishing is one: readers see the run, or the state before it.
	err = w.DB().Exec(ctx, `
		INSERT INTO run_events
		SELECT * REPLACE ('withdrawn' AS status, toDateTime64(?, 3, 'UTC') AS recorded_at)
		FROM run_events WHERE run_id = ? AND run_events.status = 'published' LIMIT 1`, exact(now), uint32(run))
	if err != nil {
		return State{}, fmt.Errorf("withdraw run %d: %w", run, err)
	}
	before, err := LastPublished(ctx, w.DB())
	if err != nil {
		return State{}, err
	}
	if before.RunID >= run {
		return State{}, fmt.Errorf("run %d is published still: withdraw it again", run)
	}
	return before, nil
}

package nightly_test

import (
	"context"
	"strings"
	"testing"

	"stagelag/nightly"
	"stagelag/simulator"
	"stagelag/warehouse"
	"stagelag/warehouse/warehousetest"
)

// TestAFullDisk lets the engine believe that its disk is full. The run says so and what
// to do, the views stay as published, and the next run is right.
func TestAFullDisk(t *testing.T) {
	t.Parallel()
	s, deal := small(t)
	s.run(false)
	published := s.snapshot()
	s.world.Move(deal, march(10, 9), "C5:WON")
	s.at(march(11, 3))
	fill(t, s.w, "1000000000000000")
	_, err := nightly.Run(context.Background(), s.pass(false))
	if err == nil || !strings.Contains(err.Error(), "disk is full") {
		t.Errorf("run on a full disk: %v, want it to say so", err)
	}
	expectSame(t, "a run on a full disk", s.snapshot(), published)
	fill(t, s.w, "")
	s.run(false)
	s.expect("once there is room", "SELECT stage_id FROM deals_now", "C5:WON")
	s.expectLaws("once there is room")
}

// fill sets how much room inserts must leave, in every table that takes the first step.
func fill(t *testing.T, w *warehouse.Warehouse, bytes string) {
	t.Helper()
	for _, table := range []string{"landing_deals", "landing_stage_changes", "visits", "facts"} {
		if err := warehousetest.Set(context.Background(), w.DB(), table, warehousetest.FreeSpace, bytes); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAnUnreachablePortal is a failed run that names the address's host and leaves the
// views as they are.
func TestAnUnreachablePortal(t *testing.T) {
	t.Parallel()
	s, _ := small(t)
	s.run(false)
	published := s.snapshot()
	s.portal.Inject(simulator.FromNth(1, simulator.Fault{Drops: true}))
	_, err := nightly.Run(context.Background(), s.pass(false))
	if err == nil {
		t.Fatal("a run without a portal succeeded")
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("%q holds the webhook's secret", err)
	}
	expectSame(t, "a run without a portal", s.snapshot(), published)
	if n := s.number("SELECT count() FROM runs WHERE status = 'failed' AND error IS NOT NULL"); n != 1 {
		t.Errorf("%d failed runs, want 1", n)
	}
}

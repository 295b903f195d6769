package nightly_test

import (
	"context"
	"testing"
	"time"

	"stagelag/loader"
	"stagelag/warehouse/warehousetest"
)

// What newer versions have replaced is kept for a while and then removed, and nothing that a
// run needs: the views and the next run are as without.
func TestReplacedRowsAreRemovedInTime(t *testing.T) {
	t.Parallel()
	s := generated(t, 5, 60)
	ctx := context.Background()
	merges := func(value string) {
		for _, table := range []string{"landing_deals", "landing_stage_changes"} {
			if err := warehousetest.Set(ctx, s.w.DB(), table, warehousetest.NoMerges, value); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.run(false)
	merges(warehousetest.NoMergesValue) // the engine would remove some of its own accord
	now := firstNight.AddDate(0, 0, 3)
	s.world.DeleteDeal(s.world.Deals()[5].ID, now)
	s.world.Advance(now)
	s.at(now)
	s.run(true)
	replaced := func() int64 {
		return s.kept("SELECT (SELECT count() FROM landing_deals) + (SELECT count() FROM landing_stage_changes)" +
			" - (SELECT count() FROM landing_deals FINAL) - (SELECT count() FROM landing_stage_changes FINAL)")
	}
	kept := replaced()
	if kept == 0 {
		t.Fatal("no row was replaced, want some for the test")
	}
	merges("")
	want, final := s.snapshot(), s.kept("SELECT count() FROM landing_deals FINAL")
	if removed, err := loader.TidyLanding(ctx, s.w, time.Now().AddDate(0, 0, -1)); err != nil || removed != 0 {
		t.Errorf("of rows that are younger %d were removed, %v, want none", removed, err)
	}
	if _, err := loader.TidyLanding(ctx, s.w, time.Now().Add(time.Hour)); err != nil || replaced() != 0 {
		t.Errorf("%d replaced rows are left, %v, want none", replaced(), err)
	}
	if n := s.kept("SELECT count() FROM landing_deals FINAL"); n != final {
		t.Errorf("%d deals are known, want %d as before", n, final)
	}
	expectSame(t, "without the replaced rows", s.snapshot(), want)
	if row := s.run(true).Run; row.FactsAppended != 0 || row.DealsChanged != 0 {
		t.Errorf("a full run after that appended %d facts of %d deals, want none", row.FactsAppended, row.DealsChanged)
	}
	s.cfg.Warehouse.KeepLanding = 0
	s.run(true)
	if n := replaced(); n != 0 {
		t.Errorf("after a run with keep_landing: 0 %d replaced rows are left, want none", n)
	}
}

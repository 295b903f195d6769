package loader

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stagelag/extractor"
	"stagelag/transform"
	"stagelag/warehouse"
	"stagelag/warehouse/warehousetest"
)

// landNight lands a deal and its only change, and whether the portal has lost both since, in a run of the night.
func landNight(t *testing.T, w *warehouse.Warehouse, night int, deal extractor.Deal, isGone bool) {
	t.Helper()
	ctx, now := context.Background(), deal.MovedAt
	run := &Run{
		conn: w.DB(), shards: []*Shard{{conn: w.DB()}}, start: Start{Now: func() time.Time { return now }},
		row: Row{RunID: RunID(night), AsOf: now.Format(time.DateOnly), StartedAt: now},
	}
	landing := run.Landing()
	err := landing.LandDeals(ctx, []extractor.Deal{deal})
	if err == nil {
		err = landing.LandStageChanges(ctx, []extractor.StageChange{{ID: 1, DealID: deal.ID, ChangedAt: now}})
	}
	if err == nil && isGone {
		err = landing.VanishDeals(ctx, []extractor.DealID{deal.ID})
	}
	if err == nil {
		err = run.record(ctx, Published)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestLandingIsRewrittenSeldom reads a portal every eighth of 400 nights, each time with another change.
// What was replaced goes in time, and yet the tables are written anew only once in that time.
func TestLandingIsRewrittenSeldom(t *testing.T) {
	const nights, step, keep, deals = 400, 8, 90, 15
	ctx := context.Background()
	w := warehousetest.Migrated(t)
	conn := w.DB()
	tables := map[string]string{landedDealTable.name: "deal_id", landedChangeTable.name: "deal_id, change_id"}
	for table := range tables { // the engine merges nothing by itself: each merge is a rewrite
		if err := warehousetest.Set(ctx, conn, table, warehousetest.NoMerges, warehousetest.NoMergesValue); err != nil {
			t.Fatal(err)
		}
	}
	type newest struct {
		Title     string
		MovedAt   time.Time
		ChangedAt time.Time
		IsGone    bool
	}
	want := map[extractor.DealID]newest{}
	for night := step; night <= nights; night += step {
		now := (firstDay + transform.Day(night)).Time()
		deal := extractor.Deal{ID: extractor.DealID(night/step%deals + 1), Title: fmt.Sprintf("as on night %d", night), MovedAt: now}
		isGone := night%(7*step) == 0
		landNight(t, w, night, deal, isGone)
		want[deal.ID] = newest{deal.Title, now, now, isGone}
		if _, err := TidyLanding(ctx, w, now.AddDate(0, 0, -keep)); err != nil {
			t.Fatal(err)
		}
		if night%(5*step) != 0 {
			continue
		}
		for table, key := range tables {
			n := number(t, conn, fmt.Sprintf("SELECT count() FROM %[1]s AS old JOIN %[1]s AS newer USING (%[2]s) WHERE newer.version > old.version AND newer.run_id < %[3]d",
				table, key, night-keep))
			if n != 0 {
				t.Errorf("on night %d %s has %d rows that were replaced more than %d nights ago", night, table, n, keep)
			}
		}
	}

	got := map[extractor.DealID]newest{}
	shard := &Shard{conn: conn}
	changes, err := shard.landedChanges(ctx, "true")
	if err != nil {
		t.Fatal(err)
	}
	known, err := landedDeals(ctx, conn, "true")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range known {
		if of := changes[k.Deal.ID]; len(of) == 1 && of[0].HasVanished() == k.IsGone {
			got[k.Deal.ID] = newest{k.Deal.Title, k.Deal.MovedAt, of[0].ChangedAt, k.IsGone}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what was landed last of each deal (-want +got):\n%s", diff)
	}
	for table := range tables {
		// Rows come in as parts of level 1; each rewrite makes one part of all, one level above the highest.
		rewrites := number(t, conn, "SELECT max(level) - 1 FROM system.parts WHERE active AND database = currentDatabase() AND table = '"+table+"'")
		if rewrites < 1 || rewrites > nights/keep {
			t.Errorf("%s was written anew %d times in %d nights, want at least once and at most every %d nights", table, rewrites, nights, keep)
		}
	}
}

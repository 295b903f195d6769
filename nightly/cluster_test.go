package nightly_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"stagelag/nightly"
	"stagelag/warehouse"
	"stagelag/warehouse/warehousetest"
)

// clustered is the site with another warehouse: a cluster of so many shards.
func (s *site) clustered(c *warehousetest.Cluster) *site {
	s.t.Helper()
	other := *s
	other.w = c.Open()
	return &other
}

// nextNight lets a day pass, with changes in the portal.
func (s *site) nextNight(seed uint64, changes int) {
	night := time.Unix(s.clock.Load(), 0).UTC().AddDate(0, 0, 1)
	life{s.world, seed}.before(night, changes)
	s.at(night)
}

// TestAClusterShowsWhatOneServerShows lets a portal live for some nights, which a single engine and
// a cluster follow side by side.
func TestAClusterShowsWhatOneServerShows(t *testing.T) {
	t.Parallel()
	const seed, deals, changes = 21, 80, 20
	single := generated(t, seed, deals)
	cluster := warehousetest.NewCluster(t, 2)
	sharded := single.clustered(cluster)
	night := func(isFull, isCompared bool, when string) {
		single.run(isFull)
		sharded.run(isFull)
		if !isCompared && !isLong() {
			return
		}
		expectSame(t, when, sharded.snapshot(), single.snapshot())
		if !isFull && !isLong() {
			return // what is shown of the past is asked for in the end
		}
		for _, view := range []string{"forecasts", "deal_stages_then", "deals_then"} {
			query := "SELECT * FROM " + view + " ORDER BY ALL"
			if got, want := sharded.rows(query), single.rows(query); !slices.Equal(got, want) || len(want) == 0 {
				t.Errorf("%s: %s differs (%d rows, want %d)%s", when, view, len(got), len(want), firstDifference(got, want))
			}
		}
	}
	single.run(false)
	sharded.run(false)
	single.nextNight(seed, changes)
	night(false, true, "two shards, a night")
	sharded.expectSpread(deals)

	// Deals stay where they are, and those that come are spread over all three.
	_ = sharded.w.Close()
	cluster.Grow()
	sharded.w = cluster.Open()
	single.nextNight(seed, 3*changes)
	night(false, false, "three shards, a night") // facts that are wrong then are wrong after the next night
	single.nextNight(seed, changes)
	night(true, true, "three shards, all derived anew")
	sharded.expectLaws("three shards")
	sharded.expectSpread(deals)
	sharded.expectNoWhatIf("three shards")
}

// expectSpread checks that each shard has some deals, and none has all.
func (s *site) expectSpread(deals uint64) {
	s.t.Helper()
	for i, shard := range s.w.Shards() {
		var n uint64
		if err := shard.QueryRow(context.Background(), "SELECT uniqExact(deal_id) FROM facts").Scan(&n); err != nil || n == 0 || n >= deals {
			s.t.Errorf("shard %d has %d of %d deals, %v", i+1, n, deals, err)
		}
	}
}

// TestThreeShards is a first night on a cluster of three.
func TestThreeShards(t *testing.T) {
	t.Parallel()
	const seed, deals = 23, 60
	single := generated(t, seed, deals)
	sharded := single.clustered(warehousetest.NewCluster(t, 3))
	single.run(false)
	sharded.run(false)
	expectSame(t, "three shards", sharded.snapshot(), single.snapshot())
	sharded.expectSpread(deals)
}

// A cutter is a progress that does something when a step begins.
type cutter struct {
	quiet
	at  string
	cut func()
}

func (c cutter) Step(name string) {
	if name == c.at {
		c.cut()
	}
}

// TestAShardThatGoesDown loses a shard in the middle of a night: the run fails, its readers get an
// error rather than numbers that are too small, and when the shard is back they see what was
// published before, until the next run.
func TestAShardThatGoesDown(t *testing.T) {
	t.Parallel()
	const seed = 22
	cluster := warehousetest.NewCluster(t, 2)
	single := generated(t, seed, 60)
	s := single.clustered(cluster)
	single.run(false)
	s.run(false)
	before := s.snapshot()
	single.nextNight(seed, 10)
	for _, step := range []string{"ask the portal what it has", "derive and append"} {
		if step != "derive and append" && !isLong() {
			continue // the run has written nothing yet
		}
		pass := s.pass(false)
		pass.Progress = cutter{at: step, cut: func() { cluster.Cut(2) }}
		_, err := nightly.Run(t.Context(), pass)
		if err == nil || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("%s: a run without a shard: %v", step, err)
		}
		if _, err := ask(s.w, "SELECT count() FROM deals_now"); err == nil {
			t.Errorf("%s: the views show numbers without a shard: they are too small", step)
		}
		if w, err := warehouse.Open(t.Context(), cluster.Config()); err == nil || !strings.Contains(err.Error(), "shard 2 of cluster") {
			_ = w.Close()
			t.Errorf("%s: a warehouse without a shard opens with %v", step, err)
		}
		_ = s.w.Close()
		cluster.Restart()
		s.w = cluster.Open()
		expectSame(t, step+": after a run that failed", s.snapshot(), before)
	}
	single.run(false)
	s.run(false)
	// All is alike but the number of the run: those that failed have theirs.
	for view, order := range views {
		columns := "*"
		if view == "deal_stage_days" {
			columns = "* EXCEPT run_id"
		}
		query := "SELECT " + columns + " FROM " + view + " ORDER BY " + order
		if got, want := s.rows(query), single.rows(query); !slices.Equal(got, want) {
			t.Errorf("after the next run %s differs%s", view, firstDifference(got, want))
		}
	}
}

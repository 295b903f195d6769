package nightly_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"stagelag/warehouse/warehousetest"
)

func soakNights(t *testing.T) int {
	text := os.Getenv(nightsVariable)
	if text == "" {
		return 20
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 8 {
		t.Fatalf("%s: %q is no number of nights from 8", nightsVariable, text)
	}
	return n
}

// A footprint is what the warehouse takes after a night.
type footprint struct {
	rows, parts, bytes uint64
	facts              uint64        // appended by all published runs so far
	took               time.Duration // a pass without a fault; 0: there was none
}

func (v *ward) footprint() footprint {
	v.t.Helper()
	var f footprint
	row := v.w.DB().QueryRow(context.Background(), "SELECT sum(rows), count(), sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase()")
	if err := row.Scan(&f.rows, &f.parts, &f.bytes); err != nil {
		v.t.Fatal(err)
	}
	f.facts = uint64(v.number("SELECT sum(facts_appended) FROM runs WHERE status = 'published'"))
	return f
}

// TestSoak lets a portal live for many nights with random changes in it, and random faults,
// kills and missed nights. In the end the warehouse shows what one full run into a new one
// shows, and it has grown with its facts and with nothing else.
func TestSoak(t *testing.T) {
	t.Parallel()
	nights := soakNights(t)
	const seed, deals, changes = 11, 60, 5
	v := newWard(t, seed, deals, changes)
	random := rand.New(rand.NewPCG(seed, 0))
	if r := v.pass(patient{clock: hasty{}}); r.err != nil {
		t.Fatalf("the first night: %v", r.err)
	}
	var prints []footprint
	missed, failed, full := 0, 0, 0
	for n := range nights {
		v.nextNight()
		if random.IntN(20) == 0 && n < nights-1 {
			missed++
			continue
		}
		p := patient{clock: hasty{}, isFull: random.IntN(15) == 0}
		if p.isFull {
			full++
		}
		if random.IntN(2) == 0 {
			s := faultSteps[random.IntN(len(faultSteps))]
			possible := slices.DeleteFunc(slices.Clone(faults), func(f fault) bool { return f.cannot != nil && f.cannot(s) != "" })
			f := possible[random.IntN(len(possible))]
			c := &cell{ward: v, step: s}
			if r := c.suffer(f); r.err != nil {
				failed++
				c.mustBeClear(fmt.Sprintf("night %d: %s: %s", n, s.name, f.name), r.err)
			}
		}
		begun := time.Now()
		if r := v.pass(p); r.err != nil {
			t.Fatalf("night %d: %v", n, r.err)
		}
		left := v.footprint()
		if !p.isFull {
			left.took = time.Since(begun)
		}
		prints = append(prints, left)
	}
	v.expectLaws("after all nights")
	if n := v.differing(); n != 0 {
		t.Errorf("%d deals are not written back", n)
	}
	v.mustAgreeWithOneRun()
	before := v.state(everyView...)
	if r := v.pass(patient{clock: hasty{}, isFull: true}); r.err != nil {
		t.Fatalf("a full run: %v", r.err)
	}
	for view, digest := range v.state(everyView...) {
		if digest != before[view] {
			t.Errorf("a full run changes %s from %s to %s", view, before[view], digest)
		}
	}
	t.Logf("%d nights, %d missed, %d passes failed, %d full ones", nights, missed, failed, full)
	mustStayFlat(t, prints)
}

// mustAgreeWithOneRun compares what the nights have left with one run into a new warehouse.
// Plans of closed visits and managers of past days depend on when they were first seen.
func (v *ward) mustAgreeWithOneRun() {
	v.t.Helper()
	once := *v.site
	once.w = warehousetest.Migrated(v.t)
	once.run(true)
	for what, query := range map[string]string{
		"the visits":         "SELECT deal_id, visit_no, funnel_id, stage_id, entered_at, entered_date, left_date, elapsed_days, is_open, history_source FROM deal_stages ORDER BY deal_id, visit_no",
		"the open deals":     "SELECT deal_id, deal_title, amount, stage_id, manager_name, status, planned_end, days_left, overdue_days_now FROM deals_now WHERE is_open = 1 ORDER BY deal_id",
		"the closed deals":   "SELECT deal_id, deal_title, amount, stage_id, status FROM deals_now WHERE is_open = 0 ORDER BY deal_id",
		"the days of visits": "SELECT deal_id, visit_no, min(day), max(day), count() FROM deal_stage_days GROUP BY deal_id, visit_no ORDER BY deal_id, visit_no",
		"the open portfolio": "SELECT day, funnel_id, open_deals FROM portfolio_days ORDER BY day, funnel_id",
	} {
		if got, want := v.rows(query), once.rows(query); !slices.Equal(got, want) {
			v.t.Errorf("the nights and one run differ in %s%s", what, firstDifference(got, want))
		}
	}
}

// mustStayFlat fails if the warehouse grows faster in the second half of the nights than in the
// first by more than its facts do, or if its parts pile up.
func mustStayFlat(t *testing.T, prints []footprint) {
	t.Helper()
	first, middle, last := prints[0], prints[len(prints)/2], prints[len(prints)-1]
	grown := func(of func(footprint) uint64) (early, late float64) {
		return float64(of(middle)) - float64(of(first)), float64(of(last)) - float64(of(middle))
	}
	earlyFacts, lateFacts := grown(func(f footprint) uint64 { return f.facts })
	earlyRows, lateRows := grown(func(f footprint) uint64 { return f.rows })
	earlyBytes, lateBytes := grown(func(f footprint) uint64 { return f.bytes })
	half := float64(len(prints)) / 2
	t.Logf("a night brings, in the first half and in the second: %.0f and %.0f facts, %.0f and %.0f rows, %.0f and %.0f bytes",
		earlyFacts/half, lateFacts/half, earlyRows/half, lateRows/half, earlyBytes/half, lateBytes/half)
	t.Logf("after the last night: %d facts, %d rows, %d bytes in %d parts", last.facts, last.rows, last.bytes, last.parts)
	most := uint64(0)
	var early, late []time.Duration
	for i, p := range prints {
		most = max(most, p.parts)
		if p.took == 0 {
			continue
		}
		if i < len(prints)/2 {
			early = append(early, p.took)
		} else {
			late = append(late, p.took)
		}
	}
	t.Logf("a pass takes, as the median of the first half and of the second: %v and %v; at most %d parts", median(early), median(late), most)

	// Each fact brings rows of other tables, and each night brings some of its own, such as
	// those of the run.
	if allowed := 1.3*max(1, lateFacts/earlyFacts)*earlyRows + 40*half; lateRows > allowed {
		t.Errorf("the second half brings %.0f rows, the first %.0f: more than its facts account for (%.0f)", lateRows, earlyRows, allowed)
	}
	// Merging makes bytes uneven: parts that were not merged yet, and those that just were.
	if allowed := 1.5*max(1, lateFacts/earlyFacts)*earlyBytes + 400_000; lateBytes > allowed {
		t.Errorf("the second half brings %.0f bytes, the first %.0f: more than its facts account for (%.0f)", lateBytes, earlyBytes, allowed)
	}
	if most > 600 {
		t.Errorf("%d parts at once, want 600 at most: they pile up", most)
	}
}

func median(of []time.Duration) time.Duration {
	if len(of) == 0 {
		return 0
	}
	slices.Sort(of)
	return of[len(of)/2].Round(time.Millisecond)
}

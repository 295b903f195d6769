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

	"stagelag/loader"
	"stagelag/warehouse/warehousetest"
)

func soakNights(t *testing.T) int {
	text := os.Getenv(nightsVariable)
	if text == "" {
		return 8
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 8 {
		t.Fatalf("%s: %q is no number of nights from 8", nightsVariable, text)
	}
	return n
}

// A footprint is what the warehouse takes after a night.
type footprint struct {
	tables, rows, parts, bytes uint64
	facts, curves              uint64        // rows of them
	appended                   uint64        // facts, by all published runs so far
	took                       time.Duration // a pass without a fault; 0: there was none
}

func (s *site) footprint() footprint {
	s.t.Helper()
	var f footprint
	row := s.w.DB().QueryRow(context.Background(), `
		SELECT uniqExact(table), sum(rows), count(), sum(bytes_on_disk), sumIf(rows, table = 'facts'), sumIf(rows, table = 'forecast_curves')
		FROM system.parts WHERE active AND database = currentDatabase()`)
	if err := row.Scan(&f.tables, &f.rows, &f.parts, &f.bytes, &f.facts, &f.curves); err != nil {
		s.t.Fatal(err)
	}
	f.appended = uint64(s.number("SELECT sum(facts_appended) FROM runs WHERE status = 'published'"))
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
	// With this seed the first eight nights have one that is missed, and the program and the engine killed.
	// Full runs, each of which lands all anew, come later.
	random := rand.New(rand.NewPCG(1390, 0))
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
	once := v.mustAgreeWithOneRun()
	if r := v.pass(patient{clock: hasty{}, isFull: true}); r.err != nil {
		t.Fatalf("a full run: %v", r.err)
	}
	if wrote := v.written(loader.RunID(v.kept("SELECT max(run_id) FROM run_events"))); len(wrote) > 0 {
		t.Errorf("a full run writes %v, want nothing", wrote)
	}
	t.Logf("%d nights, %d missed, %d passes failed, %d full ones", nights, missed, failed, full)
	mustStayFlat(t, prints, once)
}

// mustAgreeWithOneRun compares what the nights have left with one run into a new warehouse, and tells
// what that one takes. Plans of closed visits and managers of past days depend on when they were first seen.
func (s *site) mustAgreeWithOneRun() footprint {
	s.t.Helper()
	once := *s
	once.w = warehousetest.Migrated(s.t)
	once.run(true)
	for what, query := range map[string]string{
		"the visits":         "SELECT deal_id, visit_no, funnel_id, stage_id, entered_at, entered_date, left_date, elapsed_days, is_open, history_source FROM deal_stages ORDER BY deal_id, visit_no",
		"the open deals":     "SELECT deal_id, deal_title, amount, stage_id, manager_name, status, planned_end, days_left, overdue_days_now FROM deals_now WHERE is_open = 1 ORDER BY deal_id",
		"the closed deals":   "SELECT deal_id, deal_title, amount, stage_id, status FROM deals_now WHERE is_open = 0 ORDER BY deal_id",
		"the days of visits": "SELECT deal_id, visit_no, min(day), max(day), count() FROM deal_stage_days GROUP BY deal_id, visit_no ORDER BY deal_id, visit_no",
		"the open portfolio": "SELECT day, funnel_id, open_deals FROM portfolio_days ORDER BY day, funnel_id",
	} {
		if got, want := s.rows(query), once.rows(query); !slices.Equal(got, want) {
			s.t.Errorf("the nights and one run differ in %s%s", what, firstDifference(got, want))
		}
	}
	return once.footprint()
}

// mustStayFlat fails if a night keeps more than what has changed in it, or leaves parts for others to merge.
func mustStayFlat(t *testing.T, prints []footprint, once footprint) {
	t.Helper()
	first, middle, last := prints[0], prints[len(prints)/2], prints[len(prints)-1]
	for i, f := range prints {
		if f.facts != f.appended {
			t.Errorf("after the %d. night that went well there are rows of %d facts, want the %d that published runs have appended", i+1, f.facts, f.appended)
		}
		// Merging goes on in the background: without it there would be a part to each insert, more than one
		// in a night for most tables.
		if most := uint64(max(5, min(12, len(prints)/2))) * f.tables; f.parts > most {
			t.Errorf("after the %d. night that went well there are %d parts in %d tables, want %d at most: they pile up", i+1, f.parts, f.tables, most)
		}
	}
	var early, late []time.Duration
	for i, f := range prints {
		switch {
		case f.took == 0:
		case i < len(prints)/2:
			early = append(early, f.took)
		default:
			late = append(late, f.took)
		}
	}
	perNight := func(from, to footprint, nights int) uint64 {
		rows := int64(to.rows-to.facts-to.curves) - int64(from.rows-from.facts-from.curves) // merging removes some
		return uint64(max(0, rows)) / uint64(max(1, nights))
	}
	half := len(prints) / 2
	others := [2]uint64{perNight(first, middle, half), perNight(middle, last, len(prints)-1-half)}
	t.Logf("a night brings %d facts and, in the first half and in the second, %d other rows; after the last night there are %d facts, %d rows, %d bytes in %d parts, after one run %d, %d, %d and %d",
		(last.facts-first.facts)/uint64(len(prints)), others, last.facts, last.rows, last.bytes, last.parts, once.facts, once.rows, once.bytes, once.parts)
	t.Logf("a pass takes, as the median of the first half and of the second, %v and %v", median(early), median(late))

	// A night that landed all deals and their histories anew would bring three hundred.
	for i, rows := range others {
		if rows > 200 {
			t.Errorf("a night of half %d brings %d rows beside its facts, want 200 at most: it keeps more than what has changed", i+1, rows)
		}
	}
	// Forecasts grow with the stages and the days that visits last there, whatever the number of deals.
	if rows := (last.curves - first.curves) / uint64(max(1, len(prints)-1)); rows > 1000 {
		t.Errorf("a night brings %d rows of forecasts, want 1000 at most", rows)
	}
	// Many small parts pack less well than one, and corrections stay.
	if most := 4 * once.bytes; last.bytes > most {
		t.Errorf("the nights have left %d bytes, want %d at most, four times what one run leaves", last.bytes, most)
	}
}

func median(of []time.Duration) time.Duration {
	if len(of) == 0 {
		return 0
	}
	slices.Sort(of)
	return of[len(of)/2].Round(time.Millisecond)
}

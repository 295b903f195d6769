package loader

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"stagelag/extractor"
	"stagelag/transform"
	"stagelag/warehouse/warehousetest"
)

const (
	benchDeals, benchDays = 100_000, 100
	benchFacts            = benchDeals * benchDays
)

// benchColumns gives facts as the benchmark's visits have them, to be made by the engine itself.
const benchColumns = `SELECT toUInt32(%d) AS run_id, toInt8(1) AS sign, toDate(20500 + n) AS day, number + 1 AS deal_id, toUInt32(1) AS visit_no,
	toUInt32(5) AS funnel_id, 'C5:NEW' AS stage_id, 'process' AS semantics, toUInt64(7) AS manager_id, 'seen' AS manager_source,
	toDate(20500) AS entered_date, 'stage_norm' AS plan_source, toInt32(10) AS plan_days, toDate(20510) AS planned_end,
	'history' AS history_source, toInt32(greatest(n - 10, 0)) AS overdue_days, toUInt8(n > 10) AS overdue_day,
	toInt32(greatest(10 - n, 0)) AS days_left, true AS is_open, false AS is_waiting, true AS is_counting, '' AS pause_source
	FROM numbers(%d) ARRAY JOIN range(%d) AS n`

// readyDeals are the deals whose facts are in a block that is there already.
const readyDeals = 1_000

// readyBlock makes a block of facts, a row for each.
func readyBlock(visits []transform.Visit, last transform.Day) []any {
	b := factTable.block(1)
	for deal := range readyDeals {
		transform.Facts(&visits[deal], last, transform.CalendarDays{}, func(f *transform.Fact) {
			b.add(span{sign: transform.Added, visit: *f.Visit, first: *f})
		})
	}
	return b.columns()
}

// BenchmarkLoad brings ten million facts into the warehouse in four ways, one after the other in
// each round: derived from visits and published, under a calendar in which every day counts and under one of working
// days; made by the engine out of nothing; and sent row by
// row, as blocks that are there already. It gives the median seconds of each, the ratio of the first to the
// third, that of the second to the first, and the bytes that a fact takes on disk.
func BenchmarkLoad(b *testing.B) {
	w := warehousetest.Migrated(b)
	conn := w.DB()
	ctx := context.Background()
	exec := func(query string) {
		if err := conn.Exec(ctx, query); err != nil {
			b.Fatal(err)
		}
	}
	empty := func() {
		for _, table := range slices.Concat([]string{"run_events"}, dealTables, nameTables) {
			exec("TRUNCATE TABLE " + table)
		}
	}
	visits := make([]transform.Visit, benchDeals)
	for deal := range visits {
		visits[deal] = *visit(extractor.DealID(deal+1), firstDay)
	}
	const last = firstDay + benchDays - 1

	derive := func(calendars *transform.Calendars) {
		run := begin(b, w, last)
		shard := run.Shards()[0]
		a := shard.Append(ctx, nil)
		for deal := range visits {
			transform.Compare(transform.State{}, transform.State{Visits: visits[deal : deal+1], AsOf: last, Calendars: calendars}, transform.Difference{Fact: a.Fact, Visit: a.Visit})
		}
		finish(b, run, shard, a)
		if err := run.Publish(ctx); err != nil {
			b.Fatal(err)
		}
	}
	derived := func() { derive(everyDay) }
	weekend := [7]bool{time.Saturday: true, time.Sunday: true}
	working := func() { derive(&transform.Calendars{Default: transform.NewWorkingDays(weekend, nil)}) }
	engine := func() { exec("INSERT INTO facts " + fmt.Sprintf(benchColumns, 1, benchDeals, benchDays)) }
	ready := readyBlock(visits, last)
	blocks := func() {
		group, ctx := errgroup.WithContext(ctx)
		s := begin(b, w, last).Shards()[0].newSender(ctx, group, factTable.name, factTable.write)
		for range benchDeals / readyDeals {
			s.send(ready)
		}
		close(s.blocks)
		if err := group.Wait(); err != nil {
			b.Fatal(err)
		}
	}

	ways := []struct {
		name string
		load func()
		took []time.Duration
	}{{name: "derived", load: derived}, {name: "engine", load: engine}, {name: "blocks", load: blocks}, {name: "working", load: working}}
	var perFact float64
	made := map[string]int64{} // the facts, in a word, by how they were made
	for b.Loop() {
		for i := range ways {
			empty()
			begun := time.Now()
			ways[i].load()
			ways[i].took = append(ways[i].took, time.Since(begun))
			made[ways[i].name] = number(b, conn, "SELECT sum(cityHash64(* EXCEPT run_id)) FROM facts")
			if i == 0 {
				if n := number(b, conn, "SELECT count() FROM facts"); n != benchFacts {
					b.Fatalf("%d facts, want %d", n, benchFacts)
				}
				exec("OPTIMIZE TABLE facts FINAL")
				row := conn.QueryRow(ctx, "SELECT sum(bytes_on_disk) / sum(rows) FROM system.parts WHERE active AND database = currentDatabase() AND table = 'facts'")
				if err := row.Scan(&perFact); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	if made["derived"] != made["engine"] {
		b.Error("the facts that the engine makes are not those that are derived")
	}
	b.ReportMetric(0, "ns/op")
	for i := range ways {
		slices.Sort(ways[i].took)
		b.ReportMetric(ways[i].took[len(ways[i].took)/2].Seconds(), ways[i].name+"-s")
	}
	b.ReportMetric(ways[0].took[len(ways[0].took)/2].Seconds()/ways[1].took[len(ways[1].took)/2].Seconds(), "ratio")
	b.ReportMetric(ways[3].took[len(ways[3].took)/2].Seconds()/ways[0].took[len(ways[0].took)/2].Seconds(), "working-ratio")
	b.ReportMetric(perFact, "bytes/fact")
}

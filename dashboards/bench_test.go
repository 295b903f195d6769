package dashboards_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"stagelag/warehouse"
)

// BenchmarkQueries times every query of every panel, variable and alert as Grafana sends
// it, with the whole portfolio in half a year, over ten million facts and over a hundred
// million. It gives p50 and p95 in milliseconds of 20 and of 10 times, and what the query took when it
// was asked for the first time.
//
//	go test ./dashboards -run '^$' -bench Queries -benchtime 1x
//
// STAGELAG_BENCH_DEALS is another number of deals than the 175 thousand that make
// ten million facts. STAGELAG_BENCH_WAREHOUSE is the folder of an embedded warehouse that is there
// already, which is asked in place of a generated one, and only as it is.
func BenchmarkQueries(b *testing.B) {
	path := os.Getenv("STAGELAG_BENCH_WAREHOUSE")
	w := benchmarked(b, path)
	b.Run("ten-million", func(b *testing.B) { timeQueries(b, w, 20) })
	if path != "" {
		return
	}
	tenfold(b, w)
	b.Run("hundred-million", func(b *testing.B) { timeQueries(b, w, 10) })
}

// timeQueries asks each query so many times.
func timeQueries(b *testing.B, w *warehouse.Warehouse, times int) {
	settle(b, w)
	deal := number(b, w, "SELECT deal_id FROM deals_now ORDER BY overdue_days_total DESC, deal_id LIMIT 1")
	asOf, err := time.Parse(time.DateOnly, number(b, w, "SELECT max(as_of) FROM runs"))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("size", func(b *testing.B) {
		for b.Loop() {
		}
		b.ReportMetric(0, "ns/op")
		for unit, sql := range map[string]string{"facts": "SELECT sum(sign) FROM fact_changes", "visits": "SELECT count() FROM visits_now", "deals": "SELECT count() FROM deals_now"} {
			n, err := strconv.ParseFloat(number(b, w, sql), 64)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(n, unit)
		}
	})
	v := view{deal: deal, from: asOf.AddDate(0, -6, 0), to: asOf}
	all := distinct(statements(b), v)
	slices.SortStableFunc(all, func(a, b statement) int { return strings.Compare(a.place, b.place) })
	for _, s := range all {
		b.Run(s.place, func(b *testing.B) {
			took := func() time.Duration {
				begun := time.Now()
				if _, err := askAs(b, w, s.sql, "Native"); err != nil {
					b.Fatal(err)
				}
				return time.Since(begun)
			}
			first := took()
			var warm []time.Duration
			for b.Loop() {
				for range times {
					warm = append(warm, took())
				}
			}
			slices.Sort(warm)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(milliseconds(first), "first-ms")
			b.ReportMetric(milliseconds(warm[len(warm)/2]), "p50-ms")
			b.ReportMetric(milliseconds(warm[len(warm)*95/100]), "p95-ms")
		})
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// settle waits until the engine has merged what was loaded, as it has by the morning.
func settle(b *testing.B, w *warehouse.Warehouse) {
	for {
		var merges uint64
		if err := w.DB().QueryRow(b.Context(), "SELECT count() FROM system.merges").Scan(&merges); err != nil {
			b.Fatal(err)
		}
		if merges == 0 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// tenfold repeats every deal nine times under other numbers, inside the engine. A copy is one block, and
// so one part for each year: in blocks of the usual size the engine would merge for as long as it writes.
func tenfold(b *testing.B, w *warehouse.Warehouse) {
	apart := number(b, w, "SELECT max(deal_id) FROM deals_now")
	statements := []string{`INSERT INTO day_measures
		SELECT * REPLACE (visits_entered * 9 AS visits_entered, visits_closed * 9 AS visits_closed, visits_closed_with_plan * 9 AS visits_closed_with_plan,
			visits_on_time * 9 AS visits_on_time, late_days * 9 AS late_days, overdue_days_accrued * 9 AS overdue_days_accrued,
			visits_open * 9 AS visits_open, visits_overdue * 9 AS visits_overdue, visits_no_plan * 9 AS visits_no_plan)
		FROM day_measures`}
	for _, table := range []string{"deals", "visits", "facts"} {
		for copies := 1; copies < 10; copies++ {
			statements = append(statements, fmt.Sprintf("INSERT INTO %[1]s SELECT * REPLACE (deal_id + %[2]s * %[3]d AS deal_id) FROM %[1]s WHERE %[1]s.deal_id <= %[2]s SETTINGS min_insert_block_size_rows = 20000000, min_insert_block_size_bytes = 0, max_insert_threads = 2", table, apart, copies))
		}
	}
	for _, statement := range statements {
		if err := w.DB().Exec(b.Context(), statement); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarked(b *testing.B, path string) *warehouse.Warehouse {
	if path != "" {
		w, err := warehouse.Open(b.Context(), warehouse.Config{URL: warehouse.Embedded, Path: path})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { w.Close() })
		return w
	}
	deals := 175_000
	if text := os.Getenv("STAGELAG_BENCH_DEALS"); text != "" {
		var err error
		if deals, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	return generated(b, deals)
}

package dashboards_test

import (
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"stagelag/warehouse"
)

// BenchmarkQueries times every query of every panel, variable and alert as Grafana sends
// it, with the whole portfolio in half a year, and gives p50 and p95 in milliseconds. A
// hundred and fifty thousand deals make ten million facts:
//
//	go test ./dashboards -run '^$' -bench Queries -benchtime 20x
//
// STAGELAG_BENCH_DEALS is another number of deals. STAGELAG_BENCH_WAREHOUSE is the folder of
// an embedded warehouse that is there already, which is asked in place of a generated one.
func BenchmarkQueries(b *testing.B) {
	w := benchmarked(b)
	deal := number(b, w, "SELECT deal_id FROM deals_now ORDER BY overdue_days_total DESC, deal_id LIMIT 1")
	asOf, err := time.Parse(time.DateOnly, number(b, w, "SELECT max(as_of) FROM runs"))
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%s facts of %s deals", number(b, w, "SELECT count() FROM deal_stage_days"), number(b, w, "SELECT count() FROM deals_now"))
	v := view{deal: deal, from: asOf.AddDate(0, -6, 0), to: asOf}
	for _, s := range distinct(statements(b), v) {
		b.Run(s.place, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				begun := time.Now()
				if _, err := askAs(b, w, s.sql, "Native"); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(begun))
			}
			slices.Sort(took)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
		})
	}
}

func benchmarked(b *testing.B) *warehouse.Warehouse {
	if path := os.Getenv("STAGELAG_BENCH_WAREHOUSE"); path != "" {
		w, err := warehouse.Open(b.Context(), warehouse.Config{URL: warehouse.Embedded, Path: path})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { w.Close() })
		return w
	}
	deals := 150_000
	if text := os.Getenv("STAGELAG_BENCH_DEALS"); text != "" {
		var err error
		if deals, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	return generated(b, deals)
}

package dashboards_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"stagelag/warehouse"
)

// BenchmarkQueries times every query of every panel, variable and alert as Grafana sends
// it, with the whole portfolio in half a year. It gives p50 and p95 in milliseconds of eight times, and
// what the query took when it was asked for the first time.
//
//	go test ./dashboards -run '^$' -bench Queries -benchtime 1x
//
// STAGELAG_BENCH_WAREHOUSES is a folder with embedded warehouses, as BenchmarkNight leaves them there,
// each of which is asked as it is. Without it a warehouse of ten million facts is made;
// STAGELAG_BENCH_DEALS is another number of deals for it than 100 thousand.
func BenchmarkQueries(b *testing.B) {
	folder := os.Getenv("STAGELAG_BENCH_WAREHOUSES")
	if folder == "" {
		deals := 100_000
		if text := os.Getenv("STAGELAG_BENCH_DEALS"); text != "" {
			var err error
			if deals, err = strconv.Atoi(text); err != nil {
				b.Fatal(err)
			}
		}
		timeQueries(b, generated(b, deals, func(*warehouse.Warehouse) {}))
		return
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		b.Fatal(err)
	}
	for _, entry := range entries {
		b.Run(entry.Name(), func(b *testing.B) {
			w, err := warehouse.Open(b.Context(), warehouse.Config{URL: warehouse.Embedded, Path: filepath.Join(folder, entry.Name())})
			if err != nil {
				b.Fatal(err)
			}
			defer w.Close()
			timeQueries(b, w)
		})
	}
}

func timeQueries(b *testing.B, w *warehouse.Warehouse) {
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
		var perFact float64
		row := w.DB().QueryRow(b.Context(), "SELECT sum(bytes_on_disk) / sum(rows) FROM system.parts WHERE active AND database = currentDatabase() AND table = 'facts'")
		if err := row.Scan(&perFact); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(perFact, "bytes/fact")
	})
	v := view{deal: deal, from: asOf.AddDate(0, -6, 0), to: asOf}
	all := distinct(statements(b), v)
	slices.SortStableFunc(all, func(a, b asking) int { return strings.Compare(a.place, b.place) })
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
				for range 8 {
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

// settle waits until the engine has merged what was loaded, as it has by the morning: its parts stay
// the same.
func settle(b *testing.B, w *warehouse.Warehouse) {
	var last uint64
	for same := 0; same < 20; {
		var parts uint64
		if err := w.DB().QueryRow(b.Context(), "SELECT sum(cityHash64(table, name)) FROM system.parts WHERE active").Scan(&parts); err != nil {
			b.Fatal(err)
		}
		if parts == last {
			same++
		} else {
			last, same = parts, 0
		}
		time.Sleep(100 * time.Millisecond)
	}
}

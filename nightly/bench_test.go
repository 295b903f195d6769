package nightly_test

import (
	"cmp"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"stagelag/simulator"
	"stagelag/sql"
	"stagelag/warehouse"
	"stagelag/warehouse/warehousetest"
)

// BenchmarkNight makes nights over generated portals without limits, each as a process of its own, in
// which one deal of five is open and one of a hundred has changed since the night before. It gives the
// seconds of a night, the program's memory at its largest, the facts that were appended, and the requests, then the
// seconds and the memory of a what-if without norms over the same warehouse.
//
// STAGELAG_BENCH_NIGHTS are other numbers of deals, with commas between them; one with "-working" behind it is of a
// portal that counts the working days of Russia, and has deals pause. The larger warehouses are left in the folder
// STAGELAG_BENCH_WAREHOUSES, if it is set, for others to be measured on.
func BenchmarkNight(b *testing.B) {
	for text := range strings.SplitSeq(cmp.Or(os.Getenv("STAGELAG_BENCH_NIGHTS"), "10000,100000"), ",") {
		number, countsWorkingDays := strings.CutSuffix(text, "-working")
		deals, err := strconv.Atoi(number)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(text, func(b *testing.B) {
			// A portal of a million deals in this process is most of its memory, which is not to be gone
			// over again and again as long as there is room. The limit of a pass is not for it.
			defer debug.SetGCPercent(debug.SetGCPercent(400))
			defer debug.SetMemoryLimit(debug.SetMemoryLimit(6 << 30))
			world, suggested := simulator.Generate(simulator.GenerateOptions{Seed: 1, Deals: deals, Now: firstNight, HistoryDays: 1200})
			s := newSiteOn(b, benchWarehouse(b, text, deals), world, suggested, firstNight)
			if countsWorkingDays {
				countWorkingDays(&s.cfg, suggested)
			}
			s.run(false)
			url := warehousetest.ServerURL(s.w, s.w.Options().Addr[0])
			night, largest := firstNight, 0.0
			for b.Loop() {
				b.StopTimer()
				night = night.AddDate(0, 0, 1)
				life{world, 1}.before(night, deals/100)
				s.at(night)
				b.StartTimer()
				task := s.task(url, s.portal.WebhookURL("http://"+s.cfg.Portal.URL.Host()))
				task.CountsWorkingDays = countsWorkingDays
				largest = max(largest, task.megabytes(b))
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "seconds")
			b.ReportMetric(largest, "MB")
			last := "(SELECT max(run_id) FROM runs)"
			b.ReportMetric(float64(s.number("SELECT facts_appended FROM runs WHERE run_id = "+last)), "facts-appended")
			b.ReportMetric(float64(s.number("SELECT portal_requests FROM runs WHERE run_id = "+last)), "requests")
			b.ReportMetric(float64(s.number("SELECT sum(is_open) FROM deals_now")), "open-deals")
			b.ReportMetric(float64(s.number("SELECT sum(sign) FROM fact_changes")), "facts-in-all")
			other := s.task(url, s.webhook)
			other.AsksWhatIf, other.CountsWorkingDays, other.Suggested.Norms = true, countsWorkingDays, nil
			begun := time.Now()
			b.ReportMetric(other.megabytes(b), "what-if-MB")
			b.ReportMetric(time.Since(begun).Seconds(), "what-if-s")
		})
	}
}

// megabytes runs the task to its end and gives the memory that it had at most.
func (task passTask) megabytes(b *testing.B) float64 {
	b.Helper()
	printed, err := task.command(b).Output()
	if err != nil {
		b.Fatal(err)
	}
	megabytes, err := strconv.ParseFloat(strings.TrimSpace(string(printed)), 64)
	if err != nil {
		b.Fatal(err)
	}
	return megabytes
}

// benchWarehouse is an empty warehouse for so many deals, named for what is in it.
func benchWarehouse(b *testing.B, name string, deals int) *warehouse.Warehouse {
	folder := os.Getenv("STAGELAG_BENCH_WAREHOUSES")
	if folder == "" || deals < 100_000 {
		return warehousetest.Migrated(b)
	}
	w, err := warehouse.Open(b.Context(), warehouse.Config{URL: warehouse.Embedded, Path: filepath.Join(folder, name+"-deals")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { w.Close() })
	if err := sql.Up(b.Context(), w); err != nil {
		b.Fatal(err)
	}
	return w
}

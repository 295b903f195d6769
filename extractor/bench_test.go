package extractor_test

import (
	"strconv"
	"testing"
	"time"

	"stagelag/bitrix24"
	"stagelag/simulator"
)

// BenchmarkExtract reads generated portals for the first time. Under the standard limits, on a clock
// that only waiting moves and with requests of 100 ms, it gives the requests and seconds, and the
// least that the limits allow: 50 commands to a request, of which the commands for deals and stage
// changes bring 50 rows each. Without limits it gives the rows a second of the real clock.
func BenchmarkExtract(b *testing.B) {
	for _, deals := range []int{400, 25_000, 250_000} {
		world, _ := simulator.Generate(simulator.GenerateOptions{Seed: 1, Deals: deals, Now: noon})
		b.Run("standard/"+strconv.Itoa(deals), func(b *testing.B) {
			for b.Loop() {
				s := newSite(b, world, simulator.Options{Limits: simulator.Standard})
				began := s.clock.Now()
				result := s.mustExtract()
				requests := result.Requests
				commands := (result.DealsRead+49)/50 + (result.ChangesRead+49)/50
				least := 1 + (commands+49)/50 // one describes the portal
				refused := 0
				for _, n := range s.refusals() {
					refused += n
				}
				b.ReportMetric(float64(requests), "requests")
				b.ReportMetric(float64(least), "least-requests")
				b.ReportMetric(s.clock.Now().Sub(began).Seconds(), "seconds")
				b.ReportMetric(leastSeconds(least, s.clock.Tick), "least-seconds")
				b.ReportMetric(result.Waited[bitrix24.WaitOperating].Seconds(), "operating-seconds")
				b.ReportMetric(float64(refused), "refused")
			}
			b.ReportMetric(0, "ns/op")
		})
		if deals != 25_000 {
			continue // the rate is the same for all sizes
		}
		b.Run("unlimited/"+strconv.Itoa(deals), func(b *testing.B) {
			rows := 0
			for b.Loop() {
				s := newSite(b, world, simulator.Options{})
				result := s.mustExtract()
				rows += result.DealsRead + result.ChangesRead
			}
			b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// leastSeconds is how long so many requests take one after the other under the standard limits: 50
// at once, then two a second.
func leastSeconds(requests int, each time.Duration) float64 {
	return max(float64(requests)*each.Seconds(), float64(requests-50)/2)
}

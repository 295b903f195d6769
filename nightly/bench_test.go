package nightly_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"stagelag/portal"
)

// BenchmarkNight makes nights over generated portals without limits, each as a process of its own, in
// which one deal of a hundred has changed since the night before. It gives the seconds of a night,
// the program's memory at its largest, the facts that were appended, and the requests.
// STAGELAG_BENCH_NIGHT is one more number of deals: a million take minutes to be read for the first time.
func BenchmarkNight(b *testing.B) {
	sizes := []int{10_000, 100_000}
	if text := os.Getenv("STAGELAG_BENCH_NIGHT"); text != "" {
		more, err := strconv.Atoi(text)
		if err != nil {
			b.Fatal(err)
		}
		sizes = append(sizes, more)
	}
	for _, deals := range sizes {
		b.Run(strconv.Itoa(deals), func(b *testing.B) {
			world, suggested := portal.Generate(portal.GenerateOptions{Seed: 1, Deals: deals, Now: firstNight})
			s := newSite(b, world, suggested, firstNight)
			s.run(false)
			endpoints, _ := s.w.Endpoints()
			url := fmt.Sprintf("clickhouse://stagelag:%s@%s", s.w.Options().Auth.Password, endpoints.Native)
			night, largest := firstNight, 0.0
			for b.Loop() {
				b.StopTimer()
				night = night.AddDate(0, 0, 1)
				life{world, 1}.before(night, deals/100)
				s.at(night)
				b.StartTimer()
				printed, err := s.task(url, s.portal.WebhookURL("http://"+s.cfg.Portal.URL.Host())).command(b).Output()
				if err != nil {
					b.Fatal(err)
				}
				megabytes, err := strconv.ParseFloat(strings.TrimSpace(string(printed)), 64)
				if err != nil {
					b.Fatal(err)
				}
				largest = max(largest, megabytes)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "seconds")
			b.ReportMetric(largest, "MB")
			last := "(SELECT max(run_id) FROM runs)"
			b.ReportMetric(float64(s.number("SELECT facts_appended FROM runs WHERE run_id = "+last)), "facts")
			b.ReportMetric(float64(s.number("SELECT portal_requests FROM runs WHERE run_id = "+last)), "requests")
			b.ReportMetric(float64(s.number("SELECT sum(is_open) FROM deals_now")), "open-deals")
		})
	}
}

package report_test

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"testing"

	"stagelag/extractor"
	"stagelag/report"
	"stagelag/views"
)

// BenchmarkForms writes a report with 70,000 visits behind its numbers. It gives the seconds, and the megabytes that
// were reserved from the system at most.
func BenchmarkForms(b *testing.B) {
	r := many(70_000)
	for _, form := range []struct {
		name  string
		write func() error
	}{
		{"html", func() error { return report.WriteHTML(io.Discard, &r, report.English) }},
		{"json", func() error { return report.WriteJSON(io.Discard, &r) }},
		{"xlsx", func() error { return report.WriteXLSX(context.Background(), io.Discard, &r, report.English) }},
	} {
		b.Run(form.name, func(b *testing.B) {
			for b.Loop() {
				if err := form.write(); err != nil {
					b.Fatal(err)
				}
			}
			var memory runtime.MemStats
			runtime.ReadMemStats(&memory)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "seconds")
			b.ReportMetric(float64(memory.Sys)/(1<<20), "MB")
		})
	}
}

// many is the hostile report with so many visits.
func many(visits int) report.Report {
	r := hostile()
	first := r.Visits[0]
	for i := range visits {
		v := first
		v.VisitID = views.VisitID{DealID: extractor.DealID(i), VisitNo: 1}
		v.DealURL = fmt.Sprintf("https://example.bitrix24.ru/crm/deal/details/%d/", i)
		r.Visits = append(r.Visits, v)
	}
	return r
}

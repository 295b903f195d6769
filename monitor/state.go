package monitor

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stagelag/bitrix24"
	"stagelag/nightly"
)

// state tells what is so at the time of a scrape.
type state struct{ m *Monitor }

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("stagelag_"+name, help, labels, nil)
}

var (
	portalRequests = describe("portal_requests_total", "Requests sent to the portal, those refused or lost included.")
	portalRefusals = describe("portal_refusals_total", "Requests that brought nothing and were made again, by reason.", "reason")
	portalWait     = describe("portal_wait_seconds_total", "Time spent waiting for the portal, by reason.", "reason")

	warehouseUp        = describe("warehouse_up", "1 if the warehouse could be asked, else 0.")
	publishedTimestamp = describe("published_timestamp_seconds", "When the last published run ended, in seconds since 1970.")
	publishedAge       = describe("published_age_seconds", "How long ago the last published run ended.")
	publishedRun       = describe("published_run", "The number of the last published run.")
	dayLosses          = describe("day_losses", "Days lost: the overdue days of the portfolio up to the as-of date.")
	gaps               = describe("gaps", "Things that the numbers could not cover, by reason.", "reason")

	nextRun     = describe("next_run_timestamp_seconds", "When the next run is due, in seconds since 1970.")
	failedTries = describe("failed_tries", "How often in a row the run that was due last has failed; 0 once it is published.")
)

// reasons are the labels for what the client calls its reasons.
var reasons = []struct{ label, reason string }{
	{"request_limit", bitrix24.WaitRequests},
	{"operating_time", bitrix24.WaitOperating},
	{"too_many_requests", bitrix24.WaitRefused},
	{"no_answer", bitrix24.WaitFault},
}

func (s state) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		portalRequests, portalRefusals, portalWait, warehouseUp, publishedTimestamp, publishedAge, publishedRun,
		dayLosses, gaps, nextRun, failedTries,
	} {
		to <- d
	}
}

func (s state) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	counter := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, value, labels...)
	}
	o := s.m.options

	asked := o.Asked()
	counter(portalRequests, float64(asked.Requests))
	for _, r := range reasons {
		if r.reason != bitrix24.WaitRequests { // which is our own
			counter(portalRefusals, float64(asked.Refused[r.reason]), r.label)
		}
		counter(portalWait, asked.Waited[r.reason].Seconds(), r.label)
	}

	loop := o.Loop()
	gauge(nextRun, unix(loop.Next))
	gauge(failedTries, float64(loop.Tries))

	published, err := s.m.look(context.Background())
	up := 1.0
	if err != nil {
		up = 0
	}
	gauge(warehouseUp, up)
	if published.Run.RunID == 0 {
		return // nothing is published: an age of 0 would look like good news
	}
	gauge(publishedTimestamp, unix(published.Run.FinishedAt))
	gauge(publishedAge, o.Now().Sub(published.Run.FinishedAt).Seconds())
	gauge(publishedRun, float64(published.Run.RunID))
	gauge(dayLosses, float64(published.DaysLost))
	for _, reason := range nightly.GapReasons() {
		gauge(gaps, float64(published.Gaps[reason]), reason)
	}
}

func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

package monitor

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
)

// Handler serves /healthz, /readyz and /metrics of one or more portals. Of several, the first two answer
// with a line for each, and with 503 where any of them would; metrics are labelled with the portal.
func Handler(version string, monitors ...*Monitor) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, monitors, (*Monitor).health)
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		answer(w, monitors, func(m *Monitor) verdict { return m.readiness(r.Context()) })
	})
	// What is of the process, and of no portal.
	process := prometheus.NewRegistry()
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "stagelag", Name: "build_info", Help: "1, labelled with the version of the program."}, []string{"version"})
	build.WithLabelValues(version).Set(1)
	process.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	gatherers := prometheus.Gatherers{process}
	for _, m := range monitors {
		gatherers = append(gatherers, prometheus.GathererFunc(m.gather))
	}
	mux.Handle("GET /metrics", promhttp.HandlerFor(gatherers, promhttp.HandlerOpts{}))
	return mux
}

// answer asks every monitor.
func answer(w http.ResponseWriter, monitors []*Monitor, ask func(*Monitor) verdict) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	var lines strings.Builder
	status := http.StatusOK
	for _, m := range monitors {
		v := ask(m)
		if !v.isGood {
			status = http.StatusServiceUnavailable
		}
		if len(monitors) > 1 {
			lines.WriteString(m.options.Portal().Database + ": ")
		}
		lines.WriteString(v.text + "\n")
	}
	w.WriteHeader(status)
	_, _ = fmt.Fprint(w, lines.String())
}

// gather is the metrics of a portal, with its labels. They are added here because the configuration can
// change them while the counters go on.
func (m *Monitor) gather() ([]*dto.MetricFamily, error) {
	families, err := m.registry.Gather()
	portal := m.options.Portal()
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			// A new slice: the registry keeps its own from one scrape to the next.
			metric.Label = slices.Concat(metric.Label, []*dto.LabelPair{
				{Name: new("database"), Value: &portal.Database}, {Name: new("portal"), Value: &portal.Host},
			})
			slices.SortFunc(metric.Label, func(a, b *dto.LabelPair) int { return cmp.Compare(a.GetName(), b.GetName()) })
		}
	}
	return families, err
}

package dashboards_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"stagelag/dashboards"
	"stagelag/warehouse"
	"stagelag/warehouse/warehousetest"
)

const (
	nothing = "stagelag: nothing found"
	noRun   = "stagelag: no run yet"
)

// A table, a bar chart or a timeline without rows says why there are none; a query that fails has no columns, and shows the text of no answer.
func TestAPanelWithoutRowsSaysWhy(t *testing.T) {
	t.Parallel()
	empty, w := warehousetest.Migrated(t), lateEveryDay(t, time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC))
	v := view{deal: "77", from: now.AddDate(0, -6, 0), to: now}
	tables, found := 0, 0
	for name, page := range first(read(t, dashboards.English)) {
		for _, p := range page.Panels {
			if p.Type != "table" && p.Type != "state-timeline" && (p.Type != "barchart" || len(p.Transformations) > 0) {
				continue
			}
			tables++
			if p.Type != "state-timeline" && !strings.HasPrefix(p.FieldConfig.Defaults.NoValue, "No answer") {
				t.Errorf("%s, %q: without an answer it says %q", name, p.Title, p.FieldConfig.Defaults.NoValue)
			}
			for _, of := range []struct {
				warehouse *warehouse.Warehouse
				want      string
			}{{empty, noRun}, {w, nothing}} {
				text, err := askAs(t, of.warehouse, v.expand(p.Targets[0].RawSQL), "TSVWithNamesAndTypes")
				if err != nil {
					t.Errorf("%s, %q: %v", name, p.Title, err)
					continue
				}
				if of.want == noRun && (strings.Count(text, "\n") != 3 || !strings.Contains(text, noRun)) {
					t.Errorf("%s, %q before the first run: %s, want one row with %q", name, p.Title, text, noRun)
				}
				if of.want == nothing && strings.Contains(text, nothing) {
					found++
					if strings.Count(text, "\n") != 3 {
						t.Errorf("%s, %q: it says that nothing was found, and shows %s", name, p.Title, text)
					}
				}
				if of.want == nothing && strings.Contains(text, noRun) {
					t.Errorf("%s, %q after a run: %s", name, p.Title, text)
				}
			}
		}
	}
	if tables < 20 || found < 5 {
		t.Errorf("%d tables, of which %d found nothing: the test looks at too little", tables, found)
	}
}

// A chart of series without rows has one series without values, whose name says why: Grafana shows it in the legend.
func TestAChartOfSeriesWithoutRowsSaysWhy(t *testing.T) {
	t.Parallel()
	empty, w := warehousetest.Migrated(t), lateEveryDay(t, time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC))
	for _, lang := range dashboards.Langs {
		noRun := map[dashboards.Lang]string{dashboards.English: "No run yet", dashboards.Russian: "Нет расчётов"}[lang]
		charts := 0
		for name, page := range first(read(t, lang)) {
			for _, p := range page.Panels {
				if p.Type != "timeseries" && (p.Type != "barchart" || len(p.Transformations) == 0) {
					continue
				}
				charts++
				if !p.Options.Legend.ShowLegend {
					t.Errorf("%s/%s, %q has no legend, and nothing else could say why it is empty", lang, name, p.Title)
				}
				v := view{deal: "1", from: now.AddDate(0, -6, 0), to: now}
				unknown := view{deal: "77", from: now.AddDate(-9, 0, 0), to: now.AddDate(-8, 0, 0)} // nothing was computed then
				for _, of := range []struct {
					state     string
					warehouse *warehouse.Warehouse
					view      view
					rows      int
					isNoRun   bool
				}{{"before the first run", empty, v, 1, true}, {"of nothing", w, unknown, 1, false}, {"after a run", w, v, 5, false}} {
					text, err := askAs(t, of.warehouse, of.view.expand(p.Targets[0].RawSQL), "TSV")
					if err != nil || strings.Contains(text, noRun) != of.isNoRun || strings.Count(text, "\n") < of.rows || strings.Contains(text, `\N`) != (of.rows == 1) {
						t.Errorf("%s/%s, %q %s: %s, %v", lang, name, p.Title, of.state, text, err)
					}
				}
			}
		}
		if charts != 2 {
			t.Errorf("%s: %d charts of series, want 2", lang, charts)
		}
	}
}

// The first thing on every board says what the data is of, and loudly what is wrong with it.
func TestTheBannerIsLoud(t *testing.T) {
	t.Parallel()
	w := warehousetest.Migrated(t)
	v := view{zone: "Asia/Vladivostok"}
	event := func(run, status, asOf, finished string) {
		t.Helper()
		if err := w.DB().Exec(t.Context(), "INSERT INTO run_events (run_id, status, recorded_at, as_of, started_at, finished_at) VALUES ("+run+", '"+status+"', now64(3), '"+asOf+"', "+finished+", "+finished+")"); err != nil {
			t.Fatal(err)
		}
	}
	says := func(want string) {
		t.Helper()
		for _, lang := range dashboards.Langs {
			for name, page := range first(read(t, lang)) {
				if page.Panels[0].Type != "stat" {
					t.Fatalf("%s/%s does not begin with the state of the data", lang, name)
				}
				sql := v.expand(page.Panels[0].Targets[0].RawSQL)
				if got := number(t, w, sql); got[:strings.Index(got+" ", " ")] != want {
					t.Errorf("%s/%s says %s, want %s", lang, name, got, want)
				}
				if lang == dashboards.English {
					return
				}
				break
			}
		}
	}
	says("none")
	event("1", "failed", "2026-03-09", "now64(3) - INTERVAL 50 HOUR")
	says("first")
	banner := first(read(t, dashboards.English))["trust.json"].Panels[0].Targets[0].RawSQL
	if got := number(t, w, view{}.expand(banner)); !strings.HasSuffix(got, " UTC") { // whose zone is not known yet
		t.Errorf("after a first run that failed: %q, want a time that says its zone", got)
	}
	runs := panelOf(t, "trust", "Latest runs")
	began := "SELECT started FROM (" + runs + ") WHERE run_id = 1"
	if got := number(t, w, view{}.expand(began)); !strings.HasSuffix(got, " UTC") {
		t.Errorf("the list of runs after a first run that failed: %q, want a time that says its zone", got)
	}
	if got := number(t, w, view{}.expand(banner)); regexp.MustCompile(`\d-\d`).MatchString(got) { // a line breaks after a hyphen
		t.Errorf("%q: a line can break within the date", got)
	}
	event("2", "published", "2026-03-10", "now64(3) - INTERVAL 40 HOUR")
	says("old")
	if got := number(t, w, v.expand(began)); strings.HasSuffix(got, " UTC") {
		t.Errorf("the list of runs of a portal in %s: %q", v.zone, got)
	}
	event("3", "published", "2026-03-11", "now64(3) - INTERVAL 3 HOUR")
	says("planless")
	event("4", "failed", "2026-03-12", "now64(3) - INTERVAL 1 HOUR")
	says("failed")
	v.shown = "shown on 2026-03-11"
	says("then")
	w = lateEveryDay(t, time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC))
	if err := w.DB().Exec(t.Context(), "ALTER TABLE run_events UPDATE finished_at = now64(3) WHERE true SETTINGS mutations_sync = 1"); err != nil {
		t.Fatal(err)
	}
	v.shown = ""
	says("now")
}

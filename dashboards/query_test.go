package dashboards_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stagelag/dashboards"
	"stagelag/warehouse"
	"stagelag/warehouse/warehousetest"
)

// views are what readers choose above a dashboard of the demo.
func views(t *testing.T, deal, funnel, manager string) []view {
	t.Helper()
	half := now.AddDate(0, -6, 0)
	return []view{
		{name: "all", deal: deal, from: half, to: now},
		{name: "one funnel, company and field", funnel: funnel, company: "1", field: "1", deal: deal, from: half, to: now},
		{name: "one manager and department", manager: manager, department: "1", deal: deal, from: half, to: now},
		{name: "a single day and bucket", bucket: "8", deal: deal, from: now, to: now},
		{name: "no deal chosen", from: half, to: now},
	}
}

func TestEveryQueryRunsOnTheDemo(t *testing.T) {
	t.Parallel()
	w := demo(t)
	deal := number(t, w, "SELECT deal_id FROM plan_changes GROUP BY deal_id ORDER BY deal_id IN (SELECT deal_id FROM data_gaps) DESC, deal_id LIMIT 1")
	funnel := number(t, w, "SELECT funnel_id FROM deals_now GROUP BY 1 ORDER BY count() DESC LIMIT 1")
	manager := number(t, w, "SELECT manager_id FROM deals_now GROUP BY 1 ORDER BY count() DESC LIMIT 1")
	chosen := views(t, deal, funnel, manager)
	for _, a := range slices.Concat(distinct(statements(t), chosen[0]), distinct(shapes(t), chosen[1:]...)) {
		lines, err := ask(t, w, a.sql)
		if err != nil {
			t.Errorf("%s, %s: %v", a.view, a.place, err)
			continue
		}
		// No expected end has passed between the two nights of the demo.
		isEarly := strings.HasSuffix(a.place, `ahead.json panel "Errors by stage"`) || strings.HasSuffix(a.place, `ahead.json panel "Ошибка по стадиям"`)
		if a.view == "all" && len(lines) < 3 && !strings.Contains(a.place, "alert") && !isEarly {
			t.Errorf("%s, %s: no rows", a.view, a.place)
		}
	}
}

// Without rows it makes no difference which of the choices leaves none.
func TestEveryQueryRunsOnAnEmptyWarehouse(t *testing.T) {
	t.Parallel()
	w := warehousetest.Migrated(t)
	half := now.AddDate(0, -6, 0)
	columns := map[string][]string{} // by the statement
	for _, a := range slices.Concat(
		distinct(statements(t), view{name: "all", deal: "1", from: half, to: now}),
		distinct(shapes(t),
			view{name: "everything chosen, on a single day", funnel: "1", stage: "NEW", manager: "1", department: "1", company: "1", field: "1", bucket: "8", deal: "1", from: now, to: now},
			view{name: "no deal chosen", from: half, to: now}),
	) {
		lines, err := ask(t, w, a.sql)
		if err != nil {
			t.Errorf("%s, %s: %v", a.view, a.place, err)
			continue
		}
		columns[a.sql] = lines[0]
	}
	everyColumnIsNamed(t, columns)
}

// everyColumnIsNamed fails where a panel has no words for a column of its statement, whose name would
// show, or words for one that the statement lacks, which would never show.
func everyColumnIsNamed(t *testing.T, columns map[string][]string) {
	t.Helper()
	v := view{deal: "1", from: now.AddDate(0, -6, 0), to: now}
	for name, page := range first(read(t, "en")) {
		for _, p := range page.Panels {
			if len(p.Targets) == 0 {
				continue
			}
			of, isAsked := columns[v.expand(p.Targets[0].RawSQL)]
			if !isAsked {
				t.Errorf("%s %q: the query gave no columns", name, p.Title)
				continue
			}
			has := map[string]bool{}
			for _, column := range of {
				has[column] = true
			}
			for _, tr := range p.Transformations {
				if by := tr.Options.ByField; by != "" && !has[by] {
					t.Errorf("%s %q: the query has no column %q to join by", name, p.Title, by)
				}
				for _, field := range tr.Options.Fields { // they become labels
					if !has[field] {
						t.Errorf("%s %q: the query has no column %q to split by", name, p.Title, field)
					}
					delete(has, field)
				}
				if tr.ID != "groupingToMatrix" {
					continue
				}
				if o := tr.Options; !has[o.RowField] || !has[o.ColumnField] || !has[o.ValueField] || len(has) != 3 {
					t.Errorf("%s %q: a matrix of %+v from %v", name, p.Title, tr.Options, of)
				}
				has = map[string]bool{tr.Options.RowField + `\` + tr.Options.ColumnField: true, "number": true}
			}
			for _, o := range p.FieldConfig.Overrides {
				if o.Matcher.ID == "byRegexp" { // columns that a matrix makes
					continue
				}
				if !has[o.Matcher.Options] {
					t.Errorf("%s %q: the query has no column %q", name, p.Title, o.Matcher.Options)
				}
				delete(has, o.Matcher.Options)
			}
			delete(has, "time")
			delete(has, "number")
			if has["name"] {
				continue // a series for each name, whose value carries it
			}
			for column := range has {
				t.Errorf("%s %q: the column %q has no words", name, p.Title, column)
			}
		}
	}
}

// A dashboard that is asked for the date of the first night shows what it showed then, except for the runs.
func TestADateShowsWhatWasShownThen(t *testing.T) {
	t.Parallel()
	w := demo(t)
	then := beforeNow
	then.deal, then.shown = demoRows.deal, "shown on 2026-03-09"
	compared := 0
	seen := map[string]bool{}
	for _, s := range statements(t) {
		v := beforeNow
		v.deal = demoRows.deal
		atNow, atThen := v.expand(s.sql), then.expand(s.sql)
		if seen[atNow] || atNow == atThen || strings.Contains(s.sql, " AS state\n") {
			continue
		}
		seen[atNow] = true
		got, err := askAs(t, w, atThen, "TSVWithNamesAndTypes")
		if want := demoRows.then[atNow]; err != nil || got != want {
			t.Errorf("%s, as shown on the first night (-want +got, %v):\n%s", s.place, err, cmp.Diff(want, got))
		}
		compared++
	}
	if compared < 50 {
		t.Errorf("%d statements take a date: the test compares too little", compared)
	}
}

// What does not take a date says so: the alerts, the runs, and the choice of the date.
func TestEveryStatementTakesTheDate(t *testing.T) {
	for _, s := range statements(t) {
		want := !strings.HasPrefix(s.place, "alert ") && !strings.HasSuffix(s.place, " variable shown") && !strings.HasSuffix(s.place, " variable zone") && !strings.HasSuffix(s.place, " variable report") && !strings.Contains(s.sql, "finished_at IS NOT NULL") &&
			!strings.Contains(s.sql, "ORDER BY run_id DESC")
		if got := strings.HasSuffix(s.sql, "\nSETTINGS log_comment = ${shown:singlequote}"); got != want {
			t.Errorf("%s takes the date: %v, want %v", s.place, got, want)
		}
	}
}

func TestTheBannerSaysWhichStateIsShown(t *testing.T) {
	t.Parallel()
	w := demo(t)
	banner := first(read(t, dashboards.English))["quality.json"].Panels[0].Targets[0].RawSQL
	for _, tt := range []struct{ name, shown, want string }{
		{"the newest without a date", "", "now 2026-03-10 "},
		{"that of the date", "shown on 2026-03-09", "then 2026-03-09 2026-03-09"},
		{"that of the run before where the date had none", "shown on 2026-03-12", "then 2026-03-12 2026-03-10"},
		{"none before the first run", "shown on 2026-03-08", "none"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.ReplaceAll(number(t, w, view{shown: tt.shown}.expand(banner)), "\u2060", "") // which hold a date together
			if !strings.HasPrefix(got, tt.want) {
				t.Errorf("shown on %q: %s, want %s", tt.shown, got, tt.want)
			}
		})
	}
	want := []string{"\tnow", "shown on 2026-03-10\t2026-03-10", "shown on 2026-03-09\t2026-03-09"}
	if diff := cmp.Diff(want, asked(t, w, dashboards.English, "quality", "shown", "")); diff != "" {
		t.Errorf("the dates to choose from (-want +got):\n%s", diff)
	}
}

// An asking is a statement as it is sent.
type asking struct{ view, place, sql string }

// distinct are the statements as they are sent, each once: the languages share most, and the views those
// that do not depend on what is chosen.
func distinct(all []statement, views ...view) []asking {
	seen := map[string]bool{}
	var once []asking
	for _, v := range views {
		for _, s := range all {
			sql := v.expand(s.sql)
			if !seen[sql] {
				once = append(once, asking{v.name, s.place, sql})
			}
			seen[sql] = true
		}
	}
	return once
}

func first[A, B any](a A, _ B) A { return a }

func TestHeadlineNumbersAreThoseOfTheViews(t *testing.T) {
	t.Parallel()
	w := demo(t)
	v := views(t, "1", "", "")[0]
	page := first(read(t, "en"))["portfolio.json"]
	headlines := map[string]string{}
	for _, p := range page.Panels {
		if p.Type == "stat" {
			headlines[p.Title] = p.Targets[0].RawSQL
		}
	}
	tests := []struct{ name, panel, column, otherwise string }{
		{"days lost are the accruing facts", "Lost ${days}", "days_lost", "SELECT sum(overdue_day) FROM deal_stage_days"},
		{"the last week is the difference to a week ago", "Lost ${days}", "days_lost_week", "SELECT sumIf(overdue_days_total, day = d) - sumIf(overdue_days_total, day = d - 7) FROM portfolio_days CROSS JOIN (SELECT max(day) AS d FROM portfolio_days) AS l"},
		{"open deals are those of the portfolio's last day", "Deals now", "open_deals", "SELECT sum(open_deals) FROM portfolio_days WHERE day = (SELECT max(day) FROM portfolio_days)"},
		{"overdue deals are those of the portfolio's last day", "Deals now", "overdue_deals", "SELECT sum(overdue_deals) FROM portfolio_days WHERE day = (SELECT max(day) FROM portfolio_days)"},
		{"deals due are the open visits that end in a week", "Deals now", "due_deals", "SELECT count() FROM deal_stages WHERE is_open = 1 AND days_left <= 7 AND overdue_days = 0"},
		{"deals that came to be overdue are one more today than they were", "Since the last run", "newly_overdue", "SELECT count() FROM (SELECT deal_id, visit_no FROM deal_stage_days WHERE is_open = 1 AND overdue_days = 1 AND day = (SELECT max(as_of) FROM runs))"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := number(t, w, "SELECT "+tt.column+" FROM ("+v.expand(headlines[tt.panel])+")")
			if want := number(t, w, tt.otherwise); got != want {
				t.Errorf("%s of %q = %s, want %s", tt.column, tt.panel, got, want)
			}
		})
	}
}

func TestTheHeadlineIsRebuiltWithoutADifference(t *testing.T) {
	t.Parallel()
	noDifference(t, demo(t))
}

// noDifference fails where a step of Trust differs from the first, or a law is violated.
func noDifference(t *testing.T, w *warehouse.Warehouse) {
	t.Helper()
	page := first(read(t, "en"))["trust.json"]
	v := views(t, "1", "", "")[0]
	for _, p := range page.Panels {
		for _, o := range p.FieldConfig.Overrides {
			if o.Matcher.Options != "difference" && o.Matcher.Options != "violations" {
				continue
			}
			if got := number(t, w, "SELECT sum(abs("+o.Matcher.Options+")) FROM ("+v.expand(p.Targets[0].RawSQL)+")"); got != "0" {
				t.Errorf("%q: %s in all, want 0", p.Title, got)
			}
		}
	}
}

// An alert gives one number, or nothing where there is nothing to say.
func TestAlertsTellWhatHappened(t *testing.T) {
	t.Parallel()
	w := demo(t)
	_, alerts := read(t, dashboards.English)
	statements := map[string]string{}
	for _, a := range alerts {
		statements[a.place] = a.sql
	}
	value := func(alert string) string {
		return number(t, w, "SELECT value FROM ("+statements["alert stagelag-"+alert+"-en"]+")")
	}
	if got, want := value("rose"), number(t, w, "SELECT sumIf(overdue_days_total, known_on = '2026-03-10') - sumIf(overdue_days_total, known_on = '2026-03-09') FROM portfolio_then"); got != want || got == "0" {
		t.Errorf("days lost rose by %s, want %s", got, want)
	}
	moved := "SELECT sum(toInt64(n.planned_end) - toInt64(t.planned_end)) FROM visits_now AS n JOIN (SELECT deal_id, visit_no, planned_end FROM deal_stages_then WHERE known_on = '2026-03-09') AS t USING (deal_id, visit_no) WHERE n.plan_source = 'deal_days'"
	if got, want := value("plans_moved"), number(t, w, moved); got != want || got == "0" {
		t.Errorf("plans were moved by %s days, want %s", got, want)
	}
	want := number(t, w, "SELECT countIf(day_before <= 30 AND now > 30) FROM (SELECT deal_id, visit_no, sumIf(overdue_day, day < d) AS day_before, sum(overdue_day) AS now, argMax(is_open, day) AS open FROM deal_stage_days CROSS JOIN (SELECT max(as_of) AS d FROM runs) AS r GROUP BY deal_id, visit_no HAVING open = 1)")
	if got := value("late_deal"); got != want {
		t.Errorf("%s deals passed 30 days late, want %s", got, want)
	}
	if got := value("failed"); got != "0" {
		t.Errorf("the last run failed: %s, want 0", got)
	}
	run := func(status string, finishedAt time.Time) {
		t.Helper()
		if err := w.DB().Exec(t.Context(), "INSERT INTO run_events (run_id, status, recorded_at, as_of, started_at, finished_at) VALUES (3, ?, now64(3), ?, ?, ?)",
			status, now, finishedAt, finishedAt); err != nil {
			t.Fatal(err)
		}
	}
	run("failed", time.Now())
	if got := value("failed"); got != "1" {
		t.Errorf("the last run failed: %s, want 1", got)
	}
	if err := w.DB().Exec(t.Context(), "INSERT INTO run_events (run_id, status, recorded_at, as_of, started_at, finished_at) VALUES (4, 'published', now64(3), ?, now64(3), now64(3) - INTERVAL 30 HOUR)", now); err != nil {
		t.Fatal(err)
	}
	if err := w.DB().Exec(t.Context(), "ALTER TABLE run_events DELETE WHERE run_id < 3 SETTINGS mutations_sync = 1"); err != nil {
		t.Fatal(err)
	}
	if hours, err := strconv.ParseFloat(value("heartbeat"), 64); err != nil || hours < 29.9 || hours > 31 {
		t.Errorf("the last run was published %v hours ago, want 30 (%v)", hours, err)
	}
}

// Grafana names columns when an answer comes: a statement whose columns have the words for days has to wait for them.
func TestAStatementWaitsForTheWordsOfItsColumns(t *testing.T) {
	for _, lang := range dashboards.Langs {
		pages, _ := read(t, lang)
		waits := 0
		for name, page := range pages {
			for _, p := range page.Panels {
				for _, o := range p.FieldConfig.Overrides {
					if title, _ := o.settings()["displayName"].(string); !strings.Contains(title, "${days}") {
						continue
					}
					waits++
					if !strings.Contains(p.Targets[0].RawSQL, "${days:raw}") {
						t.Errorf("%s/%s %q: its column %s may be named before the words for days are there", lang, name, p.Title, o.Matcher.Options)
					}
				}
			}
		}
		if waits < 20 {
			t.Errorf("%s: %d columns with the words for days: the test looks at too little", lang, waits)
		}
	}
}

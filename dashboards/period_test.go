package dashboards_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"stagelag/dashboards"
	"stagelag/extractor"
	"stagelag/loader/loadertest"
	"stagelag/transform"
	"stagelag/warehouse"
	"stagelag/warehouse/warehousetest"
)

// lateEveryDay is a warehouse whose one deal accrues a day on each date of two years, up to the as-of date.
func lateEveryDay(t *testing.T, asOf time.Time) *warehouse.Warehouse {
	t.Helper()
	entered := time.Date(2025, 1, 1, 12, 0, 0, 0, time.UTC)
	rules := &transform.Rules{
		Zone: time.UTC, Calendars: transform.Calendars{Default: transform.CalendarDays{}},
		Stages: map[transform.StageKey]extractor.Stage{{Stage: "NEW"}: {ID: "NEW", Name: "New"}},
		Norms:  map[extractor.StageID][]transform.Norm{"NEW": {{Days: 0, From: transform.NoDay}}},
	}
	w := warehousetest.Migrated(t)
	loadertest.Publish(t, w, rules, transform.DayOf(asOf, time.UTC), []transform.History{{
		Deal:    extractor.Deal{ID: 1, Title: "A deal", StageID: "NEW", CreatedAt: entered, MovedAt: entered},
		Changes: []transform.Change{{StageChange: extractor.StageChange{ID: 1, DealID: 1, ChangedAt: entered, StageID: "NEW", TypeID: 2}}},
	}})
	return w
}

func load(t *testing.T, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// panelOf is the statement of a panel by the beginning of its title.
func panelOf(t *testing.T, board, title string) string {
	t.Helper()
	for _, p := range first(read(t, dashboards.English))[board+".json"].Panels {
		if strings.HasPrefix(p.Title, title) && len(p.Targets) > 0 {
			return p.Targets[0].RawSQL
		}
	}
	t.Fatalf("%s has no panel %q", board, title)
	return ""
}

// A range has the portal's dates, as many as it says, whatever the zones of the portal and of Grafana's process are and
// whenever it is asked for; and all panels of a range show the same sum.
func TestDaysOfARangeAreThePortals(t *testing.T) {
	t.Parallel()
	w := lateEveryDay(t, time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC))
	portals := []string{"Asia/Vladivostok", "Europe/Moscow", "UTC", "America/New_York", "Pacific/Kiritimati"}
	processes := []string{"UTC", "Europe/Moscow", "America/Los_Angeles", "Asia/Tokyo", "Pacific/Chatham"}
	instants := []string{
		"2026-03-10T09:00:00Z", "2026-03-09T23:30:00Z", "2026-03-10T00:00:00Z", "2026-03-31T23:59:59.5Z", "2026-03-08T06:59:00Z",
		"2026-11-01T05:30:00Z", "2026-10-25T00:59:59Z", "2026-01-01T10:00:00Z", "2026-02-28T20:15:00Z", "2026-06-15T14:00:00.999Z",
	}
	sums := []string{
		"SELECT sum(days_lost) FROM (" + panelOf(t, "portfolio", "Lost ${days} by week") + ")",
		"SELECT sum(days_lost) FROM (" + panelOf(t, "portfolio", "Where it is lost: stages") + ")",
		"SELECT days_lost FROM (" + panelOf(t, "quality", "Losses") + ")",
		"SELECT sumIf(days_lost, period = 'now') FROM (" + panelOf(t, "quality", "Against the period before") + ")",
	}
	isWhole := os.Getenv("STAGELAG_SOAK_RANGES") != ""
	if !isWhole {
		sums = sums[:1] // what a range is stands in every statement alike: see TestEveryRangeIsTheSame
	}
	accrued := map[string]int{} // by the facts
	facts, err := ask(t, w, "SELECT day, overdue_day FROM deal_stage_days")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range facts[2:] {
		n, err := strconv.Atoi(row[1])
		if err != nil {
			t.Fatal(err)
		}
		accrued[row[0]] += n
	}
	check := func(v view, days int, last time.Time) {
		t.Helper()
		want := 0
		for ago := range days {
			want += accrued[last.AddDate(0, 0, -ago).Format(time.DateOnly)]
		}
		for _, sql := range sums {
			got := number(t, w, v.expand(sql))
			if got != fmt.Sprint(want) || want != days {
				t.Errorf("%s: %s days, want %d: the %d by the facts (%.60s)", v.name, got, days, want, sql)
			}
		}
	}
	for i, instant := range instants {
		now, err := time.Parse(time.RFC3339Nano, instant)
		if err != nil {
			t.Fatal(err)
		}
		for j, portal := range portals {
			for k, process := range processes {
				if !isWhole && k != (i+j)%len(processes) { // each portal's zone with each instant, and each process with both
					continue
				}
				zone := load(t, portal)
				v := view{zone: portal, process: load(t, process), from: now.AddDate(0, 0, -7), to: now.Add(time.Millisecond)}
				v.name = fmt.Sprintf("last 7 days at %s, portal in %s, Grafana in %s", instant, portal, process)
				check(v, 7, v.to.In(zone))
				if isWhole || i == j { // what Grafana's clock shows as days is the same at every instant
					v.name, v.from, v.to = "March, portal in "+portal+", Grafana in "+process, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 3, 31, 23, 59, 59, 999e6, time.UTC)
					check(v, 31, v.to)
				}
			}
		}
	}
}

// TestARangeThatRollsEndsAtTheAsOfDate has boards whose data is not of today.
func TestARangeThatRollsEndsAtTheAsOfDate(t *testing.T) {
	t.Parallel()
	w := lateEveryDay(t, time.Date(2026, 3, 7, 0, 0, 0, 0, time.UTC))
	sql := panelOf(t, "quality", "Against the period before")
	now := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name     string
		from, to time.Time
		want     string
	}{
		{"seven days up to now", now.AddDate(0, 0, -7), now, "2026-03-01 2026-03-07"},
		{"the week up to now", time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC), now, "2026-03-05 2026-03-07"},
		{"the month", time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 3, 31, 23, 59, 59, 0, time.UTC), "2026-03-01 2026-03-07"},
		{"a part of a day", now.Add(-6 * time.Hour), now, "2026-03-07 2026-03-07"},
	} {
		got := number(t, w, view{from: tt.from, to: tt.to}.expand("SELECT concat(toString(first_day), ' ', toString(last_day)) FROM ("+sql+") WHERE period = 'now'"))
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// The plugin's macros write dates in the zone of Grafana's process, and moments are no dates of the portal.
func TestEveryRangeIsTheSame(t *testing.T) {
	ranges := 0
	for _, s := range statements(t) {
		rest := strings.ReplaceAll(s.sql, "$__conditionalAll(", "")
		if strings.Contains(rest, "$__") {
			t.Errorf("%s has a macro of dates", s.place)
		}
		before, after, has := strings.Cut(s.sql, ") AS dates")
		if has != strings.Contains(s.sql, "dates.") || strings.Contains(after, "{__from}") || has && !strings.HasPrefix(before, "WITH\n  (\n    SELECT (\n      assumeNotNull(if(${__from}") {
			t.Errorf("%s takes the range in a way of its own", s.place)
		}
		if has {
			ranges++
		}
	}
	if ranges < 30 {
		t.Errorf("%d statements take the range: the test looks at too little", ranges)
	}
}

func TestTheZoneIsThatOfTheLastRun(t *testing.T) {
	t.Parallel()
	w := demo(t)
	zone := ""
	for _, variable := range first(read(t, dashboards.English))["portfolio.json"].Templating.List {
		if variable.Name == "zone" {
			zone = variable.Query.RawSQL
		}
	}
	if got := number(t, w, zone); got != "Europe/Moscow" {
		t.Errorf("the zone is %s, want the portal's, Europe/Moscow", got)
	}
	if got := number(t, warehousetest.Migrated(t), zone); got != "UTC" {
		t.Errorf("the zone before the first run is %s, want UTC", got)
	}
}

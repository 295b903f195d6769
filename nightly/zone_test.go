package nightly_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/simulator"
	"stagelag/warehouse"
	"stagelag/warehouse/warehousetest"
)

// On 2018-11-04 the clocks of São Paulo went from midnight to one o'clock.
var dayWithoutMidnight = time.Date(2018, 11, 4, 0, 0, 0, 0, time.UTC)

// zonedNight is some days after it.
var zonedNight = time.Date(2018, 11, 8, 2, 30, 0, 0, time.UTC)

// zonedNights makes two nights and a full run of a small portal, the same ones each time, and gives what the views show
// after the last, which has the facts of all three, and in the long form after each.
func zonedNights(t *testing.T, w *warehouse.Warehouse) (shown []map[string][]string) {
	t.Helper()
	world, suggested := simulator.Generate(simulator.GenerateOptions{Seed: 8, Deals: 25, Now: zonedNight, Language: simulator.English})
	funnel := world.Funnels()[0]
	noon := dayWithoutMidnight.Add(12 * time.Hour)
	for i := range 3 { // visits begin on the day before, on the day and on the day after
		deal := world.AddDeal(simulator.Deal{
			Title: "Shed", Funnel: funnel.ID, Stage: funnel.Stages[0].ID, Manager: world.Users()[i].ID, Created: noon.AddDate(0, 0, i-1),
		})
		world.Move(deal, noon.AddDate(0, 0, i), funnel.Stages[1].ID)
	}
	s := newSiteOn(t, w, world, suggested, zonedNight)
	for night := range 3 {
		s.at(zonedNight.AddDate(0, 0, night))
		s.run(night == 2)
		if night < 2 && !isLong() {
			continue
		}
		snapshot := s.snapshot()
		for view, rows := range snapshot {
			for i := range rows {
				rows[i] = strings.ReplaceAll(rows[i], s.cfg.Portal.URL.Host(), "portal")
			}
			snapshot[view] = rows
		}
		shown = append(shown, snapshot)
	}
	return shown
}

// Whatever the zone of the server and of this machine, and by either protocol, nights show what they show
// in UTC: a day is a date, also where it has no midnight. In that zone both protocols are tried, in the
// others by turns, and all zones by both in the long form.
func TestNightsInEveryZone(t *testing.T) {
	here := time.Local
	t.Cleanup(func() { time.Local = here })
	time.Local = time.UTC
	reference := warehousetest.Migrated(t)
	want := zonedNights(t, reference)
	var visits uint64
	row := reference.Views().QueryRow(t.Context(), "SELECT count() FROM deal_stages WHERE entered_date = '2018-11-04'")
	if err := row.Scan(&visits); err != nil || visits < 2 {
		t.Fatalf("%d visits begin on the day without a midnight, %v, want two at least", visits, err)
	}
	zones := []struct{ name, protocols string }{
		{"Europe/Moscow", "clickhouse"}, {"Asia/Vladivostok", "http"}, {"America/New_York", ""}, {"America/Sao_Paulo", "clickhouse http"},
	}
	for _, z := range zones {
		name := z.name
		if z.protocols == "" && !isLong() {
			continue // west of Greenwich as the one behind it
		}
		t.Run(name, func(t *testing.T) {
			zone, err := time.LoadLocation(name)
			if err != nil {
				t.Fatal(err)
			}
			engine := warehousetest.InZone(t, name)
			var is string
			if err := engine.DB().QueryRow(t.Context(), "SELECT timezone()").Scan(&is); err != nil || is != name {
				t.Fatalf("the engine is in %s, %v", is, err)
			}
			time.Local = zone
			defer func() { time.Local = time.UTC }()
			for _, url := range []string{warehousetest.ServerURL(engine, engine.Options().Addr[0]), warehousetest.HTTPURL(t, engine)} {
				protocol, _, _ := strings.Cut(url, ":")
				if !isLong() && !strings.Contains(z.protocols, protocol) {
					continue
				}
				at, _ := engine.Endpoints()
				w, err := warehouse.Open(t.Context(), warehouse.Config{URL: url, AnalystURL: analystURL(at)})
				if err != nil {
					t.Fatal(err)
				}
				for night, got := range zonedNights(t, w) {
					expectSame(t, fmt.Sprintf("state %d over %s", night+1, protocol), got, want[night])
				}
				truncate(t, w.DB())
				if err := w.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// analystURL is where the engine's analyst asks.
func analystURL(at warehouse.Endpoints) string {
	return strings.Replace(at.HTTP, "://", "://"+at.User+":"+at.Password+"@", 1)
}

// truncate leaves the tables without rows.
func truncate(t *testing.T, conn driver.Conn) {
	t.Helper()
	var tables []struct {
		Name string `ch:"name"`
	}
	if err := conn.Select(t.Context(), &tables, "SELECT name FROM system.tables WHERE database = currentDatabase() AND endsWith(engine, 'MergeTree') AND name NOT IN ('schema_migrations', 'view_versions')"); err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		if err := conn.Exec(t.Context(), "TRUNCATE TABLE "+table.Name+" SYNC"); err != nil {
			t.Fatal(err)
		}
	}
}

package warehouse

import (
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// A date is the same in every zone of the server, also where its midnight is skipped or the whole day, and a
// time that is bound is the same moment, also in the hour that comes twice.
func TestDatesAndTimesOfAServerInAnyZone(t *testing.T) {
	w := newWarehouse(t)
	for _, name := range []string{"UTC", "Europe/Moscow", "America/Sao_Paulo", "Africa/Cairo", "Pacific/Apia"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		options := w.Options()
		// Over HTTP, the driver takes the zone of the session for that of the server.
		options.Protocol, options.Addr = clickhouse.HTTP, []string{w.seat.HTTP}
		options.Settings = clickhouse.Settings{"session_timezone": name}
		db, err := openDatabase(t.Context(), options, always)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		var days []struct {
			Number uint64    `ch:"number"`
			Day    time.Time `ch:"day"`
		}
		if err := db.Select(t.Context(), &days, "SELECT number, CAST(toUInt16(number), 'Date') AS day FROM numbers(65536)"); err != nil {
			t.Fatal(err)
		}
		wrong := 0
		for _, d := range days {
			if want := time.Unix(0, 0).UTC().AddDate(0, 0, int(d.Number)); !d.Day.Equal(want) {
				if wrong++; wrong == 1 {
					t.Errorf("%s: the date %s comes as %s", name, want.Format(time.DateOnly), d.Day)
				}
			}
		}
		if wrong > 1 || len(days) != 65536 {
			t.Errorf("%s: %d of %d dates come as other ones", name, wrong, len(days))
		}
		// The clocks of São Paulo went back on 2018-02-18 at 2:00 UTC.
		for _, at := range []time.Time{time.Date(2018, 2, 18, 1, 30, 0, 0, time.UTC), time.Date(2018, 2, 18, 2, 30, 0, 0, time.UTC)} {
			here := at.In(zone)
			var plain, pointed int64
			if err := db.QueryRow(t.Context(), "SELECT toInt64(toUnixTimestamp(?)), toInt64(toUnixTimestamp(?))", here, &here).Scan(&plain, &pointed); err != nil {
				t.Fatal(err)
			}
			if plain != at.Unix() || pointed != at.Unix() {
				t.Errorf("%s: %s is bound as %s and as %s", name, here, time.Unix(plain, 0).In(zone), time.Unix(pointed, 0).In(zone))
			}
		}
	}
}

package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stagelag/simulator"
)

// The portal's own days off are asked for, and nothing else is.
func TestCalendarOfThePortal(t *testing.T) {
	t.Parallel()
	folder := newFolder(t)
	for _, test := range []struct {
		scopes []string
		code   int
		want   string
	}{
		{[]string{"crm", "calendar"}, 0, fmt.Sprintf("\n%d-03-11\toff\tday off (the portal's calendar settings)\n", time.Now().UTC().Year())},
		{[]string{"crm"}, 1, `stagelag: calendar: the portal's calendar settings can't be read: calendar.settings.get: `},
	} {
		world := simulator.NewWorld()
		world.SetCalendar(time.Time{}, simulator.CalendarSettings{YearHolidays: "11.03"})
		simulated := simulator.New(world, simulator.Options{Now: time.Now, Secret: "hidden5ecret", Scopes: test.scopes})
		server := httptest.NewServer(simulated)
		t.Cleanup(server.Close)
		settings := fmt.Sprintf("portal: {url: %q, time_zone: UTC}\ncalendar: {kind: working, lists: [portal]}\n", simulated.WebhookURL(server.URL))
		if err := os.WriteFile(filepath.Join(folder, "stagelag.yaml"), []byte(settings), 0o600); err != nil {
			t.Fatal(err)
		}
		stdout, stderr, code := call(t, folder, "", "calendar")
		if code != test.code || !strings.Contains(stdout+stderr, test.want) || strings.Contains(stdout+stderr, "hidden5ecret") {
			t.Errorf("calendar with the scopes %q: exit code %d, %s%s, want %d and %q", test.scopes, code, stdout, stderr, test.code, test.want)
		}
		if requests := len(simulated.Log()); requests != 1 {
			t.Errorf("calendar with the scopes %q asks %d times, want once", test.scopes, requests)
		}
	}
}

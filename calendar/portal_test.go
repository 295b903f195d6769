package calendar_test

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"stagelag/bitrix24"
	"stagelag/calendar"
	"stagelag/simulator"
)

// clientOf is a client of a portal on the air.
func clientOf(t *testing.T, w *simulator.World, options simulator.Options) (*simulator.Portal, *bitrix24.Client) {
	t.Helper()
	noon := time.Date(2026, 3, 16, 12, 0, 0, 0, time.UTC)
	options.Now = func() time.Time { return noon }
	portal := simulator.New(w, options)
	server := httptest.NewServer(portal)
	t.Cleanup(server.Close)
	webhook, err := bitrix24.ParseWebhook(portal.WebhookURL(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	return portal, bitrix24.NewClient(bitrix24.ClientOptions{Webhook: webhook, Limits: bitrix24.Unlimited, Clock: bitrix24.WallClock(time.Now)})
}

func TestReadSettings(t *testing.T) {
	w := simulator.NewWorld()
	w.SetCalendar(time.Time{}, simulator.CalendarSettings{YearHolidays: "1.01,29.02", YearWorkdays: "2.03", WeekHolidays: []string{"FR", "SA"}})
	_, client := clientOf(t, w, simulator.Options{Scopes: []string{"crm", "calendar"}})
	got, err := calendar.ReadSettings(t.Context(), client)
	want := calendar.Settings{YearHolidays: "1.01,29.02", YearWorkdays: "2.03", WeekHolidays: []string{"FR", "SA"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("ReadSettings = %+v, %v, want %+v", got, err, want)
	}
	if weekend := []time.Weekday{time.Friday, time.Saturday}; !slices.Equal(got.Weekend(), weekend) {
		t.Errorf("Weekend = %v, want %v", got.Weekend(), weekend)
	}
}

func TestSettingsThatMayNotBeRead(t *testing.T) {
	for name, answer := range map[string]*simulator.Error{
		"without the right": &simulator.InsufficientScope, "without a calendar": {Status: 404, Code: "ERROR_METHOD_NOT_FOUND", Text: "Method not found!"},
	} {
		portal, client := clientOf(t, simulator.NewWorld(), simulator.Options{Scopes: []string{"crm", "calendar"}})
		portal.Inject(simulator.OnCommands("calendar.settings.get", *answer))
		if _, err := calendar.ReadSettings(t.Context(), client); !errors.Is(err, calendar.ErrNoRight) {
			t.Errorf("%s: ReadSettings: %v, want ErrNoRight", name, err)
		}
	}
	_, client := clientOf(t, simulator.NewWorld(), simulator.Options{Scopes: []string{"crm"}})
	_, err := calendar.ReadSettings(t.Context(), client)
	if want := `the webhook lacks the scope "calendar": tick it in the webhook's settings`; !errors.Is(err, calendar.ErrNoRight) || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("ReadSettings without the scope: %v, want ErrNoRight with %s", err, want)
	}
	portal, client := clientOf(t, simulator.NewWorld(), simulator.Options{Scopes: []string{"crm", "calendar"}})
	portal.Inject(simulator.OnCommands("calendar.settings.get", simulator.Error{Status: 400, Code: "INVALID_ARG_VALUE", Text: "no"}))
	if _, err := calendar.ReadSettings(t.Context(), client); err == nil || errors.Is(err, calendar.ErrNoRight) {
		t.Errorf("ReadSettings that is refused for another reason: %v, want an error that is not ErrNoRight", err)
	}
}

// Whatever a portal writes is read, and what the warehouse keeps of it reads the same.
func TestFormsOfSettings(t *testing.T) {
	tests := []struct {
		raw  string
		want calendar.Settings
	}{
		{`{"year_holidays":"1.01, 8.03;","year_workdays":"","week_holidays":["SA","SU"],"work_time_start":"9"}`, calendar.Settings{YearHolidays: "1.01,8.03", WeekHolidays: []string{"SA", "SU"}}},
		{`{"year_holidays":["1.01","8.03"],"year_workdays":false,"week_holidays":"SA|"}`, calendar.Settings{YearHolidays: "1.01,8.03", WeekHolidays: []string{"SA|"}}},
		{`{"year_holidays":{"0":"1.01"},"year_workdays":null,"week_holidays":[]}`, calendar.Settings{YearHolidays: "1.01"}},
		{`{"year_holidays":1.01,"year_workdays":[],"week_holidays":{"0":"MO","2":"SU"}}`, calendar.Settings{YearHolidays: "1.01", WeekHolidays: []string{"MO", "SU"}}},
	}
	for _, test := range tests {
		var got, kept calendar.Settings
		if err := json.Unmarshal([]byte(test.raw), &got); err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s is read as %+v, %v, want %+v", test.raw, got, err, test.want)
		}
		text, err := json.Marshal(got)
		if err == nil {
			err = json.Unmarshal(text, &kept)
		}
		if err != nil || !reflect.DeepEqual(kept, got) {
			t.Errorf("%s is kept as %+v, %v, want %+v", text, kept, err, got)
		}
	}
	for _, raw := range []string{`[]`, `null`, `{"work_time_start":"9"}`, `"x"`} {
		var got calendar.Settings
		if err := json.Unmarshal([]byte(raw), &got); err == nil {
			t.Errorf("%s is read as %+v, want an error", raw, got)
		}
	}
}

func TestPortalsList(t *testing.T) {
	settings := &calendar.Settings{YearHolidays: "1.01,29.02,08.03,05.05.2026", YearWorkdays: "10.01", WeekHolidays: []string{"MO"}}
	loaded := mustLoad(t, working("portal"), settings)
	c := loaded.Each[0]
	for at, want := range map[string]bool{
		"1970-01-01": false, "2149-01-01": false, "2024-02-29": false, "2028-02-29": false, "2026-03-01": false, // a Sunday
		"2027-03-01": true,                                                               // and no 29 February
		"2027-03-08": false, "2026-05-05": false, "2027-05-05": true, "2026-01-10": true, // a Saturday
		"2026-03-02": true, // a Monday: the portal's weekly days off are not taken over
	} {
		if got := c.Days.Counts(day(at)); got != want {
			t.Errorf("%s counts: %v, want %v", at, got, want)
		}
	}
	if _, why := c.Explain(day("2026-01-01")); why != "day off (the portal's calendar settings)" {
		t.Errorf("New Year is off by %q", why)
	}
	if !calendar.NeedsSettings(working("ru", "portal")) || calendar.NeedsSettings(working("ru")) {
		t.Error("NeedsSettings is not whether the list portal is configured")
	}
}

func TestBadSettings(t *testing.T) {
	const where = "configuration: the portal's calendar settings: "
	for _, test := range []struct {
		settings *calendar.Settings
		want     string
	}{
		{&calendar.Settings{YearHolidays: "1.01,30.02"}, where + `year_holidays: "30.02" is not a day of the year; correct it there, on the portal`},
		{&calendar.Settings{YearWorkdays: "New Year"}, where + `year_workdays: "New Year" is not a day and a month such as 8.03; correct it there, on the portal`},
		{&calendar.Settings{YearHolidays: "31.12", YearWorkdays: "31.12"}, where + "31.12 is in year_holidays and in year_workdays; take it out of one of them, on the portal"},
		{nil, "configuration: calendar.lists: the list portal needs the portal's calendar settings, and they were not read"},
	} {
		if _, err := calendar.Load(working("portal"), test.settings); err == nil || err.Error() != test.want {
			t.Errorf("Load with %+v:\n got %v\nwant %s", test.settings, err, test.want)
		}
	}
}

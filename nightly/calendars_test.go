package nightly_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"stagelag/calendar"
	"stagelag/config"
	"stagelag/extractor"
	"stagelag/nightly"
	"stagelag/simulator"
)

// countWorkingDays counts the working days of Russia, and has deals pause as a generated portal suggests.
func countWorkingDays(cfg *config.Config, suggested simulator.Suggested) {
	cfg.Calendar = config.Calendar{Kind: config.WorkingDays, Weekend: []time.Weekday{time.Saturday, time.Sunday}, Lists: []config.List{{Name: "ru"}}}
	cfg.Pauses = config.Pauses{
		Flag: config.FieldName(suggested.Pauses.Flag), From: config.FieldName(suggested.Pauses.From), Until: config.FieldName(suggested.Pauses.Until),
	}
}

// TestACorrectedCalendarComputesEverythingAgain: under whatever calendars and waiting stages nights were made, the last
// ones give what a full run gives, and what a warehouse shows that never had others; and the laws hold.
func TestACorrectedCalendarComputesEverythingAgain(t *testing.T) {
	t.Parallel()
	working := func(c *config.Config) {
		c.Calendar = config.Calendar{Kind: config.WorkingDays, Weekend: []time.Weekday{time.Saturday, time.Sunday}, Lists: []config.List{{Name: "ru"}}}
	}
	s := generated(t, 61, 60)
	s.run(false)
	working(&s.cfg)
	s.night(1)
	s.run(false)
	s.cfg.Calendar.Off = []time.Time{time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC), time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC)}
	funnel := extractor.FunnelID(s.number("SELECT funnel_id FROM deals_now WHERE is_open = 1 ORDER BY deal_id LIMIT 1"))
	s.cfg.Calendar.Funnels = map[extractor.FunnelID]config.FunnelCalendar{funnel: {Kind: config.WorkingDays, Weekend: []time.Weekday{time.Sunday}}}
	s.cfg.Stages.Waiting = []extractor.StageID{extractor.StageID(s.rows("SELECT stage_id FROM deals_now WHERE is_open = 1 ORDER BY deal_id LIMIT 1")[0])}
	s.night(2)
	s.run(false)
	s.expectLaws("with other days off, another calendar and a waiting stage")
	if wrote := s.written(s.run(true).Run.RunID); len(wrote) > 0 {
		t.Errorf("a full run writes %v, want nothing", wrote)
	}

	fresh := generated(t, 61, 60)
	own := fresh.cfg.Portal.URL
	fresh.cfg = s.cfg
	fresh.cfg.Portal.URL = own
	for n := range 3 {
		fresh.night(n)
		fresh.run(false)
	}
	expectSame(t, "in a warehouse that never had others", s.withoutHosts(), fresh.withoutHosts())

	s.cfg.Calendar, s.cfg.Stages.Waiting = config.Calendar{Kind: config.CalendarDays}, nil
	s.at(firstNight.AddDate(0, 0, 2))
	s.expectRunAsWhatIf("when every day counts again")
	s.expectLaws("when every day counts again")
}

// TestThePortalsOwnCalendar: what the portal shows is off, and stays so when it may be read no longer; where it never
// could be, the run is refused.
func TestThePortalsOwnCalendar(t *testing.T) {
	t.Parallel()
	s, _ := small(t)
	s.cfg.Calendar = config.Calendar{Kind: config.WorkingDays, Lists: []config.List{{Name: config.PortalList}}}
	s.world.SetCalendar(firstNight, simulator.CalendarSettings{YearHolidays: "11.03"})
	scopes := []string{"crm", "user", "department"}
	s.serve(simulator.Options{Scopes: scopes}, nil)
	if _, err := nightly.Run(context.Background(), s.pass(false)); !errors.Is(err, calendar.ErrNoRight) {
		t.Fatalf("without the right: %v, want ErrNoRight", err)
	}
	s.serve(simulator.Options{Scopes: append(slices.Clone(scopes), "calendar")}, nil)
	if outcome := s.run(false); len(outcome.Warnings) > 0 {
		t.Errorf("warnings %q", outcome.Warnings)
	}
	s.expect("a day off of the portal", "SELECT counts, why FROM calendar_days WHERE day = '2026-03-11'", "0\tday off (the portal\\'s calendar settings)")
	s.expectNoWhatIf("under the portal's calendar, which is not asked for again")
	s.serve(simulator.Options{Scopes: scopes}, nil)
	s.night(1)
	outcome := s.run(false)
	if len(outcome.Warnings) != 1 || !strings.Contains(outcome.Warnings[0], "the days off are those that it showed last") {
		t.Errorf("warnings %q, want one of the lost right", outcome.Warnings)
	}
	s.expect("a day off of the portal that is lost", "SELECT counts FROM calendar_days WHERE day = '2026-03-11'", "0")
}

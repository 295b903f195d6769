package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"stagelag/calendar"
	"stagelag/config"
	"stagelag/plain"
	"stagelag/transform"
	"stagelag/warehouse"
)

// readCalendar asks the portal for its part in the calendar, where it has one.
func (e *examination) readCalendar(ctx context.Context) {
	if e.description != nil {
		e.furthest = max(e.furthest, transform.DayOf(e.description.Clock, e.Config.Portal.TimeZone))
	}
	if !calendar.NeedsSettings(e.Config.Calendar) {
		e.calendar(nil)
		return
	}
	settings, err := calendar.ReadSettings(ctx, e.Client)
	switch {
	case errors.Is(err, calendar.ErrNoRight):
		e.find("calendar", Problem, fmt.Sprintf("calendar.lists has the portal's own calendar: %v", err),
			"tick calendar in the webhook's settings, or take portal out of calendar.lists; until then runs use the settings that they read last, and fail if they never read any")
	case err != nil:
		e.find("calendar", Problem, err.Error(), "run stagelag doctor again; if it stays so, take portal out of calendar.lists")
	default:
		e.calendar(&settings)
	}
}

// calendar reads the lists that the calendars are made of.
func (e *examination) calendar(settings *calendar.Settings) {
	loaded, err := calendar.Load(e.Config.Calendar, settings)
	if wrong, ok := errors.AsType[*config.Error](err); ok {
		for _, complaint := range wrong.Complaints {
			e.find("calendar", Problem, plain.Text(complaint.String(), 0), "correct it; no run begins before")
		}
		return
	}
	if err != nil {
		e.find("calendar", Problem, err.Error(), "correct calendar in the configuration")
		return
	}
	e.calendars = loaded
	text, toDo := describeCalendars(loaded), ""
	if settings != nil && e.Config.Calendar.Kind == config.WorkingDays {
		if theirs, ours := weekdays(settings.Weekend()), weekdays(e.Config.Calendar.Weekend); len(settings.WeekHolidays) > 0 && theirs != ours {
			text += fmt.Sprintf("; the portal's weekly days off are %s, and calendar.weekend has %s", theirs, ours)
			toDo = "set calendar.weekend if the portal is right"
		}
	}
	e.find("calendar", OK, text, toDo)
}

func describeCalendars(loaded *calendar.Loaded) string {
	var parts []string
	for _, c := range loaded.Each {
		text := "every day counts"
		if _, isWorking := c.Days.(*transform.WorkingDays); isWorking {
			text = "working days count"
		}
		if c.Name != "" {
			text += " in the funnels " + c.Name
		}
		for i, list := range c.Lists {
			text += map[bool]string{true: ", by the lists ", false: ", "}[i == 0] + list.Name
			if list.Until != transform.LastDay {
				text += fmt.Sprintf(" (until %s)", list.Until)
			}
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

// weekdays are days of the week from Monday on, as the configuration names them.
func weekdays(days []time.Weekday) string {
	var names []string
	for i := range 7 {
		if day := time.Weekday((i + 1) % 7); slices.Contains(days, day) {
			names = append(names, strings.ToLower(day.String()[:3]))
		}
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// reach is how far the plans of open visits reach. What keeps it from being read has a finding of its own.
func (e *examination) reach(ctx context.Context, w *warehouse.Warehouse) {
	var answer strings.Builder
	if err := w.Query(ctx, &answer, "SELECT max(planned_end) FROM deals_now", "TabSeparated"); err != nil {
		return
	}
	if day, err := transform.ParseDay(strings.TrimSpace(answer.String())); err == nil { // else there is no plan
		e.furthest = max(e.furthest, day)
	}
}

// ends looks whether the lists speak as far as plans reach.
func (e *examination) ends() {
	if e.calendars == nil || e.furthest == transform.NoDay {
		return
	}
	for _, sentence := range e.calendars.Ends(e.furthest) {
		e.find("calendar", Warning, sentence, "use a program or a file that has the list of that year, or add its days to calendar.off and calendar.work")
	}
}

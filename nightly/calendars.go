package nightly

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"stagelag/calendar"
	"stagelag/extractor"
	"stagelag/loader"
	"stagelag/transform"
)

// counting is the calendars that a run counts under, and those that what is published was counted under.
type counting struct {
	now, published *loader.Calendars
	loaded         *calendar.Loaded
}

// calendars reads the calendars of the configuration. Settings of the portal that were read once and can't be read any
// more stay as they were, with a warning.
func (p Pass) calendars(ctx context.Context, published *loader.Calendars) (counting, []string, error) {
	c := counting{published: published, now: &loader.Calendars{}}
	var settings *calendar.Settings
	var warnings []string
	if calendar.NeedsSettings(p.Config.Calendar) {
		read, err := calendar.ReadSettings(ctx, p.Client)
		switch {
		case errors.Is(err, calendar.ErrNoRight) && published.Settings != "":
			if err := json.Unmarshal([]byte(published.Settings), &read); err != nil {
				return c, nil, fmt.Errorf("read the portal's calendar as it was last: %w", err)
			}
			warnings = append(warnings, fmt.Sprintf("%v; the days off are those that it showed last", err))
		case err != nil:
			return c, nil, err
		}
		text, err := json.Marshal(read)
		if err != nil {
			return c, nil, fmt.Errorf("keep the portal's calendar: %w", err)
		}
		settings, c.now.Settings = &read, string(text)
	}
	var err error
	if c.loaded, err = calendar.Load(p.Config.Calendar, settings); err != nil {
		return c, nil, err
	}
	c.now.Calendars = *c.loaded.Calendars()
	return c, warnings, nil
}

// countedDates are what decides which dates count: a reason does not.
func countedDates(calendars *transform.Calendars) any {
	type dates struct {
		Funnels    []extractor.FunnelID
		IsWorking  bool
		Weekend    [7]bool
		Exceptions map[transform.Day]bool
	}
	of := func(c transform.Calendar, funnels []extractor.FunnelID) dates {
		d := dates{Funnels: funnels, Exceptions: map[transform.Day]bool{}}
		if working, ok := c.(*transform.WorkingDays); ok {
			d.IsWorking, d.Weekend = true, working.Weekend
			for _, e := range working.Exceptions {
				d.Exceptions[e.Day] = e.Counts
			}
		}
		return d
	}
	all := []dates{of(calendars.Default, nil)}
	for _, group := range calendars.Groups() {
		all = append(all, of(calendars.Funnels[group[0]], group))
	}
	return all
}

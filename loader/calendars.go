package loader

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/extractor"
	"stagelag/transform"
)

// A calendarRow is a calendar as it is stored.
type calendarRow struct {
	name       string
	funnels    []uint32
	isWorking  bool
	weekend    []uint8
	exceptions []transform.Exception
	settings   string
}

var calendarTable = table[calendarRow]{"calendars", []column[calendarRow]{
	plain("calendar", func(r *calendarRow) *string { return &r.name }),
	plain("funnels", func(r *calendarRow) *[]uint32 { return &r.funnels }),
	plain("is_working", func(r *calendarRow) *bool { return &r.isWorking }),
	plain("weekend", func(r *calendarRow) *[]uint8 { return &r.weekend }),
	each(exceptionsOf, date("day", func(e *transform.Exception) *transform.Day { return &e.Day })),
	each(exceptionsOf, plain("counts", func(e *transform.Exception) *bool { return &e.Counts })),
	each(exceptionsOf, plain("why", func(e *transform.Exception) *string { return &e.Why })),
	plain("settings", func(r *calendarRow) *string { return &r.settings }),
}}

func exceptionsOf(r *calendarRow) *[]transform.Exception { return &r.exceptions }

// Calendars are those of a run, or those that were published last.
type Calendars struct {
	transform.Calendars
	// Settings are the portal's own, JSON, empty where they are not used.
	Settings string
}

// CalendarsOf are the calendars that a run counts under: its own, or those published where it has found no others.
// With the run 0 they are those published, and every day counts before the first run.
func CalendarsOf(ctx context.Context, conn driver.Conn, run RunID) (*Calendars, error) {
	c := &Calendars{Calendars: transform.Calendars{Default: transform.CalendarDays{}}}
	err := calendarTable.read(ctx, conn, setOf(calendarTable.name), func(r *calendarRow) {
		var calendar transform.Calendar = transform.CalendarDays{}
		if r.isWorking {
			var weekend [7]bool
			for _, weekday := range r.weekend {
				weekend[weekday%7] = true
			}
			calendar = transform.NewWorkingDays(weekend, r.exceptions)
		}
		if len(r.funnels) == 0 {
			c.Default, c.Settings = calendar, r.settings
			return
		}
		if c.Funnels == nil {
			c.Funnels = map[extractor.FunnelID]transform.Calendar{}
		}
		for _, id := range r.funnels {
			c.Funnels[extractor.FunnelID(id)] = calendar
		}
	}, uint32(run))
	if err != nil {
		return nil, fmt.Errorf("read the calendars: %w", err)
	}
	return c, nil
}

// AppendCalendars appends the calendars that the run counts under, where they are other than published.
func (r *Run) AppendCalendars(ctx context.Context, calendars, published *Calendars) error {
	if r.before.RunID > 0 && calendars.Equal(&published.Calendars) && calendars.Settings == published.Settings {
		return nil
	}
	rows := []calendarRow{calendarRowOf(calendars.Default, nil)}
	rows[0].settings = calendars.Settings
	for _, group := range calendars.Groups() {
		rows = append(rows, calendarRowOf(calendars.Funnels[group[0]], group))
	}
	if err := calendarTable.insert(ctx, r.conn, r.row.RunID, rows); err != nil {
		return fmt.Errorf("append to calendars: %w", err)
	}
	return nil
}

func calendarRowOf(calendar transform.Calendar, funnels []extractor.FunnelID) calendarRow {
	row := calendarRow{funnels: []uint32{}, weekend: []uint8{}}
	var names []string
	for _, id := range funnels {
		row.funnels, names = append(row.funnels, uint32(id)), append(names, strconv.FormatUint(uint64(id), 10))
	}
	row.name = strings.Join(names, ",")
	if working, ok := calendar.(*transform.WorkingDays); ok {
		row.isWorking, row.exceptions = true, slices.Clone(working.Exceptions)
		for weekday, isOff := range working.Weekend {
			if isOff {
				row.weekend = append(row.weekend, uint8(weekday))
			}
		}
	}
	return row
}

package calendar

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	ics "github.com/arran4/golang-ical"
	"github.com/teambition/rrule-go"

	"stagelag/plain"
	"stagelag/transform"
)

// iCalendar reads the all-day events of a calendar (RFC 5545): their days are off. Events at a
// time of the day say nothing, nor do cancelled ones. Events that recur without an end do so to
// transform.LastDay.
func (r *reader) iCalendar(file, source string, text []byte) []Exception {
	lines := beginnings(text)
	parsed, err := ics.ParseCalendarWithOptions(bytes.NewReader(text), ics.WithUnknownPropertyHandler(ics.AcceptUnknownPropertyHandler))
	if err != nil {
		r.problems.addLine(file, 0, "not a whole calendar: %v; the file may be cut off", err)
		return nil
	}
	events := parsed.Events()
	// The library takes a file that ends between two events for a whole one.
	if !bytes.HasSuffix(bytes.TrimSpace(text), []byte("END:VCALENDAR")) || len(events) != len(lines) {
		r.problems.addLine(file, 0, "not a whole calendar: it does not end with END:VCALENDAR; the file may be cut off")
		return nil
	}
	c := r.collect(file, source)
	moved := map[string]map[transform.Day]bool{} // by the event's id, the days whose event is one of its own
	for i, event := range events {
		day, ok, err := recurrenceID(event)
		if err != nil {
			r.problems.addLine(file, lines[i], "%v", err)
			continue
		}
		if ok {
			if moved[event.Id()] == nil {
				moved[event.Id()] = map[transform.Day]bool{}
			}
			moved[event.Id()][day] = true
		}
	}
	for i, event := range events {
		days, err := eventDays(event, moved[event.Id()])
		if err != nil {
			r.problems.addLine(file, lines[i], "%v", err)
			continue
		}
		name := ""
		if summary := event.GetProperty(ics.ComponentPropertySummary); summary != nil {
			name = strings.TrimSpace(plain.Text(summary.Value, 200))
		}
		for _, day := range days {
			c.add(lines[i], Exception{Day: day, Name: name})
		}
	}
	return c.all()
}

// beginnings are the lines on which events begin, from 1.
func beginnings(text []byte) []int {
	var lines []int
	line := 0
	for text := range bytes.Lines(text) {
		line++
		// A line that goes on from the one before begins with a space.
		if string(bytes.TrimRight(text, "\r\n")) == "BEGIN:VEVENT" {
			lines = append(lines, line)
		}
	}
	return lines
}

// eventDays are the dates that an event is on, except those whose event is one of its own.
func eventDays(event *ics.VEvent, moved map[transform.Day]bool) ([]transform.Day, error) {
	start := event.GetProperty(ics.ComponentPropertyDtStart)
	if start == nil {
		return nil, errors.New("the event has no beginning (DTSTART)")
	}
	if status := event.GetProperty(ics.ComponentPropertyStatus); !isAllDay(start) || status != nil && strings.EqualFold(status.Value, "CANCELLED") {
		return nil, nil
	}
	first, err := dateOf(start.Value)
	if err != nil {
		return nil, fmt.Errorf("DTSTART: %w", err)
	}
	length, err := daysOf(event, first)
	if err != nil {
		return nil, err
	}
	starts := []time.Time{first}
	if !event.HasProperty(ics.ComponentPropertyRecurrenceId) {
		if starts, err = occurrences(event, first); err != nil {
			return nil, err
		}
	}
	var days []transform.Day
	next := transform.FirstDay // starts are in their order, and may overlap
	for _, start := range starts {
		first := transform.Day(start.Unix() / int64(24*time.Hour/time.Second)) // midnight, so without a rest
		if !event.HasProperty(ics.ComponentPropertyRecurrenceId) && moved[first] {
			continue
		}
		// What is outside the dates that the warehouse holds counts for nothing.
		end := min(first+transform.Day(length), transform.LastDay+1)
		for next = max(next, first); next < end; next++ {
			days = append(days, next)
		}
	}
	return days, nil
}

// isAllDay is whether a moment is a date.
func isAllDay(p *ics.IANAProperty) bool {
	for _, kind := range p.ICalParameters["VALUE"] {
		return strings.EqualFold(kind, "DATE")
	}
	return len(p.Value) == len("20060102")
}

func dateOf(text string) (time.Time, error) {
	date, err := time.Parse("20060102", text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%.40q is not a date such as 20260901", text)
	}
	return date, nil
}

// recurrenceID is the day whose event another one stands in for.
func recurrenceID(event *ics.VEvent) (day transform.Day, ok bool, err error) {
	p := event.GetProperty(ics.ComponentPropertyRecurrenceId)
	if p == nil || !isAllDay(p) {
		return 0, false, nil
	}
	if len(p.ICalParameters["RANGE"]) > 0 {
		return 0, false, errors.New("RECURRENCE-ID with RANGE is not known; write the events one by one")
	}
	date, err := dateOf(p.Value)
	if err != nil {
		return 0, false, fmt.Errorf("RECURRENCE-ID: %w", err)
	}
	return transform.DayOf(date, time.UTC), true, nil
}

// longestEvent bounds an event, in days, so that a mistyped year is an error.
const longestEvent = 366

// wholeDays is a duration of days or weeks.
var wholeDays = regexp.MustCompile(`^\+?P(\d{1,4})([DW])$`)

// daysOf is how many days an event lasts.
func daysOf(event *ics.VEvent, first time.Time) (int, error) {
	length := 1
	if end := event.GetProperty(ics.ComponentPropertyDtEnd); end != nil {
		// The end is the day after the last one.
		next, err := dateOf(end.Value)
		if err != nil {
			return 0, fmt.Errorf("DTEND: %w", err)
		}
		if next.Before(first) {
			return 0, fmt.Errorf("the event ends (%s) before it begins (%s)", next.Format(time.DateOnly), first.Format(time.DateOnly))
		}
		// Some programs give an event of one day no length.
		length = max(1, int(next.Sub(first)/(24*time.Hour)))
	} else if duration := event.GetProperty(ics.ComponentPropertyDuration); duration != nil {
		match := wholeDays.FindStringSubmatch(duration.Value)
		if match == nil {
			return 0, fmt.Errorf("DURATION: %.40q is not a number of days such as P3D", duration.Value)
		}
		length, _ = strconv.Atoi(match[1])
		if match[2] == "W" {
			length *= 7
		}
		length = max(1, length)
	}
	if length > longestEvent {
		return 0, fmt.Errorf("the event lasts %d days, and no day would count for over a year", length)
	}
	return length, nil
}

// occurrences are the dates on which an event begins.
func occurrences(event *ics.VEvent, first time.Time) ([]time.Time, error) {
	if event.HasProperty(ics.ComponentPropertyExrule) {
		return nil, errors.New("EXRULE is not known; write the days that are left out as EXDATE")
	}
	var set rrule.Set
	set.DTStart(first)
	set.RDate(first)
	rules := event.GetProperties(ics.ComponentPropertyRrule)
	if len(rules) > 1 {
		return nil, errors.New("the event has several RRULE; write an event for each")
	}
	for _, p := range rules {
		option, err := rrule.StrToROption(p.Value)
		if err != nil {
			return nil, fmt.Errorf("RRULE: %w", err)
		}
		if option.Freq > rrule.DAILY || len(option.Byhour)+len(option.Byminute)+len(option.Bysecond) > 0 {
			return nil, errors.New("RRULE: an event that lasts all day recurs by days, weeks, months or years")
		}
		option.Dtstart = first
		if last := transform.LastDay.Time(); option.Until.IsZero() || option.Until.After(last) {
			option.Until = last
		}
		rule, err := rrule.NewRRule(*option)
		if err != nil {
			return nil, fmt.Errorf("RRULE: %w", err)
		}
		set.RRule(rule)
	}
	for _, more := range []struct {
		property ics.ComponentProperty
		take     func(time.Time)
	}{{ics.ComponentPropertyRdate, set.RDate}, {ics.ComponentPropertyExdate, set.ExDate}} {
		for _, p := range event.GetProperties(more.property) {
			for text := range strings.SplitSeq(p.Value, ",") {
				date, err := dateOf(text)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", more.property, err)
				}
				more.take(date)
			}
		}
	}
	return set.Between(first, transform.LastDay.Time(), true), nil
}

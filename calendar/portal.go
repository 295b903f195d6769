package calendar

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"stagelag/bitrix24"
	"stagelag/config"
	"stagelag/transform"
)

// Settings are what a portal's own calendar settings say of days off, as its administrator
// wrote it. As JSON they are what the warehouse keeps of them, and what the portal answers.
type Settings struct {
	YearHolidays string   `json:"year_holidays"` // days and months: 1.01,8.03
	YearWorkdays string   `json:"year_workdays"`
	WeekHolidays []string `json:"week_holidays"` // SA, SU
}

// UnmarshalJSON takes every form that a portal writes: a list as a text or as a list, and
// whatever stands for nothing.
func (s *Settings) UnmarshalJSON(raw []byte) error {
	var told struct {
		YearHolidays *days `json:"year_holidays"`
		YearWorkdays *days `json:"year_workdays"`
		WeekHolidays *days `json:"week_holidays"`
	}
	if bitrix24.IsEmpty(raw) {
		raw = []byte("{}")
	}
	if err := json.Unmarshal(raw, &told); err != nil {
		return err
	}
	if told.YearHolidays == nil && told.YearWorkdays == nil && told.WeekHolidays == nil {
		return errors.New("the answer has no days off")
	}
	*s = Settings{}
	for _, list := range []struct {
		from *days
		to   *string
	}{{told.YearHolidays, &s.YearHolidays}, {told.YearWorkdays, &s.YearWorkdays}} {
		if list.from != nil {
			*list.to = strings.Join(*list.from, ",")
		}
	}
	if told.WeekHolidays != nil {
		s.WeekHolidays = *told.WeekHolidays
	}
	return nil
}

// days are a list of the portal, written as one or as a text.
type days []string

func (d *days) UnmarshalJSON(raw []byte) error {
	*d = nil
	if bitrix24.IsEmpty(raw) {
		return nil
	}
	var texts bitrix24.List[bitrix24.Text]
	if first := bytes.TrimSpace(raw)[0]; first == '[' || first == '{' {
		if err := bitrix24.Decode(raw, &texts); err != nil {
			return err
		}
	} else {
		var text bitrix24.Text
		if err := bitrix24.Decode(raw, &text); err != nil {
			return err
		}
		texts = append(texts, text)
	}
	for _, text := range texts {
		*d = append(*d, strings.FieldsFunc(string(text), func(r rune) bool { return strings.ContainsRune(",; \t\r\n", r) })...)
	}
	return nil
}

// ErrNoRight marks the error of a portal that does not let the webhook read its calendar
// settings: the right calendar is missing, or the portal has no calendar.
var ErrNoRight = errors.New("the portal's calendar settings can't be read")

const settingsMethod = "calendar.settings.get"

// ReadSettings asks the portal for its calendar settings, in one request.
func ReadSettings(ctx context.Context, client *bitrix24.Client) (Settings, error) {
	answers, err := client.Batch(ctx, []bitrix24.Command{{Method: settingsMethod}})
	if err != nil {
		return Settings{}, err
	}
	if err := answers[0].Err; err != nil {
		refusal, ok := errors.AsType[*bitrix24.APIError](err)
		if ok && (strings.EqualFold(refusal.Code, bitrix24.CodeInsufficientScope) || strings.EqualFold(refusal.Code, "ERROR_METHOD_NOT_FOUND")) {
			return Settings{}, fmt.Errorf("%w: %w", ErrNoRight, err)
		}
		return Settings{}, err
	}
	var settings Settings
	if err := json.Unmarshal(answers[0].Result, &settings); err != nil {
		return Settings{}, fmt.Errorf("%s: %w", settingsMethod, err)
	}
	return settings, nil
}

// Weekend are the portal's weekly days off. They are no part of the list portal: the
// configuration says which days are off each week.
func (s Settings) Weekend() []time.Weekday {
	var weekend []time.Weekday
	for day := time.Sunday; day <= time.Saturday; day++ {
		for _, name := range s.WeekHolidays {
			if strings.EqualFold(name, day.String()[:2]) {
				weekend = append(weekend, day)
				break
			}
		}
	}
	return weekend
}

// portalSource is what the portal's days are from.
const portalSource = "the portal's calendar settings"

// portal is the list that the portal's settings make.
func (r *reader) portal() []Exception {
	if r.settings == nil {
		r.problems.add("", "calendar.lists: the list %s needs the portal's calendar settings, and they were not read", config.PortalList)
		return nil
	}
	c := r.collect(portalSource, portalSource)
	for _, part := range []struct {
		key, days string
		counts    bool
	}{{"year_holidays", r.settings.YearHolidays, false}, {"year_workdays", r.settings.YearWorkdays, true}} {
		for text := range strings.SplitSeq(part.days, ",") {
			if text = strings.TrimSpace(text); text == "" {
				continue
			}
			days, err := yearly(text)
			if err != nil {
				r.problems.addLine(portalSource, 0, "%s: %v; correct it there, on the portal", part.key, err)
				continue
			}
			for _, day := range days {
				if earlier, isThere := c.days[day]; isThere && earlier.Counts != part.counts {
					r.problems.addLine(portalSource, 0, "%s is in year_holidays and in year_workdays; take it out of one of them, on the portal", text)
					break
				}
				c.add(0, Exception{Day: day, Counts: part.counts})
			}
		}
	}
	return c.all()
}

// dayOfYear is a day and a month, and perhaps a year.
var dayOfYear = regexp.MustCompile(`^(\d{1,2})[./-](\d{1,2})(?:[./-](\d{4}))?$`)

// yearly are the dates of a day of the year, such as 8.03: one in each year, 29 February in
// leap years only. With a year it is one date.
func yearly(text string) ([]transform.Day, error) {
	match := dayOfYear.FindStringSubmatch(text)
	if match == nil {
		return nil, fmt.Errorf("%.40q is not a day and a month such as 8.03", text)
	}
	day, _ := strconv.Atoi(match[1])
	month, _ := strconv.Atoi(match[2])
	first, last := transform.FirstDay.Time().Year(), transform.LastDay.Time().Year()
	if match[3] != "" {
		first, _ = strconv.Atoi(match[3])
		last = first
	}
	var dates []transform.Day
	isDay := false
	for year := first; year <= last; year++ {
		date := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
		if date.Day() != day || date.Month() != time.Month(month) {
			continue
		}
		isDay = true
		if parsed, err := transform.ParseDay(date.Format(time.DateOnly)); err == nil {
			dates = append(dates, parsed)
		}
	}
	if !isDay {
		return nil, fmt.Errorf("%.40q is not a day of the year", text)
	}
	return dates, nil
}

package whatif

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"stagelag/config"
	"stagelag/extractor"
	"stagelag/transform"
)

// A Change is a key under which the other configuration says something else than that of the last published run.
type Change struct {
	Key       string `json:"key"`       // as in the configuration: plan.norms C5:DOCS
	Published string `json:"published"` // in words
	WhatIf    string `json:"what_if"`
}

// changes are what the other configuration says otherwise, by key.
func (s *source) changes() []Change {
	was, is := s.published.cfg, s.other.cfg
	list := []Change{}
	compare := func(key, before, now string) {
		if before != now {
			list = append(list, Change{key, before, now})
		}
	}
	compare("portal.time_zone", was.Portal.TimeZone.String(), is.Portal.TimeZone.String())
	compare("funnels", funnelsText(was.Funnels), funnelsText(is.Funnels))
	compareEach(compare, "plan.norms", normTexts(was.Plan.Norms), normTexts(is.Plan.Norms))
	compareEach(compare, "plan.fields", fieldTexts(was.Plan.Fields), fieldTexts(is.Plan.Fields))
	compareEach(compare, "stages.map", was.Stages.Map, is.Stages.Map)
	compareEach(compare, "stages.waiting", waitingTexts(was.Stages.Waiting), waitingTexts(is.Stages.Waiting))
	compare("visits.shortest", time.Duration(was.Visits.Shortest).String(), time.Duration(is.Visits.Shortest).String())
	compare("pauses.flag", none(string(was.Pauses.Flag)), none(string(is.Pauses.Flag)))
	compare("pauses.from", none(string(was.Pauses.From)), none(string(is.Pauses.From)))
	compare("pauses.until", none(string(was.Pauses.Until)), none(string(is.Pauses.Until)))
	calendars, others := &s.published.rules.Calendars, &s.other.rules.Calendars
	list = append(list, calendarChanges("calendar", calendars.Default, others.Default)...)
	funnels := maps.Clone(calendars.Funnels)
	if funnels == nil {
		funnels = map[extractor.FunnelID]transform.Calendar{}
	}
	maps.Copy(funnels, others.Funnels)
	for _, id := range slices.Sorted(maps.Keys(funnels)) {
		list = append(list, calendarChanges("calendar.funnels "+strconv.FormatUint(uint64(id), 10), calendars.Of(id), others.Of(id))...)
	}
	return list
}

// compareEach compares what is said of each stage.
func compareEach[T ~string](compare func(key, before, now string), key string, was, is map[extractor.StageID]T) {
	stages := map[extractor.StageID]bool{}
	for stage := range was {
		stages[stage] = true
	}
	for stage := range is {
		stages[stage] = true
	}
	for _, stage := range slices.Sorted(maps.Keys(stages)) {
		compare(key+" "+string(stage), none(string(was[stage])), none(string(is[stage])))
	}
}

func none(text string) string { return cmp.Or(text, "none") }

func funnelsText(funnels []extractor.FunnelID) string {
	var ids []string
	for _, id := range slices.Sorted(slices.Values(funnels)) {
		ids = append(ids, strconv.FormatUint(uint64(id), 10))
	}
	return cmp.Or(strings.Join(ids, ", "), "all")
}

// normTexts are the norms of each stage: 10 days, 7 from 2026-09-01.
func normTexts(norms []config.Norm) map[extractor.StageID]string {
	texts := map[extractor.StageID]string{}
	for _, norm := range slices.SortedFunc(slices.Values(norms), func(a, b config.Norm) int { return a.From.Compare(b.From) }) {
		text := fmt.Sprintf("%d days", norm.Days)
		if norm.Days == 1 {
			text = "1 day"
		}
		if !norm.From.IsZero() {
			text += " from " + day(norm.From)
		}
		texts[norm.Stage] = strings.TrimPrefix(texts[norm.Stage]+", "+text, ", ")
	}
	return texts
}

func fieldTexts(fields map[extractor.StageID]config.PlanFields) map[extractor.StageID]string {
	texts := map[extractor.StageID]string{}
	for stage, f := range fields {
		var named []string
		if f.Days != "" {
			named = append(named, "days "+string(f.Days))
		}
		if f.Date != "" {
			named = append(named, "date "+string(f.Date))
		}
		texts[stage] = strings.Join(named, ", ")
	}
	return texts
}

func waitingTexts(waiting []extractor.StageID) map[extractor.StageID]string {
	texts := map[extractor.StageID]string{}
	for _, stage := range waiting {
		texts[stage] = "waits"
	}
	return texts
}

// calendarChanges is the change of a calendar, if other dates count.
func calendarChanges(key string, was, is transform.Calendar) []Change {
	before, now := calendarText(was), calendarText(is)
	if before != now {
		return []Change{{key, before, now}}
	}
	for day := transform.FirstDay; day <= transform.LastDay; day++ {
		if was.Counts(day) != is.Counts(day) {
			return []Change{{key, before, "the same with other exceptions, the first on " + day.String()}}
		}
	}
	return nil
}

func calendarText(c transform.Calendar) string {
	working, ok := c.(*transform.WorkingDays)
	if !ok {
		return "every day counts"
	}
	var off []string
	for i := range 7 {
		if weekday := time.Weekday((i + 1) % 7); working.Weekend[weekday] {
			off = append(off, weekday.String()[:3])
		}
	}
	text := "all weekdays count"
	if len(off) > 0 {
		text = strings.Join(off, " and ") + " are off"
	}
	if n := len(working.Exceptions); n > 0 {
		text += fmt.Sprintf(", with %d exceptions", n)
	}
	return text
}

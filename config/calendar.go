package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"stagelag/calendar/lists"
	"stagelag/extractor"
)

// checkWaiting looks for stages that can't wait, and for plans that nothing asks for.
func (r *reader) checkWaiting(cfg *Config) {
	seen := map[extractor.StageID]bool{}
	for i, stage := range cfg.Stages.Waiting {
		path := "stages.waiting[" + strconv.Itoa(i) + "]"
		if r.isWrong(path) {
			continue
		}
		if seen[stage] {
			r.complain(r.places[path], path, "the stage %s is given twice", stage)
			continue
		}
		seen[stage] = true
		if now, isMapped := cfg.Stages.Map[stage]; isMapped {
			r.complain(r.places[path], path, "the stage %s counts as %s, see stages.map: name that one", stage, now)
		}
		if _, ok := cfg.Plan.Fields[stage]; ok {
			r.warnOfWaiting("plan.fields", stage)
		}
		if slices.ContainsFunc(cfg.Plan.Norms, func(n Norm) bool { return n.Stage == stage }) {
			r.warnOfWaiting("plan.norms", stage)
		}
	}
}

func (r *reader) warnOfWaiting(path string, stage extractor.StageID) {
	r.warnings = append(r.warnings, fmt.Sprintf("%s names the stage %s, which is in stages.waiting: its plan is not used", path, stage))
}

// checkCalendars checks the calendars and completes them: a weekend that is not set, the
// folder of files, and the places that complaints about them need later.
func (r *reader) checkCalendars(c *Calendar) {
	whole := c.Default()
	r.checkCalendar("calendar", &whole)
	c.Weekend, c.Lists, c.Place = whole.Weekend, whole.Lists, whole.Place
	if c.Kind == CalendarDays {
		r.refuseForCalendarDays("calendar", "funnels")
	}
	for _, funnel := range slices.Sorted(maps.Keys(c.Funnels)) {
		path, own := "calendar.funnels["+strconv.FormatUint(uint64(funnel), 10)+"]", c.Funnels[funnel]
		if r.isAbsent(path + ".kind") {
			if !r.isWrong(path) {
				r.complain(r.places[path], path+".kind", "not set; the funnel's calendar is a whole one, write calendar or working")
			}
			continue
		}
		r.checkCalendar(path, &own)
		c.Funnels[funnel] = own
	}
}

// checkCalendar checks one calendar, whose keys lie at path.
func (r *reader) checkCalendar(path string, c *FunnelCalendar) {
	c.Place = r.placeText(cmp.Or(r.places[path], r.places[path+".kind"]))
	switch {
	case r.isWrong(path + ".kind"):
		return
	case c.Kind == CalendarDays:
		for _, key := range []string{"weekend", "lists", "off", "work"} {
			r.refuseForCalendarDays(path, key)
		}
		return
	case r.isAbsent(path + ".weekend"):
		c.Weekend = []time.Weekday{time.Saturday, time.Sunday}
	}
	checkOnce(r, path+".weekend", c.Weekend, func(day time.Weekday) string { return weekdays[day] })
	if len(c.Weekend) == len(weekdays) {
		r.complain(r.places[path+".weekend"], path+".weekend", "names all seven days, and no day would count: leave some out")
	}
	r.checkLists(path+".lists", c.Lists)
	date := func(t time.Time) string { return t.Format(time.DateOnly) }
	checkOnce(r, path+".off", c.Off, date)
	checkOnce(r, path+".work", c.Work, date)
	for i, day := range c.Work {
		if key := path + ".work[" + strconv.Itoa(i) + "]"; slices.Contains(c.Off, day) && !r.isWrong(key) {
			r.complain(r.places[key], key, "%s is in %s.off as well, take it out of one of them", date(day), path)
		}
	}
}

// refuseForCalendarDays complains of a key that is set and would not be used.
func (r *reader) refuseForCalendarDays(path, key string) {
	if key = path + "." + key; !r.isAbsent(key) {
		r.complain(r.places[key], key, "every day counts with %s.kind calendar: set that to working, or leave this out", path)
	}
}

// checkOnce complains of what a list names twice.
func checkOnce[T comparable](r *reader, path string, items []T, show func(T) string) {
	seen := map[T]bool{}
	for i, item := range items {
		key := path + "[" + strconv.Itoa(i) + "]"
		if r.isWrong(key) {
			continue
		}
		if seen[item] {
			r.complain(r.places[key], key, "%s is given twice", show(item))
		}
		seen[item] = true
	}
}

func (r *reader) checkLists(path string, named []List) {
	known := append(lists.Names(), PortalList)
	checkOnce(r, path, named, func(l List) string { return l.Name })
	for i, list := range named {
		key := path + "[" + strconv.Itoa(i) + "]"
		if r.isWrong(key) {
			continue
		}
		named[i].Place = r.placeText(r.places[key])
		switch {
		case slices.Contains(known, list.Name):
		case !list.IsFile():
			r.complain(r.places[key], key, "there is no list %s, the nearest is %s; a file is named with its ending, such as company.csv", list.Name, Nearest(list.Name, known))
		default:
			named[i].Name = r.besideFile(list.Name)
		}
	}
}

// placeText is a place as complaints show it.
func (r *reader) placeText(at place) string {
	if at.line > 0 {
		return r.file + ":" + strconv.Itoa(at.line)
	}
	return at.variable
}

func (r *reader) checkPauses(p Pauses) {
	first := map[FieldName]string{}
	for _, field := range []struct {
		key  string
		name FieldName
	}{{"flag", p.Flag}, {"from", p.From}, {"until", p.Until}} {
		path := "pauses." + field.key
		if field.name == "" {
			continue
		}
		if earlier, isTaken := first[field.name]; isTaken {
			r.complain(r.places[path], path, "%s is the field of %s already", field.name, earlier)
		}
		first[field.name] = path
	}
	if p.Until != "" && r.isAbsent("pauses.from") {
		r.complain(r.places["pauses.until"], "pauses.until", "a pause that ends has to begin, set pauses.from as well")
	}
}

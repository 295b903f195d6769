package setup

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"stagelag/bitrix24"
	"stagelag/extractor"
	"stagelag/locale"
	"stagelag/plain"
)

// A Site is what a configuration says of the portal beside the stages.
type Site struct {
	Host     string
	TimeZone string
	// IsZoneGuessed is whether nobody has said which zone it is.
	IsZoneGuessed bool
	Limits        bitrix24.Limits
	// URL is the webhook's address, for a file that holds it; empty for one that refers to
	// the variable STAGELAG_PORTAL_URL.
	URL string
}

// File is a new configuration, with comments in the language of the printer.
func File(l *locale.Printer, site Site, portal extractor.Description, p Proposal) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	// remark writes a comment of one line or more.
	remark := func(indent, text string) {
		for part := range strings.SplitSeq(text, "\n") {
			line("%s# %s", indent, part)
		}
	}
	remark("", l.Sprintf("Proposed by stagelag init for %s. Change what you like: called again, it adds\nwhat is new on the portal, and leaves everything else as it is.", plain.Text(site.Host, 0)))
	line("")
	line("portal:")
	if site.URL == "" {
		remark("  ", l.Text("The webhook's address is a password: it is kept in the environment."))
		line("  url: ${STAGELAG_PORTAL_URL}")
	} else {
		remark("  ", l.Text("The webhook's address is a password: nobody else may read this file."))
		line("  url: %s", quote(site.URL))
	}
	if site.IsZoneGuessed {
		remark("  ", l.Text("The zone of all dates: guessed from the portal's server, check it."))
	} else {
		remark("  ", l.Text("The zone of all dates."))
	}
	line("  time_zone: %s", quote(site.TimeZone))
	remark("  ", l.Text("standard (2 requests a second, burst 50), enterprise (5, 250) or none (self-hosted)."))
	line("  limits: %s", site.Limits)
	line("")
	remark("", l.Text("The funnels to read; all of them when this is left out."))
	line("funnels:")
	for _, funnel := range portal.Funnels {
		line("  - %d%s", funnel.ID, comment(funnel.Name))
	}
	line("")
	remark("", l.Text("How many days a stage is given."))
	line("plan:")
	remark("  ", l.Text("The fields of the deal that carry it: a number of days, or the last day on time."))
	if isAny := writeFields(&b, l, p); !isAny {
		remark("  ", l.Text("No field's name speaks of a stage. One would stand here as"))
		remark("  ", "  \"C5:DOCS\": {days: UF_CRM_DOCS_DAYS, date: UF_CRM_DOCS_DUE}")
		line("  fields: {}")
	}
	if len(p.Unused) > 0 {
		remark("    ", l.Text("Other fields that may hold a plan:"))
		for _, field := range p.Unused {
			line("    #   %s%s", field.Name, comment(field.Title))
		}
	}
	remark("  ", l.Text("What holds where the deal carries none: take the # away and set the days."))
	if p.HasNorms() {
		remark("  ", l.Text("With visits behind it a norm comes from the portal's history: four in five ended within these days."))
	}
	if slices.ContainsFunc(p.Stages, func(s Stage) bool { return s.Norm == nil }) {
		remark("  ", l.Text("7 without visits behind it is only a placeholder: stagelag norms --yaml proposes norms after the first run."))
	}
	line("  norms:")
	for _, stage := range p.Stages {
		days, remark := int32(7), stage.Funnel.Name+": "+stage.Name
		if stage.Norm != nil {
			days, remark = *stage.Norm, stage.Funnel.Name+": "+stage.NormReason
		}
		line("  # %s", NormLine(stage.ID, days, remark))
	}
	line("")
	if len(p.Waiting) > 0 {
		line("stages:")
		remark("  ", l.Text("Stages in which a deal waits for somebody else have no plan, and nothing in them is late.\nThese seem to be some: take the # away from those that are."))
		line("  waiting:")
		for _, stage := range p.Waiting {
			line("  # - %s%s", quote(string(stage.ID)), comment(stage.Funnel.Name+": "+stage.Name))
		}
		line("")
	}
	if found := p.Pauses.Found(); len(found) > 0 {
		remark("", l.Text("Days on which a deal is paused don't count: those between two dates, and those on which a\nyes/no field is set."))
		line("pauses:")
		for _, pause := range found {
			line("  %s: %s%s", pause.Key, pause.Field.Name, comment(pause.Field.Title))
		}
		line("")
	}
	if len(p.Dimensions) > 0 {
		remark("", l.Text("Lists by which deals can be grouped, under names of your own: take the # away from those that matter."))
		line("dimensions:")
		for _, field := range p.Dimensions {
			line("  # %s: %s%s", dimensionName(field), field.Name, comment(field.Title))
		}
		line("")
	}
	line("schedule:")
	remark("  ", l.Text("Minute, hour, day, month, weekday, on the clocks of portal.time_zone."))
	line("  cron: \"30 2 * * *\"")
	return b.String()
}

// dimensionName is a name for a field: what stands behind the UF_CRM_ of its own.
func dimensionName(f Field) string {
	return strings.ToLower(strings.TrimPrefix(strings.TrimPrefix(f.Name, "UF_"), "CRM_"))
}

func writeFields(b *strings.Builder, l *locale.Printer, p Proposal) (isAny bool) {
	funnel := ""
	for _, stage := range p.Stages {
		if stage.HasField() {
			if !isAny {
				fmt.Fprintln(b, "  fields:")
				isAny = true
			}
			if name := stage.Funnel.Name; name != funnel {
				funnel = name
				fmt.Fprintf(b, "    # %s\n", bare(name))
			}
			fmt.Fprintf(b, "    %s%s\n", entry(stage), comment(reason(stage)))
		}
		for _, field := range stage.Unsure {
			if isAny {
				fmt.Fprintf(b, "    # %s%s\n", l.Sprintf("%s: perhaps %s, as good as another", bare(stage.Name), field.Name), comment(field.Title))
			}
		}
	}
	return isAny
}

// entry is the line of a stage in plan.fields.
func entry(stage Stage) string {
	var parts []string
	if stage.Days.Name != "" {
		parts = append(parts, "days: "+stage.Days.Name)
	}
	if stage.Date.Name != "" {
		parts = append(parts, "date: "+stage.Date.Name)
	}
	return fmt.Sprintf("%s: {%s}", quote(string(stage.ID)), strings.Join(parts, ", "))
}

// reason is why the fields were taken for those of the stage.
func reason(stage Stage) string {
	var titles []string
	for _, field := range []Field{stage.Days, stage.Date} {
		if field.Name != "" {
			titles = append(titles, field.Title)
		}
	}
	return stage.Name + " <- " + strings.Join(titles, ", ")
}

// comment is a text behind a #. It can't end the line that it is on.
func comment(text string) string {
	if text = bare(text); text == "" {
		return ""
	}
	return "  # " + text
}

func bare(text string) string { return strings.TrimSpace(plain.Text(text, 100)) }

// quote is a text as YAML reads it back, whatever it holds. ${ would be a variable.
func quote(text string) string {
	return strconv.Quote(strings.ReplaceAll(text, "${", "$${"))
}

// russianZones are the zones of the offsets, in hours, that portals' servers and people in
// Russia keep.
var russianZones = map[int]string{
	2: "Europe/Kaliningrad", 3: "Europe/Moscow", 4: "Europe/Samara", 5: "Asia/Yekaterinburg", 6: "Asia/Omsk", 7: "Asia/Krasnoyarsk",
	8: "Asia/Irkutsk", 9: "Asia/Yakutsk", 10: "Asia/Vladivostok", 11: "Asia/Magadan", 12: "Asia/Kamchatka",
}

// GuessZone is the zone that an offset probably stands for, empty where it says nothing: other
// countries share it, and change their clocks.
func GuessZone(host string, at time.Time) string {
	name := strings.ToLower(host)
	if h, _, ok := strings.Cut(name, ":"); ok {
		name = h
	}
	_, offset := at.Zone()
	switch {
	case offset == 0:
		return "UTC"
	case offset == 3*60*60 || strings.HasSuffix(name, ".ru"):
		return russianZones[offset/3600]
	default:
		return ""
	}
}

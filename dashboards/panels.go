package dashboards

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/barchart"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// The units. Grafana's own unit for days turns 45 days into 1.5 months, so a day is a
// whole number with a suffix.
const (
	count = "none"
	share = "percentunit"
	day   = "day"  // a date as it is written in the language
	axis  = "axis" // the same, short
)

func (b *board) days() string { return "suffix:" + b.say("unit.days") }

// A column is how a field is shown: by its name in the statement.
type column struct {
	name  string
	unit  string // empty: text
	color string
	as    func(*board) []dashboard.DynamicConfigValue
	// isLink is whether the column is there for the links of its row only.
	isLink bool
}

// forLinks is a column that is not shown.
func forLinks(name string) column { return column{name: name, as: hidden, isLink: true} }

func (b *board) overrides(columns []column) []cog.Builder[dashboard.DashboardFieldConfigSourceOverrides] {
	var all []cog.Builder[dashboard.DashboardFieldConfigSourceOverrides]
	for _, c := range columns {
		var properties []dashboard.DynamicConfigValue
		if !c.isLink {
			properties = []dashboard.DynamicConfigValue{
				{Id: "displayName", Value: b.say("column." + c.name)},
				// The panel's own text for no value is for panels without an answer.
				{Id: "noValue", Value: absent},
			}
		}
		unit := c.unit
		switch c.unit {
		case "days":
			unit = b.days()
		case day:
			unit = b.say("date.unit")
		case axis:
			unit = b.say("date.axis")
		}
		if unit != "" {
			properties = append(properties, dashboard.DynamicConfigValue{Id: "unit", Value: unit})
		}
		if c.color != "" {
			properties = append(properties, dashboard.DynamicConfigValue{Id: "color", Value: map[string]any{"mode": "fixed", "fixedColor": c.color}})
		}
		if c.as != nil {
			properties = append(properties, c.as(b)...)
		}
		if isBar(properties) && unit != share {
			if unit == count {
				unit = "suffix:"
			}
			properties = append(properties, dashboard.DynamicConfigValue{Id: "unit", Value: unit + barScale})
		}
		all = append(all, dashboard.NewDashboardFieldConfigSourceOverridesBuilder().
			Matcher(dashboard.MatcherConfig{Id: "byName", Options: c.name}).Properties(properties))
	}
	return all
}

// absent is how a value that there is not is shown.
const absent = "—"

// hidden keeps a column for the links of its row.
func hidden(*board) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{{Id: "custom.hideFrom.viz", Value: true}}
}

// width is in pixels.
func width(pixels int) dashboard.DynamicConfigValue {
	return dashboard.DynamicConfigValue{Id: "custom.width", Value: pixels}
}

// cut shows the beginning of a long text, so that each row is one line.
func cut(*board) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{{Id: "custom.minWidth", Value: 130}}
}

// flexible gives a column the room that is left, and at least so many pixels.
func flexible(as func(*board) []dashboard.DynamicConfigValue, pixels int) func(*board) []dashboard.DynamicConfigValue {
	return func(b *board) []dashboard.DynamicConfigValue {
		room := dashboard.DynamicConfigValue{Id: "custom.minWidth", Value: pixels}
		if as == nil {
			return []dashboard.DynamicConfigValue{room}
		}
		return append(as(b), room)
	}
}

// named gives a column a name other than its usual one.
func named(key string) func(*board) []dashboard.DynamicConfigValue {
	return func(b *board) []dashboard.DynamicConfigValue {
		return []dashboard.DynamicConfigValue{{Id: "displayName", Value: b.say(key)}}
	}
}

// wide gives a column of a table its width.
func wide(pixels int) func(*board) []dashboard.DynamicConfigValue {
	return func(*board) []dashboard.DynamicConfigValue { return []dashboard.DynamicConfigValue{width(pixels)} }
}

// days is a column whose name says which days it counts, in more than one line where it is narrow.
func days(pixels int) func(*board) []dashboard.DynamicConfigValue {
	return func(*board) []dashboard.DynamicConfigValue {
		return []dashboard.DynamicConfigValue{width(pixels), {Id: "custom.wrapHeaderText", Value: true}}
	}
}

// narrow is a column of small numbers, whose name goes on in the next line.
func narrow(pixels int) func(*board) []dashboard.DynamicConfigValue {
	return func(*board) []dashboard.DynamicConfigValue {
		return []dashboard.DynamicConfigValue{width(pixels), {Id: "custom.wrapHeaderText", Value: true}}
	}
}

// sized gives a column that looks like something its width too.
func sized(as func(*board) []dashboard.DynamicConfigValue, pixels int) func(*board) []dashboard.DynamicConfigValue {
	return func(b *board) []dashboard.DynamicConfigValue { return append(as(b), width(pixels)) }
}

// bar shows a number of a table as a bar as well, against the largest of its column.
func bar(*board) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{
		{Id: "custom.cellOptions", Value: map[string]any{"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}},
		{Id: "custom.wrapHeaderText", Value: true},
		{Id: "fieldMinMax", Value: true},
		{Id: "min", Value: 0},
	}
}

// barScale stands behind the numbers of bars. Grafana 12.3 makes the largest bar as wide as its cell less the number, forgets
// the padding of the cell, and cuts what is too wide: the largest bars would look the same. It measures blanks at the
// end of a number and does not draw them; three are as wide as the padding.
const barScale = "   "

func isBar(properties []dashboard.DynamicConfigValue) bool {
	return slices.ContainsFunc(properties, func(p dashboard.DynamicConfigValue) bool {
		look, _ := p.Value.(map[string]any)
		return p.Id == "custom.cellOptions" && look["type"] == "gauge"
	})
}

// spoken shows the words for the values of a column, coloured by their meaning. Without a width
// they may be sentences, which go on in the next line.
func spoken(kind string, pixels int) func(*board) []dashboard.DynamicConfigValue {
	return func(b *board) []dashboard.DynamicConfigValue {
		properties := []dashboard.DynamicConfigValue{{Id: "mappings", Value: []dashboard.ValueMapping{absentIsADash(), b.words(kind, besideLinks)}}}
		cell := map[string]any{"type": "auto"}
		if slices.ContainsFunc(vocabulary[kind], func(w word) bool { return w.color != "" }) {
			cell["type"] = "color-text"
		}
		if pixels > 0 {
			properties = append(properties, width(pixels))
		} else {
			cell["wrapText"] = true
		}
		return append(properties, dashboard.DynamicConfigValue{Id: "custom.cellOptions", Value: cell})
	}
}

// folded shows the words in a column of a width, in which they go on in the next line.
func folded(kind string, pixels int) func(*board) []dashboard.DynamicConfigValue {
	return sized(spoken(kind, 0), pixels)
}

// spokenOn shows the words for the values of a column, in the colours of areas.
func spokenOn(kind string) func(*board) []dashboard.DynamicConfigValue {
	return func(b *board) []dashboard.DynamicConfigValue {
		same := func(color string) string { return color }
		return []dashboard.DynamicConfigValue{{Id: "mappings", Value: []dashboard.ValueMapping{b.words(kind, same)}}} // no value is no bar
	}
}

// wrapped lets a long text go on in the next line.
func wrapped(*board) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{{Id: "custom.cellOptions", Value: map[string]any{"type": "auto", "wrapText": true}}, {Id: "custom.minWidth", Value: 110}}
}

// whole lets a text that a column shows in its own way go on in the next line: names that begin alike would look the same
// where they are cut.
func whole(as func(*board) []dashboard.DynamicConfigValue) func(*board) []dashboard.DynamicConfigValue {
	return func(b *board) []dashboard.DynamicConfigValue {
		return append(as(b), dashboard.DynamicConfigValue{Id: "custom.cellOptions", Value: map[string]any{"type": "auto", "wrapText": true}})
	}
}

// date shows a day without its time.
func date(*board) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{width(92), {Id: "custom.wrapHeaderText", Value: true}}
}

// kept is what a link takes along: the variables. A link that keeps the range says so.
var kept = keptBut("")

const keptRange = "&${__url_time_range}"

// keptBut is that without some variables, which the link sets itself.
func keptBut(set ...string) string {
	var parameters strings.Builder
	for _, c := range append(slices.Clone(choices), choice{name: "shown"}) {
		if !slices.Contains(set, c.name) {
			parameters.WriteString("&${" + c.name + ":queryparam}")
		}
	}
	return parameters.String()
}

// link leads a column to a dashboard.
func (b *board) link(key, board, parameters string) dashboard.DynamicConfigValue {
	return dashboard.DynamicConfigValue{Id: "links", Value: []map[string]any{{"title": b.say(key), "url": "/d/" + UID(board, b.lang) + "?" + parameters}}}
}

// toDeal links a column to the dashboard of the deal in deal_id.
func toDeal(b *board) []dashboard.DynamicConfigValue {
	return append(cut(b), b.link("link.deal", "deal", "var-deal=${__data.fields.deal_id}"+kept))
}

// toDealOfRange does so for a row that has the range of the deal.
func toDealOfRange(b *board) []dashboard.DynamicConfigValue {
	return append(cut(b), b.link("link.deal", "deal", "var-deal=${__data.fields.deal_id}&from=${__data.fields.deal_from}&to=${__data.fields.deal_to}"+kept))
}

// toBoard links a column to a dashboard of the funnel, the stage or the manager that the row has the ID of.
func toBoard(name, kind string) func(*board) []dashboard.DynamicConfigValue {
	return func(b *board) []dashboard.DynamicConfigValue {
		return append(cut(b), b.link("link."+name, name, "var-"+kind+"=${__data.fields."+kind+"_id}"+keptBut(kind)+keptRange))
	}
}

// aWeek is a range of seven whole days around a moment, in milliseconds.
const aWeek = "&time.window=604799998"

// toWeek links a bar to the quality report of its seven days.
func toWeek(b *board) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{b.link("link.week", "quality", "time=${__data.fields.week_moment}"+aWeek+kept)}
}

// toMonth links a bar to the quality report of its month.
func toMonth(b *board) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{b.link("link.month", "quality", "from=${__data.fields.month_from}&to=${__data.fields.month_to}"+kept)}
}

// midnight is that of a date on the boards' clock, in milliseconds, with so many more.
func midnight(date string, more int) string {
	return fmt.Sprintf("toString(toInt64(toUnixTimestamp(toDateTime(assumeNotNull(%s), 'UTC'))) * 1000 + %d)", date, more)
}

// toBucket links a bar to the list of the same dashboard, of its bucket.
func toBucket(name string) func(*board) []dashboard.DynamicConfigValue {
	return func(b *board) []dashboard.DynamicConfigValue {
		return []dashboard.DynamicConfigValue{b.link("link."+name, b.name, "var-"+name+"=${__data.fields."+name+"_from}"+kept+keptRange)}
	}
}

// heat colours a number, zero apart from little, and links it to the quality report of its stage and its seven days.
func heat(ago int) func(*board) []dashboard.DynamicConfigValue {
	return func(b *board) []dashboard.DynamicConfigValue {
		return []dashboard.DynamicConfigValue{
			{Id: "custom.cellOptions", Value: map[string]any{"type": "color-background", "mode": "basic"}},
			{Id: "thresholds", Value: dashboard.ThresholdsConfig{Mode: dashboard.ThresholdsModeAbsolute, Steps: levels}},
			{Id: "color", Value: map[string]any{"mode": "thresholds"}},
			{Id: "custom.align", Value: "center"}, width(62),
			b.link("link.week", "quality", "var-stage=${__data.fields.stage_id}&time=${__data.fields.moment_"+strconv.Itoa(ago)+"}"+aWeek+keptBut("funnel", "stage")),
		}
	}
}

// plus writes a difference with its sign.
func plus(difference string) string {
	return "concat(if(" + difference + " > 0, '+', ''), replaceOne(toString(" + difference + "), '-', '−'))"
}

// change colours a difference where more is worse. It says the whole text: Grafana reads one with a plus as a number, and
// shows that without its sign.
func change(b *board) []dashboard.DynamicConfigValue {
	colored := func(pattern, color string) dashboard.ValueMapping {
		return dashboard.ValueMapping{RegexMap: &dashboard.RegexMap{Type: dashboard.MappingTypeRegexToText,
			Options: dashboard.DashboardRegexMapOptions{Pattern: pattern, Result: dashboard.ValueMappingResult{Text: new("$1"), Color: new(color)}}}}
	}
	return []dashboard.DynamicConfigValue{{Id: "mappings", Value: []dashboard.ValueMapping{absentIs(b.say("no.value")), colored("^([+].+)$", lateText), colored("^(−.+)$", onTimeText), colored("^(0)$", plainText)}}}
}

// toPortal shows an address of the portal as a short link.
func toPortal(b *board) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{
		{Id: "links", Value: []map[string]any{{"title": b.say("link.portal"), "url": "${__value.raw}", "targetBlank": true}}},
		{Id: "mappings", Value: []dashboard.ValueMapping{{RegexMap: &dashboard.RegexMap{
			Type: dashboard.MappingTypeRegexToText,
			Options: dashboard.DashboardRegexMapOptions{
				Pattern: ".+", Result: dashboard.ValueMappingResult{Text: new("↗")},
			},
		}}}},
		width(68),
	}
}

// state says first what the data is of and how fresh it is, loudly where it is not the newest, old, or without the last
// run, which failed. It names what is chosen in the menu: nobody would see it else. The portal's zone comes with the first
// published run: before it, a time says that it is in UTC.
func (b *board) state(hidden []string) {
	word := func(pattern, key, color string) dashboard.ValueMapping {
		return dashboard.ValueMapping{RegexMap: &dashboard.RegexMap{
			Type:    dashboard.MappingTypeRegexToText,
			Options: dashboard.DashboardRegexMapOptions{Pattern: pattern, Result: dashboard.ValueMappingResult{Text: new(b.say(key)), Color: new(color)}},
		}}
	}
	day := strings.ReplaceAll(b.say("date.format.long"), "-", "\u2060-\u2060") // a telephone would go on in the next line within a date
	moment := func(of string) string {
		return "formatDateTime(toTimeZone(" + of + ", ${zone:singlequote}), '" + day + " %H:%i')"
	}
	var only []string
	for _, name := range hidden {
		only = append(only, "if($__conditionalAll(1 = 0, $"+name+"), '', '"+b.say("state.only."+name)+"')")
	}
	date := func(of string) string { return "formatDateTime(" + of + ", '" + day + "')" }
	b.builder.WithPanel(stat.NewPanelBuilder().
		Id(b.nextID()).GridPos(b.place(24, 2)).
		Description(b.say("state.about")).Transparent(true).
		Datasource(source()).WithTarget(b.ask(`
SELECT concat(said, if(said LIKE 'none%' OR said LIKE 'first%' OR only = '', '', concat(' · `+b.say("state.only")+`', only))) AS state
FROM
(
  SELECT arrayStringConcat(arrayFilter(name -> name != '', [`+strings.Join(only, ", ")+`]), ', ') AS only, multiIf(
      as_of IS NULL, if(last = 'failed', concat('first ', `+moment("assumeNotNull(ended)")+`, ' UTC'), 'none'),
      `+shownOn+` != '', concat('then ', `+date("toDateOrZero(replaceOne("+shownOn+", 'shown on ', ''))")+`, ' ', `+date("assumeNotNull(as_of)")+`),
      last = 'failed', concat('failed ', `+date("assumeNotNull(as_of)")+`, ' ', `+moment("assumeNotNull(ended)")+`),
      published < now() - INTERVAL 26 HOUR, concat('old ', `+date("assumeNotNull(as_of)")+`, ' ', toString(dateDiff('hour', published, now()))),
      NOT is_planned, concat('planless ', `+date("assumeNotNull(as_of)")+`),
      concat('now ', `+date("assumeNotNull(as_of)")+`, ' ', `+moment("published")+`)) AS said
  FROM
  (
    SELECT maxOrNullIf(runs.as_of, status = 'published') AS as_of, argMaxIf(toString(status), run_id, status IN ('published', 'failed')) AS last,
      argMaxIf(finished_at, run_id, status = 'failed') AS ended, assumeNotNull(maxIf(finished_at, status = 'published')) AS published,
      (SELECT count() FROM (SELECT 1 FROM visits_now WHERE plan_source != 'none' LIMIT 1)) > 0 AS is_planned
    FROM runs
  )
)`, rows)).
		Unit("string").NoValue(b.say("no.answer.panel")).
		Mappings([]dashboard.ValueMapping{
			word("^now ([^ ]+) ([^·]+?)( · .+)?$", "state.now", "transparent"), word("^then ([^ ]+) ([^·]+?)( · .+)?$", "state.then", notice),
			word("^failed ([^ ]+) ([^·]+?)( · .+)?$", "state.failed", alarm), word("^first (.+)$", "state.first", alarm),
			word("^old ([^ ]+) ([^·]+?)( · .+)?$", "state.old", alarm), word("^planless ([^·]+?)( · .+)?$", "state.planless", notice), word("^none$", "state.empty", notice),
		}).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdFixed).FixedColor(alarm)).
		Thresholds(plain()).
		ColorMode(common.BigValueColorModeBackgroundSolid).GraphMode(common.BigValueGraphModeNone).
		TextMode(common.BigValueTextModeValue).Orientation(common.VizOrientationAuto).JustifyMode(common.BigValueJustifyModeCenter).
		Text(common.NewVizTextDisplayOptionsBuilder().ValueSize(18)).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Values(false).Fields("/.*/").Calcs([]string{"lastNotNull"})).
		Overrides(b.overrides([]column{{name: "state"}})))
}

// stat shows the columns of one row, large.
func (b *board) stat(key string, w, h uint32, sql string, columns ...column) {
	p := stat.NewPanelBuilder().
		Id(b.nextID()).GridPos(b.place(w, h)).
		Title(b.say(key)).Description(b.say(key + ".about")).
		Datasource(source()).WithTarget(b.ask(sql, rows, columns...)).
		Unit(count).NoValue(b.say("no.answer")).Mappings([]dashboard.ValueMapping{absentIs(b.say("no.value"))}).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdFixed).FixedColor(plainText)).
		Thresholds(plain()).
		ColorMode(common.BigValueColorModeValue).GraphMode(common.BigValueGraphModeNone).
		TextMode(textMode(columns)).Orientation(common.VizOrientationAuto).WideLayout(false).JustifyMode(common.BigValueJustifyModeCenter).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Values(false).Fields("/.*/").Calcs([]string{"lastNotNull"})).
		Overrides(b.overrides(readable(columns, b.say("no.value"))))
	if len(columns) > 1 { // the longest name would make all texts tiny
		p.Text(common.NewVizTextDisplayOptionsBuilder().TitleSize(12).ValueSize(24))
	}
	b.builder.WithPanel(p)
}

// readable gives columns the colours of texts, and a word where there is no value: a dash of that size is a bar.
func readable(columns []column, none string) []column {
	list := slices.Clone(columns)
	for i, c := range list {
		as, color := c.as, legible(c.color)
		list[i].color = ""
		list[i].as = func(b *board) []dashboard.DynamicConfigValue {
			properties := []dashboard.DynamicConfigValue{{Id: "noValue", Value: none}}
			if color != "" && color != plainText { // nothing late is no bad news
				properties = append(properties, fromOne(color)...)
			}
			if as != nil {
				properties = append(properties, as(b)...)
			}
			return properties
		}
	}
	return list
}

func textMode(columns []column) common.BigValueTextMode {
	if len(columns) == 1 {
		return common.BigValueTextModeValue
	}
	return common.BigValueTextModeValueAndName
}

// plain has no thresholds: a colour here is a meaning, not a level.
func plain() cog.Builder[dashboard.ThresholdsConfig] {
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).
		Steps([]dashboard.Threshold{{Color: neutral}})
}

// fromOne gives a number a colour from 1 on.
func fromOne(color string) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{
		{Id: "thresholds", Value: dashboard.ThresholdsConfig{Mode: dashboard.ThresholdsModeAbsolute, Steps: []dashboard.Threshold{{Color: plainText}, {Color: color, Value: new(1.0)}}}},
		{Id: "color", Value: map[string]any{"mode": "thresholds"}},
	}
}

// zero is late above 0: for counts of violations.
func zero(*board) []dashboard.DynamicConfigValue {
	return append(fromOne(lateText), dashboard.DynamicConfigValue{Id: "custom.cellOptions", Value: map[string]any{"type": "color-text"}})
}

// table lists rows.
func (b *board) table(key string, w, h uint32, sql string, columns ...column) {
	sql, columns = b.noted(key, sql, columns)
	b.builder.WithPanel(table.NewPanelBuilder().
		Id(b.nextID()).GridPos(b.place(w, h)).
		Title(b.say(key)).Description(b.say(key + ".about")).
		Datasource(source()).WithTarget(b.ask(sql, rows, columns...)).
		Unit(count).NoValue(b.say("no.answer.panel")).Mappings([]dashboard.ValueMapping{absentIsADash()}).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdFixed).FixedColor(plainText)).
		Thresholds(plain()).
		Overrides(b.overrides(columns)))
}

// What stands in the first column of texts of a table that has no rows: why there are none. Grafana shows nothing but the
// heads of such a table, and an answer that failed has no heads.
const (
	nothingFound = "stagelag: nothing found"
	noRunYet     = "stagelag: no run yet"
)

// noted has a statement give one row where it has none, with a word that says why.
func (b *board) noted(key, sql string, columns []column) (string, []column) {
	isText := func(c column) bool { return c.unit == "" && !c.isLink }
	at := slices.IndexFunc(columns, func(c column) bool { return isText(c) && !b.hasWidth(c) })
	if at < 0 {
		at = slices.IndexFunc(columns, isText)
	}
	return b.notedIn(at, key, sql, columns)
}

// notedIn has the word in a column of texts.
func (b *board) notedIn(at int, key, sql string, columns []column) (string, []column) {
	sql = withNote(columns, at, "'"+noRunYet+"'", "'"+nothingFound+"'", sql)
	columns = slices.Clone(columns)
	as := columns[at].as
	columns[at].as = func(b *board) []dashboard.DynamicConfigValue {
		notes := b.notes(key, nil)
		var properties []dashboard.DynamicConfigValue
		if as != nil {
			properties = as(b)
		}
		for i, p := range properties {
			if list, isMapped := p.Value.([]dashboard.ValueMapping); isMapped {
				properties[i].Value = append(list, notes)
				return properties
			}
		}
		return append(properties, dashboard.DynamicConfigValue{Id: "mappings", Value: []dashboard.ValueMapping{absentIsADash(), notes}})
	}
	return sql, columns
}

// notedAsSeries has the sentence itself as the name of a series without values, which the legend shows: Grafana maps
// values, and no names. The first column is the time or the day, the second the name, the third the value.
func (b *board) notedAsSeries(key, sql string, columns ...string) string {
	var list []column
	for _, name := range columns {
		list = append(list, column{name: name})
	}
	return withNote(list, 1, "'"+b.say("note.no_run")+"'", "'"+b.say(key+".empty")+"'", sql)
}

// noteOf gives the series that says why there are no others the colour of nothing.
func (b *board) noteOf(key string) cog.Builder[dashboard.DashboardFieldConfigSourceOverrides] {
	sentences := regexp.QuoteMeta(b.say("note.no_run")) + "|" + regexp.QuoteMeta(b.say(key+".empty"))
	return dashboard.NewDashboardFieldConfigSourceOverridesBuilder().
		Matcher(dashboard.MatcherConfig{Id: "byRegexp", Options: "/^(" + sentences + ")$/"}).
		Properties([]dashboard.DynamicConfigValue{{Id: "color", Value: map[string]any{"mode": "fixed", "fixedColor": noPlan}}})
}

// withNote has a statement give one row where it has none, in which a column says why.
func withNote(columns []column, at int, noRun, nothing, sql string) string {
	list, nullable := make([]string, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		list[i], nullable[i] = c.name, "toNullable("+c.name+") AS "+c.name
		switch {
		case c.name == "time": // where there is nothing, the note goes from the beginning of the period on
			list[i] = "ifNull(time, toDateTime(intDiv(${__from}, 1000), 'UTC')) AS time"
		case c.name == "day":
			list[i] = "ifNull(day, " + periodTo + ") AS day"
		case i == at:
			list[i] = "if(place IS NULL, if(" + asOf + " IS NULL, " + noRun + ", " + nothing + "), " + c.name + ") AS " + c.name
		}
	}
	sql = strings.TrimSpace(sql)
	if !strings.Contains(sql[strings.LastIndex(sql, "\n"):], "LIMIT ") {
		sql += "\nLIMIT 10000" // the engine would drop the order of a subquery without a limit
	}
	return `
SELECT ` + strings.Join(list, ", ") + `
FROM (SELECT 1 AS one) AS o
LEFT JOIN
(
SELECT ` + strings.Join(nullable, ", ") + `, 1 AS one, toNullable(rowNumberInAllBlocks()) AS place
FROM
(
` + sql + `
)
) AS r USING one
ORDER BY place`
}

// notes are the sentences for the words that say why there are no rows, in a colour where one is given.
func (b *board) notes(key string, color *string) dashboard.ValueMapping {
	return dashboard.ValueMapping{ValueMap: &dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: map[string]dashboard.ValueMappingResult{
		nothingFound: {Text: new(b.say(key + ".empty")), Color: color}, noRunYet: {Text: new(b.say("note.no_run")), Color: color},
	}}}
}

// onlyNotes has a column of a chart show the sentences, and another text where there is no value.
func (c *column) onlyNotes(key, none string) {
	c.as = func(b *board) []dashboard.DynamicConfigValue {
		mappings := []dashboard.ValueMapping{b.notes(key, new(noPlan))}
		if none != "" {
			mappings = append(mappings, absentIs(none))
		}
		return []dashboard.DynamicConfigValue{{Id: "mappings", Value: mappings}}
	}
}

// hasWidth is whether a column does not take the room that is left, in which a sentence can be read.
func (b *board) hasWidth(c column) bool {
	return c.as != nil && slices.ContainsFunc(c.as(b), func(p dashboard.DynamicConfigValue) bool { return p.Id == "custom.width" })
}

// A look is how a time series is drawn.
type look struct {
	unit     string
	isBars   bool
	isStack  bool
	fromZero bool
}

// trend draws columns, or with as = series the texts of a column, over time.
func (b *board) trend(key string, w, h uint32, as format, l look, sql string, columns ...column) {
	if as == series {
		sql = b.notedAsSeries(key, sql, "time", "name", columns[0].name)
	}
	unit := l.unit
	if unit == "days" {
		unit = b.days()
	}
	p := timeseries.NewPanelBuilder().
		Id(b.nextID()).GridPos(b.place(w, h)).
		Title(b.say(key)).Description(b.say(key + ".about")).
		Datasource(source()).WithTarget(b.ask(sql, as)).
		Unit(unit).NoValue(b.say("no.answer.chart")).
		Thresholds(plain()).
		LineWidth(2).ShowPoints(common.VisibilityModeNever).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(as == series || len(columns) != 1).DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom)).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending)).
		Overrides(append(b.overrides(append(columns, timeAxis)), b.noteOf(key)))
	if unit != share {
		p.Decimals(0)
	} else {
		p.Max(1)
	}
	if l.fromZero {
		p.Min(0)
	}
	if l.isBars {
		p.DrawStyle(common.GraphDrawStyleBars).FillOpacity(80).LineWidth(0).BarAlignment(common.BarAlignmentAfter)
	}
	if as == series {
		p.DisplayName("${__field.labels.name}")
		// Shades of one colour: the others mean late, on time and no plan.
		p.ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdShades).FixedColor(neutral))
	}
	if l.isStack {
		p.Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal).Group("A")).FillOpacity(70).LineWidth(1)
	}
	b.builder.WithPanel(p)
}

// bars draws columns for each text of the first column.
func (b *board) bars(key string, w, h uint32, unit, xField string, stacking common.StackingMode, sql string, columns ...column) {
	values := common.VisibilityModeAuto
	if stacking != common.StackingModeNone { // the numbers of thin layers would lie on each other
		values = common.VisibilityModeNever
	}
	if unit == "days" {
		unit = b.days()
	}
	shown := 0
	sql, columns = b.notedIn(0, key, sql, columns)
	columns[0].unit = "string"     // the panel's own would stand behind a number
	columns[0].onlyNotes(key, " ") // a bar whose label has no room
	for _, c := range columns {
		if !c.isLink {
			shown++
		}
	}
	p := barchart.NewPanelBuilder().
		Id(b.nextID()).GridPos(b.place(w, h)).
		Title(b.say(key)).Description(b.say(key + ".about")).
		Datasource(source()).WithTarget(b.ask(sql, rows, columns...)).
		Unit(unit).Decimals(0).Min(0).NoValue(b.say("no.answer.panel")).
		Thresholds(plain()).XField(xField).Stacking(stacking).FillOpacity(85).
		ShowValue(values).XTickLabelMaxLength(60).XTickLabelSpacing(76).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(shown > 2).DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom)).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti)).
		Overrides(b.overrides(columns))
	if unit == share {
		p.Max(1)
	} else {
		p.AxisSoftMax(1) // where all is zero, Grafana would draw an axis up to 100
	}
	b.builder.WithPanel(p)
}

// flow stacks what was open on each day, by the texts of a column in the order in which they come, for each chosen funnel.
func (b *board) flow(key string, w, h uint32, sql string) {
	sql = b.notedAsSeries(key, sql, "day", "stage_name", "visits_open")
	x := matrixCorner("day", "stage_name")
	b.builder.WithPanel(barchart.NewPanelBuilder().
		Id(b.nextID()).GridPos(b.place(w, h)).
		Title(b.say(key)).Description(b.say(key + ".about")).
		Repeat("funnel").RepeatDirection(dashboard.PanelRepeatDirectionV).
		Datasource(source()).WithTarget(b.ask(sql, rows)).
		WithTransformation(matrix("day", "stage_name", "visits_open")).
		WithTransformation(dashboard.DataTransformerConfig{Id: "sortBy", Options: map[string]any{"sort": []map[string]any{{"field": x}}}}).
		Unit(count).Decimals(0).Min(0).NoValue(b.say("no.answer.chart")).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdPaletteClassic)).
		Thresholds(plain()).XField(x).XTickLabelMaxLength(20).XTickLabelSpacing(76).Stacking(common.StackingModeNormal).FillOpacity(85).LineWidth(0).GroupWidth(1).BarWidth(1).
		ShowValue(common.VisibilityModeNever).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(true).DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom)).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti)).
		Overrides(append(layers(), b.noteOf(key), dashboard.NewDashboardFieldConfigSourceOverridesBuilder().
			Matcher(dashboard.MatcherConfig{Id: "byName", Options: x}).
			Properties([]dashboard.DynamicConfigValue{{Id: "unit", Value: b.say("date.axis.year")}, {Id: "noValue", Value: " "}})))) // of a day whose label has no room
}

// mostLayers is how many colours people tell apart.
const mostLayers = 7

// layers gives the layers of a stack their colours, by the numbers before their names.
func layers() (all []cog.Builder[dashboard.DashboardFieldConfigSourceOverrides]) {
	for i, color := range [mostLayers]string{neutral, closed, onTime, pauses, soon, waits, noPlan} {
		all = append(all, dashboard.NewDashboardFieldConfigSourceOverridesBuilder().
			Matcher(dashboard.MatcherConfig{Id: "byRegexp", Options: fmt.Sprintf("/^%d[.] /", i+1)}).
			Properties([]dashboard.DynamicConfigValue{{Id: "color", Value: map[string]any{"mode": "fixed", "fixedColor": color}}}))
	}
	return all
}

// matrix shows a number for each of one kind and each of another: zero apart from little, darker where there is more. The rows
// have their names and their IDs; each cell leads to the quality report of both.
func (b *board) matrix(key string, w, h uint32, row, head, value, sql string) {
	sql, columns := b.noted(key, sql, []column{{name: row + "_name", as: sized(whole(toBoard("quality", row)), 220)}, {name: head + "_name", as: wide(90)}, {name: value, unit: count}, forLinks(row + "_id"), forLinks(head + "_id")})
	sql = "SELECT " + row + "_name, " + row + "_id, ifNull(" + head + "_name, '" + absent + "') AS " + head + "_name, " + head + "_id, " + value + "\nFROM\n(" + sql + "\n)"
	cell := column{name: value, unit: count, as: func(b *board) []dashboard.DynamicConfigValue {
		return []dashboard.DynamicConfigValue{
			{Id: "displayName", Value: "${__field.labels." + head + "_name}"}, {Id: "noValue", Value: "·"},
			{Id: "custom.cellOptions", Value: map[string]any{"type": "color-background", "mode": "basic"}},
			{Id: "custom.align", Value: "center"}, {Id: "custom.minWidth", Value: 90}, {Id: "custom.wrapHeaderText", Value: true},
			b.link("link.quality", "quality", "var-"+row+"=${__data.fields."+row+"_id}&var-"+head+"=${__field.labels."+head+"_id}"+keptBut(row, head, "funnel")+keptRange),
		}
	}}
	b.builder.WithPanel(table.NewPanelBuilder().
		Id(b.nextID()).GridPos(b.place(w, h)).
		Title(b.say(key)).Description(b.say(key + ".about")).
		Datasource(source()).WithTarget(b.ask(sql, rows)).
		WithTransformation(dashboard.DataTransformerConfig{Id: "partitionByValues", Options: map[string]any{
			"fields": []string{head + "_name", head + "_id"}, "keepFields": false, "naming": map[string]any{"asLabels": true},
		}}).
		WithTransformation(dashboard.DataTransformerConfig{Id: "joinByField", Options: map[string]any{"byField": row + "_name", "mode": "outerTabular"}}).
		Unit(count).Decimals(0).NoValue(b.say("no.answer.panel")).Mappings([]dashboard.ValueMapping{absentIs("·")}).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdThresholds)).
		Thresholds(dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps(levels)).
		Overrides(b.overrides([]column{columns[0], cell, forLinks(row + "_id")})))
}

// target colours a share by the target that it has, where there is one.
func target(of string) func(*board) []dashboard.DynamicConfigValue {
	return func(b *board) []dashboard.DynamicConfigValue {
		level := b.targets.of(of)
		if level == 0 {
			return nil
		}
		return []dashboard.DynamicConfigValue{
			{Id: "thresholds", Value: dashboard.ThresholdsConfig{Mode: dashboard.ThresholdsModeAbsolute, Steps: []dashboard.Threshold{{Color: lateText}, {Color: onTimeText, Value: &level}}}},
			{Id: "color", Value: map[string]any{"mode": "thresholds"}},
			{Id: "displayName", Value: fmt.Sprintf("%s (%s %.0f %%)", b.say("column."+of), b.say("target"), 100*level)},
		}
	}
}

// levels are the colours of a heat map. They begin at the first day lost: none is without colour. Grafana writes on a light
// one in black and on others in white.
var levels = []dashboard.Threshold{
	{Color: "transparent"}, {Color: "#FEE8C8", Value: new(1.0)}, {Color: "#FDBB84", Value: new(8.0)}, {Color: "#B84A14", Value: new(31.0)}, {Color: "#6E2203", Value: new(91.0)},
}

// matrix makes a column for each text of one column.
func matrix(row, column, value string) dashboard.DataTransformerConfig {
	return dashboard.DataTransformerConfig{Id: "groupingToMatrix", Options: map[string]any{"rowField": row, "columnField": column, "valueField": value, "emptyValue": "null"}}
}

// matrixCorner is the name of the first column of a matrix.
func matrixCorner(row, column string) string { return row + `\` + column }

// headed lets the head of a column go on in the next line.
func headed(as func(*board) []dashboard.DynamicConfigValue) func(*board) []dashboard.DynamicConfigValue {
	return func(b *board) []dashboard.DynamicConfigValue {
		return append(as(b), dashboard.DynamicConfigValue{Id: "custom.wrapHeaderText", Value: true})
	}
}

// timeAxis writes the dates below a panel as it is usual in the language, and not in Grafana's way.
var timeAxis = column{name: "time", unit: axis, isLink: true}

// line shows what was when, a line for each column.
func (b *board) line(key string, w, h uint32, sql string, columns ...column) {
	sql, columns = b.notedIn(1, key, sql, append([]column{timeAxis}, columns...))
	columns[1].onlyNotes(key, "") // no value is no bar
	b.builder.WithPanel(statetimeline.NewPanelBuilder().
		Id(b.nextID()).GridPos(b.place(w, h)).
		Title(b.say(key)).Description(b.say(key + ".about")).
		Datasource(source()).WithTarget(b.ask(sql, rows)).
		Unit(count).NoValue(b.say("no.answer.chart")).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdFixed).FixedColor(neutral)).
		MergeValues(true).PerPage(0).LineWidth(2).FillOpacity(60).ShowValue(common.VisibilityModeAuto).RowHeight(0.85).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(false).DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom)).
		Overrides(b.overrides(columns)))
}

package dashboards

import (
	"slices"

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
	day   = "day" // a date as it is written in the language
)

func (b *board) days() string { return "suffix:" + b.say("unit.days") }

// A column is how a field is shown: by its name in the statement.
type column struct {
	name  string
	unit  string // empty: text
	color string
	as    func(*board) []dashboard.DynamicConfigValue
}

func (b *board) overrides(columns []column) []cog.Builder[dashboard.DashboardFieldConfigSourceOverrides] {
	var all []cog.Builder[dashboard.DashboardFieldConfigSourceOverrides]
	for _, c := range columns {
		properties := []dashboard.DynamicConfigValue{
			{Id: "displayName", Value: b.say("column." + c.name)},
			// The panel's own text for no value says why there are no rows.
			{Id: "noValue", Value: absent},
		}
		if c.unit == "days" {
			properties = append(properties, dashboard.DynamicConfigValue{Id: "unit", Value: b.days()})
		} else if c.unit == day {
			properties = append(properties, dashboard.DynamicConfigValue{Id: "unit", Value: b.say("date.unit")})
		} else if c.unit != "" {
			properties = append(properties, dashboard.DynamicConfigValue{Id: "unit", Value: c.unit})
		}
		if c.color != "" {
			properties = append(properties, dashboard.DynamicConfigValue{Id: "color", Value: map[string]any{"mode": "fixed", "fixedColor": c.color}})
		}
		if c.as != nil {
			properties = append(properties, c.as(b)...)
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

// wide gives a column of a table its width.
func wide(pixels int) func(*board) []dashboard.DynamicConfigValue {
	return func(*board) []dashboard.DynamicConfigValue { return []dashboard.DynamicConfigValue{width(pixels)} }
}

// days is a column whose name says which days it counts, in more than one line where it is narrow.
func days(pixels int) func(*board) []dashboard.DynamicConfigValue {
	return func(*board) []dashboard.DynamicConfigValue {
		return []dashboard.DynamicConfigValue{width(max(pixels, 88)), {Id: "custom.wrapHeaderText", Value: true}}
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
		{Id: "fieldMinMax", Value: true},
		{Id: "min", Value: 0},
	}
}

// spoken shows the words for the values of a column, coloured by their meaning. Without a width
// they may be sentences, which go on in the next line.
func spoken(kind string, pixels int) func(*board) []dashboard.DynamicConfigValue {
	return func(b *board) []dashboard.DynamicConfigValue {
		properties := []dashboard.DynamicConfigValue{{Id: "mappings", Value: []dashboard.ValueMapping{absentIsADash(), b.words(kind)}}}
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

// wrapped lets a long text go on in the next line.
func wrapped(*board) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{{Id: "custom.cellOptions", Value: map[string]any{"type": "auto", "wrapText": true}}, {Id: "custom.minWidth", Value: 110}}
}

// date shows a day without its time.
func date(*board) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{width(98)}
}

// kept is what a link takes along: the range and the variables.
const kept = "&${__url_time_range}&${funnel:queryparam}&${stage:queryparam}&${manager:queryparam}&${shown:queryparam}"

// toDeal links a column to the dashboard of the deal in deal_id.
func toDeal(b *board) []dashboard.DynamicConfigValue {
	return append(wrapped(b),
		dashboard.DynamicConfigValue{Id: "links", Value: []map[string]any{{"title": b.say("link.deal"), "url": "/d/" + UID("deal", b.lang) + "?var-deal=${__data.fields.deal_id}" + kept}}})
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
		width(70),
	}
}

// state says which state all panels show, loudly where it is not the newest.
func (b *board) state() {
	const height = 2
	word := func(pattern, key, color string) dashboard.ValueMapping {
		return dashboard.ValueMapping{RegexMap: &dashboard.RegexMap{
			Type:    dashboard.MappingTypeRegexToText,
			Options: dashboard.DashboardRegexMapOptions{Pattern: pattern, Result: dashboard.ValueMappingResult{Text: new(b.say(key)), Color: new(color)}},
		}}
	}
	b.builder.WithPanel(stat.NewPanelBuilder().
		Id(b.nextID()).GridPos(b.place(24, height)).
		Description(b.say("state.about")).Transparent(true).
		Datasource(source()).WithTarget(b.ask(`
SELECT concat(if(`+shownOn+` = '', 'now', replaceOne(`+shownOn+`, 'shown on ', '')), ' ', toString(`+asOf+`)) AS state`, rows)).
		Unit("string").NoValue(b.say("state.empty")).
		Mappings([]dashboard.ValueMapping{word("^now (.+)$", "state.now", "transparent"), word("^([^ ]+) (.+)$", "state.then", late)}).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdFixed).FixedColor("transparent")).
		Thresholds(plain()).
		ColorMode(common.BigValueColorModeBackgroundSolid).GraphMode(common.BigValueGraphModeNone).
		TextMode(common.BigValueTextModeValue).Orientation(common.VizOrientationAuto).JustifyMode(common.BigValueJustifyModeCenter).
		Text(common.NewVizTextDisplayOptionsBuilder().ValueSize(18)).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Values(false).Fields("/.*/").Calcs([]string{"lastNotNull"})).
		Overrides(b.overrides([]column{{name: "state", as: func(b *board) []dashboard.DynamicConfigValue {
			return []dashboard.DynamicConfigValue{{Id: "noValue", Value: b.say("state.empty")}}
		}}})))
}

// stat shows the columns of one row, large.
func (b *board) stat(key string, w, h uint32, sql string, columns ...column) {
	p := stat.NewPanelBuilder().
		Id(b.nextID()).GridPos(b.place(w, h)).
		Title(b.say(key)).Description(b.say(key + ".about")).
		Datasource(source()).WithTarget(b.ask(sql, rows)).
		Unit(count).NoValue(absent).Mappings([]dashboard.ValueMapping{absentIsADash()}).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdFixed).FixedColor(neutral)).
		Thresholds(plain()).
		ColorMode(common.BigValueColorModeValue).GraphMode(common.BigValueGraphModeNone).
		TextMode(textMode(columns)).Orientation(common.VizOrientationAuto).WideLayout(false).JustifyMode(common.BigValueJustifyModeCenter).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Values(false).Fields("/.*/").Calcs([]string{"lastNotNull"})).
		Overrides(b.overrides(columns))
	if h <= 4 && int(2*w) < 5*len(columns) { // the longest name would make all texts tiny
		p.Text(common.NewVizTextDisplayOptionsBuilder().TitleSize(12).ValueSize(22))
	}
	b.builder.WithPanel(p)
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

// zero is on time at 0 and late above: for counts of violations.
func zero(*board) []dashboard.DynamicConfigValue {
	one := 1.0
	return []dashboard.DynamicConfigValue{
		{Id: "thresholds", Value: dashboard.ThresholdsConfig{Mode: dashboard.ThresholdsModeAbsolute, Steps: []dashboard.Threshold{{Color: onTime}, {Color: late, Value: &one}}}},
		{Id: "color", Value: map[string]any{"mode": "thresholds"}},
		{Id: "custom.cellOptions", Value: map[string]any{"type": "color-text"}},
	}
}

// table lists rows.
func (b *board) table(key string, w, h uint32, sql string, columns ...column) {
	b.builder.WithPanel(table.NewPanelBuilder().
		Id(b.nextID()).GridPos(b.place(w, h)).
		Title(b.say(key)).Description(b.say(key + ".about")).
		Datasource(source()).WithTarget(b.ask(sql, rows)).
		Unit(count).NoValue(b.say(key + ".empty")).Mappings([]dashboard.ValueMapping{absentIsADash()}).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdFixed).FixedColor(neutral)).
		Thresholds(plain()).
		Overrides(b.overrides(columns)))
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
	unit := l.unit
	if unit == "days" {
		unit = b.days()
	}
	p := timeseries.NewPanelBuilder().
		Id(b.nextID()).GridPos(b.place(w, h)).
		Title(b.say(key)).Description(b.say(key + ".about")).
		Datasource(source()).WithTarget(b.ask(sql, as)).
		Unit(unit).NoValue(b.say(key + ".empty")).
		Thresholds(plain()).
		LineWidth(2).ShowPoints(common.VisibilityModeNever).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(len(columns) != 1).DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom)).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending)).
		Overrides(b.overrides(columns))
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

// bars draws columns for each text of the first one.
func (b *board) bars(key string, w, h uint32, unit, xField string, stacking common.StackingMode, sql string, columns ...column) {
	values := common.VisibilityModeAuto
	if stacking != common.StackingModeNone { // the numbers of thin layers would lie on each other
		values = common.VisibilityModeNever
	}
	if unit == "days" {
		unit = b.days()
	}
	p := barchart.NewPanelBuilder().
		Id(b.nextID()).GridPos(b.place(w, h)).
		Title(b.say(key)).Description(b.say(key + ".about")).
		Datasource(source()).WithTarget(b.ask(sql, rows)).
		Unit(unit).Decimals(0).Min(0).NoValue(b.say(key + ".empty")).
		Thresholds(plain()).XField(xField).Stacking(stacking).FillOpacity(85).
		ShowValue(values).XTickLabelMaxLength(20).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(len(columns) > 2).DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom)).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti)).
		Overrides(b.overrides(columns))
	if unit == share {
		p.Max(1)
	}
	b.builder.WithPanel(p)
}

// flow stacks what was open on each day, by the texts of a column in the order in which they come, for each chosen funnel.
func (b *board) flow(key string, w, h uint32, sql string) {
	x := matrixCorner("day", "stage_name")
	b.builder.WithPanel(barchart.NewPanelBuilder().
		Id(b.nextID()).GridPos(b.place(w, h)).
		Title(b.say(key)).Description(b.say(key + ".about")).
		Repeat("funnel").RepeatDirection(dashboard.PanelRepeatDirectionV).
		Datasource(source()).WithTarget(b.ask(sql, rows)).
		WithTransformation(matrix("day", "stage_name", "visits_open")).
		WithTransformation(dashboard.DataTransformerConfig{Id: "sortBy", Options: map[string]any{"sort": []map[string]any{{"field": x}}}}).
		Unit(count).Decimals(0).Min(0).NoValue(b.say(key + ".empty")).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdPaletteClassicByName)).
		Thresholds(plain()).XField(x).XTickLabelSpacing(100).Stacking(common.StackingModeNormal).FillOpacity(85).LineWidth(0).GroupWidth(1).BarWidth(1).
		ShowValue(common.VisibilityModeNever).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(true).DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom)).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti)).
		Overrides([]cog.Builder[dashboard.DashboardFieldConfigSourceOverrides]{dashboard.NewDashboardFieldConfigSourceOverridesBuilder().
			Matcher(dashboard.MatcherConfig{Id: "byName", Options: x}).
			Properties([]dashboard.DynamicConfigValue{{Id: "unit", Value: b.say("date.unit")}})}))
}

// heat shows a number for each text of a column and each of another: zero apart from little, darker where there is more.
func (b *board) heat(key string, w, h uint32, row, column, value, sql string) {
	first := matrixCorner(row, column)
	b.builder.WithPanel(table.NewPanelBuilder().
		Id(b.nextID()).GridPos(b.place(w, h)).
		Title(b.say(key)).Description(b.say(key + ".about")).
		Datasource(source()).WithTarget(b.ask(sql, rows)).
		WithTransformation(matrix(row, column, value)).
		Unit(count).Decimals(0).NoValue(b.say(key + ".empty")).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdThresholds)).
		Thresholds(dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps(levels)).
		Overrides([]cog.Builder[dashboard.DashboardFieldConfigSourceOverrides]{
			dashboard.NewDashboardFieldConfigSourceOverridesBuilder().
				Matcher(dashboard.MatcherConfig{Id: "byType", Options: "number"}).
				Properties([]dashboard.DynamicConfigValue{{Id: "custom.cellOptions", Value: map[string]any{"type": "color-background", "mode": "basic"}}, {Id: "custom.align", Value: "center"}, {Id: "custom.minWidth", Value: 64}}),
			dashboard.NewDashboardFieldConfigSourceOverridesBuilder().
				Matcher(dashboard.MatcherConfig{Id: "byName", Options: first}).
				Properties(append([]dashboard.DynamicConfigValue{{Id: "displayName", Value: b.say("column." + row)}}, sized(wrapped, 230)(b)...)),
		}))
}

// levels are the colours of a heat map. They begin at the first day lost: none is without colour.
var levels = []dashboard.Threshold{
	{Color: "transparent"}, {Color: "#FDE3C8", Value: new(1.0)}, {Color: "#FDBE85", Value: new(8.0)}, {Color: "#E6752B", Value: new(31.0)}, {Color: "#A63603", Value: new(91.0)},
}

// matrix makes a column for each text of one column.
func matrix(row, column, value string) dashboard.DataTransformerConfig {
	return dashboard.DataTransformerConfig{Id: "groupingToMatrix", Options: map[string]any{"rowField": row, "columnField": column, "valueField": value, "emptyValue": "null"}}
}

// matrixCorner is the name of the first column of a matrix.
func matrixCorner(row, column string) string { return row + `\` + column }

// line shows what was when, a line for each column.
func (b *board) line(key string, w, h uint32, sql string, columns ...column) {
	b.builder.WithPanel(statetimeline.NewPanelBuilder().
		Id(b.nextID()).GridPos(b.place(w, h)).
		Title(b.say(key)).Description(b.say(key + ".about")).
		Datasource(source()).WithTarget(b.ask(sql, rows)).
		Unit(count).NoValue(b.say(key + ".empty")).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdFixed).FixedColor(neutral)).
		MergeValues(true).PerPage(0).LineWidth(2).FillOpacity(60).ShowValue(common.VisibilityModeAuto).RowHeight(0.85).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(false).DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom)).
		Overrides(b.overrides(columns)))
}

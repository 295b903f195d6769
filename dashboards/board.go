package dashboards

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// The colours mean the same everywhere, and colour-blind readers tell them apart (Okabe
// and Ito).
const (
	late    = "#D55E00"
	onTime  = "#009E73"
	noPlan  = "#999999"
	soon    = "#E69F00"
	closed  = "#56B4E9"
	neutral = "#0072B2"
	waits   = "#CC79A7"
	pauses  = "#F0E442"
)

// alarm is behind what must not be overlooked, notice behind what must be known: the text on both is white.
const (
	alarm  = "#B3261E"
	notice = "#8F5400"
)

// The colours of texts. Grafana has a shade of each for its light and its dark theme, and on both at least 4.5 to 1 to what
// they stand on.
const (
	plainText  = "text"
	lateText   = "red"
	onTimeText = "blue"
	waitsText  = "purple"
)

// legible is the colour for a text of what another colour means.
func legible(color string) string {
	switch color {
	case late:
		return lateText
	case onTime:
		return onTimeText
	case waits, pauses:
		return waitsText
	case "":
		return ""
	default:
		return plainText
	}
}

// besideLinks is legible without the colour of links: what is as it should be needs none.
func besideLinks(color string) string {
	if color = legible(color); color == onTimeText {
		return plainText
	}
	return color
}

// The dashboards, in the order of their links.
var names = []string{"portfolio", "deal", "quality", "stages", "ahead", "trust"}

// UID is the dashboard's address in Grafana.
func UID(name string, lang Lang) string { return "stagelag-" + name + "-" + string(lang) }

// A board is a dashboard in the making. Panels flow from left to right, 24 columns wide.
type board struct {
	name    string
	lang    Lang
	builder *dashboard.DashboardBuilder
	markers []marker
	panelID uint32
	x, y, h uint32
	// isOfNow is whether the panels that follow show the newest state, also when the dashboard is asked for a date.
	isOfNow bool
	targets Targets
}

// newBoard begins a dashboard. Lists can be of one bucket of the charts that are named.
func newBoard(name string, lang Lang, from, to string, charts ...string) *board {
	b := &board{name: name, lang: lang}
	b.builder = dashboard.NewDashboardBuilder(b.say(name+".title")).
		Uid(UID(name, lang)).
		Description(b.say(name+".about")).
		Tags([]string{"stagelag", string(lang)}).
		// Days are dates in the portal's zone and come as midnight UTC: any other zone
		// would move them.
		Timezone("utc").
		WeekStart("monday").
		Time(from, to).
		Readonly().
		// The data changes once a night; whoever leaves it open gets it within the hour.
		Refresh("1h").
		Timepicker(dashboard.NewTimePickerBuilder().RefreshIntervals([]string{"1h", "1d"}).QuickRanges(b.quickRanges())).
		Tooltip(dashboard.DashboardCursorSyncCrosshair)
	// On a telephone a row of links would take the place of the answer.
	b.builder.Link(dashboard.NewDashboardLinkBuilder(b.say("link.boards")).
		Type(dashboard.DashboardLinkTypeDashboards).
		Tags([]string{"stagelag", string(lang)}).
		AsDropdown(true).
		Icon("dashboard").
		KeepTime(false). // each has the range that its question needs
		IncludeVars(true))
	var hidden []string
	for _, c := range choices {
		v := b.variable(c, true)
		if c.isInMenu() {
			v.Hide(inMenu)
			hidden = append(hidden, c.name)
		}
		b.builder.WithVariable(v)
	}
	for _, chart := range charts {
		b.builder.WithVariable(b.bucketVariable(chart))
		hidden = append(hidden, chart)
	}
	b.builder.WithVariable(b.shownVariable().Hide(inMenu))
	b.builder.WithVariable(b.reportVariable())
	b.builder.WithVariable(b.zoneVariable())
	b.builder.WithVariable(b.daysVariable())
	b.state(hidden)
	return b
}

// inMenu puts a variable into the menu of a dashboard's controls. The SDK has no name for it.
const inMenu dashboard.VariableHide = 3

// quickRanges are the ranges to choose from, named in the language of the dashboard.
func (b *board) quickRanges() (list []cog.Builder[dashboard.TimeOption]) {
	for _, r := range [][3]string{
		{"deal", "now-6M", "now+1M"},
		{"7d", "now-7d", "now"}, {"30d", "now-30d", "now"}, {"90d", "now-90d", "now"}, {"6M", "now-6M", "now"}, {"1y", "now-1y", "now"},
		{"month", "now/M", "now/M"}, {"last_month", "now-1M/M", "now-1M/M"}, {"quarter", "now/Q", "now/Q"}, {"last_quarter", "now-1Q/Q", "now-1Q/Q"},
	} {
		list = append(list, dashboard.NewTimeOptionBuilder().Display(b.say("range."+r[0])).From(r[1]).To(r[2]))
	}
	return list
}

// place is where the next panel goes. A panel that does not fit begins a new line.
func (b *board) place(w, h uint32) dashboard.GridPos {
	if b.x+w > 24 {
		b.x, b.y, b.h = 0, b.y+b.h, 0
	}
	at := dashboard.GridPos{X: b.x, Y: b.y, W: w, H: h}
	b.x += w
	b.h = max(b.h, h)
	return at
}

func (b *board) nextID() uint32 {
	b.panelID++
	return b.panelID
}

// row heads the panels that follow.
func (b *board) row(key string) {
	at := b.place(24, 1)
	b.builder.WithRow(dashboard.NewRowBuilder(b.say(key)).Id(b.nextID()).GridPos(at))
	b.x, b.y, b.h = 0, at.Y+1, 0
}

// A page is a dashboard as Grafana reads it.
type page struct {
	dashboard.Dashboard
	Annotations markers `json:"annotations"`
}

type markers struct {
	List []marker `json:"list"`
}

// A marker is a line through panels over time for each row of a query. The SDK has none with a statement.
type marker struct {
	Name       string               `json:"name"`
	Datasource common.DataSourceRef `json:"datasource"`
	Enable     bool                 `json:"enable"`
	Hide       bool                 `json:"hide"`
	IconColor  string               `json:"iconColor"`
	Filter     markerFilter         `json:"filter"`
	Target     query                `json:"target"`
}

type markerFilter struct {
	Exclude bool     `json:"exclude"`
	IDs     []uint32 `json:"ids"`
}

// mark draws a line with a text at the time of each row, in some panels.
func (b *board) mark(key, color, sql string, panels ...uint32) {
	b.markers = append(b.markers, marker{
		Name: b.say(key), Datasource: source(), Enable: true, Hide: true, IconColor: color,
		Filter: markerFilter{IDs: panels}, Target: newQuery(then(sql), rows),
	})
}

func (b *board) build() (page, error) {
	d, err := b.builder.Build()
	if err != nil {
		return page{}, fmt.Errorf("dashboard %s in %s: %w", b.name, b.lang, err)
	}
	return page{Dashboard: d, Annotations: markers{b.markers}}, nil
}

// absentIsADash maps NULL to a dash. It has to come first: the text for a panel without
// rows would be shown for a cell without a value as well.
func absentIsADash() dashboard.ValueMapping { return absentIs(absent) }

func absentIs(text string) dashboard.ValueMapping {
	return dashboard.ValueMapping{SpecialValueMap: &dashboard.SpecialValueMap{
		Type: dashboard.MappingTypeSpecialValue,
		Options: dashboard.DashboardSpecialValueMapOptions{
			Match: dashboard.SpecialValueMatchNullAndNan, Result: dashboard.ValueMappingResult{Text: new(text)},
		},
	}}
}

// words maps the values that the views know to what people read, with their colours as they are used there.
func (b *board) words(kind string, colored func(string) string) dashboard.ValueMapping {
	options := map[string]dashboard.ValueMappingResult{}
	for i, value := range vocabulary[kind] {
		result := dashboard.ValueMappingResult{Text: new(b.say(kind + "." + value.name)), Index: new(int32(i))}
		if value.color != "" {
			result.Color = new(colored(value.color))
		}
		options[value.name] = result
	}
	return dashboard.ValueMapping{ValueMap: &dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: options}}
}

type word struct{ name, color string }

// vocabulary is the values of the views' columns that are words.
var vocabulary = map[string][]word{
	"forecast": {{"better", onTime}, {"not_better", late}, {"unknown", noPlan}},
	"status": {
		{"on_time", onTime}, {"due_today", soon}, {"overdue", late}, {"finished_on_time", onTime},
		{"finished_late", late}, {"no_plan", noPlan}, {"waiting", waits}, {"paused", pauses}, {"final", closed},
	},
	"plan_source": {{"deal_date", ""}, {"deal_days", ""}, {"stage_norm", ""}, {"none", noPlan}},
	"reason": {
		{"no_plan", ""}, {"bad_plan", ""}, {"history_reconstructed", ""}, {"history_starts_late", ""},
		{"unknown_stage", ""}, {"unknown_manager", ""}, {"time_in_future", ""},
		{"hidden", ""}, {"bad_date", ""}, {"bad_amount", ""}, {"bad_pause", ""},
	},
	"change":     {{"newly_overdue", late}, {"brought_back", onTime}, {"finished_late", soon}},
	"run_status": {{"published", onTime}, {"failed", late}, {"running", soon}, {"withdrawn", noPlan}},
	"step":       {{"1", ""}, {"2", ""}, {"3", ""}, {"4", ""}, {"5", ""}},
	"period":     {{"now", ""}, {"before", ""}, {"change", ""}},
	"error_kind": {{"limits", soon}, {"rights", late}, {"unreachable", late}, {"stopped", soon}, {"other", late}, {"", ""}},
	"sample":     {{"few", soon}, {"", ""}},
	"over":       {{"over", late}, {"", ""}},
	"planned":    {{"planned", neutral}},
	"law":        {{"1", ""}, {"2", ""}, {"3", ""}, {"4", ""}, {"5", ""}, {"6", ""}, {"7", ""}, {"8", ""}},
	"cause":      {{"deal", soon}, {"norm", ""}, {"entry", ""}, {"calendar", ""}},
}

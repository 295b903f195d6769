package dashboards

import (
	"fmt"

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

// The dashboards, in the order of their links.
var names = []string{"portfolio", "deal", "quality", "stages", "trust"}

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
}

func newBoard(name string, lang Lang, from string) *board {
	b := &board{name: name, lang: lang}
	b.builder = dashboard.NewDashboardBuilder(b.say(name+".title")).
		Uid(UID(name, lang)).
		Description(b.say(name+".about")).
		Tags([]string{"stagelag", string(lang)}).
		// Days are dates in the portal's zone and come as midnight UTC: any other zone
		// would move them.
		Timezone("utc").
		WeekStart("monday").
		Time(from, "now").
		Readonly().
		// The data changes once a night; whoever leaves it open gets it within the hour.
		Refresh("1h").
		Timepicker(dashboard.NewTimePickerBuilder().RefreshIntervals([]string{"1h", "1d"})).
		Tooltip(dashboard.DashboardCursorSyncCrosshair)
	for _, other := range names {
		b.builder.Link(dashboard.NewDashboardLinkBuilder(b.say(other + ".link")).
			Type(dashboard.DashboardLinkTypeLink).
			Url("/d/" + UID(other, lang)).
			Tooltip(b.say(other + ".about")).
			Icon("dashboard").
			KeepTime(true).
			IncludeVars(true))
	}
	for _, c := range choices {
		b.builder.WithVariable(b.variable(c, true))
	}
	b.builder.WithVariable(b.shownVariable())
	b.builder.WithVariable(b.zoneVariable())
	b.builder.WithVariable(b.daysVariable())
	b.state()
	return b
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
func absentIsADash() dashboard.ValueMapping {
	return dashboard.ValueMapping{SpecialValueMap: &dashboard.SpecialValueMap{
		Type: dashboard.MappingTypeSpecialValue,
		Options: dashboard.DashboardSpecialValueMapOptions{
			Match: dashboard.SpecialValueMatchNullAndNan, Result: dashboard.ValueMappingResult{Text: new(absent)},
		},
	}}
}

// words maps the values that the views know to what people read, with their colours.
func (b *board) words(kind string) dashboard.ValueMapping {
	options := map[string]dashboard.ValueMappingResult{}
	for i, value := range vocabulary[kind] {
		result := dashboard.ValueMappingResult{Text: new(b.say(kind + "." + value.name)), Index: new(int32(i))}
		if value.color != "" {
			result.Color = new(value.color)
		}
		options[value.name] = result
	}
	return dashboard.ValueMapping{ValueMap: &dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: options}}
}

type word struct{ name, color string }

// vocabulary is the values of the views' columns that are words.
var vocabulary = map[string][]word{
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
	"period":     {{"now", ""}, {"before", ""}},
	"law":        {{"1", ""}, {"2", ""}, {"3", ""}, {"4", ""}, {"5", ""}, {"6", ""}, {"7", ""}, {"8", ""}},
	"cause":      {{"deal", soon}, {"norm", ""}, {"entry", ""}, {"calendar", ""}},
}

package report

import (
	"fmt"
	"html/template"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-analyze/charts"
)

// The charts are drawn in colours that stand for roles; the page says what each looks like,
// in light, in dark and on paper.
var (
	inkRole    = charts.Color{R: 1, G: 1, B: 1, A: 255}
	gridRole   = charts.Color{R: 1, G: 1, B: 2, A: 255}
	lostRole   = charts.Color{R: 1, G: 1, B: 3, A: 255}
	onTimeRole = charts.Color{R: 1, G: 2, B: 1, A: 255}
	lateRole   = charts.Color{R: 1, G: 2, B: 2, A: 255}
	noPlanRole = charts.Color{R: 1, G: 2, B: 3, A: 255}
)

// roles are what the page puts in the place of a role's colour. The patterns tell the kinds
// apart without colour.
var roles = strings.NewReplacer(
	"rgb(1,1,1)", "var(--muted)", "rgb(1,1,2)", "var(--line)", "rgb(1,1,3)", "var(--late)",
	"rgb(1,2,1)", "var(--ontime)", "rgb(1,2,2)", "url(#late)", "rgb(1,2,3)", "url(#noplan)",
	"'Roboto Medium',sans-serif", "inherit",
)

// A canvas is what a chart is drawn on: pixels, and letters in points. Letters shrink with a picture, so
// there is a picture for each of two widths.
type canvas struct {
	width, height int
	fontSize      float64
	// longestLabel is how many characters have room above a bar, longestTick below it.
	longestLabel, longestTick int
}

var (
	wideCanvas   = canvas{width: 560, height: 230, fontSize: 10, longestLabel: 5, longestTick: 5}
	narrowCanvas = canvas{width: 350, height: 190, fontSize: 8, longestLabel: 3, longestTick: 2}
)

// unknown is the value of a period without data: it has no bar and no number.
const unknown = -1

// A series is one kind of bar of a chart, on top of the one before.
type series struct {
	role   charts.Color
	values []int64
}

// barChart draws stacked bars, one for each label, as inline SVG. Titled says what they
// are to whom cannot see them.
func (v *voice) barChart(c canvas, titled string, labels []string, stack []series) (template.HTML, error) {
	values := make([][]float64, len(stack))
	colors := make([]charts.Color, len(stack))
	sums := make([]int64, len(labels))
	for i, s := range stack {
		colors[i] = s.role
		for j, n := range s.values {
			if n == unknown {
				values[i] = append(values[i], charts.GetNullValue())
				continue
			}
			values[i] = append(values[i], float64(n))
			sums[j] += n
		}
	}
	most := slices.Max(sums)
	font := charts.FontStyle{FontSize: c.fontSize}
	format := func(n float64) string { return v.Number(int64(n)) }
	o := charts.NewBarChartOptionWithData(values)
	o.StackSeries = new(true)
	o.Padding = charts.Box{Top: 16, Right: 8, Bottom: 4, Left: 4, IsSet: true}
	o.Theme = charts.MakeTheme(charts.ThemeOption{
		AxisStrokeColor: gridRole, AxisSplitLineColor: gridRole, BackgroundColor: charts.ColorTransparent, TextColor: inkRole, SeriesColors: colors,
	})
	o.CategoryAxis = charts.CategoryAxisOption{Labels: c.thin(labels), LabelCount: len(labels), LabelFontStyle: font}
	axis := charts.ValueAxisOption{LabelFontStyle: font, LabelCount: 5, Min: new(0.0), ValueFormatter: format}
	if most < 4 { // an axis in quarters of a day would repeat its labels
		axis.Max = new(4.0)
	}
	o.ValueAxis = []charts.ValueAxisOption{axis}
	o.ValueFormatter = format
	if len(stack) == 1 && utf8.RuneCountInString(v.Number(most)) <= c.longestLabel {
		o.SeriesList[0].Label = charts.SeriesLabel{Show: new(true), FontStyle: font, ValueFormatter: format}
	}
	p := charts.NewPainter(charts.PainterOptions{OutputFormat: charts.ChartOutputSVG, Width: c.width, Height: c.height})
	if err := p.BarChart(o); err != nil {
		return "", fmt.Errorf("draw the chart %q: %w", titled, err)
	}
	svg, err := p.Bytes()
	if err != nil {
		return "", fmt.Errorf("draw the chart %q: %w", titled, err)
	}
	head := `<svg role="img" aria-label="` + template.HTMLEscapeString(titled) + `" `
	// The labels are periods and numbers, so nothing from the portal is in it.
	return template.HTML(strings.Replace(roles.Replace(string(svg)), "<svg ", head, 1)), nil //nolint:gosec // see above
}

// thin leaves every second label out where all of them have no room, the last one never.
func (c canvas) thin(labels []string) []string {
	isLong := func(label string) bool { return utf8.RuneCountInString(label) > c.longestTick }
	if !slices.ContainsFunc(labels, isLong) {
		return labels
	}
	thinned := slices.Clone(labels)
	for i := len(thinned) - 2; i >= 0; i -= 2 {
		thinned[i] = ""
	}
	return thinned
}

// A figure is a chart in its two widths.
type figure struct{ Wide, Narrow template.HTML }

func (v *voice) figure(titled string, labels []string, stack ...series) (f figure, err error) {
	if f.Wide, err = v.barChart(wideCanvas, titled, labels, stack); err != nil {
		return figure{}, err
	}
	f.Narrow, err = v.barChart(narrowCanvas, titled, labels, stack)
	return f, err
}

// figures are the trend in pictures: days lost, and how visits were closed.
func (v *voice) figures(r *Report) (lost, closed figure, err error) {
	var labels []string
	days := series{role: lostRole}
	onTime, late, noPlan := series{role: onTimeRole}, series{role: lateRole}, series{role: noPlanRole}
	for i, t := range r.Trend {
		labels = append(labels, v.Tick(t.Period))
		if v.notShown(r, i) != "" {
			for _, s := range []*series{&days, &onTime, &late, &noPlan} {
				s.values = append(s.values, unknown)
			}
			continue
		}
		days.values = append(days.values, t.DaysLost)
		onTime.values = append(onTime.values, t.OnTime)
		late.values = append(late.values, t.Late)
		noPlan.values = append(noPlan.values, t.ClosedNoPlan())
	}
	if lost, err = v.figure(v.DaysLost, labels, days); err != nil {
		return figure{}, figure{}, err
	}
	closed, err = v.figure(v.Closed, labels, onTime, late, noPlan)
	return lost, closed, err
}

package report

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/shopspring/decimal"
	"github.com/xuri/excelize/v2"

	"stagelag/plain"
	"stagelag/transform"
)

// WriteXLSX writes the report as a workbook: a summary, a sheet for each level, and one for each other table. Texts are written as texts, so that none
// can be a formula; the only formulas are this package's totals and its links to deals, which stand with their
// values, for programs that show a workbook without calculating it. It ends with the context.
func WriteXLSX(ctx context.Context, out io.Writer, r *Report, l Language) error {
	v := voiceOf(r, l)
	w := workbook{File: excelize.NewFile(), voice: v, ctx: ctx}
	defer w.Close()
	if err := w.write(r); err != nil {
		return fmt.Errorf("write the workbook: %w", err)
	}
	if err := w.Write(out); err != nil {
		return fmt.Errorf("write the workbook: %w", err)
	}
	return nil
}

type workbook struct {
	*excelize.File
	*voice
	ctx    context.Context //nolint:containedctx // of the one call that makes the workbook
	styles struct{ header, date, share, money, total, totalShare, link, title, wrap, late int }
}

func (w *workbook) write(r *Report) error {
	if err := w.addStyles(); err != nil {
		return err
	}
	if err := w.SetSheetName("Sheet1", w.Summary); err != nil {
		return err
	}
	if err := w.summary(r); err != nil {
		return fmt.Errorf("%s: %w", w.Summary, err)
	}
	var tables []table
	for _, level := range r.Levels {
		tables = append(tables, w.levelTable(r, level))
	}
	for _, which := range Tables[1:] {
		tables = append(tables, w.table(r, which))
	}
	for _, t := range tables {
		if err := w.sheet(t); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	return w.SetDocProps(&excelize.DocProperties{Title: w.Title + " · " + w.title(r), Creator: "stagelag", Language: string(w.Language)})
}

// dateFormat is how dates are shown.
func (w *workbook) dateFormat() string {
	if w.Language == Russian {
		return "dd.mm.yyyy"
	}
	return "d mmm yyyy"
}

func (w *workbook) addStyles() error {
	dateFormat := w.dateFormat()
	bold := &excelize.Font{Bold: true}
	percent, grouped := 9, 4 // the built-in 0 % and #,##0.00
	top := []excelize.Border{{Type: "top", Color: "666666", Style: 1}}
	for _, s := range []struct {
		id    *int
		style excelize.Style
	}{
		{&w.styles.header, excelize.Style{
			Font: bold, Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"E7EBEF"}},
			Alignment: &excelize.Alignment{WrapText: true, Vertical: "center"},
		}},
		{&w.styles.date, excelize.Style{CustomNumFmt: &dateFormat}},
		{&w.styles.share, excelize.Style{NumFmt: percent}},
		{&w.styles.money, excelize.Style{NumFmt: grouped}},
		{&w.styles.total, excelize.Style{Font: bold, Border: top}},
		{&w.styles.totalShare, excelize.Style{Font: bold, Border: top, NumFmt: percent}},
		{&w.styles.link, excelize.Style{Font: &excelize.Font{Color: "0563C1", Underline: "single"}}},
		{&w.styles.title, excelize.Style{Font: &excelize.Font{Bold: true, Size: 16}}},
		{&w.styles.wrap, excelize.Style{Alignment: &excelize.Alignment{WrapText: true, Vertical: "top"}}},
	} {
		id, err := w.NewStyle(&s.style)
		if err != nil {
			return err
		}
		*s.id = id
	}
	// Vermillion is told from the rest by weight as well.
	late, err := w.NewConditionalStyle(&excelize.Style{Font: &excelize.Font{Bold: true, Color: "A33F00"}, Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"FBE3D6"}}})
	w.styles.late = late
	return err
}

// summary is the first sheet: what the report is about, its figures, and how to read it.
func (w *workbook) summary(r *Report) error {
	sheet, total := w.Summary, &r.Total
	lines := [][]any{
		{label(w.Title + " · " + w.title(r))},
		{label(w.asOf(r))},
		{label(w.scope(r))},
		{label(w.knownFrom(r))},
		{},
		{label(w.From), r.Period.From},
		{label(w.To), r.Period.To},
		{label(w.DaysLost), total.DaysLost},
		{label(w.Span(r.Before)), orNone(total.DaysLostBefore, r.isComparable(r.Choice.IsOfPeople()))},
		{label(w.DaysLostToDate), r.DaysLostToDate},
		{label(w.Closed), total.Closed},
		{label(w.WithPlan), total.ClosedWithPlan},
		{label(w.OnTime), total.OnTime},
		{label(w.Late), total.Late},
		{label(w.NoPlan), total.ClosedNoPlan()},
		{label(w.OnTimeRate), orNothing(total.Rate()), w.ifSo(total.IsFew(), w.Few)},
		{label(w.FirstPlanRate), orNothing(total.FirstPlanRate()), w.ifSo(total.IsFewFirstPlan(), w.Few)},
		{label(w.WithFirstPlan), total.ClosedWithFirstPlan},
		{label(w.OnTimeFirstPlan), total.OnTimeFirstPlan},
		{label(w.Coverage), orNothing(total.Coverage())},
		{label(w.Assumed), orNothing(total.Assumed())},
		{label(w.OpenAtEnd), orNone(total.AtEnd.Open, r.isEndKnown())},
		{label(w.OverdueAtEnd), orNone(total.AtEnd.Overdue, r.isEndKnown())},
		{label(w.Open), total.Now.Open},
		{label(w.OpenOverdue), total.Now.Overdue},
		{label(w.OpenNoPlan), total.Now.NoPlan},
		{label(w.Waiting), total.Now.Waiting},
		{label(w.PlanChanges), total.PlanChanges, w.ifSo(len(r.OtherPlanChanges) > 0, w.otherPlanChanges(r))},
		{label(w.DaysMoved), total.DaysMoved},
		{label(w.DaysForgiven), total.DaysForgiven},
	}
	heads := map[int]bool{}
	head := func(cells ...any) {
		lines = append(lines, []any{}, cells)
		heads[len(lines)] = true
	}
	head(label(w.Findings))
	for _, sentence := range w.findingsOrNone(r) {
		lines = append(lines, []any{label(sentence)})
	}
	head(label(w.Ahead), label(w.Coming), label(w.LikelyLate), label(w.Unknown))
	for _, h := range r.Ahead.Horizons {
		lines = append(lines, []any{label(w.within(h)), h.Coming, h.LikelyLate, h.Unknown})
	}
	lines = append(lines, []any{label(w.Record + ": " + w.record(r))})
	head(label(w.Bin), label(w.Forecasts), label(w.Foreseen), label(w.CameLate))
	for _, b := range r.Ahead.Record.Bins {
		lines = append(lines, []any{label(w.bin(b)), b.Forecasts, share(b.Foreseen), share(b.CameLate)})
	}
	head(label(w.Gaps), label(w.InPeriod), label(w.Cases), label(w.Deals))
	for _, gap := range r.Gaps {
		lines = append(lines, []any{label(w.reason(gap.Reason)), gap.InPeriod, gap.Count, gap.Deals, label(w.ReasonFix[gap.Reason])})
	}
	head(label(w.Notes))
	if r.Level().IsOverlapping {
		lines = append(lines, []any{label(w.Overlapping)})
	}
	for _, note := range w.NoteList {
		lines = append(lines, []any{label(note)})
	}
	for i, line := range lines {
		for j, cell := range line {
			if err := w.set(sheet, j+1, i+1, w.cell(cell)); err != nil {
				return err
			}
		}
		if heads[i+1] {
			if err := w.style(sheet, i+1, max(len(line), 1), w.styles.header); err != nil {
				return err
			}
		}
	}
	if err := w.style(sheet, 1, 1, w.styles.title); err != nil {
		return err
	}
	if err := w.SetColWidth(sheet, "A", "A", 50); err != nil {
		return err
	}
	if err := w.SetColWidth(sheet, "B", "D", 14); err != nil {
		return err
	}
	if err := w.chart(r); err != nil {
		return err
	}
	return w.page(sheet, "portrait")
}

// chart shows the trend beside the figures.
func (w *workbook) chart(r *Report) error {
	last := len(r.Trend) + 1
	in := func(column string) string {
		return fmt.Sprintf("'%[1]s'!$%[2]s$2:$%[2]s$%[3]d", w.TrendSheet, column, last)
	}
	return w.AddChart(w.Summary, "F2", &excelize.Chart{
		Type: excelize.Col,
		Series: []excelize.ChartSeries{{
			Name: fmt.Sprintf("'%s'!$C$1", w.TrendSheet), Categories: in("A"), Values: in("C"),
			Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"A33F00"}},
		}},
		Title:     excelize.ChartTitle{Paragraph: []excelize.RichTextRun{{Text: w.DaysLost + " · " + w.Trend}}},
		Legend:    excelize.ChartLegend{Position: "none"},
		XAxis:     excelize.ChartAxis{NumFmt: excelize.ChartNumFmt{CustomNumFmt: w.dateFormat()}},
		Dimension: excelize.ChartDimension{Width: 620, Height: 320},
	})
}

// set writes a cell of a sheet that is not streamed.
func (w *workbook) set(sheet string, column, row int, cell any) error {
	place, err := excelize.CoordinatesToCellName(column, row)
	if err != nil || cell == nil {
		return err
	}
	styled, isStyled := cell.(excelize.Cell)
	if !isStyled {
		return w.SetCellValue(sheet, place, cell)
	}
	if err := w.SetCellValue(sheet, place, styled.Value); err != nil {
		return err
	}
	return w.SetCellStyle(sheet, place, place, styled.StyleID)
}

// sheet writes a table: a frozen header with filters, typed cells, what is late marked,
// totals below. It is streamed, so that tens of thousands of rows take seconds and little memory.
func (w *workbook) sheet(t table) error {
	if _, err := w.NewSheet(t.name); err != nil {
		return err
	}
	// What is no row is set before the stream begins or ends: a streamed sheet takes nothing afterwards.
	if err := w.setUp(t); err != nil {
		return err
	}
	stream, err := w.NewStreamWriter(t.name)
	if err != nil {
		return err
	}
	var header []any
	for i, c := range t.columns {
		if err := stream.SetColWidth(i+1, i+1, c.width); err != nil {
			return err
		}
		header = append(header, excelize.Cell{StyleID: w.styles.header, Value: c.title})
	}
	if err := stream.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	at := 0
	add := func(cells []any) error {
		at++
		if err := w.ctx.Err(); err != nil {
			return err
		}
		return stream.SetRow(fmt.Sprintf("A%d", at), cells)
	}
	if err := add(header); err != nil {
		return err
	}
	for _, row := range t.rows {
		cells := make([]any, len(row))
		for i, cell := range row {
			cells[i] = w.cell(cell)
		}
		if err := add(cells); err != nil {
			return err
		}
	}
	if t.total && len(t.rows) > 0 {
		totals, err := w.totals(t, at)
		if err != nil {
			return err
		}
		if err := add(totals); err != nil {
			return err
		}
	}
	return stream.Flush()
}

// setUp prepares a sheet: its filters and marks, and how it is printed.
func (w *workbook) setUp(t table) error {
	last := len(t.rows) + 1
	for i, c := range t.columns {
		if !c.isLate || len(t.rows) == 0 {
			continue
		}
		name, err := excelize.ColumnNumberToName(i + 1)
		if err != nil {
			return err
		}
		err = w.SetConditionalFormat(t.name, fmt.Sprintf("%[1]s2:%[1]s%[2]d", name, last), []excelize.ConditionalFormatOptions{
			{Type: "cell", Criteria: ">", Value: "0", Format: &w.styles.late},
		})
		if err != nil {
			return err
		}
	}
	corner, err := excelize.CoordinatesToCellName(len(t.columns), last)
	if err != nil {
		return err
	}
	if err := w.AutoFilter(t.name, "A1:"+corner, nil); err != nil {
		return err
	}
	if err := w.page(t.name, "landscape"); err != nil {
		return err
	}
	return w.SetDefinedName(&excelize.DefinedName{
		Name: "_xlnm.Print_Titles", RefersTo: "'" + t.name + "'!$1:$1", Scope: t.name,
	})
}

// page has a sheet printed on A4 paper, as wide as a page, with its name and the number of each page below.
func (w *workbook) page(sheet, orientation string) error {
	a4, wide, tall, isFit := 9, 1, 0, true
	if err := w.SetPageLayout(sheet, &excelize.PageLayoutOptions{Orientation: &orientation, Size: &a4, FitToWidth: &wide, FitToHeight: &tall}); err != nil {
		return err
	}
	if err := w.SetHeaderFooter(sheet, &excelize.HeaderFooterOptions{OddFooter: "&L&A&R&P / &N"}); err != nil {
		return err
	}
	return w.SetSheetProps(sheet, &excelize.SheetPropsOptions{FitToPage: &isFit})
}

// totals are sums below the last row, of what the filter lets through, and the shares
// of these sums.
func (w *workbook) totals(t table, last int) ([]any, error) {
	at := last + 1
	letters := map[string]string{}
	for i, c := range t.columns {
		name, err := excelize.ColumnNumberToName(i + 1)
		if err != nil {
			return nil, err
		}
		letters[c.title] = name
	}
	// A share may stand before the columns that it is made of.
	sums := map[string]int64{}
	for i, c := range t.columns {
		if !c.isSum {
			continue
		}
		for _, row := range t.rows {
			if n, ok := row[i].(int64); ok {
				sums[c.title] += n
			}
		}
	}
	cells := make([]any, len(t.columns))
	for i, c := range t.columns {
		cell := excelize.Cell{StyleID: w.styles.total}
		switch {
		case c.isSum:
			cell.Formula, cell.Value = fmt.Sprintf("SUBTOTAL(109,%[1]s2:%[1]s%[2]d)", letters[c.title], last), sums[c.title]
		case c.part != "":
			cell.StyleID = w.styles.totalShare
			cell.Formula = fmt.Sprintf(`IF(%[2]s%[3]d=0,"",%[1]s%[3]d/%[2]s%[3]d)`, letters[c.part], letters[c.whole], at)
			cell.Value = ""
			if s, ok := part(sums[c.part], sums[c.whole]); ok {
				cell.Value = s
			}
		case i == 1 || i == 0 && len(t.columns) > 1 && t.columns[1].isSum:
			cell.Value = w.Total
		}
		cells[i] = cell
	}
	return cells, nil
}

// cell is a cell as the library takes it.
func (w *workbook) cell(cell any) any {
	switch c := cell.(type) {
	case text:
		return plain.Text(string(c), 0)
	case label:
		return string(c)
	case link:
		return w.link(plain.Text(string(c), 0))
	case share:
		return excelize.Cell{StyleID: w.styles.share, Value: float64(c)}
	case money:
		return excelize.Cell{StyleID: w.styles.money, Value: decimal.Decimal(c).InexactFloat64()}
	case transform.Day:
		if c == transform.NoDay {
			return nil
		}
		return excelize.Cell{StyleID: w.styles.date, Value: c.Time()}
	default:
		return c
	}
}

// longestInFormula is how many characters a text in a formula of Excel can have.
const longestInFormula = 255

// link is an address to be clicked. A hyperlink of the workbook's would be one of 65,530 at most, and each takes longer
// to add than the one before; a formula has no such limits.
func (w *workbook) link(address string) any {
	if !strings.HasPrefix(address, "https://") || len(address) > longestInFormula {
		return address
	}
	return excelize.Cell{StyleID: w.styles.link, Formula: `HYPERLINK("` + strings.ReplaceAll(address, `"`, `""`) + `")`, Value: address}
}

// style gives the first cells of a row a style.
func (w *workbook) style(sheet string, row, columns, style int) error {
	from, err := excelize.CoordinatesToCellName(1, row)
	if err != nil {
		return err
	}
	to, err := excelize.CoordinatesToCellName(columns, row)
	if err != nil {
		return err
	}
	return w.SetCellStyle(sheet, from, to, style)
}

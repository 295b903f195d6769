package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/xuri/excelize/v2"

	"stagelag/plain"
	"stagelag/transform"
)

// WriteXLSX writes the report as a workbook: a summary, a sheet for each level, the visits
// behind it, the plans that were moved, the trend and what is not covered. Texts are written as texts, so that none
// can be a formula; the only formulas are this package's totals, which stand with their
// values, for programs that show a workbook without calculating it.
func WriteXLSX(out io.Writer, r *Report, l Language) error {
	v := voiceOf(r, l)
	w := workbook{File: excelize.NewFile(), voice: v}
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
	styles struct{ header, date, share, total, totalShare, link, title, wrap, late int }
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
		tables = append(tables, w.levelTable(level))
	}
	tables = append(tables, w.visitsTable(r), w.planChangesTable(r), w.trendTable(r), w.gapsTable(r))
	for _, t := range tables {
		if err := w.sheet(t); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	return w.SetDocProps(&excelize.DocProperties{Title: w.Title + " · " + w.title(r), Creator: "stagelag", Language: string(w.Language)})
}

func (w *workbook) addStyles() error {
	dateFormat := "d mmm yyyy"
	if w.Language == Russian {
		dateFormat = "dd.mm.yyyy"
	}
	bold := &excelize.Font{Bold: true}
	percent := 9 // the built-in 0 %
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
		{label(w.funnels(r))},
		{},
		{label(w.From), r.Period.From},
		{label(w.To), r.Period.To},
		{label(w.DaysLost), total.DaysLost},
		{label(w.Span(r.Before)), total.DaysLostBefore},
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
		{label(w.Open), total.Open},
		{label(w.OpenOverdue), total.OpenOverdue},
		{label(w.OpenNoPlan), total.OpenNoPlan},
		{label(w.Waiting), total.Waiting},
		{label(w.PlanChanges), total.PlanChanges, w.ifSo(len(r.OtherPlanChanges) > 0, w.otherPlanChanges(r))},
		{label(w.DaysMoved), total.DaysMoved},
		{label(w.DaysForgiven), total.DaysForgiven},
		{},
		{label(w.Gaps), label(w.InPeriod), label(w.Cases), label(w.Deals)},
	}
	heads := map[int]bool{len(lines): true}
	for _, gap := range r.Gaps {
		lines = append(lines, []any{label(w.reason(gap.Reason)), gap.InPeriod, gap.Count, gap.Deals, label(w.ReasonFix[gap.Reason])})
	}
	lines = append(lines, []any{}, []any{label(w.Notes)})
	heads[len(lines)] = true
	for _, note := range w.NoteList {
		lines = append(lines, []any{label(note)})
	}
	for i, line := range lines {
		for j, cell := range line {
			if err := w.cell(sheet, j+1, i+1, cell); err != nil {
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
	return w.SetColWidth(sheet, "B", "D", 14)
}

// sheet writes a table: a frozen header with filters, typed cells, what is late marked,
// totals below.
func (w *workbook) sheet(t table) error {
	if _, err := w.NewSheet(t.name); err != nil {
		return err
	}
	last := len(t.rows) + 1
	for i, c := range t.columns {
		if err := w.cell(t.name, i+1, 1, label(c.title)); err != nil {
			return err
		}
		name, err := excelize.ColumnNumberToName(i + 1)
		if err != nil {
			return err
		}
		if err := w.SetColWidth(t.name, name, name, c.width); err != nil {
			return err
		}
		if c.isLate && len(t.rows) > 0 {
			err := w.SetConditionalFormat(t.name, fmt.Sprintf("%[1]s2:%[1]s%[2]d", name, last), []excelize.ConditionalFormatOptions{
				{Type: "cell", Criteria: ">", Value: "0", Format: &w.styles.late},
			})
			if err != nil {
				return err
			}
		}
	}
	if err := w.style(t.name, 1, len(t.columns), w.styles.header); err != nil {
		return err
	}
	for i, row := range t.rows {
		for j, cell := range row {
			if err := w.cell(t.name, j+1, i+2, cell); err != nil {
				return err
			}
		}
	}
	if t.total && len(t.rows) > 0 {
		if err := w.totals(t, last); err != nil {
			return err
		}
	}
	if err := w.SetPanes(t.name, &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	corner, err := excelize.CoordinatesToCellName(len(t.columns), last)
	if err != nil {
		return err
	}
	if err := w.AutoFilter(t.name, "A1:"+corner, nil); err != nil {
		return err
	}
	orientation, a4, fit := "landscape", 9, 1
	tall := 0
	if err := w.SetPageLayout(t.name, &excelize.PageLayoutOptions{Orientation: &orientation, Size: &a4, FitToWidth: &fit, FitToHeight: &tall}); err != nil {
		return err
	}
	isFit := true
	if err := w.SetSheetProps(t.name, &excelize.SheetPropsOptions{FitToPage: &isFit}); err != nil {
		return err
	}
	return w.SetDefinedName(&excelize.DefinedName{
		Name: "_xlnm.Print_Titles", RefersTo: "'" + t.name + "'!$1:$1", Scope: t.name,
	})
}

// totals writes sums below the last row, of what the filter lets through, and the shares
// of these sums.
func (w *workbook) totals(t table, last int) error {
	at := last + 1
	letters := map[string]string{}
	for i, c := range t.columns {
		name, err := excelize.ColumnNumberToName(i + 1)
		if err != nil {
			return err
		}
		letters[c.title] = name
	}
	if err := w.style(t.name, at, len(t.columns), w.styles.total); err != nil {
		return err
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
	for _, c := range t.columns {
		place := fmt.Sprintf("%s%d", letters[c.title], at)
		var formula string
		var value any
		switch {
		case c.isSum:
			formula, value = fmt.Sprintf("SUBTOTAL(109,%[1]s2:%[1]s%[2]d)", letters[c.title], last), sums[c.title]
		case c.part != "":
			formula = fmt.Sprintf(`IF(%[2]s%[3]d=0,"",%[1]s%[3]d/%[2]s%[3]d)`, letters[c.part], letters[c.whole], at)
			if s, ok := part(sums[c.part], sums[c.whole]); ok {
				value = s
			}
			if err := w.SetCellStyle(t.name, place, place, w.styles.totalShare); err != nil {
				return err
			}
		default:
			continue
		}
		if err := w.SetCellValue(t.name, place, value); err != nil {
			return err
		}
		if err := w.SetCellFormula(t.name, place, formula); err != nil {
			return err
		}
	}
	return w.SetCellStr(t.name, fmt.Sprintf("B%d", at), w.Total)
}

func (w *workbook) cell(sheet string, column, row int, cell any) error {
	place, err := excelize.CoordinatesToCellName(column, row)
	if err != nil {
		return err
	}
	switch c := cell.(type) {
	case nil:
		return nil
	case text:
		return w.SetCellStr(sheet, place, plain.Text(string(c), 0))
	case label:
		return w.SetCellStr(sheet, place, string(c))
	case link:
		return w.link(sheet, place, plain.Text(string(c), 0))
	case share:
		return w.styled(sheet, place, w.styles.share, float64(c))
	case transform.Day:
		if c == transform.NoDay {
			return nil
		}
		return w.styled(sheet, place, w.styles.date, c.Time())
	default:
		return w.SetCellValue(sheet, place, c)
	}
}

func (w *workbook) styled(sheet, place string, style int, value any) error {
	if err := w.SetCellValue(sheet, place, value); err != nil {
		return err
	}
	return w.SetCellStyle(sheet, place, place, style)
}

// mostLinks is how many links a sheet of Excel can hold; the addresses below are plain.
const mostLinks = 65_530

func (w *workbook) link(sheet, place, address string) error {
	if err := w.SetCellStr(sheet, place, address); err != nil {
		return err
	}
	_, row, err := excelize.CellNameToCoordinates(place)
	if err != nil || row > mostLinks || !strings.HasPrefix(address, "https://") {
		return err
	}
	if err := w.SetCellHyperLink(sheet, place, address, "External"); err != nil {
		return err
	}
	return w.SetCellStyle(sheet, place, place, w.styles.link)
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

package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/xuri/excelize/v2"

	"stagelag/extractor"
	"stagelag/plain"
	"stagelag/report"
	"stagelag/transform"
	"stagelag/views"
)

func TestGolden(t *testing.T) {
	t.Parallel()
	s := samples(t)
	var b strings.Builder
	for _, form := range []struct {
		file  string
		write func() error
	}{
		{"manager.en.txt", func() error { return report.WriteText(&b, &s.byManager, report.English) }},
		{"manager.ru.txt", func() error { return report.WriteText(&b, &s.byManager, report.Russian) }},
		{"stage.ru.txt", func() error { return report.WriteText(&b, &s.projects, report.Russian) }},
		{"tags.en.txt", func() error { return report.WriteText(&b, &s.byTags, report.English) }},
		{"tags.ru.txt", func() error { return report.WriteText(&b, &s.byTags, report.Russian) }},
		{"moved.en.txt", func() error { return report.WriteText(&b, &s.moved, report.English) }},
		{"moved.ru.txt", func() error { return report.WriteText(&b, &s.moved, report.Russian) }},
		{"manager.json", func() error { return report.WriteJSON(&b, &s.byManager) }},
	} {
		b.Reset()
		if err := form.write(); err != nil {
			t.Fatalf("%s: %v", form.file, err)
		}
		golden(t, form.file, b.String())
	}
}

// What a terminal would obey is not in a text.
func TestTextIsPlain(t *testing.T) {
	t.Parallel()
	r := hostile()
	for _, language := range report.Languages {
		var b strings.Builder
		if err := report.WriteText(&b, &r, language); err != nil {
			t.Fatal(err)
		}
		if i := strings.IndexFunc(b.String(), func(r rune) bool { return r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 || r == 0x202e }); i >= 0 {
			t.Errorf("the text in %s has a control character: %q", language, b.String()[i:min(len(b.String()), i+40)])
		}
	}
}

// hostile is a report whose every name is from somebody with bad intentions.
func hostile() report.Report {
	row := func(i int) report.Row {
		return report.Row{
			Key: report.Key{ManagerID: extractor.ManagerID(i + 1), CompanyID: extractor.CompanyID(i + 1), Value: hostileTitles[i]}, Name: hostileTitles[i], Funnel: hostileTitles[i], Trend: make([]int64, 1),
			Quality: report.Quality{Closed: 5, ClosedWithPlan: 4, OnTime: 1, Late: 3, DaysLost: int64(i)}, Now: report.State{Open: 1, Overdue: 1},
		}
	}
	r := report.Report{
		Run:     report.Run{ID: 1, AsOf: 20522, PublishedAt: night},
		Period:  report.Period{From: 20454, To: 20484},
		Before:  report.Period{From: 20423, To: 20453},
		Funnels: []views.Funnel{{ID: 1, Name: hostileTitles[1]}}, IsFiltered: true, IsPeriodOver: true,
		Trend: []report.TrendPeriod{{Period: report.Period{From: 20454, To: 20484}}},
		Total: report.Row{Trend: make([]int64, 1)}, ManagersKnownFrom: 20000, Ahead: report.Ahead{Horizons: []views.Horizon{{Days: 30, Coming: 9}}},
		Choice: views.Choice{Departments: hostileTitles, Dimensions: []views.Dimension{{Name: hostileTitles[1], Value: hostileTitles[1]}}},
	}
	r.Dimension = hostileTitles[0]
	for _, by := range append(slices.Clone(report.Levels), report.ByDimension) {
		level := report.Level{By: by}
		for i := range hostileTitles {
			level.Rows = append(level.Rows, row(i))
		}
		r.Levels = append(r.Levels, level)
	}
	for i, title := range hostileTitles {
		r.Visits = append(r.Visits, report.Visit{Visit: views.Visit{
			VisitID:   views.VisitID{DealID: extractor.DealID(i + 1), VisitNo: 1},
			Subject:   views.Subject{ManagerID: extractor.ManagerID(i + 1), Manager: title, Funnel: title, StageID: extractor.StageID(title), Stage: title},
			DealTitle: title, DealURL: "javascript:alert(1)", Entered: 20454, Left: transform.NoDay, Planned: transform.NoDay, Status: "overdue",
		}, DaysLost: int64(i)})
		r.PlanChanges = append(r.PlanChanges, views.PlanChange{
			VisitID: r.Visits[i].VisitID, Subject: r.Visits[i].Subject, DealTitle: title, DealURL: "javascript:alert(1)",
			KnownOn: 20454, Before: 20454, After: transform.NoDay,
		})
		r.Cells = append(r.Cells, report.Cell{
			Key: report.Key{ManagerID: extractor.ManagerID(i + 1), StageID: extractor.StageID(title)}, Manager: title, Stage: title, Funnel: title, Quality: report.Quality{Closed: 1, DaysLost: 1},
		})
		r.StageTimes = append(r.StageTimes, report.StageTime{Key: report.Key{StageID: extractor.StageID(title)}, Stage: title, Funnel: title, Closed: 20, WithPlan: 20, P85: 9, MedianPlan: 1})
		r.Ahead.Deals = append(r.Ahead.Deals, views.LikelyDeal{Subject: r.Visits[i].Subject, DealID: 1, DealTitle: title, DealURL: "javascript:alert(1)", LateProbability: 1, Currency: title})
		r.Amounts = append(r.Amounts, views.Amount{Currency: title, Overdue: 1, Open: 1})
		r.Gaps = append(r.Gaps, report.Gap{Reason: "bad_plan", Count: 1, Deals: 1, Items: []views.Gap{{DealID: 1, DealTitle: title, DealURL: title, StageID: extractor.StageID(title), Detail: title}}})
	}
	return r
}

// firsts are a report with each of some levels first.
func firsts(r report.Report, levels ...report.By) (all []report.Report) {
	for _, by := range levels {
		r.Levels = append([]report.Level{level(r, by)}, slices.DeleteFunc(slices.Clone(r.Levels), func(l report.Level) bool { return l.By == by })...)
		all = append(all, r)
	}
	return all
}

func TestJSON(t *testing.T) {
	t.Parallel()
	r := samples(t).byManager
	var b bytes.Buffer
	if err := report.WriteJSON(&b, &r); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Version int
		Total   struct {
			DaysLost     int64    `json:"days_lost"`
			VisitsClosed int64    `json:"visits_closed"`
			OnTimeRate   *float64 `json:"on_time_rate"`
		}
		Levels []struct{ Rows []json.RawMessage }
		Visits []json.RawMessage
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	rate, _ := r.Total.Rate()
	if got.Version != report.JSONVersion || got.Total.DaysLost != r.Total.DaysLost || got.Total.VisitsClosed != r.Total.Closed ||
		*got.Total.OnTimeRate != rate || len(got.Levels[0].Rows) != len(r.Level().Rows) || len(got.Visits) != len(r.Visits) {
		t.Errorf("the JSON says %+v, want version %d, %+v", got, report.JSONVersion, r.Total)
	}
}

// What a terminal would obey is escaped in JSON, and there all the same.
func TestJSONIsPlain(t *testing.T) {
	t.Parallel()
	r := hostile()
	r.Levels[0].Rows[0].Name = "a\u009b31mb\u202ec\x7fd"
	var b strings.Builder
	if err := report.WriteJSON(&b, &r); err != nil {
		t.Fatal(err)
	}
	if i := strings.IndexFunc(b.String(), func(r rune) bool { return r != '\n' && plain.IsObeyed(r) }); i >= 0 {
		t.Errorf("the JSON has a control character: %q", b.String()[i:min(len(b.String()), i+40)])
	}
	var got struct {
		Levels []struct{ Rows []struct{ Name string } }
	}
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil {
		t.Fatal(err)
	}
	if name := got.Levels[0].Rows[0].Name; name != r.Levels[0].Rows[0].Name {
		t.Errorf("the JSON has the name %q, want %q", name, r.Levels[0].Rows[0].Name)
	}
}

// A report of nothing has a null for each rate, and lists for lists.
func TestJSONOfNothing(t *testing.T) {
	t.Parallel()
	r := report.Report{Levels: []report.Level{{By: report.ByManager}}}
	var b strings.Builder
	if err := report.WriteJSON(&b, &r); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"on_time_rate": null`, `"rows": []`, `"visits": []`, `"plan_changes": []`, `"other_plan_changes": []`, `"gaps": []`, `"funnels": []`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the JSON of nothing lacks %s:\n%s", want, b.String())
		}
	}
}

func TestCSV(t *testing.T) {
	t.Parallel()
	r := samples(t).moved
	tests := []struct {
		dialect     report.Dialect
		comma       rune
		date, point string // how dates and numbers are written
	}{
		{report.RFC4180, ',', "2006-01-02", "."},
		{report.ExcelRussian, ';', "02.01.2006", ","},
	}
	for _, test := range tests {
		t.Run(string(test.dialect), func(t *testing.T) {
			for _, which := range report.Tables {
				var b bytes.Buffer
				if err := report.WriteCSV(&b, &r, report.Russian, which, test.dialect); err != nil {
					t.Fatal(err)
				}
				if lines := strings.Count(b.String(), "\n"); lines != strings.Count(b.String(), "\r\n") {
					t.Errorf("%s: not every line ends with CR LF", which)
				}
				records := csv.NewReader(strings.NewReader(strings.TrimPrefix(b.String(), "\ufeff")))
				records.Comma = test.comma
				got, err := records.ReadAll() // refuses lines of different lengths
				if err != nil {
					t.Fatalf("%s: %v", which, err)
				}
				want := map[report.Table]int{report.RowsTable: len(r.Level().Rows), report.VisitsTable: len(r.Visits), report.PlanChangesTable: len(r.PlanChanges), report.CellsTable: len(r.Cells), report.StageTimesTable: len(r.StageTimes),
					report.AheadTable: len(r.Ahead.Deals), report.AmountsTable: len(r.Amounts), report.TrendTable: 12, report.GapsTable: gapItems(r)}[which]
				if len(got) != want+1 {
					t.Errorf("%s: %d lines below the header, want %d", which, len(got)-1, want)
				}
			}
			rate, ok := r.Level().Rows[0].Rate()
			if !ok {
				t.Fatal("the first row has no rate to look for")
			}
			if got, want := firstOf(t, &r, report.RowsTable, test.dialect, "Доля в срок"), strings.Replace(fmt.Sprintf("%.4f", rate), ".", test.point, 1); got != want {
				t.Errorf("the first row has the rate %q, want %q", got, want)
			}
			if got, want := firstOf(t, &r, report.VisitsTable, test.dialect, "Вход"), r.Visits[0].Entered.Time().Format(test.date); got != want {
				t.Errorf("the first visit was entered on %q, want %q", got, want)
			}
			if got, want := firstOf(t, &r, report.PlanChangesTable, test.dialect, "Стало известно"), r.PlanChanges[0].KnownOn.Time().Format(test.date); got != want {
				t.Errorf("the first change was known on %q, want %q", got, want)
			}
			if got, want := firstOf(t, &r, report.PlanChangesTable, test.dialect, "Прощено дней"), fmt.Sprint(r.PlanChanges[0].DaysForgiven); got != want {
				t.Errorf("the first change forgave %q days, want %q", got, want)
			}
		})
	}
}

// firstOf is the cell of the first row in a column of a table.
func firstOf(t *testing.T, r *report.Report, which report.Table, dialect report.Dialect, title string) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.WriteCSV(&b, r, report.Russian, which, dialect); err != nil {
		t.Fatal(err)
	}
	text := strings.TrimPrefix(b.String(), "\ufeff")
	records := csv.NewReader(strings.NewReader(text))
	if dialect == report.ExcelRussian {
		if text == b.String() {
			t.Error("there is no byte order mark, by which Excel knows the letters")
		}
		records.Comma = ';'
	}
	lines, err := records.ReadAll()
	if err != nil || len(lines) < 2 || !slices.Contains(lines[0], title) {
		t.Fatalf("%s: %v, want a row and the column %s", which, err, title)
	}
	return lines[1][slices.Index(lines[0], title)]
}

func gapItems(r report.Report) (n int) {
	for _, gap := range r.Gaps {
		n += len(gap.Items)
	}
	return n
}

// No cell of a CSV begins like a formula.
func TestCSVHasNoFormula(t *testing.T) {
	t.Parallel()
	for _, r := range firsts(hostile(), report.ByManager, report.ByCompany, report.ByDimension) {
		noFormula(t, &r)
	}
}

func noFormula(t *testing.T, r *report.Report) {
	t.Helper()
	for _, dialect := range report.Dialects {
		for _, which := range report.Tables {
			var b bytes.Buffer
			if err := report.WriteCSV(&b, r, report.English, which, dialect); err != nil {
				t.Fatal(err)
			}
			records := csv.NewReader(strings.NewReader(strings.TrimPrefix(b.String(), "\ufeff")))
			if dialect == report.ExcelRussian {
				records.Comma = ';'
			}
			lines, err := records.ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range lines {
				for _, cell := range line {
					// A program with other settings than the file was written for divides a
					// cell further.
					for _, piece := range strings.FieldsFunc(cell, func(r rune) bool { return r == ';' || r == ',' }) {
						if trimmed := strings.Trim(piece, " \""); trimmed != "" && strings.ContainsRune("=+-@", rune(trimmed[0])) || strings.ContainsAny(cell, "\t\r\n\x1b") {
							t.Errorf("by %s, %s, %s: the cell %q", r.Level().By, dialect, which, cell)
						}
					}
				}
			}
		}
	}
}

func openXLSX(t *testing.T, r report.Report, language report.Language) *excelize.File {
	t.Helper()
	var b bytes.Buffer
	if err := report.WriteXLSX(t.Context(), &b, &r, language); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// TestXLSXTotals calculates the totals of each level's sheet and of the visits anew, and
// compares them with the report and with the values that stand in the cells.
func TestXLSXTotals(t *testing.T) {
	t.Parallel()
	r := samples(t).moved
	rate, _ := r.Total.Rate()
	firstRate, _ := r.Total.FirstPlanRate()
	coverage, _ := r.Total.Coverage()
	total := map[string]float64{
		"Days lost": float64(r.Total.DaysLost), "Stages closed": float64(r.Total.Closed),
		"With a plan": float64(r.Total.ClosedWithPlan), "On time": float64(r.Total.OnTime), "Late": float64(r.Total.Late), "No plan": float64(r.Total.ClosedNoPlan()),
		"On-time rate": rate, "Plan coverage": coverage, "Open now": float64(r.Total.Now.Open), "Overdue now": float64(r.Total.Now.Overdue), "No plan now": float64(r.Total.Now.NoPlan), "Waiting now": float64(r.Total.Now.Waiting),
		"Rate by first plans": firstRate, "With a first plan": float64(r.Total.ClosedWithFirstPlan), "On time by first plans": float64(r.Total.OnTimeFirstPlan),
		"Plan changes": float64(r.Total.PlanChanges), "Moved, calendar days": float64(r.Total.DaysMoved), "Lost days forgiven": float64(r.Total.DaysForgiven),
		"Closed, assumed": float64(r.Total.ClosedAssumed), "Days lost, assumed": float64(r.Total.DaysLostAssumed),
	}
	compared, cells := maps.Clone(total), maps.Clone(total) // people are not compared with a period that is assumed
	compared["Days lost before"] = float64(r.Total.DaysLostBefore)
	for _, title := range []string{"Open now", "Overdue now", "No plan now", "Waiting now", "Plan changes", "Moved, calendar days", "Lost days forgiven"} {
		delete(cells, title)
	}
	f := openXLSX(t, r, report.English)
	for _, sheet := range []struct {
		name string
		rows int
		want map[string]float64
	}{
		{"By manager", len(r.Levels[0].Rows), total},
		{"By stage", len(r.Levels[1].Rows), compared},
		{"By funnel", len(r.Levels[2].Rows), compared},
		{"By department", len(r.Levels[3].Rows), total},
		{"Managers × stages", len(r.Cells), cells},
		{"Stages of deals", len(r.Visits), map[string]float64{
			"Lost in the period": float64(r.Total.DaysLost), "Closed in the period": float64(r.Total.Closed), "Overdue now": float64(r.Total.Now.Overdue),
		}},
		{"Plans that were moved", len(r.PlanChanges), map[string]float64{
			"Moved, calendar days": float64(r.Total.DaysMoved), "Lost days forgiven": float64(r.Total.DaysForgiven),
		}},
	} {
		header, err := f.GetRows(sheet.name)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for i, title := range header[0] {
			cell, _ := excelize.CoordinatesToCellName(i+1, sheet.rows+2)
			formula, _ := f.GetCellFormula(sheet.name, cell)
			if formula == "" {
				continue
			}
			calculated, err := f.CalcCellValue(sheet.name, cell, excelize.Options{RawCellValue: true})
			if err != nil {
				t.Errorf("%s!%s = %s: %v", sheet.name, cell, formula, err)
			}
			stands, _ := f.GetCellValue(sheet.name, cell, excelize.Options{RawCellValue: true})
			got[title] = number(t, calculated)
			if math.Abs(number(t, stands)-got[title]) > 1e-9 {
				t.Errorf("%s!%s shows %s before it is calculated, %s after", sheet.name, cell, stands, calculated)
			}
		}
		if diff := cmp.Diff(sheet.want, got, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
			t.Errorf("the totals of %s differ (-report +calculated):\n%s", sheet.name, diff)
		}
	}
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	var n float64
	if _, err := fmt.Sscan(text, &n); err != nil {
		t.Errorf("%q is no number", text)
	}
	return n
}

// Cells have types, in both languages: texts are texts whatever is in them.
func TestXLSXCells(t *testing.T) {
	t.Parallel()
	r := samples(t).moved
	for language, format := range map[report.Language]string{report.English: "2 Jan 2006", report.Russian: "02.01.2006"} {
		f := openXLSX(t, r, language)
		sheets := f.GetSheetList()
		if len(sheets) != 13 {
			t.Errorf("the sheets in %s are %q, want a summary, four levels and eight tables", language, sheets)
		}
		visits := sheets[9]
		for i := range r.Visits {
			place := func(column string) string { return fmt.Sprintf("%s%d", column, i+2) }
			title, _ := f.GetCellValue(visits, place("B"))
			kind, _ := f.GetCellType(visits, place("B"))
			formula, _ := f.GetCellFormula(visits, place("B"))
			if formula != "" || kind != excelize.CellTypeSharedString && kind != excelize.CellTypeInlineString {
				t.Errorf("the title %q is of type %v with the formula %q", title, kind, formula)
			}
			entered, _ := f.GetCellValue(visits, place("H"))
			if want := r.Visits[i].Entered.Time().Format(format); entered != want {
				t.Errorf("entered in %s: %s, want %s", language, entered, want)
			}
			lost, _ := f.GetCellType(visits, place("O"))
			if lost != excelize.CellTypeUnset && lost != excelize.CellTypeNumber {
				t.Errorf("days lost are of type %v, want a number", lost)
			}
		}
		for _, sheet := range sheets[1:] {
			panes, err := f.GetPanes(sheet)
			if err != nil || !panes.Freeze || panes.YSplit != 1 {
				t.Errorf("%s: the header is not frozen: %+v %v", sheet, panes, err)
			}
			width, _ := f.GetColWidth(sheet, "A")
			if unset, _ := f.GetColWidth(sheet, "ZZ"); width == unset {
				t.Errorf("%s: the first column has no width of its own", sheet)
			}
			isFiltered := slices.ContainsFunc(f.GetDefinedName(), func(n excelize.DefinedName) bool {
				return n.Name == "_xlnm._FilterDatabase" && n.Scope == sheet
			})
			if !isFiltered {
				t.Errorf("%s: there are no filters", sheet)
			}
		}
		for _, sheet := range slices.Concat(sheets[1:6], sheets[8:12]) { // times, what is ahead and what is not covered are not late
			if formats, err := f.GetConditionalFormats(sheet); err != nil || len(formats) == 0 {
				t.Errorf("%s: nothing late is marked (%v)", sheet, err)
			}
		}
	}
}

// What the portal's texts look like changes nothing in a workbook.
func TestXLSXHasNoForeignFormula(t *testing.T) {
	t.Parallel()
	f := openXLSX(t, hostile(), report.English)
	for _, sheet := range f.GetSheetList() {
		rows, err := f.GetRows(sheet)
		if err != nil {
			t.Fatal(err)
		}
		for i, row := range rows {
			for j := range row {
				cell, _ := excelize.CoordinatesToCellName(j+1, i+1)
				formula, _ := f.GetCellFormula(sheet, cell)
				isLink := strings.HasPrefix(row[j], "https://") && formula == `HYPERLINK("`+strings.ReplaceAll(row[j], `"`, `""`)+`")`
				if formula != "" && !isLink && !strings.HasPrefix(formula, "SUBTOTAL(109,") && !strings.HasPrefix(formula, "IF(") {
					t.Errorf("%s!%s has the formula %s", sheet, cell, formula)
				}
			}
		}
	}
}

func TestHTMLEscapes(t *testing.T) {
	t.Parallel()
	for _, r := range firsts(hostile(), report.ByManager, report.ByCompany, report.ByDimension) {
		var b strings.Builder
		if err := report.WriteHTML(&b, &r, report.English); err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{"<script", "<img", `href="javascript:`, "\x1b", "\u202e", "http://www.w3.org/1999/xlink\" onload"} {
			if strings.Contains(b.String(), bad) {
				t.Errorf("the page by %s has %q", r.Level().By, bad)
			}
		}
		if !strings.Contains(b.String(), "few cases") {
			t.Errorf("the page by %s does not mark four cases as few", r.Level().By)
		}
	}
}

package report_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stagelag/extractor"
	"stagelag/report"
	"stagelag/views"
)

// groups finds the rows by company and by dimension again in the visits and the facts.
func groups(t *testing.T, s *site) {
	t.Helper()
	has := "concat(', ', dimensions['tags'], ', ') LIKE concat('%, ', name, ', %')"
	named := make([]string, len(tags))
	for i, tag := range tags {
		named[i] = "'" + tag + "'"
	}
	period := report.Period{From: day(t, "2026-02-20"), To: day(t, "2026-03-12")}
	byCompany := s.read(report.Query{Period: period, By: report.ByCompany})
	manager := level(byCompany, report.ByManager).Rows[0].Key.ManagerID
	for _, test := range []struct {
		query report.Query
		keys  string // of a deal, an array
		in    string // the condition on visits and facts
	}{
		{report.Query{By: report.ByCompany}, "[toString(ifNull(company_id, 0))]", "1"},
		{report.Query{By: report.ByDimension, Dimension: s.dimension("region")}, "[dimensions['region']]", "1"},
		{
			report.Query{By: report.ByDimension, Dimension: s.dimension("tags")},
			"arrayFilter(name -> if(name = '', dimensions['tags'] = '', " + has + " AND NOT (name = 'Blue' AND dimensions['tags'] LIKE '%Blue, dark%')), ['', " + strings.Join(named, ", ") + "])", "1",
		},
		{
			report.Query{By: report.ByCompany, Funnels: views.Funnels{5}, Choice: views.Choice{Managers: []extractor.ManagerID{manager}}},
			"[toString(ifNull(company_id, 0))]", fmt.Sprintf("funnel_id = 5 AND manager_id = %d", manager),
		},
	} {
		test.query.Period = period
		r, by := byCompany, test.query.By
		if by != report.ByCompany || len(test.query.Funnels) > 0 {
			var err error
			if r, err = report.Read(t.Context(), views.In(s.w).Chosen(test.query.Choice), test.query); err != nil {
				t.Fatalf("Read(%+v): %v", test.query, err)
			}
		}
		name := fmt.Sprintf("by %s %s of managers %v", by, r.Dimension, test.query.Choice.Managers)
		want := s.lines(fmt.Sprintf(`
			SELECT key, sum(closed), sum(planned), sum(on_time), sum(first), sum(first_on_time), sum(lost), sum(before), sum(open), sum(overdue), sum(no_plan),
				sum(open_at_end), sum(overdue_at_end), sum(assumed), sum(changes), sum(forgiven)
			FROM
			(
				SELECT deal_id, 1 AS closed, plan_days IS NOT NULL AS planned, status = 'finished_on_time' AS on_time, first_plan_days IS NOT NULL AS first,
					ifNull(first_plan_overdue_days = 0 AND first_planned_end >= entered_date, 0) AS first_on_time,
					0 AS lost, 0 AS before, 0 AS open, 0 AS overdue, 0 AS no_plan, 0 AS open_at_end, 0 AS overdue_at_end, 0 AS assumed, 0 AS changes, 0 AS forgiven
				FROM deal_stages WHERE stage_semantics = 'process' AND left_date BETWEEN '%[1]s' AND '%[2]s' AND %[5]s
				UNION ALL
				SELECT deal_id, 0, 0, 0, 0, 0, day BETWEEN '%[1]s' AND '%[2]s', day BETWEEN '%[3]s' AND '%[4]s', 0, 0, 0, 0, 0, day BETWEEN '%[1]s' AND '%[2]s' AND manager_source = 'assumed', 0, 0
				FROM deal_stage_days WHERE overdue_day = 1 AND %[5]s
				UNION ALL
				SELECT deal_id, 0, 0, 0, 0, 0, 0, 0, 1, status = 'overdue', status = 'no_plan', 0, 0, 0, 0, 0 FROM deal_stages WHERE is_open = 1 AND stage_semantics = 'process' AND %[5]s
				UNION ALL
				SELECT deal_id, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, overdue_days > 0 OR ifNull(planned_end < entered_date, 0), 0, 0, 0
				FROM deal_stage_days WHERE is_open = 1 AND day = '%[2]s' AND %[5]s
				UNION ALL
				SELECT deal_id, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, greatest(0, overdue_days_before - overdue_days)
				FROM plan_changes WHERE cause = 'deal' AND known_on BETWEEN '%[1]s' AND '%[2]s' AND %[5]s
			) AS m
			INNER JOIN (SELECT deal_id, arrayJoin(%[6]s) AS key FROM deals_now) AS g ON g.deal_id = m.deal_id
			GROUP BY key
			HAVING sum(closed) + sum(lost) + sum(before) + sum(open) + sum(open_at_end) + sum(changes) > 0
			ORDER BY key`, r.Period.From, r.Period.To, r.Before.From, r.Before.To, test.in, test.keys))
		var got []string
		for _, row := range r.Level().Rows {
			key := row.Key.Value
			if by == report.ByCompany {
				key = fmt.Sprint(row.Key.CompanyID)
			}
			got = append(got, fmt.Sprintf("%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d", key, row.Closed, row.ClosedWithPlan, row.OnTime, row.ClosedWithFirstPlan, row.OnTimeFirstPlan,
				row.DaysLost, row.DaysLostBefore, row.Now.Open, row.Now.Overdue, row.Now.NoPlan, row.AtEnd.Open, row.AtEnd.Overdue, row.DaysLostAssumed, row.PlanChanges, row.DaysForgiven))
			if visits := sumOf(r.Behind(by, row.Key)); visits != [3]int64{row.Closed, row.DaysLost, row.Now.Overdue} {
				t.Errorf("%s, %q: the visits behind it have %v closed, lost and overdue, want %+v", name, row.Name, visits, row)
			}
		}
		slices.SortFunc(got, byKey)
		if !slices.Equal(got, want) || len(got) < 3 {
			t.Errorf("%s: the rows differ, or are few (-want +got):\n%s", name, cmp.Diff(want, got))
		}
		whole := r.Total
		whole.Trend = nil
		total := sum(r.Level().Rows)
		isTags := r.Dimension == "tags"
		if diff := cmp.Diff(whole, total); (diff != "") != isTags || r.Level().IsOverlapping != isTags {
			t.Errorf("%s: the rows add up to the total: %t, and say that they do not: %t; want %t (-total +rows):\n%s", name, diff == "", r.Level().IsOverlapping, isTags, diff)
		}
	}

	// A company's row is the report of its deals.
	rows := byCompany.Level().Rows
	i := slices.IndexFunc(rows, func(row report.Row) bool { return row.Key.CompanyID != 0 })
	if i < 0 {
		t.Fatalf("by company there are %+v, want a company", rows)
	}
	choice := views.Choice{Companies: []extractor.CompanyID{rows[i].Key.CompanyID}}
	one, err := report.Read(t.Context(), views.In(s.w).Chosen(choice), report.Query{Period: period, By: report.ByCompany, Choice: choice})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]report.Row{rows[i]}, one.Level().Rows); diff != "" {
		t.Errorf("the report of the company is not its row of the whole (-row +report):\n%s", diff)
	}
	row := one.Level().Rows[0]
	row.Key, row.Name = report.Key{}, ""
	if diff := cmp.Diff(one.Total, row); diff != "" {
		t.Errorf("the row of the only company is not the total (-total +row):\n%s", diff)
	}
}

// Rows that do not add up to the total say so, and have no sum beneath them.
func TestOverlappingRows(t *testing.T) {
	t.Parallel()
	overlapping := samples(t).byTags
	for _, test := range []struct {
		r     report.Report
		sheet string
		says  bool
	}{{overlapping, "By field", true}, {samples(t).byStage, "By stage", false}} {
		const note = "the rows do not add up to the total"
		for name, write := range map[string]func(*bytes.Buffer) error{
			"text": func(b *bytes.Buffer) error { return report.WriteText(b, &test.r, report.English) },
			"page": func(b *bytes.Buffer) error { return report.WriteHTML(b, &test.r, report.English) },
		} {
			var b bytes.Buffer
			if err := write(&b); err != nil || strings.Contains(b.String(), note) != test.says {
				t.Errorf("%s: the %s says that %s: %t, %v; want %t", test.sheet, name, note, !test.says, err, test.says)
			}
		}
		f := openXLSX(t, test.r, report.English)
		summary, err := f.GetRows(f.GetSheetList()[0])
		if err != nil || strings.Contains(fmt.Sprint(summary), note) != test.says {
			t.Errorf("%s: the summary of the workbook says that %s: %t, %v; want %t", test.sheet, note, !test.says, err, test.says)
		}
		rows, err := f.GetRows(test.sheet)
		if hasTotal := len(rows) == len(test.r.Level().Rows)+2; err != nil || hasTotal == test.says {
			t.Errorf("%s: %d lines for %d rows, %v; want a total: %t", test.sheet, len(rows), len(test.r.Level().Rows), err, !test.says)
		}
	}

	var b bytes.Buffer
	if err := report.WriteJSON(&b, &overlapping); err != nil {
		t.Fatal(err)
	}
	type jsonLevel struct {
		By            string
		IsOverlapping bool `json:"is_overlapping"`
	}
	var got struct {
		By        string
		Dimension string `json:"by_dimension"`
		Levels    []jsonLevel
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := []jsonLevel{{"dimension", true}, {"manager", false}, {"stage", false}, {"funnel", false}, {"department", false}}
	if got.By != "dimension" || got.Dimension != "tags" || !reflect.DeepEqual(got.Levels, want) {
		t.Errorf("the JSON has %+v, want the dimension tags with the levels %v", got, want)
	}
}

// The page and the text have a hundred companies at most, and say how many others there are. The other forms have all.
func TestManyCompanies(t *testing.T) {
	t.Parallel()
	level := report.Level{By: report.ByCompany}
	for i := range 103 {
		level.Rows = append(level.Rows, report.Row{
			Key: report.Key{CompanyID: extractor.CompanyID(i + 1)}, Name: fmt.Sprintf("Company %03d.", i+1), Trend: make([]int64, 1), Quality: report.Quality{DaysLost: int64(200 - i)},
		})
	}
	r := hostile()
	r.Levels = append([]report.Level{level}, r.Levels[:4]...)
	for name, form := range map[string]struct {
		write func(*bytes.Buffer) error
		want  int
	}{
		"text": {func(b *bytes.Buffer) error { return report.WriteText(b, &r, report.English) }, 100},
		"page": {func(b *bytes.Buffer) error { return report.WriteHTML(b, &r, report.English) }, 100},
		"JSON": {func(b *bytes.Buffer) error { return report.WriteJSON(b, &r) }, 103},
		"CSV": {func(b *bytes.Buffer) error {
			return report.WriteCSV(b, &r, report.English, report.RowsTable, report.RFC4180)
		}, 103},
	} {
		var b bytes.Buffer
		if err := form.write(&b); err != nil {
			t.Fatal(err)
		}
		got := 0
		for _, row := range level.Rows {
			if strings.Contains(b.String(), row.Name) {
				got++
			}
		}
		if says := strings.Contains(b.String(), "… and 3 more in the XLSX, CSV and JSON forms"); got != form.want || says != (form.want == 100) {
			t.Errorf("the %s has %d companies, and says that there are 3 more: %t; want %d", name, got, says, form.want)
		}
	}
}

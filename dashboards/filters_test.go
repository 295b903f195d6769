package dashboards_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"stagelag/dashboards"
	"stagelag/warehouse"
)

// sameMeasures counts the rows in which the measures by deal do not add up to the quality report.
func sameMeasures() string {
	var sums, differ []string
	for _, m := range []string{
		"visits_closed", "visits_closed_with_plan", "visits_on_time", "visits_late", "late_days", "overdue_days_accrued", "visits_open", "visits_overdue", "visits_no_plan", "visits_waiting",
		"visits_closed_with_first_plan", "visits_on_time_first_plan", "first_plan_late_days", "overdue_days_assumed", "visits_assumed",
	} {
		sums = append(sums, "sum("+m+") AS s_"+m)
		differ = append(differ, "s_"+m+" != "+m)
	}
	const row = "day, manager_id, manager_name, funnel_id, funnel_name, stage_id, stage_name"
	return "SELECT count() FROM (SELECT " + row + ", " + strings.Join(sums, ", ") + " FROM quality_by_deal GROUP BY " + row + ") AS d FULL JOIN quality_report AS q USING (" + row + ") WHERE " + strings.Join(differ, " OR ")
}

func TestTheQualityReportIsTheSumOfItsDeals(t *testing.T) {
	t.Parallel()
	w := demo(t)
	for _, shown := range []string{"", "shown on 2026-03-09"} {
		if got := number(t, w, sameMeasures()+" SETTINGS log_comment = '"+shown+"'"); got != "0" {
			t.Errorf("shown %q: %s rows differ", shown, got)
		}
	}
	if got := number(t, w, "SELECT count() > 1000 FROM quality_by_deal"); got != "1" {
		t.Error("there are few rows: the test compares too little")
	}
}

// sumOf is a number of a panel in English, added up over views of it.
func sumOf(t *testing.T, w *warehouse.Warehouse, board, title, column string, views ...view) (sum int64) {
	t.Helper()
	for _, v := range views {
		var n int64
		if _, err := fmt.Sscan(number(t, w, "SELECT ifNull(toInt64(sum("+column+")), 0) FROM ("+v.expand(panelOf(t, board, title))+")"), &n); err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum
}

// Each deal has one company or none, and each day and visit of it counts for it.
func TestCompaniesAddUpToAll(t *testing.T) {
	t.Parallel()
	w := demo(t)
	all := view{zone: "Europe/Moscow", from: now.AddDate(0, -6, 0), to: now}
	var companies [2][]string
	for i, row := range asked(t, w, dashboards.English, "portfolio", "company", "") {
		id, name, _ := strings.Cut(row, "\t")
		companies[i%2] = append(companies[i%2], id)
		if id == "0" && name != "no company" {
			t.Errorf("deals without a company are called %s", name)
		}
	}
	parts := []view{all, all}
	for i, list := range companies {
		if len(list) < 3 {
			t.Fatalf("%d companies to choose from: the test adds up too little", len(list))
		}
		parts[i].company = strings.Join(list, "','")
	}
	for _, of := range []struct{ board, title, column string }{
		{"portfolio", "Lost ${days}", "days_lost"},
		{"portfolio", "Deals now", "overdue_deals"},
		{"portfolio", "Since the last run", "newly_overdue"},
		{"portfolio", "Who to call", "overdue_days"},
		{"quality", "Stages closed", "visits_closed"},
		{"quality", "Losses", "late_days"},
		{"quality", "By manager", "visits_on_time"},
		{"quality", "Who moves plans", "plan_changes"},
		{"quality", "Deals that lost days", "days_lost"},
		{"stages", "Age of open work", "overdue"},
		{"ahead", "Where the plan", "visits_planned"},
		{"trust", "Coverage", "without_plan"},
	} {
		want := sumOf(t, w, of.board, of.title, of.column, all)
		if got := sumOf(t, w, of.board, of.title, of.column, parts...); got != want || got == 0 {
			t.Errorf("%s, %q: %s of both halves of the companies is %d, want %d", of.board, of.title, of.column, got, want)
		}
	}
}

// A department is that of the manager on the day that is counted.
func TestDepartmentsAreThoseOfTheDay(t *testing.T) {
	t.Parallel()
	w := demo(t)
	v := view{zone: "Europe/Moscow", from: now.AddDate(0, -6, 0), to: now}
	rows := asked(t, w, dashboards.English, "portfolio", "department", "")
	if len(rows) < 3 {
		t.Fatalf("%d departments to choose from: the test compares too little", len(rows))
	}
	for _, row := range rows {
		key, name, _ := strings.Cut(row, "\t")
		v.department = key
		for _, of := range []struct{ board, title, column, want string }{
			{"portfolio", "Lost ${days}", "days_lost", "SELECT sum(overdue_days_accrued) FROM quality_report WHERE department = '%s'"},
			{"portfolio", "Deals now", "open_deals", "SELECT countIf(is_open = 1) FROM deals_now WHERE department = '%s'"},
			{"portfolio", "Which department is late", "overdue_deals", "SELECT countIf(is_open = 1 AND overdue_days_now > 0) FROM deals_now WHERE department = '%s'"},
			{"quality", "Stages closed", "visits_closed", "SELECT sum(visits_closed) FROM quality_report WHERE department = '%s'"},
		} {
			if got, want := fmt.Sprint(sumOf(t, w, of.board, of.title, of.column, v)), number(t, w, fmt.Sprintf(of.want, name)); got != want {
				t.Errorf("%s, %q of %s: %s is %s, want %s", of.board, of.title, name, of.column, got, want)
			}
		}
	}
}

// Of two values of one field a deal has one, of two fields it has both.
func TestFieldsOfDealsNarrow(t *testing.T) {
	t.Parallel()
	w := demo(t)
	key := func(name, value string) string {
		return number(t, w, "SELECT toString(cityHash64('"+name+"', '"+value+"'))")
	}
	regions, err := ask(t, w, "SELECT dimensions['region'] AS region FROM deals_now WHERE is_open = 1 AND region != '' AND dimensions['contract'] != '' GROUP BY region ORDER BY count() DESC LIMIT 2")
	if err != nil || len(regions) != 4 {
		t.Fatalf("%d regions, %v", len(regions), err)
	}
	one, two := regions[2][0], regions[3][0]
	contract := number(t, w, "SELECT dimensions['contract'] FROM deals_now WHERE is_open = 1 AND dimensions['region'] = '"+one+"' AND dimensions['contract'] != '' ORDER BY 1 LIMIT 1")
	for _, tt := range []struct{ chosen, want string }{
		{key("region", one), "dimensions['region'] = '" + one + "'"},
		{key("region", one) + "','" + key("region", two), "dimensions['region'] IN ('" + one + "', '" + two + "')"},
		{key("region", one) + "','" + key("contract", contract), "dimensions['region'] = '" + one + "' AND dimensions['contract'] = '" + contract + "'"},
	} {
		got := sumOf(t, w, "portfolio", "Deals now", "open_deals", view{field: tt.chosen})
		if want := number(t, w, "SELECT count() FROM deals_now WHERE is_open = 1 AND "+tt.want); fmt.Sprint(got) != want || got == 0 {
			t.Errorf("%d deals are open where %s, want %s", got, tt.want, want)
		}
	}
	offered := asked(t, w, dashboards.English, "portfolio", "field", "")
	if want := key("region", one) + "\tregion: " + one; !strings.Contains(strings.Join(offered, "\n")+"\n", want+"\n") {
		t.Errorf("the fields to choose from are %v, want %s among them", offered, want)
	}
}

// What is chosen in the menu is not seen above a board: the first line names it.
func TestTheBannerNamesWhatIsChosenInTheMenu(t *testing.T) {
	t.Parallel()
	w := demo(t)
	page := first(read(t, dashboards.English))["quality.json"]
	for _, tt := range []struct {
		chosen view
		want   string
	}{
		{view{}, ""},
		{view{funnel: "5", manager: "3"}, ""},
		{view{stage: "NEW", company: "1"}, " · only chosen: stage, company"},
		{view{department: "7", field: "8", bucket: "8"}, " · only chosen: department, deal fields, overdue days in the list"},
	} {
		got := number(t, w, tt.chosen.expand(page.Panels[0].Targets[0].RawSQL))
		_, only, _ := strings.Cut(got, " · ")
		if only != strings.TrimPrefix(tt.want, " · ") {
			t.Errorf("%+v: the banner says %q, want %q at its end", tt.chosen, got, tt.want)
		}
	}
	if got := number(t, w, view{}.expand("SELECT value FROM ("+reportVariable(t)+")")); got != "quality_report" {
		t.Errorf("with all deals the numbers come from %s", got)
	}
	for _, v := range []view{{company: "1"}, {field: "1"}} {
		if got := number(t, w, v.expand("SELECT value FROM ("+reportVariable(t)+")")); got != "quality_by_deal" {
			t.Errorf("with %+v the numbers come from %s", v, got)
		}
	}
}

func reportVariable(t *testing.T) string {
	t.Helper()
	for _, variable := range first(read(t, dashboards.English))["quality.json"].Templating.List {
		if variable.Name == "report" {
			return variable.Query.RawSQL
		}
	}
	t.Fatal("there is no variable report")
	return ""
}

// A bar leads to a list that has as many rows as the bar counts.
func TestABarLeadsToItsStays(t *testing.T) {
	t.Parallel()
	w := demo(t)
	v := view{zone: "Europe/Moscow", from: now.AddDate(0, -6, 0), to: now}
	for _, of := range []struct{ board, chart, name, counted, list string }{
		{"stages", "Age of open work", "age", "on_time + overdue + no_plan + waiting", "Longest in one stage"},
		{"quality", "How late stages are", "late_by", "visits", "The stages closed"},
	} {
		bars, err := ask(t, w, v.expand("SELECT "+of.name+"_from, "+of.counted+" AS n FROM ("+panelOf(t, of.board, of.chart)+")"))
		if err != nil {
			t.Fatal(err)
		}
		for _, bar := range bars[2:] {
			chosen := v
			chosen.bucket = bar[0]
			listed := number(t, w, chosen.expand("SELECT countIf(deal_id IS NOT NULL) FROM ("+panelOf(t, of.board, of.list)+")"))
			if listed != bar[1] && listed != "500" {
				t.Errorf("%s: the bar from %s days counts %s, its list has %s", of.board, bar[0], bar[1], listed)
			}
		}
	}
}

// A range of whole days has these dates in every zone of a portal, however Grafana ends the last of them.
func TestWholeDaysAreTheseDates(t *testing.T) {
	t.Parallel()
	w := lateEveryDay(t, time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC))
	sql := panelOf(t, "quality", "Against the period before")
	for _, zone := range []string{"Asia/Vladivostok", "Europe/Moscow", "UTC", "America/New_York"} {
		for _, fraction := range []int{0, 998e6, 999e6} {
			v := view{zone: zone, from: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), to: time.Date(2026, 3, 31, 23, 59, 59, fraction, time.UTC)}
			got := number(t, w, v.expand("SELECT concat(toString(first_day), ' ', toString(last_day)) FROM ("+sql+") WHERE period = 'now'"))
			if got != "2026-03-01 2026-03-31" {
				t.Errorf("March up to %v, the portal in %s: %s", v.to, zone, got)
			}
		}
	}
}

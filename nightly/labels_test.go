package nightly_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"stagelag/config"
	"stagelag/loader"
	"stagelag/nightly"
	"stagelag/simulator"
)

const (
	labelRegion = "UF_CRM_REGION"
	labelTags   = "UF_CRM_TAGS"
	labelCall   = "UF_CRM_CALL"
	labelNote   = "UF_CRM_NOTE"
	labelUrgent = "UF_CRM_URGENT"
)

// labelled is a portal with two people in departments, companies, and a field of each kind that deals are grouped by.
func labelled(t *testing.T, o simulator.Options) *site {
	t.Helper()
	w := simulator.NewWorld()
	w.AddFunnel(simulator.Funnel{ID: 1, Name: "Sales", Stages: []simulator.Stage{
		{ID: "C1:NEW", Name: "New"}, {ID: "C1:DOCS", Name: "Documents"}, {ID: "C1:WON", Name: "Won", Semantics: simulator.Success},
	}})
	for _, f := range []simulator.Field{
		{Name: labelRegion, Type: "enumeration", Options: []string{"North", "South"}},
		{Name: labelTags, Type: "enumeration", IsMultiple: true, Options: []string{"new", "big"}}, // 43, 44
		{Name: labelCall, Type: "datetime"}, {Name: labelNote, Type: "string"}, {Name: labelUrgent, Type: "boolean"},
	} {
		w.AddField(f)
	}
	// Two branches have a department of one name.
	for _, d := range []simulator.Department{{ID: 1, Name: "North"}, {ID: 2, Name: "South"}, {ID: 3, Name: "Sales", Parent: 1}, {ID: 4, Name: "Sales", Parent: 2}, {ID: 5, Name: "Service", Parent: 1}} {
		w.AddDepartment(d)
	}
	w.AddUser(simulator.User{Name: "Anna", Departments: []simulator.DepartmentID{5, 3}})
	w.AddUser(simulator.User{Name: "Boris", Departments: []simulator.DepartmentID{4}})
	for _, name := range []string{"Harbour", "Mill", "Quarry"} {
		w.AddCompany(simulator.Company{Title: name, Created: firstNight.AddDate(0, -1, 0)})
	}
	begun := firstNight.AddDate(0, 0, -4)
	add := func(manager simulator.UserID, company int64, fields map[string]any) simulator.DealID {
		return w.AddDeal(simulator.Deal{Funnel: 1, Stage: "C1:NEW", Manager: manager, Company: company, Created: begun, Fields: fields})
	}
	add(1, 1, map[string]any{labelRegion: 41, labelTags: []string{"44", "43"}, labelCall: time.Date(2026, 3, 1, 22, 30, 0, 0, time.UTC), labelNote: " by phone ", labelUrgent: true})
	add(2, 2, map[string]any{labelRegion: 42, labelUrgent: false})
	closed := add(2, 3, nil)
	w.Move(closed, firstNight.Add(-time.Hour), "C1:WON")
	add(2, 0, nil)
	s := newSite(t, w, simulator.Suggested{TimeZone: "Europe/Moscow", Norms: []simulator.SuggestedNorm{{Stage: "C1:NEW", Days: 1}}}, firstNight)
	s.serve(o, nil)
	s.cfg.Dimensions = map[config.DimensionName]config.FieldName{"region": labelRegion, "tags": labelTags, "called": labelCall, "Note": labelNote, "urgent": labelUrgent}
	return s
}

const labelQuery = "SELECT deal_id, department, company_id, company_name, dimensions FROM deals_now ORDER BY deal_id"

func (s *site) expectRows(rule, query string, want ...string) {
	s.t.Helper()
	if got := s.rows(query); !slices.Equal(got, want) {
		s.t.Errorf("%s: %s%s", rule, query, firstDifference(got, want))
	}
}

func TestDealsAreLabelled(t *testing.T) {
	t.Parallel()
	s := labelled(t, simulator.Options{})
	s.run(false)
	const anna = "1\tSales · North\t1\tHarbour\t{'Note':'by phone','called':'2026-03-02','region':'North','tags':'big, new','urgent':'yes'}"
	s.expectRows("a list goes by its names, a time by its date in the portal's zone", labelQuery, anna,
		"2\tSales · South\t2\tMill\t{'region':'South','urgent':'no'}",
		"3\tSales · South\t3\tQuarry\t{'urgent':'no'}",
		"4\tSales · South\t\\N\t\\N\t{'urgent':'no'}")
	const known = "SELECT DISTINCT day, manager_name, department FROM quality_report WHERE day >= '2026-03-09' ORDER BY ALL"
	s.expectRows("before the first run no department is known", known, "2026-03-09\tAnna\t\\N", "2026-03-09\tBoris\t\\N", "2026-03-10\tAnna\tSales · North", "2026-03-10\tBoris\tSales · South")

	// A person moves, a company is renamed, and a night is missed. Nothing of it touches a deal.
	next := firstNight.AddDate(0, 0, 2)
	s.world.EditUser(2, next.Add(-time.Hour), func(u *simulator.User) { u.Departments = []simulator.DepartmentID{5} })
	s.world.EditCompany(1, next.Add(-time.Hour), func(c *simulator.Company) { c.Title = "Harbour Group" })
	s.at(next)
	before := s.portal.Log()
	s.run(false)
	after := []string{
		strings.Replace(anna, "Harbour", "Harbour Group", 1), "2\tService\t2\tMill\t{'region':'South','urgent':'no'}",
		"3\tSales · South\t3\tQuarry\t{'urgent':'no'}", // it was closed before
		"4\tService\t\\N\t\\N\t{'urgent':'no'}",
	}
	moved := []string{
		"2026-03-09\tAnna\t\\N", "2026-03-09\tBoris\t\\N", "2026-03-10\tAnna\tSales · North", "2026-03-10\tBoris\tSales · South",
		"2026-03-11\tAnna\tSales · North", "2026-03-11\tBoris\tService", "2026-03-12\tAnna\tSales · North", "2026-03-12\tBoris\tService",
	}
	s.expectRows("a person who moves keeps the past", known, moved...)
	s.expectRows("a company that is renamed", labelQuery, after...)
	s.expectRows("what was shown then stays", strings.Replace(labelQuery, "FROM deals_now", "FROM deals_then WHERE known_on = '2026-03-10'", 1), anna,
		"2\tSales · South\t2\tMill\t{'region':'South','urgent':'no'}", "3\tSales · South\t3\tQuarry\t{'urgent':'no'}", "4\tSales · South\t\\N\t\\N\t{'urgent':'no'}")
	companies := 0
	for _, call := range s.portal.Log()[len(before):] {
		for _, command := range call.Commands {
			if command.Method == "crm.item.list" && command.Params.Text("entityTypeId") == "4" {
				companies++
			}
		}
	}
	if companies > 1 {
		t.Errorf("a night without new companies asks %d times for companies, want once for those that have changed", companies)
	}

	s.world.EditUser(2, next.Add(time.Minute), func(u *simulator.User) { u.Departments = []simulator.DepartmentID{3} })
	s.at(next.Add(time.Hour))
	outcome := s.run(true)
	s.expectRows("a full run of the same date keeps what the first one saw", known, moved...)
	s.expectRows("a full run of the same date", labelQuery, after...)
	if _, err := loader.Withdraw(context.Background(), s.w, outcome.Run.RunID, next.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	s.at(next.AddDate(0, 0, 1))
	s.run(false)
	s.expectRows("the next date", "SELECT deal_id, department FROM deals_now ORDER BY deal_id",
		"1\tSales · North", "2\tSales · North", "3\tSales · South", "4\tSales · North")

	// A deleted company is in no list of changes; a full run finds it.
	s.world.DeleteCompany(2, next.AddDate(0, 0, 1))
	s.at(next.AddDate(0, 0, 2))
	s.run(true)
	s.expectRows("a company that was deleted", "SELECT company_name FROM deals_now ORDER BY deal_id", "Harbour Group", "#2", "Quarry", "\\N")

	s.cfg.Dimensions = map[config.DimensionName]config.FieldName{"area": labelRegion}
	s.run(false)
	s.expectRows("other dimensions", "SELECT dimensions FROM deals_now ORDER BY deal_id", "{'area':'North'}", "{'area':'South'}", "{}", "{}")
	s.cfg.Dimensions = nil
	s.run(false)
	s.expectRows("no dimensions", "SELECT DISTINCT dimensions FROM deals_now", "{}")
}

// What a right does not allow only thins what is shown, and the run says so.
func TestLabelsThatARightHides(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		options simulator.Options
		fault   func(*simulator.Portal)
		warning string
		want    string
	}{
		{"no right for departments", simulator.Options{Scopes: []string{"crm", "user"}}, nil, "the webhook lacks the scope department: departments are shown by their ids", "#3\tHarbour\tNorth"},
		{"no right for people", simulator.Options{Scopes: []string{"crm", "department"}}, nil, "the webhook lacks the scope user", "\\N\tHarbour\tNorth"},
		{"lists that are not told with the fields", simulator.Options{Quirks: simulator.Quirks{HidesListItems: true}}, nil, "", "Sales · North\tHarbour\tNorth"},
		{"lists that are not told at all", simulator.Options{Quirks: simulator.Quirks{HidesListItems: true}}, func(p *simulator.Portal) {
			p.Inject(simulator.OnCommands("crm.deal.userfield.list", simulator.InsufficientScope))
		}, "elements of lists are shown as they were last, new ones by their ids", "Sales · North\tHarbour\t#41"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := labelled(t, test.options)
			if test.fault != nil {
				test.fault(s.portal)
			}
			outcome := s.run(false)
			if test.warning != "" && !slices.ContainsFunc(outcome.Warnings, func(w string) bool { return strings.Contains(w, test.warning) }) || test.warning == "" && len(outcome.Warnings) > 0 {
				t.Errorf("the run warns of %q, want %q", outcome.Warnings, test.warning)
			}
			s.expectRows(test.name, "SELECT department, company_name, dimensions['region'] FROM deals_now WHERE deal_id = 1", test.want)
		})
	}
}

// Of a deal that is forgotten neither its company nor what its fields said is kept, in no table.
func TestAForgottenDealHasNoLabels(t *testing.T) {
	t.Parallel()
	s := labelled(t, simulator.Options{})
	s.run(false)
	if err := nightly.ForgetDeal(context.Background(), s.w, 1, time.Now); err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{
		"SELECT count() FROM deals WHERE deal_id = 1 AND (company_id > 0 OR company_name != '' OR notEmpty(dimension_name))",
		"SELECT count() FROM landing_deals WHERE deal_id = 1 AND (company_id > 0 OR notEmpty(fields))",
		"SELECT count() FROM landing_companies WHERE name = 'Harbour'",
	} {
		if n := s.kept(query); n != 0 {
			t.Errorf("%s: %d, want 0", query, n)
		}
	}
	s.expectRows("the other deals keep theirs", "SELECT deal_id, company_name FROM deals_now ORDER BY deal_id", "2\tMill", "3\tQuarry", "4\t\\N")
}

func TestDimensionsThatThePortalLacks(t *testing.T) {
	t.Parallel()
	s := labelled(t, simulator.Options{})
	s.world.AddField(simulator.Field{Name: "UF_CRM_SCAN", Type: "file"})
	for _, test := range []struct{ name, field, want string }{
		{"a field that is not there", "UF_CRM_REGIO", `dimensions.region: the portal has no deal field "UF_CRM_REGIO"; did you mean UF_CRM_REGION?`},
		{"a field of another kind", "UF_CRM_SCAN", "dimensions.region: the portal's field UF_CRM_SCAN is of type file; deals can be grouped by fields of the types string, enumeration, date"},
	} {
		s.cfg.Dimensions = map[config.DimensionName]config.FieldName{"region": config.FieldName(test.field)}
		if _, err := nightly.Run(context.Background(), s.pass(false)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", test.name, err, test.want)
		}
	}
}

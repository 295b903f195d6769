package extractor_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"stagelag/extractor"
	"stagelag/simulator"
)

// named is a portal with so many deals, each of a company of its own, and people in departments.
func named(deals, departments int) *simulator.World {
	w := twoFunnels(deals, 1)
	w.AddDepartment(simulator.Department{ID: 1, Name: "Works"})
	for id := simulator.DepartmentID(2); id <= simulator.DepartmentID(departments); id++ {
		w.AddDepartment(simulator.Department{ID: id, Name: fmt.Sprint("Department ", id), Parent: 1})
	}
	for i, deal := range w.Deals() {
		id := w.AddCompany(simulator.Company{Title: fmt.Sprint("Company ", i), Created: noon.AddDate(0, -1, 0)})
		w.EditDeal(deal.ID, time.Time{}, func(d *simulator.Deal) { d.Company = int64(id) })
	}
	for _, user := range w.Users() {
		w.EditUser(user.ID, time.Time{}, func(u *simulator.User) {
			u.Departments = []simulator.DepartmentID{simulator.DepartmentID(departments), 2}
		})
	}
	return w
}

// Names of companies come in batches, on the first run. After that a night asks for those that are new or have changed,
// in a request of their own beside the one for the history of a changed deal.
func TestNamesCostFewRequests(t *testing.T) {
	s := newSite(t, named(400, 120), simulator.Options{})
	result := s.mustExtract()
	if len(result.Departments) != 120 || result.Departments[119] != (extractor.Department{ID: 120, Name: "Department 120"}) || result.Managers[0].DepartmentID != 2 {
		t.Errorf("%d departments, %v of them the first manager's, want 120 and 2: the first by id", len(result.Departments), result.Managers[0].DepartmentID)
	}
	if len(s.landing.companies) != 400 || s.landing.companies[17] != "Company 16" {
		t.Errorf("%d companies are landed, the one of id 17 as %q", len(s.landing.companies), s.landing.companies[17])
	}
	quiet := s.later().Requests
	at := s.clock.Now().Add(time.Hour)
	s.world.EditCompany(17, at, func(c *simulator.Company) { c.Title = "Another" })
	s.world.EditCompany(9999%400+1, at, func(c *simulator.Company) { c.IsHidden = true })
	stranger := s.world.AddCompany(simulator.Company{Title: "Nobody's", Created: at})
	unknown := s.world.AddCompany(simulator.Company{Title: "New", Created: at})
	s.nextDay()
	s.world.EditDeal(2, s.clock.Now().Add(-time.Hour), func(d *simulator.Deal) { d.Company = int64(unknown) })
	result = s.mustExtract()
	if s.landing.companies[17] != "Another" || s.landing.companies[extractor.CompanyID(unknown)] != "New" {
		t.Errorf("companies 17 and %d are %q and %q", unknown, s.landing.companies[17], s.landing.companies[extractor.CompanyID(unknown)])
	}
	if _, isLanded := s.landing.companies[extractor.CompanyID(stranger)]; isLanded {
		t.Error("a company that no deal has was landed")
	}
	if more := result.Requests - quiet; more > 2 {
		t.Errorf("a night with names that are new and others takes %d requests more than a quiet one, want at most 2, for the deal and the names", more)
	}
}

func TestManyCompaniesAreReadByTheirIDs(t *testing.T) {
	s := newSite(t, named(2700, 3), simulator.Options{})
	s.mustExtract()
	for id, name := range s.landing.companies {
		if want := fmt.Sprint("Company ", id-1); name != want {
			t.Fatalf("company %d is %q, want %q", id, name, want)
		}
	}
	if len(s.landing.companies) != 2700 {
		t.Errorf("%d companies are landed, want 2700", len(s.landing.companies))
	}
	// All of them have changed: more than a page of those.
	for id := range simulator.CompanyID(2700) {
		s.world.EditCompany(id+1, s.clock.Now().Add(time.Hour), func(c *simulator.Company) { c.Title = "Renamed" })
	}
	s.later()
	for id, name := range s.landing.companies {
		if name != "Renamed" {
			t.Fatalf("company %d is %q after all were renamed", id, name)
		}
	}
}

func TestDepartmentsThatLookAlike(t *testing.T) {
	w := named(4, 1)
	w.AddDepartment(simulator.Department{ID: 2, Name: "North", Parent: 1})
	w.AddDepartment(simulator.Department{ID: 3, Name: "South", Parent: 1})
	for i, name := range []string{"Sales", "Sales", "sales"} {
		w.AddDepartment(simulator.Department{ID: simulator.DepartmentID(4 + i), Name: name, Parent: simulator.DepartmentID(2 + min(i, 1))})
	}
	w.AddDepartment(simulator.Department{ID: 7, Name: " ", Parent: 1})
	result := newSite(t, w, simulator.Options{}).mustExtract()
	var names []string
	for _, d := range result.Departments {
		names = append(names, d.Name)
	}
	if want := []string{"Works", "North", "South", "Sales · North", "Sales #5", "sales #6", "#7"}; !slices.Equal(names, want) {
		t.Errorf("departments %q, want %q", names, want)
	}
}

func TestNamesThatARightHidesAreAWarning(t *testing.T) {
	for _, test := range []struct {
		name    string
		options simulator.Options
		change  func(*site)
		warning string
	}{
		{"no scope for departments", simulator.Options{Scopes: []string{"crm", "user"}}, nil, "the webhook lacks the scope department: departments are shown by their ids"},
		{"departments that are refused", simulator.Options{}, func(s *site) { s.portal.Inject(simulator.OnCommands("department.get", simulator.InsufficientScope)) }, `departments are shown by their ids: department.get: refused (insufficient_scope); the webhook lacks the scope "department": tick it in the webhook's settings`},
		{"companies that may not be read", simulator.Options{}, func(s *site) {
			for id := range simulator.CompanyID(6) {
				s.world.EditCompany(id+1, time.Time{}, func(c *simulator.Company) { c.IsHidden = true })
			}
		}, "the portal shows the webhook's user none of the companies of the deals: they stay without names; give the user the right to read companies"},
	} {
		s := newSite(t, named(6, 3), test.options)
		if test.change != nil {
			test.change(s)
		}
		result := s.mustExtract()
		wantWarning(t, result, test.warning)
		if len(result.Warnings) != 1 || len(result.Managers) == 0 {
			t.Errorf("%s: %d managers and the warnings %q, want managers and one warning", test.name, len(result.Managers), result.Warnings)
		}
		if strings.HasPrefix(test.name, "companies") {
			continue
		}
		if s.landing.companies[1] != "Company 0" {
			t.Errorf("%s: company 1 is %q", test.name, s.landing.companies[1])
		}
	}
}

// A company that the portal does not show has no name, until a deal of it changes and the portal shows it, or a full
// reading finds it.
func TestAHiddenCompany(t *testing.T) {
	s := newSite(t, named(6, 3), simulator.Options{})
	for _, id := range []simulator.CompanyID{1, 2} {
		s.world.EditCompany(id, time.Time{}, func(c *simulator.Company) { c.IsHidden = true })
	}
	s.mustExtract()
	want := func(when, first, second string) {
		t.Helper()
		if s.landing.companies[1] != first || s.landing.companies[2] != second {
			t.Errorf("%s: companies 1 and 2 are %q and %q, want %q and %q", when, s.landing.companies[1], s.landing.companies[2], first, second)
		}
	}
	want("hidden", "", "")
	for _, id := range []simulator.CompanyID{1, 2} {
		s.world.EditCompany(id, time.Time{}, func(c *simulator.Company) { c.IsHidden = false }) // its time of update stays
	}
	s.nextDay()
	first := s.world.Deals()[0]
	s.world.EditDeal(first.ID, s.clock.Now().Add(-time.Hour), func(d *simulator.Deal) { d.Title = "Changed" })
	s.mustExtract()
	want("when a deal of the first has changed", "Company 0", "")
	s.options.Full = true
	s.later()
	want("after a full reading", "Company 0", "Company 1")
	s.world.DeleteCompany(1, time.Time{})
	s.later()
	want("after the next one, when the first was deleted", "", "Company 1")
}

package views

import (
	"slices"
	"strconv"
	"strings"

	"stagelag/extractor"
	"stagelag/transform"
	"stagelag/warehouse/access"
)

// A Choice is what views are held to: what counts for some people, and in some deals. The zero Choice is all that there
// is.
type Choice struct {
	// Departments are the names of those whose people count, on the days on which they were there: a day or a closed visit
	// for whoever had it that day, an open deal for who has it now. Nothing of before the first run is among them. None: all.
	Departments []string
	// Managers are those who count, in the same way. None: all.
	Managers []extractor.ManagerID
	// Companies are those whose deals count. None: all.
	Companies []extractor.CompanyID
	// Dimensions are what the deals that count have: of each name one of the values. None: all.
	Dimensions []Dimension
}

// A Dimension is a value of one of the fields by which deals are grouped, under the name that the configuration gives it.
type Dimension struct{ Name, Value string }

// IsOfPeople is whether the choice names some people.
func (c *Choice) IsOfPeople() bool { return len(c.Departments)+len(c.Managers) > 0 }

// IsOfDeals is whether the choice names some deals.
func (c *Choice) IsOfDeals() bool { return len(c.Companies)+len(c.Dimensions) > 0 }

// Chosen are the views held to a choice.
func (v Views) Chosen(c Choice) Views {
	return Views{v.conn, Choice{slices.Clone(c.Departments), slices.Clone(c.Managers), slices.Clone(c.Companies), slices.Clone(c.Dimensions)}}
}

// inDepartments is the condition that the column department is one of the chosen departments.
func (c *Choice) inDepartments() string {
	if len(c.Departments) == 0 {
		return "1"
	}
	return "ifNull(department IN (" + literals(c.Departments) + "), 0)"
}

// ofManagers is the condition that a column is one of the chosen managers.
func (c *Choice) ofManagers(column string) string {
	if len(c.Managers) == 0 {
		return "1"
	}
	return column + " IN (" + numbers(c.Managers) + ")"
}

// ofPeople is the condition that the columns manager_id and department are of the chosen people.
func (c *Choice) ofPeople() string { return c.inDepartments() + " AND " + c.ofManagers("manager_id") }

// hasChosen is the condition that a row of deals_now is of the chosen deals.
func (c *Choice) hasChosen() string {
	conditions := []string{"1"}
	if len(c.Companies) > 0 {
		conditions = append(conditions, "ifNull(company_id IN ("+numbers(c.Companies)+"), 0)")
	}
	values := map[string][]string{}
	var names []string
	for _, d := range c.Dimensions {
		if values[d.Name] == nil {
			names = append(names, d.Name)
		}
		values[d.Name] = append(values[d.Name], d.Value)
	}
	for _, name := range names {
		conditions = append(conditions, "dimensions["+access.Literal(name)+"] IN ("+literals(values[name])+")")
	}
	return strings.Join(conditions, " AND ")
}

// dealsNow is the condition that a row of deals_now is chosen.
func (v Views) dealsNow() string { return v.choice.ofPeople() + " AND " + v.choice.hasChosen() }

// ofPeopleOn is the condition that a person is chosen, and was in one of the chosen departments on a day with anything in
// the quality report.
func (v Views) ofPeopleOn(manager, day string) string {
	condition := v.choice.ofManagers(manager)
	if len(v.choice.Departments) > 0 {
		condition += " AND (" + manager + ", " + day + ") IN (SELECT manager_id, day FROM quality_report WHERE " + v.choice.inDepartments() + ")"
	}
	return "(" + condition + ")"
}

// ofDeals is the condition that the column deal_id is of a chosen deal.
func (v Views) ofDeals() string {
	if !v.choice.IsOfDeals() {
		return "1"
	}
	return "deal_id IN (SELECT deal_id FROM deals_now WHERE " + v.choice.hasChosen() + ")"
}

// departmentOn joins the department in which a manager was on a day of the quality report, as d.called; NULL where none is
// known.
func departmentOn(manager, day string, from, to transform.Day) string {
	return ` LEFT JOIN
		(
			SELECT manager_id AS member, day AS on_day, any(department) AS called
			FROM quality_report
			WHERE toInt32(day) BETWEEN ` + number(from) + ` AND ` + number(to) + ` AND department IS NOT NULL
			GROUP BY manager_id, day
		) AS d ON d.member = ` + manager + ` AND d.on_day = ` + day
}

func literals(texts []string) string {
	all := make([]string, len(texts))
	for i, text := range texts {
		all[i] = access.Literal(text)
	}
	return strings.Join(all, ", ")
}

func numbers[T ~uint64](ids []T) string {
	all := make([]string, len(ids))
	for i, id := range ids {
		all[i] = strconv.FormatUint(uint64(id), 10)
	}
	return strings.Join(all, ", ")
}

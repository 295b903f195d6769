package extractor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"stagelag/bitrix24"
	"stagelag/plain"
)

// readNames reads the people behind all known deals, the departments, and the names of companies that are new or have
// changed. What there is of each comes in one request, as long as that has room. A webhook that may not read some of
// them still gives a run.
func (x *extraction) readNames(ctx context.Context) error {
	if err := x.askForPeople(ctx); err != nil {
		return err
	}
	if err := x.askForCompanies(ctx); err != nil {
		return err
	}
	if n := len(x.people.ids); n > 0 {
		x.progress(StepManagers, 0, n)
	}
	if err := x.ask.send(ctx, x.client); err != nil {
		return fmt.Errorf("names: %w", err)
	}
	if err := x.takePeople(ctx); err != nil {
		return err
	}
	if err := x.takeCompanies(ctx); err != nil {
		return fmt.Errorf("companies: %w", err)
	}
	return nil
}

// A peopleAsking is what was asked for of people so far.
type peopleAsking struct {
	ids        []ManagerID
	people     []span
	department span
}

// askForPeople asks for those behind the known deals that were not asked for yet.
func (x *extraction) askForPeople(ctx context.Context) error {
	ids, err := x.landing.ManagerIDs(ctx)
	if err != nil {
		return fmt.Errorf("managers: %w", err)
	}
	ids = slices.DeleteFunc(ids, func(id ManagerID) bool { return id == 0 || slices.Contains(x.people.ids, id) })
	if len(ids) == 0 || !x.options.Description.ShowsPeople() {
		return nil
	}
	isFirst := len(x.people.ids) == 0
	x.people.ids = append(x.people.ids, ids...)
	var commands []bitrix24.Command
	for group := range slices.Chunk(ids, bitrix24.PageRows) {
		params := []bitrix24.Param{param("sort", "ID"), param("order", "ASC")}
		for _, id := range group {
			params = append(params, param("FILTER[@ID][]", bitrix24.ID(id).String()))
		}
		commands = append(commands, bitrix24.Command{Method: userMethod, Params: params})
	}
	x.people.people = append(x.people.people, x.ask.add(commands...))
	if isFirst && x.options.Description.HasScope(departmentScope) {
		x.people.department = x.ask.add(departmentPage(0))
	}
	return nil
}

const (
	departmentMethod = "department.get"
	departmentScope  = "department"
)

func departmentPage(start int) bitrix24.Command {
	return bitrix24.Command{Method: departmentMethod, Params: []bitrix24.Param{
		param("sort", "ID"), param("order", "ASC"), param("START", strconv.Itoa(start)),
	}}
}

func (x *extraction) takePeople(ctx context.Context) error {
	asked := x.people
	if len(asked.ids) == 0 {
		return nil
	}
	var people []bitrix24.Answer
	for _, place := range asked.people {
		people = append(people, place.of(x.ask.answers)...)
	}
	managers, err := decodeManagers(asked.ids, people)
	if isRefusal(err) {
		x.warn("managers stay without names: %v", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("managers: %w", err)
	}
	x.result.Managers = managers
	x.progress(StepManagers, len(managers), len(asked.ids))
	if !slices.ContainsFunc(managers, func(m Manager) bool { return m.DepartmentID > 0 }) {
		return nil
	}
	pages := asked.department.of(x.ask.answers)
	if len(pages) == 0 {
		x.warn("the webhook lacks the scope %s: departments are shown by their ids", departmentScope)
		return nil
	}
	x.result.Departments, err = x.departments(ctx, pages[0])
	if isRefusal(err) {
		x.warn("departments are shown by their ids: %v", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("departments: %w", err)
	}
	return nil
}

// decodeManagers reads people. Those that the portal does not show are not among the result, which is not nil.
func decodeManagers(ids []ManagerID, answers []bitrix24.Answer) ([]Manager, error) {
	asked := make(map[ManagerID]bool, len(ids))
	for _, id := range ids {
		asked[id] = true
	}
	found := make(map[ManagerID]Manager, len(ids)) // of a row that comes twice, the last
	for _, answer := range answers {
		if answer.Err != nil {
			return nil, answer.Err
		}
		var rows bitrix24.List[userRow]
		if err := bitrix24.Decode(answer.Result, &rows); err != nil {
			return nil, fmt.Errorf("%s: %w", userMethod, err)
		}
		for _, row := range rows {
			if manager := row.manager(); asked[manager.ID] {
				found[manager.ID] = manager
			}
		}
	}
	managers := slices.SortedFunc(maps.Values(found), func(a, b Manager) int { return cmp.Compare(a.ID, b.ID) })
	return slices.Grow(managers, 1), nil // not nil: that the portal shows nobody is an answer, too
}

// departments are all of the portal's, by id; page is the first page of them.
func (x *extraction) departments(ctx context.Context, page bitrix24.Answer) ([]Department, error) {
	rows := map[DepartmentID]departmentRow{}
	for start := 0; ; {
		added, isFull, err := takeDepartments(rows, page)
		if err != nil {
			return nil, err
		}
		// A page that brings nothing new ends the list: a start behind the end may begin again.
		if !isFull || added == 0 {
			break
		}
		start += bitrix24.PageRows
		answers, err := x.client.Batch(ctx, []bitrix24.Command{departmentPage(start)})
		if err != nil {
			return nil, err
		}
		page = answers[0]
	}
	return departmentsOf(rows), nil
}

// departmentRow is a row of department.get.
type departmentRow struct {
	ID     bitrix24.ID   `json:"ID"`
	Name   bitrix24.Text `json:"NAME"`
	Parent bitrix24.ID   `json:"PARENT"`
}

func takeDepartments(rows map[DepartmentID]departmentRow, page bitrix24.Answer) (added int, isFull bool, err error) {
	if page.Err != nil {
		return 0, false, page.Err
	}
	var list bitrix24.List[departmentRow]
	if err := bitrix24.Decode(page.Result, &list); err != nil {
		return 0, false, fmt.Errorf("%s: %w", departmentMethod, err)
	}
	for _, row := range list {
		if _, isKnown := rows[DepartmentID(row.ID)]; !isKnown {
			added++
		}
		rows[DepartmentID(row.ID)] = row
	}
	return added, len(list) >= bitrix24.PageRows, nil
}

// departmentsOf names departments so that no two look alike: of those with one name, each has that of the department
// above it behind its own, or else its id.
func departmentsOf(rows map[DepartmentID]departmentRow) []Department {
	nameOf := func(id DepartmentID) string {
		return cmp.Or(strings.TrimSpace(string(rows[id].Name)), fmt.Sprintf("#%d", id))
	}
	called := map[string]int{}
	for id := range rows {
		called[plain.Look(nameOf(id))]++
	}
	full := func(id DepartmentID) string {
		name := nameOf(id)
		if _, ok := rows[DepartmentID(rows[id].Parent)]; ok && called[plain.Look(name)] > 1 {
			return name + " · " + nameOf(DepartmentID(rows[id].Parent))
		}
		return name
	}
	isTaken := map[string]int{}
	for id := range rows {
		isTaken[plain.Look(full(id))]++
	}
	departments := make([]Department, 0, len(rows)+1)
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		name := full(id)
		if isTaken[plain.Look(name)] > 1 {
			name = fmt.Sprintf("%s #%d", nameOf(id), id)
		}
		departments = append(departments, Department{id, name})
	}
	return departments
}

// A companyAsking is what was asked for of companies so far.
type companyAsking struct {
	ids     []CompanyID // those to be named
	byID    span        // pages of the first ids, as many as had room
	changed span        // the first page of those that have changed, none where all are asked for
	listing bitrix24.Listing[Company]
}

// companyType is the portal's number for companies among the kinds of CRM items.
const companyType = "4"

func companyListing(further ...bitrix24.Param) bitrix24.Listing[Company] {
	return bitrix24.Listing[Company]{
		Method: dealMethod, Params: append([]bitrix24.Param{param("entityTypeId", companyType), param("select[]", "id"), param("select[]", "title")}, further...),
		IDName: "id", Decode: decodeCompanies, ID: func(c Company) bitrix24.ID { return bitrix24.ID(c.ID) },
	}
}

func decodeCompanies(page jsontext.Value) ([]Company, error) {
	var rows bitrix24.Items[struct {
		ID    bitrix24.ID   `json:"id"`
		Title bitrix24.Text `json:"title"`
	}]
	if err := bitrix24.Decode(page, &rows); err != nil {
		return nil, err
	}
	companies := make([]Company, len(rows.Items))
	for i, row := range rows.Items {
		if row.ID == 0 {
			return nil, errNoID
		}
		companies[i] = Company{CompanyID(row.ID), strings.TrimSpace(string(row.Title))}
	}
	return companies, nil
}

// asksForAllCompanies is whether all companies of the deals are asked for, as a full reading does: one that was deleted
// is in no list of changes.
func (x *extraction) asksForAllCompanies() bool {
	return x.state.Full != nil || x.state.CompaniesAt.IsZero()
}

// askForChangedCompanies asks for those that have changed, unless all are asked for or these were.
func (x *extraction) askForChangedCompanies() {
	if x.asksForAllCompanies() || x.companies.changed != (span{}) {
		return
	}
	since := x.state.CompaniesAt.Add(-overlap)
	x.companies.listing = companyListing(param("filter[>=updatedTime]", since.In(x.reader.zone).Format(time.RFC3339)))
	x.companies.changed = x.ask.add(x.companies.listing.FirstPages(0, 1)...)
}

// askForCompanies asks for those of the deals that have no name yet, and for those that have changed.
func (x *extraction) askForCompanies(ctx context.Context) error {
	x.askForChangedCompanies()
	asked := &x.companies
	var err error
	if asked.ids, err = x.landing.CompaniesOf(ctx, x.asksForAllCompanies()); err != nil {
		return fmt.Errorf("companies: %w", err)
	}
	var commands []bitrix24.Command
	room := max(0, x.ask.room())
	for group := range slices.Chunk(asked.ids[:min(len(asked.ids), room*bitrix24.PageRows)], bitrix24.PageRows) {
		listing := companyListing(param("order[id]", "ASC"), param("start", "-1"))
		for _, id := range group {
			listing.Params = append(listing.Params, param("filter[@id][]", bitrix24.ID(id).String()))
		}
		commands = append(commands, bitrix24.Command{Method: listing.Method, Params: listing.Params})
	}
	asked.byID = x.ask.add(commands...)
	return nil
}

func (x *extraction) takeCompanies(ctx context.Context) error {
	if n := len(x.companies.ids); n > 0 {
		x.progress(StepCompanies, 0, n)
	}
	err := x.nameCompanies(ctx)
	if isRefusal(err) {
		x.warn("companies stay without names: %v", err)
		return nil
	}
	if err == nil {
		x.state.CompaniesAt = x.watermark()
	}
	return err
}

func (x *extraction) nameCompanies(ctx context.Context) error {
	asked := &x.companies
	if err := x.renameChanged(ctx); err != nil {
		return err
	}
	done, shown := 0, 0
	land := func(ids []CompanyID, found []Company) error {
		if len(ids) == 0 {
			return nil
		}
		names := map[CompanyID]string{}
		for _, company := range found {
			names[company.ID] = company.Name
		}
		companies := make([]Company, len(ids))
		for i, id := range ids {
			if companies[i] = (Company{id, names[id]}); names[id] != "" {
				shown++
			}
		}
		done += len(ids)
		x.progress(StepCompanies, done, len(asked.ids))
		return x.landNames(ctx, companies)
	}
	first := asked.byID.of(x.ask.answers)
	var found []Company
	for _, answer := range first {
		if answer.Err != nil {
			return answer.Err
		}
		companies, err := decodeCompanies(answer.Result)
		if err != nil {
			return fmt.Errorf("%s: companies by id: %w", dealMethod, err)
		}
		found = append(found, companies...)
	}
	asking := min(len(asked.ids), len(first)*bitrix24.PageRows)
	if err := land(asked.ids[:asking], found); err != nil {
		return err
	}
	for group := range slices.Chunk(asked.ids[asking:], dealsAtOnce) {
		ids := make([]bitrix24.ID, len(group))
		for i, id := range group {
			ids[i] = bitrix24.ID(id)
		}
		found, err := bitrix24.ByID(ctx, x.client, companyListing(), ids)
		if err == nil {
			err = land(group, found)
		}
		if err != nil {
			return err
		}
	}
	if x.asksForAllCompanies() && len(asked.ids) > 0 && shown == 0 {
		x.warn("the portal shows the webhook's user none of the companies of the deals: they stay without names; give the user the right to read companies")
	}
	return nil
}

// renameChanged lands the names of the companies that have changed.
func (x *extraction) renameChanged(ctx context.Context) error {
	asked := &x.companies
	if asked.changed == (span{}) {
		return nil
	}
	companies, rest, err := asked.listing.Take(asked.changed.of(x.ask.answers))
	if err == nil {
		err = x.renameCompanies(ctx, companies)
	}
	if err != nil || rest == nil {
		return err
	}
	for part, err := range bitrix24.Walk(ctx, x.client, *rest) {
		if err == nil {
			err = x.renameCompanies(ctx, part.Rows)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// renameCompanies lands the names of those of the companies that deals have.
func (x *extraction) renameCompanies(ctx context.Context, companies []Company) error {
	ids := make([]CompanyID, len(companies))
	for i, company := range companies {
		ids[i] = company.ID
	}
	landed, err := x.landing.LandedCompanies(ctx, ids)
	if err != nil {
		return err
	}
	return x.landOthers(ctx, landed, slices.DeleteFunc(companies, func(c Company) bool { _, isKnown := landed[c.ID]; return !isKnown }))
}

// landNames lands the names that are other than landed.
func (x *extraction) landNames(ctx context.Context, companies []Company) error {
	ids := make([]CompanyID, len(companies))
	for i, company := range companies {
		ids[i] = company.ID
	}
	landed, err := x.landing.LandedCompanies(ctx, ids)
	if err != nil {
		return err
	}
	return x.landOthers(ctx, landed, companies)
}

func (x *extraction) landOthers(ctx context.Context, landed map[CompanyID]string, companies []Company) error {
	others := slices.DeleteFunc(companies, func(c Company) bool { name, isKnown := landed[c.ID]; return isKnown && name == c.Name })
	if len(others) == 0 {
		return nil
	}
	if err := x.landing.LandCompanies(ctx, others); err != nil {
		return fmt.Errorf("land: %w", err)
	}
	return nil
}

// isRefusal is whether the portal refused one of the commands for names, and nothing else failed.
func isRefusal(err error) bool {
	refusal, ok := errors.AsType[*bitrix24.APIError](err)
	return ok && slices.Contains([]string{userMethod, departmentMethod, dealMethod}, refusal.Method)
}

func (x *extraction) warn(format string, args ...any) {
	x.result.Warnings = append(x.result.Warnings, fmt.Sprintf(format, args...))
}

package simulator

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// CompanyID is the portal's number of a company.
type CompanyID int64

// A Company is one that deals are made with.
type Company struct {
	ID       CompanyID // 0 in AddCompany: the next one
	Title    string
	Created  time.Time
	IsHidden bool // from the webhook
}

type company struct {
	Company
	created, updated int64 // unix seconds
}

// AddCompany adds a company and returns its id.
func (w *World) AddCompany(c Company) CompanyID {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.ID == 0 {
		c.ID = 1
		if n := len(w.companies); n > 0 {
			c.ID = w.companies[n-1].ID + 1
		}
	}
	i, found := w.companyAt(c.ID)
	if found {
		panic(fmt.Sprintf("portal: company %d was added before", c.ID))
	}
	created := toUnix(c.Created)
	w.companies = slices.Insert(w.companies, i, &company{c, created, created})
	return c.ID
}

// EditCompany changes a company at a time, which becomes its time of update.
func (w *World) EditCompany(id CompanyID, at time.Time, change func(*Company)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i, found := w.companyAt(id)
	if !found {
		panic(fmt.Sprintf("portal: no company %d was added", id))
	}
	c := w.companies[i]
	w.at(toUnix(at), func() {
		change(&c.Company)
		if !at.IsZero() {
			c.updated = at.Unix()
		}
	})
}

// DeleteCompany deletes a company. Deals keep its id.
func (w *World) DeleteCompany(id CompanyID, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at(toUnix(at), func() {
		if i, found := w.companyAt(id); found {
			w.companies = slices.Delete(w.companies, i, i+1)
		}
	})
}

func (w *World) companyAt(id CompanyID) (int, bool) {
	return slices.BinarySearchFunc(w.companies, id, func(c *company, id CompanyID) int { return cmp.Compare(c.ID, id) })
}

// companyEntityType is the number of companies among the kinds of CRM records.
const companyEntityType = 4

// companyItems is crm.item.list for companies.
func (in *invocation) companyItems() (outcome, *Error) {
	s := in.companySchema(false, "id", "title", "createdTime", "updatedTime")
	in.out = append(in.out, `{"items":`...)
	out, err := list(in, listing[company]{
		table: in.companyTable(), schema: s, rules: in.rules(true), id: "id",
		filter: in.params.get("filter"), order: in.params.get("order"), columns: s.selected(in.params.get("select")),
		limit: pageSize, hidesTotal: true,
	})
	out.body = append(out.body, '}')
	return out, err
}

// companyList is crm.company.list.
func (in *invocation) companyList() (outcome, *Error) {
	filter, order := in.params.either("filter", "FILTER"), in.params.either("order", "ORDER")
	if isScalar(filter) || isScalar(order) {
		return outcome{}, badRequest("", "Parameter 'filter' and 'order' must be array")
	}
	s := in.companySchema(true, "ID", "TITLE", "DATE_CREATE", "DATE_MODIFY")
	return list(in, listing[company]{
		table: in.companyTable(), schema: s, rules: in.rules(false), id: "ID",
		filter: filter, order: order, columns: s.selected(in.params.either("select", "SELECT")), limit: pageSize,
	})
}

func (in *invocation) companyTable() table[company] {
	var rows []*company
	for _, c := range in.world.companies {
		if !c.IsHidden {
			rows = append(rows, c)
		}
	}
	return table[company]{rows: rows, id: func(c *company) int64 { return int64(c.ID) }}
}

func (in *invocation) companySchema(isClassic bool, id, title, created, updated string) *schema[company] {
	return (&schema[company]{style: in.portal.style(isClassic), starIsAll: true}).with([]*column[company]{
		{name: id, integer: func(c *company) int64 { return int64(c.ID) }},
		{name: title, kind: textColumn, text: func(c *company) string { return c.Title }},
		{name: created, kind: instantColumn, integer: func(c *company) int64 { return c.created }},
		{name: updated, kind: instantColumn, integer: func(c *company) int64 { return c.updated }},
	})
}

package simulator

import (
	"slices"
	"time"
)

// A dealField is a field that every portal has, under its name in crm.deal.* (classic) and
// in crm.item.*; one that a family does not have is empty there.
type dealField struct {
	classic, item string
	kind          columnKind
	typeName      string
	title         string
	isReadOnly    bool
	isInert       bool // shown only
	integer       func(*deal) int64
	text          func(*deal) string
	list          func(*deal) []string
}

// dealFields are in the order in which the portal shows them.
var dealFields = []dealField{
	{classic: "ID", item: "id", typeName: "integer", title: "ID", isReadOnly: true,
		integer: func(d *deal) int64 { return int64(d.id) }},
	{classic: "TITLE", item: "title", kind: textColumn, typeName: "string", title: "Title",
		text: func(d *deal) string { return d.title }},
	{classic: "TYPE_ID", item: "typeId", kind: textColumn, typeName: "crm_status", title: "Type", text: always("SALE")},
	{classic: "CATEGORY_ID", item: "categoryId", typeName: "crm_category", title: "Pipeline",
		integer: func(d *deal) int64 { return int64(d.funnel) }},
	{classic: "STAGE_ID", item: "stageId", kind: textColumn, typeName: "crm_status", title: "Stage",
		text: func(d *deal) string { return string(d.stage) }},
	{classic: "STAGE_SEMANTIC_ID", item: "stageSemanticId", kind: textColumn, typeName: "string", title: "Stage group", isReadOnly: true,
		text: func(d *deal) string { return d.semantics.String() }},
	{classic: "IS_NEW", item: "isNew", kind: flagColumn, typeName: "char", title: "New deal", isReadOnly: true, text: always("N")},
	{classic: "IS_RECURRING", item: "isRecurring", kind: flagColumn, typeName: "char", title: "Recurring deal",
		text: func(d *deal) string { return flag(d.isTemplate) }},
	{classic: "IS_RETURN_CUSTOMER", item: "isReturnCustomer", kind: flagColumn, typeName: "char", title: "Repeated deal", text: always("N")},
	{classic: "IS_REPEATED_APPROACH", item: "isRepeatedApproach", kind: flagColumn, typeName: "char", title: "Repeated inquiry", text: always("N")},
	{classic: "PROBABILITY", item: "probability", typeName: "integer", title: "Probability", integer: never},
	{classic: "CURRENCY_ID", item: "currencyId", kind: textColumn, typeName: "crm_currency", title: "Currency",
		text: func(d *deal) string { return d.currency }},
	{classic: "OPPORTUNITY", item: "opportunity", kind: amountColumn, typeName: "double", title: "Amount",
		integer: func(d *deal) int64 { return d.cents }},
	{classic: "IS_MANUAL_OPPORTUNITY", item: "isManualOpportunity", kind: flagColumn, typeName: "char", title: "Amount is manual", text: always("N")},
	{classic: "TAX_VALUE", item: "taxValue", kind: amountColumn, typeName: "double", title: "Tax", integer: zero},
	{classic: "COMPANY_ID", item: "companyId", typeName: "crm_company", title: "Company",
		integer: func(d *deal) int64 { return d.company }},
	{classic: "CONTACT_ID", item: "contactId", typeName: "crm_contact", title: "Contact", integer: zero},
	{item: "contactIds", kind: listColumn, typeName: "crm_contact", title: "Contacts", isInert: true, list: none},
	{classic: "QUOTE_ID", item: "quoteId", typeName: "crm_quote", title: "Quote", isReadOnly: true, integer: never},
	{classic: "LEAD_ID", item: "leadId", typeName: "crm_lead", title: "Lead", integer: never},
	{classic: "BEGINDATE", item: "begindate", kind: dayColumn, typeName: "date", title: "Start date",
		integer: func(d *deal) int64 { return d.begin }},
	{classic: "CLOSEDATE", item: "closedate", kind: dayColumn, typeName: "date", title: "End date",
		integer: func(d *deal) int64 { return d.close }},
	{classic: "OPENED", item: "opened", kind: flagColumn, typeName: "char", title: "Available to everyone", text: always("Y")},
	{classic: "CLOSED", item: "closed", kind: flagColumn, typeName: "char", title: "Closed",
		text: func(d *deal) string { return flag(d.semantics.isFinal()) }},
	{classic: "COMMENTS", item: "comments", kind: textColumn, typeName: "string", title: "Comment", text: always("")},
	{classic: "ASSIGNED_BY_ID", item: "assignedById", typeName: "user", title: "Responsible person",
		integer: func(d *deal) int64 { return int64(d.manager) }},
	{classic: "CREATED_BY_ID", item: "createdBy", typeName: "user", title: "Created by", isReadOnly: true,
		integer: func(d *deal) int64 { return int64(d.createdBy) }},
	{classic: "MODIFY_BY_ID", item: "updatedBy", typeName: "user", title: "Modified by", isReadOnly: true,
		integer: func(d *deal) int64 { return int64(d.updatedBy) }},
	{classic: "MOVED_BY_ID", item: "movedBy", typeName: "user", title: "Moved by", isReadOnly: true,
		integer: func(d *deal) int64 { return int64(d.movedBy) }},
	{classic: "DATE_CREATE", item: "createdTime", kind: instantColumn, typeName: "datetime", title: "Created on", isReadOnly: true,
		integer: func(d *deal) int64 { return d.created }},
	{classic: "DATE_MODIFY", item: "updatedTime", kind: instantColumn, typeName: "datetime", title: "Modified on", isReadOnly: true,
		integer: func(d *deal) int64 { return d.updated }},
	{classic: "MOVED_TIME", item: "movedTime", kind: instantColumn, typeName: "datetime", title: "Moved on", isReadOnly: true,
		integer: func(d *deal) int64 { return d.moved }},
	{classic: "SOURCE_ID", item: "sourceId", kind: textColumn, typeName: "crm_status", title: "Source", text: always("")},
	{classic: "SOURCE_DESCRIPTION", item: "sourceDescription", kind: textColumn, typeName: "string", title: "Source details", text: always("")},
	{classic: "LOCATION_ID", item: "locationId", kind: textColumn, typeName: "location", title: "Location", text: always("")},
	{classic: "ADDITIONAL_INFO", item: "additionalInfo", kind: textColumn, typeName: "string", title: "Additional info", text: always("")},
	{classic: "ORIGINATOR_ID", item: "originatorId", kind: textColumn, typeName: "string", title: "External source", text: always("")},
	{classic: "ORIGIN_ID", item: "originId", kind: textColumn, typeName: "string", title: "External id", text: always("")},
	{classic: "LAST_ACTIVITY_BY", item: "lastActivityBy", typeName: "user", title: "Last activity by", isReadOnly: true,
		integer: func(d *deal) int64 { return int64(d.updatedBy) }},
	{classic: "LAST_ACTIVITY_TIME", item: "lastActivityTime", kind: instantColumn, typeName: "datetime", title: "Last activity", isReadOnly: true,
		integer: func(d *deal) int64 { return d.moved }},
	{classic: "UTM_SOURCE", item: "utmSource", kind: textColumn, typeName: "string", title: "UTM Source", text: always("")},
	{classic: "UTM_MEDIUM", item: "utmMedium", kind: textColumn, typeName: "string", title: "UTM Medium", text: always("")},
	{classic: "UTM_CAMPAIGN", item: "utmCampaign", kind: textColumn, typeName: "string", title: "UTM Campaign", text: always("")},
	{classic: "UTM_CONTENT", item: "utmContent", kind: textColumn, typeName: "string", title: "UTM Content", text: always("")},
	{classic: "UTM_TERM", item: "utmTerm", kind: textColumn, typeName: "string", title: "UTM Term", text: always("")},
	{item: "observers", kind: listColumn, typeName: "user", title: "Observers", isInert: true, list: none},
	{item: "webformId", typeName: "integer", title: "Created by CRM form", integer: zero},
	// Names without a use that crm.item.* still returns.
	{item: "stageShort", kind: textColumn, typeName: "string", title: "stageShort", isReadOnly: true, isInert: true, text: always("")},
	{item: "isWork", kind: textColumn, typeName: "string", title: "isWork", isReadOnly: true, isInert: true, text: always("")},
	{item: "isWon", kind: textColumn, typeName: "string", title: "isWon", isReadOnly: true, isInert: true, text: always("")},
	{item: "isLose", kind: textColumn, typeName: "string", title: "isLose", isReadOnly: true, isInert: true, text: always("")},
	{item: "receivedAmount", kind: textColumn, typeName: "string", title: "receivedAmount", isReadOnly: true, isInert: true, text: always("")},
	{item: "lostAmount", kind: textColumn, typeName: "string", title: "lostAmount", isReadOnly: true, isInert: true, text: always("")},
	{item: "hasProducts", kind: textColumn, typeName: "string", title: "hasProducts", isReadOnly: true, isInert: true, text: always("")},
	{item: "eventDate", kind: textColumn, typeName: "string", title: "eventDate", isReadOnly: true, isInert: true, text: always("")},
	{item: "entityTypeId", typeName: "integer", title: "Type", isReadOnly: true, isInert: true,
		integer: func(*deal) int64 { return dealEntityType }},
}

// dealEntityType is the number of deals among the kinds of CRM records.
const dealEntityType = 2

func always(s string) func(*deal) string { return func(*deal) string { return s } }
func never(*deal) int64                  { return noTime }
func zero(*deal) int64                   { return 0 }
func none(*deal) []string                { return nil }

func flag(is bool) string {
	if is {
		return "Y"
	}
	return "N"
}

// String is the portal's letter.
func (s Semantics) String() string {
	if s == 0 {
		return string(Process)
	}
	return string(s)
}

// schemas are the deals as each family of methods names them, made again when the custom
// fields change.
type schemas struct {
	era             int
	classic         *schema[deal]
	items           *schema[deal]
	itemsByOriginal *schema[deal]
}

// dealSchemas returns the schemas of now. The world's lock is held.
func (p *Portal) dealSchemas() *schemas {
	s := &p.schemas
	if s.classic != nil && s.era == p.world.fieldsEra {
		return s
	}
	s.era = p.world.fieldsEra
	s.classic = &schema[deal]{style: p.style(true), customMask: "UF_*"}
	s.classic.with(p.dealColumns(
		func(f *dealField) string { return f.classic }, func(f *field) string { return f.Name }))
	s.items = &schema[deal]{style: p.style(false), customMask: "uf*", starIsAll: true}
	s.items.with(p.dealColumns(
		func(f *dealField) string { return f.item }, func(f *field) string { return f.ItemName }))
	s.itemsByOriginal = &schema[deal]{style: p.style(false), customMask: "UF_*", starIsAll: true}
	s.itemsByOriginal.with(p.dealColumns(
		func(f *dealField) string { return f.item }, func(f *field) string { return f.Name }))
	return s
}

func (p *Portal) style(isClassic bool) style {
	return style{zone: p.options.Zone, quotesNumber: isClassic, empty: func(kind columnKind) string {
		switch {
		case p.options.Quirks.MixesEmpties && kind == listColumn:
			return "false"
		case p.options.Quirks.MixesEmpties:
			return `""`
		case kind == listColumn:
			return "[]"
		default:
			return "null"
		}
	}}
}

func (p *Portal) dealColumns(system func(*dealField) string, custom func(*field) string) []*column[deal] {
	var columns []*column[deal]
	for i := range dealFields {
		f := &dealFields[i]
		name := system(f)
		if name == "" {
			continue
		}
		c := &column[deal]{name: name, kind: f.kind, integer: f.integer, text: f.text, list: f.list, isInert: f.isInert}
		if f.classic != name {
			c.alias = f.classic
		}
		if f.classic == "DATE_CREATE" {
			c.integer = p.shownCreation
		}
		columns = append(columns, c)
	}
	for _, f := range p.world.fields {
		c := customColumn(f)
		c.name = custom(f)
		columns = append(columns, c)
	}
	return columns
}

func (p *Portal) shownCreation(d *deal) int64 {
	if d.created == noTime {
		return noTime
	}
	return d.created + int64(p.options.Quirks.CreatedSkew/time.Second)
}

func customColumn(f *field) *column[deal] {
	text := func(d *deal) string {
		if v := d.value(f); v != nil {
			return v.text
		}
		return ""
	}
	c := &column[deal]{kind: textColumn, text: text, isCustom: true}
	switch {
	case f.IsMultiple:
		c.kind = listColumn
		c.list = func(d *deal) []string {
			if v := d.value(f); v != nil {
				return v.list
			}
			return nil
		}
	case slices.Contains([]string{"integer", "double", "enumeration", "employee"}, f.Type):
		c.kind = numberColumn
	case f.Type == "date":
		c.kind = dayColumn
		c.integer = func(d *deal) int64 { return unixOf(text(d)) }
	case f.Type == "datetime":
		c.kind = instantColumn
		c.integer = func(d *deal) int64 { return unixOf(text(d)) }
	case f.Type == "boolean":
		// Filters compare with 1 and 0 although items show Y and N.
		c.show = func(b []byte, d *deal, s *style) []byte {
			if s.quotesNumber {
				return appendPlain(b, map[bool]string{true: "1", false: "0"}[text(d) == "1"])
			}
			return appendPlain(b, flag(text(d) == "1"))
		}
	}
	return c
}

func unixOf(text string) int64 {
	t, ok := parseInstant(text, time.UTC)
	if !ok {
		return noTime
	}
	return t.Unix()
}

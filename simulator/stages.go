package simulator

import (
	"strconv"
	"strings"
)

// crm.category.list, crm.status.* and crm.stagehistory.list.

func (in *invocation) categoryList() (outcome, *Error) {
	if err := in.isDeals(); err != nil {
		return outcome{}, err
	}
	b := append(in.out, `{"categories":[`...)
	for i, f := range in.world.funnels {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, `{"id":`...), int64(f.id), 10)
		b = appendText(append(b, `,"name":`...), f.name)
		b = strconv.AppendInt(append(b, `,"sort":`...), int64(f.sort), 10)
		b = append(b, `,"entityTypeId":2,"isDefault":`...)
		b = appendPlain(b, flag(f.id == 0))
		if f.id != 0 {
			b = append(b, `,"originId":"","originatorId":""`...)
		}
		b = append(b, '}')
	}
	in.out = append(b, "]}"...)
	return outcome{body: in.out, total: len(in.world.funnels)}, nil
}

// entity is the name under which the stages of a funnel stand. There is no DEAL_STAGE_0.
func (f *funnel) entity() string {
	if f.id == 0 {
		return "DEAL_STAGE"
	}
	return "DEAL_STAGE_" + strconv.Itoa(int(f.id))
}

func (in *invocation) statusList() (outcome, *Error) {
	filter := in.params.either("filter", "FILTER")
	if isScalar(filter) {
		const text = "Parameters are invalid"
		return outcome{}, badRequest(text, text)
	}
	x := index[stage]{id: func(s *stage) int64 { return s.statusID }}
	for _, f := range in.world.funnels {
		for _, s := range f.stages {
			x.add(s)
		}
	}
	x.settle()
	s := in.statusSchema()
	limit := 0
	if in.portal.options.Quirks.PagesStatuses {
		limit = pageSize
	}
	return list(in, listing[stage]{
		table: table[stage]{rows: x.sorted, id: x.id}, schema: s, rules: in.rules(false), id: "ID",
		filter: filter, order: in.params.either("order", "ORDER"), columns: s.columns, limit: limit,
	})
}

func (in *invocation) statusSchema() *schema[stage] {
	return (&schema[stage]{style: in.portal.style(true)}).with([]*column[stage]{
		{name: "ID", integer: func(s *stage) int64 { return s.statusID }},
		{name: "ENTITY_ID", kind: textColumn, text: func(s *stage) string { return s.funnel.entity() }},
		{name: "STATUS_ID", kind: textColumn, text: func(s *stage) string { return string(s.ID) }},
		{name: "NAME", kind: textColumn, text: func(s *stage) string { return s.Name }},
		{name: "NAME_INIT", kind: textColumn, text: func(*stage) string { return "" },
			show: func(b []byte, _ *stage, _ *style) []byte { return append(b, `""`...) }},
		{name: "SORT", integer: func(s *stage) int64 { return int64(s.Sort) }},
		{name: "SYSTEM", kind: flagColumn, text: func(s *stage) string { return flag(s.Semantics == Success) }},
		{name: "CATEGORY_ID", integer: func(s *stage) int64 {
			if s.funnel.id == 0 {
				return noTime
			}
			return int64(s.funnel.id)
		}},
		{name: "COLOR", kind: textColumn, text: func(s *stage) string { return stageColor(s.Semantics) }},
		{name: "SEMANTICS", kind: textColumn, text: func(s *stage) string {
			if s.Semantics == Process {
				return ""
			}
			return s.Semantics.String()
		}},
		{name: "EXTRA", kind: textColumn, isInert: true, show: showStageExtra},
	})
}

func stageColor(s Semantics) string {
	switch s {
	case Success:
		return "#7BD500"
	case Failure:
		return "#FF5752"
	default:
		return "#39A8EF"
	}
}

func showStageExtra(b []byte, s *stage, _ *style) []byte {
	name := "process"
	switch {
	case s.Semantics == Success:
		name = "success"
	case strings.HasSuffix(string(s.ID), "APOLOGY"):
		name = "apology"
	case s.Semantics == Failure:
		name = "failure"
	}
	b = appendPlain(append(b, `{"SEMANTICS":`...), name)
	return append(appendPlain(append(b, `,"COLOR":`...), stageColor(s.Semantics)), '}')
}

func (in *invocation) statusEntityItems() (outcome, *Error) {
	entity := in.params.either("entityId", "ENTITY_ID").text
	b := append(in.out, '[')
	for _, f := range in.world.funnels {
		if f.entity() != entity {
			continue
		}
		for i, s := range f.stages {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendText(append(b, `{"NAME":`...), s.Name)
			b = strconv.AppendInt(append(b, `,"SORT":`...), int64(s.Sort), 10)
			b = append(appendText(append(b, `,"STATUS_ID":`...), string(s.ID)), '}')
		}
	}
	in.out = append(b, ']')
	return in.result(), nil
}

func (in *invocation) stageHistoryList() (outcome, *Error) {
	params := in.params
	switch id := params.get("entityTypeId"); {
	case id.kind == isNull:
		return outcome{}, missingParameter("entityTypeId")
	case id.integer() == 1 || id.integer() == 5:
		// Leads and old invoices have a history of their own, which is empty here.
		in.out = append(in.out, `{"items":[]}`...)
		return in.result(), nil
	case id.integer() != dealEntityType:
		return outcome{}, badRequest("ENTITY_TYPE_NOT_SUPPORTED", "Entity type is not supported")
	case isScalar(params.get("filter")):
		return outcome{}, &Error{Status: 400, Code: "0", IsNumber: true, Text: "Argument 'filter' must be of the type array"}
	}
	rules := in.rules(true)
	if in.portal.options.Quirks.DropsUnknownHistoryFilters {
		rules.refusesUnknown, rules.hasNotLike = false, false
	}
	t := table[change]{
		rows: in.world.changes.sorted, id: in.world.changes.id,
		owned: func(id int64) []*change {
			if d := in.world.deals[DealID(id)]; d != nil && d.exists && !d.isHidden {
				return d.history
			}
			return nil
		},
	}
	if in.portal.options.Quirks.HidesFormerFunnels {
		t.isVisible = func(c *change) bool { return c.funnel == c.deal.funnel }
	}
	s := in.historySchema()
	in.out = append(in.out, `{"items":`...)
	out, err := list(in, listing[change]{
		table: t, schema: s, rules: rules, id: "ID", owner: "OWNER_ID",
		filter: params.get("filter"), order: params.get("order"), columns: s.selected(params.get("select")),
		limit: pageSize, hidesTotal: true,
	})
	out.body = append(out.body, '}')
	return out, err
}

func (in *invocation) historySchema() *schema[change] {
	s := &schema[change]{style: in.portal.style(false), starIsAll: true}
	s.style.quotesNumber = in.portal.options.Quirks.WritesHistoryAsText
	return s.with([]*column[change]{
		{name: "ID", integer: func(c *change) int64 { return int64(c.id) }},
		{name: "TYPE_ID", integer: func(c *change) int64 { return int64(c.kind) }},
		{name: "OWNER_ID", integer: func(c *change) int64 { return int64(c.deal.id) }},
		{name: "CREATED_TIME", kind: instantColumn, integer: func(c *change) int64 { return c.at }},
		{name: "CATEGORY_ID", integer: func(c *change) int64 { return int64(c.funnel) }},
		{name: "STAGE_SEMANTIC_ID", kind: textColumn, text: func(c *change) string { return c.semantics.String() }},
		{name: "STAGE_ID", kind: textColumn, text: func(c *change) string { return string(c.stage) }},
	})
}

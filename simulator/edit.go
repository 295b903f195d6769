package simulator

import (
	"slices"
	"time"
)

// An edit is the writes of one call to a deal, saved together by finish.
type edit struct {
	world     *World
	deal      *deal
	at        int64
	by        UserID
	isChanged bool

	funnel      FunnelID
	movesFunnel bool
	stage       StageID
}

// item writes a field under its name in crm.item.*. Fields that cannot be written and
// unknown names are ignored, without a word.
func (e *edit) item(s *schema[deal], name string, v value) *Error {
	c := s.column(name)
	if c == nil {
		return nil
	}
	if c.isCustom {
		return e.custom(e.world.customNamed(name), v)
	}
	switch name {
	case "title":
		assign(e, &e.deal.title, v.text)
	case "categoryId":
		e.funnel, e.movesFunnel = FunnelID(v.integer()), FunnelID(v.integer()) != e.deal.funnel
	case "stageId":
		e.stage = StageID(v.text)
	case "assignedById":
		assign(e, &e.deal.manager, UserID(v.integer()))
	case "companyId":
		assign(e, &e.deal.company, v.integer())
	case "opportunity":
		cents, _ := c.operand(v, time.UTC)
		assign(e, &e.deal.cents, int64(cents))
	case "currencyId":
		assign(e, &e.deal.currency, v.text)
	case "begindate":
		return e.day(c, &e.deal.begin, v)
	case "closedate":
		return e.day(c, &e.deal.close, v)
	}
	return nil
}

// classic writes a field under its name in crm.deal.*, which cannot change the funnel.
func (e *edit) classic(s *schemas, name string, v value) *Error {
	if f := e.world.field(name); f != nil {
		return e.custom(f, v)
	}
	i := slices.IndexFunc(dealFields, func(f dealField) bool { return f.classic == name })
	if i < 0 || name == "" || name == "CATEGORY_ID" {
		return nil
	}
	return e.item(s.items, dealFields[i].item, v)
}

func assign[T comparable](e *edit, to *T, v T) {
	e.isChanged = e.isChanged || *to != v
	*to = v
}

func (e *edit) day(c *column[deal], to *int64, v value) *Error {
	if v.isEmpty() {
		assign(e, to, noTime)
		return nil
	}
	day, ok := c.operand(v, time.UTC)
	if !ok {
		return notValid(c.name)
	}
	assign(e, to, int64(day))
	return nil
}

func notValid(name string) *Error {
	return badRequest("CRM_FIELD_ERROR_VALUE_NOT_VALID", "Field "+name+" has an invalid value")
}

func (e *edit) custom(f *field, v value) *Error {
	if f.IsReadOnly {
		return nil
	}
	if f.IsMultiple {
		if v.kind != isArray && !v.isEmpty() {
			return badRequest("100", "Field "+f.Name+" has to be an array")
		}
		var items []string
		for _, item := range v.list() {
			if !item.isEmpty() {
				items = append(items, item.text)
			}
		}
		e.isChanged = e.deal.set(f, "", items) || e.isChanged
		return nil
	}
	text := v.text
	switch {
	case v.isEmpty():
	case v.kind == isArray:
		return notValid(f.Name)
	case f.Type == "date":
		t, ok := parseInstant(text, time.UTC)
		if !ok {
			return notValid(f.Name)
		}
		text = t.UTC().Format(time.DateOnly)
	case f.Type == "boolean":
		text = "0"
		if v.isTrue() {
			text = "1"
		}
	case (f.Type == "integer" || f.Type == "double") && !isNumeric(text):
		return notValid(f.Name)
	}
	e.isChanged = e.deal.set(f, text, nil) || e.isChanged
	return nil
}

// finish saves what was written: a save without a change is skipped, any other is told to
// subscribers. Only a move to another stage or funnel writes history.
func (e *edit) finish() {
	switch {
	case e.movesFunnel:
		f := e.world.funnel(e.funnel)
		if f == nil || len(f.stages) == 0 {
			break
		}
		if e.stage == "" {
			e.stage = f.stages[0].ID
		}
		e.world.changeFunnel(e.deal, e.at, e.funnel, e.stage, e.by)
		e.isChanged = true
	case e.stage != "" && e.stage != e.deal.stage:
		if f := e.world.funnel(e.deal.funnel); f == nil || f.stage(e.stage) == nil {
			break // a stage of another funnel
		}
		e.world.move(e.deal, e.at, e.stage, e.by)
		e.isChanged = true
	}
	if !e.isChanged {
		return
	}
	e.deal.updated, e.deal.updatedBy = e.at, e.by
	e.world.record("ONCRMDEALUPDATE", e.deal, e.at)
}

// customNamed is the field under either of its names.
func (w *World) customNamed(name string) *field {
	for _, f := range w.fields {
		if f.Name == name || f.ItemName == name {
			return f
		}
	}
	return nil
}

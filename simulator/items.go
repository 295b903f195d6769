package simulator

import (
	"slices"
	"strconv"
	"strings"
)

// crm.item.*: the universal methods, here for deals; companies can be listed.

// isDeals checks the parameter that says what kind of records is meant.
func (in *invocation) isDeals() *Error {
	switch id := in.params.get("entityTypeId"); {
	case id.kind == isNull:
		return missingParameter("entityTypeId")
	case id.integer() == 5:
		return badRequest("ENTITY_TYPE_NOT_SUPPORTED", "Entity type is not supported")
	case id.integer() != dealEntityType:
		return badRequest("NOT_FOUND", "Smart process was not found")
	default:
		return nil
	}
}

func (in *invocation) usesOriginalNames() bool {
	return in.params.get("useOriginalUfNames").isTrue()
}

func (in *invocation) itemSchema() *schema[deal] {
	if in.usesOriginalNames() {
		return in.portal.dealSchemas().itemsByOriginal
	}
	return in.portal.dealSchemas().items
}

func (in *invocation) itemList() (outcome, *Error) {
	if in.params.get("entityTypeId").integer() == companyEntityType {
		return in.companyItems()
	}
	if err := in.isDeals(); err != nil {
		return outcome{}, err
	}
	s, chosen := in.itemSchema(), in.params.get("select")
	columns := s.selected(chosen)
	if in.portal.options.Quirks.LosesFieldsByOriginalNames && in.usesOriginalNames() && len(chosen.list()) > 0 {
		columns = slices.DeleteFunc(slices.Clone(columns), func(c *column[deal]) bool { return !c.isCustom })
	}
	in.out = append(in.out, `{"items":`...)
	out, err := list(in, listing[deal]{
		table: in.dealTable(), schema: s, rules: in.rules(true), id: "id",
		filter: in.params.get("filter"), order: in.params.get("order"), columns: columns,
		limit: pageSize, hidesTotal: true,
	})
	out.body = append(out.body, '}')
	return out, err
}

func (in *invocation) dealTable() table[deal] {
	return table[deal]{rows: in.world.readable.sorted, id: in.world.readable.id}
}

func (in *invocation) itemGet() (outcome, *Error) {
	if err := in.isDeals(); err != nil {
		return outcome{}, err
	}
	d := in.readableDeal()
	if d == nil && in.isHidden() {
		return outcome{}, badRequest("ACCESS_DENIED", "Access denied")
	}
	if d == nil {
		return outcome{}, badRequest("NOT_FOUND", "Element was not found")
	}
	return in.item(d), nil
}

// isHidden is whether the deal that the parameter id names exists, and the webhook may not read it.
func (in *invocation) isHidden() bool {
	d := in.world.deals[DealID(in.params.either("id", "ID").integer())]
	return d != nil && d.exists && d.isHidden
}

// item answers one deal in full.
func (in *invocation) item(d *deal) outcome {
	s := in.itemSchema()
	in.out = append(in.out, `{"item":`...)
	in.out = append(s.appendRow(in.out, d, s.columns), '}')
	return in.result()
}

// readableDeal is the deal that the parameter id names, nil if the webhook sees none.
func (in *invocation) readableDeal() *deal {
	d := in.world.deals[DealID(in.params.either("id", "ID").integer())]
	if d == nil || !d.exists || d.isHidden {
		return nil
	}
	return d
}

func (in *invocation) itemFields() (outcome, *Error) {
	if err := in.isDeals(); err != nil {
		return outcome{}, err
	}
	b := append(in.out, `{"fields":{`...)
	for i := range dealFields {
		if f := &dealFields[i]; f.item != "" {
			upper := f.classic
			if upper == "" {
				upper = strings.ToUpper(f.item)
			}
			b = appendKey(b, f.item)
			b = appendSystemField(b, f, upper)
		}
	}
	for _, f := range in.world.fields {
		name := f.ItemName
		if in.usesOriginalNames() {
			name = f.Name
		}
		b = appendKey(b, name)
		b = appendCustomField(b, f, f.Name, in.portal.options.Quirks.HidesListItems)
	}
	in.out = append(b, "}}"...)
	return in.result(), nil
}

// appendSystemField describes a field; with a name for upperName, as crm.item.fields does.
func appendSystemField(b []byte, f *dealField, upperName string) []byte {
	b = appendPlain(append(b, `{"type":`...), f.typeName)
	b = appendBool(append(b, `,"isRequired":`...), false)
	b = appendBool(append(b, `,"isReadOnly":`...), f.isReadOnly)
	b = appendBool(append(b, `,"isImmutable":`...), false)
	b = appendBool(append(b, `,"isMultiple":`...), f.kind == listColumn)
	b = append(b, `,"isDynamic":false`...)
	if f.classic == "STAGE_ID" {
		b = append(b, `,"statusType":"DEAL_STAGE"`...)
	}
	b = appendText(append(b, `,"title":`...), f.title)
	if upperName != "" {
		b = appendPlain(append(b, `,"upperName":`...), upperName)
	}
	return append(b, '}')
}

// appendCustomField describes a custom field. Its title is the code, people see the labels.
func appendCustomField(b []byte, f *field, upperName string, hidesItems bool) []byte {
	b = appendPlain(append(b, `{"type":`...), f.Type)
	b = appendBool(append(b, `,"isRequired":false,"isReadOnly":`...), f.IsReadOnly)
	b = appendBool(append(b, `,"isImmutable":false,"isMultiple":`...), f.IsMultiple)
	b = appendPlain(append(b, `,"isDynamic":true,"title":`...), f.Name)
	for _, label := range []string{"listLabel", "formLabel", "filterLabel"} {
		b = appendKey(b, label)
		b = appendText(b, f.Label)
	}
	b = append(b, `,"settings":[]`...)
	if f.Type == "enumeration" && !hidesItems {
		b = append(b, `,"items":[`...)
		for i, option := range f.Options {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendQuotedInt(append(b, `{"ID":`...), f.optionID+int64(i))
			b = append(appendText(append(b, `,"VALUE":`...), option), '}')
		}
		b = append(b, ']')
	}
	if upperName != "" {
		b = appendPlain(append(b, `,"upperName":`...), upperName)
	}
	return append(b, '}')
}

func (in *invocation) itemUpdate() (outcome, *Error) {
	if err := in.isDeals(); err != nil {
		return outcome{}, err
	}
	d := in.readableDeal()
	switch {
	case d == nil:
		return outcome{}, badRequest("NOT_FOUND", "Element was not found")
	case d.isReadOnly:
		return outcome{}, badRequest("ACCESS_DENIED", "Access denied")
	}
	fields := in.params.get("fields")
	edit := edit{world: in.world, deal: d, at: in.at.Unix(), by: in.portal.options.UserID}
	for i, name := range arrayOf(fields).keys {
		if err := edit.item(in.itemSchema(), name, fields.array.items[i]); err != nil {
			return outcome{}, err
		}
	}
	edit.finish()
	return in.item(d), nil
}

const importLimit = 20

// itemBatchImport creates deals; it changes none.
func (in *invocation) itemBatchImport() (outcome, *Error) {
	if err := in.isDeals(); err != nil {
		return outcome{}, err
	}
	data := in.params.get("data").list()
	if len(data) > importLimit {
		return outcome{}, badRequest("MAX_IMPORT_BATCH_SIZE_EXCEEDED", "Maximum import batch size is "+strconv.Itoa(importLimit))
	}
	b := append(in.out, `{"items":[`...)
	for i, item := range data {
		if i > 0 {
			b = append(b, ',')
		}
		d, err := in.create(item)
		if err != nil {
			b = err.append(b)
			continue
		}
		b = strconv.AppendInt(append(b, `{"item":{"id":`...), int64(d.id), 10)
		b = append(b, "}}"...)
	}
	in.out = append(b, "]}"...)
	return in.result(), nil
}

func (in *invocation) create(fields value) (*deal, *Error) {
	w, now := in.world, in.at.Unix()
	w.lastDeal++
	d := &deal{
		id: w.lastDeal, exists: true, currency: "RUB", createdBy: in.portal.options.UserID,
		created: now, updated: now, moved: now, begin: midnight(now), close: noTime,
		funnel: FunnelID(fields.get("categoryId").integer()), stage: StageID(fields.get("stageId").text),
	}
	f := w.funnel(d.funnel)
	if f == nil || len(f.stages) == 0 {
		return nil, badRequest("CRM_FIELD_ERROR_VALUE_NOT_VALID", "Field categoryId has an invalid value")
	}
	if d.stage == "" {
		d.stage = f.stages[0].ID
	}
	edit := edit{world: w, deal: d, at: now, by: in.portal.options.UserID}
	for i, name := range arrayOf(fields).keys {
		if slices.Contains([]string{"categoryId", "stageId"}, name) {
			continue
		}
		if err := edit.item(in.itemSchema(), name, fields.array.items[i]); err != nil {
			return nil, err
		}
	}
	w.deals[d.id] = d
	w.appear(d, true)
	w.settle()
	w.record("ONCRMDEALADD", d, now)
	return d, nil
}

func arrayOf(v value) *phpArray {
	if v.kind == isArray {
		return v.array
	}
	return &phpArray{}
}

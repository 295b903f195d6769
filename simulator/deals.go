package simulator

import (
	"regexp"
	"strconv"
	"strings"
)

// crm.deal.*: the classic methods. They take parameter names in any case and write all
// values as text; most of their errors have an empty code.

func (in *invocation) dealList() (outcome, *Error) {
	filter, order := in.params.either("filter", "FILTER"), in.params.either("order", "ORDER")
	if isScalar(filter) || isScalar(order) {
		return outcome{}, badRequest("", "Parameter 'filter' and 'order' must be array")
	}
	s := in.portal.dealSchemas().classic
	return list(in, listing[deal]{
		table: in.dealTable(), schema: s, rules: in.rules(false), id: "ID",
		filter: filter, order: order, columns: s.selected(in.params.either("select", "SELECT")),
		limit: pageSize,
	})
}

// isScalar is whether a parameter that has to be an array is there and is none.
func isScalar(v value) bool { return v.kind != isArray && v.kind != isNull }

func (in *invocation) dealGet() (outcome, *Error) {
	d := in.readableDeal()
	if d == nil {
		return outcome{}, badRequest("", "Not found")
	}
	s := in.portal.dealSchemas().classic
	in.out = s.appendRow(in.out, d, s.columns)
	return in.result(), nil
}

func (in *invocation) dealUpdate() (outcome, *Error) {
	fields := in.params.either("fields", "FIELDS")
	d := in.readableDeal()
	switch {
	case isScalar(fields):
		return outcome{}, badRequest("", "Parameter 'fields' must be array")
	case d == nil:
		return outcome{}, badRequest("", "Not found")
	case d.isReadOnly:
		return outcome{}, badRequest("", "Access denied")
	}
	edit := edit{world: in.world, deal: d, at: in.at.Unix(), by: in.portal.options.UserID}
	for i, name := range arrayOf(fields).keys {
		if err := edit.classic(in.portal.dealSchemas(), strings.ToUpper(name), fields.array.items[i]); err != nil {
			return outcome{}, badRequest("", err.Text)
		}
	}
	edit.finish()
	return in.isTrue(true), nil
}

func (in *invocation) dealFields() (outcome, *Error) {
	b := append(in.out, '{')
	for i := range dealFields {
		if f := &dealFields[i]; f.classic != "" {
			b = appendKey(b, f.classic)
			b = appendSystemField(b, f, "")
		}
	}
	for _, f := range in.world.fields {
		b = appendKey(b, f.Name)
		b = appendCustomField(b, f, "", in.portal.options.Quirks.HidesListItems)
	}
	in.out = append(b, '}')
	return in.result(), nil
}

func (in *invocation) userfieldList() (outcome, *Error) {
	filter := in.params.either("filter", "FILTER")
	style := in.portal.style(true)
	s := (&schema[field]{style: style}).with([]*column[field]{
		{name: "ID", integer: func(f *field) int64 { return f.id }},
		{name: "ENTITY_ID", kind: textColumn, text: func(*field) string { return "CRM_DEAL" }},
		{name: "FIELD_NAME", kind: textColumn, text: func(f *field) string { return f.Name }},
		{name: "USER_TYPE_ID", kind: textColumn, text: func(f *field) string { return f.Type }},
		{name: "XML_ID", kind: textColumn, text: func(*field) string { return "" }},
		{name: "SORT", integer: func(f *field) int64 { return 100 * f.id }},
		{name: "MULTIPLE", kind: flagColumn, text: func(f *field) string { return flag(f.IsMultiple) }},
		{name: "MANDATORY", kind: flagColumn, text: func(*field) string { return "N" }},
		{name: "SHOW_FILTER", kind: textColumn, text: func(*field) string { return "E" }},
		{name: "SHOW_IN_LIST", kind: flagColumn, text: func(*field) string { return "Y" }},
		{name: "EDIT_IN_LIST", kind: flagColumn, text: func(*field) string { return "Y" }},
		{name: "IS_SEARCHABLE", kind: flagColumn, text: func(*field) string { return "N" }},
		{name: "SETTINGS", kind: textColumn, isInert: true, show: showNothing},
		{name: "LIST", kind: textColumn, isInert: true, show: showOptions, isAbsent: func(f *field) bool { return f.Type != "enumeration" }},
	})
	columns := s.columns
	if filter.either("LANG", "lang").kind != isNull {
		for _, name := range []string{"EDIT_FORM_LABEL", "LIST_COLUMN_LABEL", "LIST_FILTER_LABEL"} {
			columns = append(columns, &column[field]{
				name: name, key: append(appendPlain(nil, name), ':'),
				kind: textColumn, text: func(f *field) string { return f.Label },
			})
		}
	}
	return list(in, listing[field]{
		table:  table[field]{rows: in.world.fields, id: func(f *field) int64 { return f.id }},
		schema: s, rules: in.rules(false), id: "ID",
		filter: filter, order: in.params.either("order", "ORDER"), columns: columns,
	})
}

// showNothing writes a map without members as PHP does.
func showNothing(b []byte, _ *field, _ *style) []byte { return append(b, "[]"...) }

// showOptions writes the elements of a list.
func showOptions(b []byte, f *field, _ *style) []byte {
	b = append(b, '[')
	for i, option := range f.Options {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendQuotedInt(append(b, `{"ID":`...), f.optionID+int64(i))
		b = appendQuotedInt(append(b, `,"SORT":`...), int64(100*(i+1)))
		b = appendText(append(b, `,"VALUE":`...), option)
		b = append(b, `,"DEF":"N","XML_ID":""}`...)
	}
	return append(b, ']')
}

var fieldCode = regexp.MustCompile(`^UF_CRM_[A-Z0-9_]+$`)

const longestFieldCode = 50

func (in *invocation) userfieldAdd() (outcome, *Error) {
	if in.portal.options.Quirks.IsNotAdmin {
		return outcome{}, badRequest("", "Access denied.")
	}
	fields := in.params.either("fields", "FIELDS")
	name := strings.ToUpper(fields.get("FIELD_NAME").text)
	if !strings.HasPrefix(name, "UF_CRM_") {
		name = "UF_CRM_" + strings.TrimPrefix(name, "UF_")
	}
	kind := fields.get("USER_TYPE_ID").text
	switch {
	case !fieldCode.MatchString(name), len(name) > longestFieldCode:
		return outcome{}, badRequest("ERROR_CORE", "The field code is too long or has characters that are not allowed")
	case kind == "":
		return outcome{}, badRequest("", "The 'USER_TYPE_ID' field is not found")
	case in.world.field(name) != nil:
		return outcome{}, badRequest("ERROR_CORE", "Field "+name+" already exists")
	}
	label := fields.get("LABEL").text
	if label == "" {
		label = name
	}
	f := in.world.addField(Field{Name: name, Type: kind, Label: label, IsMultiple: fields.get("MULTIPLE").isTrue()})
	in.out = strconv.AppendInt(in.out, f.id, 10)
	return in.result(), nil
}

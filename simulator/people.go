package simulator

import (
	"slices"
	"strconv"
	"strings"
)

// user.get and department.get.

func (in *invocation) userGet() (outcome, *Error) {
	s := in.userSchema()
	var rows []*user
	for _, u := range in.world.users {
		if !u.IsHidden {
			rows = append(rows, u)
		}
	}
	return list(in, listing[user]{
		table:  table[user]{rows: rows, id: func(u *user) int64 { return int64(u.ID) }},
		schema: s, rules: in.rules(false), id: "ID",
		filter: in.params.either("FILTER", "filter"), order: in.topLevelOrder(),
		columns: s.selected(in.params.either("select", "SELECT")),
		limit:   pageSize,
	})
}

// topLevelOrder reads sort and order, which are parameters of their own here.
func (in *invocation) topLevelOrder() value {
	order := arrayValue()
	if by := in.params.either("sort", "SORT").text; by != "" {
		direction := strings.ToUpper(in.params.either("order", "ORDER").text)
		if direction != "DESC" {
			direction = "ASC"
		}
		order.array.set(by, textValue(direction))
	}
	return order
}

// userSchema has the columns that the webhook's scopes show.
func (in *invocation) userSchema() *schema[user] {
	s := &schema[user]{style: in.portal.style(true), starIsAll: true}
	s.style.empty = func(columnKind) string { return `""` }
	word := func(name string, text func(*user) string) *column[user] {
		return &column[user]{name: name, kind: textColumn, text: text}
	}
	columns := []*column[user]{
		{name: "ID", integer: func(u *user) int64 { return int64(u.ID) }},
		{name: "ACTIVE", kind: flagColumn, text: func(u *user) string { return flag(!u.IsFired) },
			show: func(b []byte, u *user, _ *style) []byte { return appendBool(b, !u.IsFired) }},
		word("NAME", func(u *user) string { return u.Name }),
		word("LAST_NAME", func(u *user) string { return u.LastName }),
		word("SECOND_NAME", func(u *user) string { return u.SecondName }),
		word("WORK_POSITION", func(u *user) string { return u.Position }),
		word("TIME_ZONE", func(*user) string { return "" }),
		{name: "IS_ONLINE", kind: flagColumn, text: func(*user) string { return "N" }},
		{name: "DATE_REGISTER", kind: instantColumn, integer: func(u *user) int64 { return toUnix(u.Registered) }},
		word("LAST_LOGIN", func(*user) string { return "" }),
		// A time that nobody set is an object here.
		{name: "TIMESTAMP_X", kind: textColumn, isInert: true,
			show: func(b []byte, _ *user, _ *style) []byte { return append(b, "{}"...) }},
		{name: "UF_DEPARTMENT", kind: listColumn,
			list: func(u *user) []string {
				var ids []string
				for _, id := range u.Departments {
					ids = append(ids, strconv.FormatInt(int64(id), 10))
				}
				return ids
			},
			show: func(b []byte, u *user, _ *style) []byte {
				b = append(b, '[')
				for i, id := range u.Departments {
					if i > 0 {
						b = append(b, ',')
					}
					b = strconv.AppendInt(b, int64(id), 10)
				}
				return append(b, ']')
			}},
		word("USER_TYPE", func(*user) string { return "employee" }),
	}
	scopes := in.portal.options.Scopes
	if slices.Contains(scopes, "user") || slices.Contains(scopes, "user_basic") {
		columns = append(columns, word("EMAIL", func(u *user) string { return u.Email }))
	}
	return s.with(columns)
}

func (in *invocation) departmentGet() (outcome, *Error) {
	s := (&schema[department]{style: in.portal.style(true)}).with([]*column[department]{
		{name: "ID", integer: func(d *department) int64 { return int64(d.ID) }},
		{name: "NAME", kind: textColumn, text: func(d *department) string { return d.Name }},
		{name: "SORT", integer: func(*department) int64 { return 500 }},
		{name: "PARENT", integer: func(d *department) int64 { return int64(d.Parent) },
			isAbsent: func(d *department) bool { return d.Parent == 0 }},
		{name: "UF_HEAD", integer: func(d *department) int64 { return int64(d.Head) },
			isAbsent: func(d *department) bool { return d.Head == 0 }},
	})
	filter := arrayValue()
	for i, key := range in.params.array.keys {
		switch strings.ToUpper(key) {
		case "ID", "NAME", "PARENT", "UF_HEAD":
			filter.array.set(key, in.params.array.items[i])
		}
	}
	return list(in, listing[department]{
		table:  table[department]{rows: in.world.departments, id: func(d *department) int64 { return int64(d.ID) }},
		schema: s, rules: in.rules(false), id: "ID",
		filter: filter, order: in.topLevelOrder(), columns: s.columns, limit: pageSize,
	})
}

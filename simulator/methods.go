package simulator

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// A method answers one REST method. Its run is called with the world's lock held.
type method struct {
	scope string
	run   func(*invocation) (outcome, *Error)
}

// An invocation is one call of a method, by itself or in a batch.
type invocation struct {
	portal *Portal
	world  *World
	params value
	at     time.Time
	out    []byte // the result is appended to it
}

// methods are all that the portal knows, by their names in lower case. They are set at
// start-up because method.get looks into them.
var methods map[string]method

func init() {
	methods = map[string]method{
		"scope":       {"", (*invocation).scope},
		"profile":     {"", (*invocation).profile},
		"method.get":  {"", (*invocation).methodGet},
		"server.time": {"", (*invocation).serverTime},
		"app.info":    {"", (*invocation).appInfo},
		"user.admin":  {"", (*invocation).userAdmin},

		"crm.category.list":       {"crm", (*invocation).categoryList},
		"crm.status.list":         {"crm", (*invocation).statusList},
		"crm.status.entity.items": {"crm", (*invocation).statusEntityItems},
		"crm.item.fields":         {"crm", (*invocation).itemFields},
		"crm.item.list":           {"crm", (*invocation).itemList},
		"crm.item.get":            {"crm", (*invocation).itemGet},
		"crm.item.update":         {"crm", (*invocation).itemUpdate},
		"crm.item.batchimport":    {"crm", (*invocation).itemBatchImport},
		"crm.deal.fields":         {"crm", (*invocation).dealFields},
		"crm.deal.list":           {"crm", (*invocation).dealList},
		"crm.deal.get":            {"crm", (*invocation).dealGet},
		"crm.deal.update":         {"crm", (*invocation).dealUpdate},
		"crm.deal.userfield.list": {"crm", (*invocation).userfieldList},
		"crm.deal.userfield.add":  {"crm", (*invocation).userfieldAdd},
		"crm.stagehistory.list":   {"crm", (*invocation).stageHistoryList},
		"crm.company.list":        {"crm", (*invocation).companyList},

		"user.get":       {"user", (*invocation).userGet},
		"user.current":   {"user", (*invocation).userCurrent},
		"department.get": {"department", (*invocation).departmentGet},

		"calendar.settings.get": {"calendar", (*invocation).calendarSettings},

		"im.message.add":       {"im", (*invocation).messageAdd},
		"im.notify.system.add": {"im", (*invocation).notifySystemAdd},
		"im.dialog.get":        {"im", (*invocation).dialogGet},
	}
}

// result is an outcome without a total, of all that was appended.
func (in *invocation) result() outcome { return outcome{body: in.out, total: -1} }

func (in *invocation) text(s string) outcome {
	in.out = appendText(in.out, s)
	return in.result()
}

func (in *invocation) isTrue(is bool) outcome {
	in.out = appendBool(in.out, is)
	return in.result()
}

func appendBool(b []byte, is bool) []byte {
	if is {
		return append(b, "true"...)
	}
	return append(b, "false"...)
}

func (in *invocation) scope() (outcome, *Error) {
	scopes := in.portal.options.Scopes
	if in.params.get("full").isTrue() {
		scopes = []string{"calendar", "crm", "department", "disk", "im", "task", "user", "user_basic", "user_brief"}
	}
	in.out = append(in.out, '[')
	for i, s := range scopes {
		if i > 0 {
			in.out = append(in.out, ',')
		}
		in.out = appendText(in.out, s)
	}
	in.out = append(in.out, ']')
	return in.result(), nil
}

func (in *invocation) profile() (outcome, *Error) {
	owner := User{ID: in.portal.options.UserID}
	if u := in.world.user(owner.ID); u != nil {
		owner = u.User
	}
	b := append(in.out, `{"ID":`...)
	b = appendQuotedInt(b, int64(owner.ID))
	b = appendBool(append(b, `,"ADMIN":`...), !in.portal.options.Quirks.IsNotAdmin)
	b = appendText(append(b, `,"NAME":`...), owner.Name)
	b = appendText(append(b, `,"LAST_NAME":`...), owner.LastName)
	in.out = append(b, `,"PERSONAL_GENDER":"","TIME_ZONE":""}`...)
	return in.result(), nil
}

func (in *invocation) userAdmin() (outcome, *Error) {
	return in.isTrue(!in.portal.options.Quirks.IsNotAdmin), nil
}

func (in *invocation) methodGet() (outcome, *Error) {
	name := strings.ToLower(in.params.get("name").text)
	m, isExisting := methods[name]
	isExisting = isExisting || name == "batch"
	in.out = appendBool(append(in.out, `{"isExisting":`...), isExisting)
	in.out = appendBool(append(in.out, `,"isAvailable":`...), isExisting && in.portal.hasScope(m.scope))
	in.out = append(in.out, '}')
	return in.result(), nil
}

// serverTime tells the portal's clock in UTC, whatever the zone of the server.
func (in *invocation) serverTime() (outcome, *Error) {
	return in.text(in.at.UTC().Format(isoLayout)), nil
}

func (in *invocation) appInfo() (outcome, *Error) {
	if in.portal.options.Quirks.HidesAppInfo {
		return outcome{}, badRequest("ACCESS_DENIED", "Application context required")
	}
	license := "selfhosted"
	if in.portal.options.Limits != NoLimits {
		license = string(cmp.Or(in.world.language, Russian)) + map[Limits]string{Standard: "_company", Enterprise: "_ent250"}[in.portal.options.Limits]
	}
	in.out = append(in.out, `{"SCOPE":`...)
	out, err := in.scope()
	if err != nil {
		return out, err
	}
	in.out = appendText(append(in.out, `,"LICENSE":`...), license)
	in.out = append(in.out, '}')
	return in.result(), nil
}

// A listing is what a list method pages through and how its parameters read.
type listing[R any] struct {
	table   table[R]
	schema  *schema[R]
	rules   filterRules
	id      string // the column of ids
	owner   string // the column of owners, if an index leads to them
	filter  value
	order   value
	columns []*column[R]
	limit   int // 0: no pages
	// hidesTotal leaves out an uncounted total, which else is 0.
	hidesTotal bool
}

// list answers a list method: it appends the rows as an array.
func list[R any](in *invocation, l listing[R]) (outcome, *Error) {
	f, err := compile(l.filter, l.schema, l.rules, l.id, l.owner)
	if err != nil {
		return outcome{}, err
	}
	order, err := sortKeys(l.order, l.schema, l.rules.refusesUnknown)
	if err != nil {
		return outcome{}, err
	}
	isByID := len(order) > 0 && order[0].column.name == l.id
	p := l.table.page(f, order, isByID, in.start(), l.limit)
	in.out = slices.Grow(in.out, len(p.rows)*len(l.columns)*24)
	in.out = append(in.out, '[')
	for i, r := range p.rows {
		if i > 0 {
			in.out = append(in.out, ',')
		}
		in.out = l.schema.appendRow(in.out, r, l.columns)
	}
	in.out = append(in.out, ']')
	out := outcome{body: in.out, total: p.total, next: p.next}
	if p.total < 0 && (!l.hidesTotal || in.portal.options.Quirks.CountsUncountedAsZero) {
		out.total = 0
	}
	return out, nil
}

// start is the offset of the page; negative: the first page, without counting.
func (in *invocation) start() int {
	start := int(in.params.either("start", "START").integer())
	if start > 0 && !in.portal.options.Quirks.TakesAnyStart {
		start -= start % pageSize
	}
	return start
}

// rules are those of the controller methods, or of the classic ones.
func (in *invocation) rules(isController bool) filterRules {
	return filterRules{
		refusesUnknown: isController,
		hasGroups:      isController,
		hasNotLike:     isController,
		zone:           in.portal.options.Zone,
		ignoresISO:     in.portal.options.Quirks.IgnoresISOFilters,
	}
}

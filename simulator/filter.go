package simulator

import (
	"math"
	"slices"
	"strings"
	"time"
)

// A filter decides which records an answer holds. What it says of ids and owners is
// kept apart from the rest: it leads to the records without looking at the others.
type filter[R any] struct {
	bounds
	conditions []condition[R]
}

type condition[R any] func(*R) bool

func (f *filter[R]) matches(r *R) bool {
	for _, holds := range f.conditions {
		if !holds(r) {
			return false
		}
	}
	return true
}

// bounds is the part of a filter that an index answers.
type bounds struct {
	low, high int64 // ids, both included
	ids       []int64
	hasIDs    bool
	owners    []int64
	hasOwners bool
}

// filterRules is what a family of methods makes of a filter.
type filterRules struct {
	refusesUnknown bool // names it does not know, else drops them
	hasGroups      bool // nested conditions joined by OR
	hasNotLike     bool
	zone           *time.Location
	ignoresISO     bool // drops conditions with an ISO time
}

type operator uint8

const (
	opEqual operator = iota
	opNotEqual
	opGreater
	opGreaterEqual
	opLess
	opLessEqual
	opIn
	opNotIn
	opContains
	opNotContains
	opLike
	opNotLike
)

// operators by their prefix, longer ones before those that they begin with.
var operators = []struct {
	prefix string
	op     operator
}{
	{"!=%", opNotLike}, {"!%=", opNotLike}, {"!@", opNotIn}, {"!%", opNotContains}, {"!=", opNotEqual},
	{">=", opGreaterEqual}, {"<=", opLessEqual}, {"=%", opLike}, {"%=", opLike},
	{"=", opEqual}, {"!", opNotEqual}, {">", opGreater}, {"<", opLess}, {"@", opIn}, {"%", opContains},
}

func splitOperator(key string) (operator, string) {
	for _, o := range operators {
		if name, found := strings.CutPrefix(key, o.prefix); found {
			return o.op, name
		}
	}
	return opEqual, key
}

// compile reads a filter. The columns of ids and owners are found by their names; the
// table has no owners where that name is empty.
func compile[R any](v value, s *schema[R], rules filterRules, id, owner string) (*filter[R], *Error) {
	c := compiler[R]{
		schema: s, rules: rules, id: id, owner: owner,
		out: &filter[R]{bounds: bounds{low: math.MinInt64, high: math.MaxInt64}},
	}
	holds, err := c.group(v, true)
	if err != nil {
		return nil, err
	}
	c.out.conditions = holds
	return c.out, nil
}

type compiler[R any] struct {
	schema    *schema[R]
	rules     filterRules
	id, owner string
	out       *filter[R]
}

// group reads conditions that hold together, or of which one has to hold.
func (c *compiler[R]) group(v value, isTop bool) ([]condition[R], *Error) {
	if v.kind != isArray {
		return nil, nil
	}
	isOr := c.rules.hasGroups && strings.EqualFold(v.either("logic", "LOGIC").text, "OR")
	var all []condition[R]
	for i, key := range v.array.keys {
		if c.rules.hasGroups && strings.EqualFold(key, "logic") {
			continue
		}
		item := v.array.items[i]
		if c.rules.hasGroups && isDigits(key) && item.kind == isArray {
			inner, err := c.group(item, isTop && !isOr)
			if err != nil {
				return nil, err
			}
			if isOr {
				inner = []condition[R]{every(inner)}
			}
			all = append(all, inner...)
			continue
		}
		holds, err := c.single(key, item, isTop && !isOr)
		if err != nil {
			return nil, err
		}
		if holds != nil {
			all = append(all, holds)
		}
	}
	if isOr && len(all) > 0 {
		return []condition[R]{some(all)}, nil
	}
	return all, nil
}

func every[R any](all []condition[R]) condition[R] {
	return func(r *R) bool {
		return !slices.ContainsFunc(all, func(holds condition[R]) bool { return !holds(r) })
	}
}

func some[R any](all []condition[R]) condition[R] {
	return func(r *R) bool {
		return slices.ContainsFunc(all, func(holds condition[R]) bool { return holds(r) })
	}
}

// single reads one condition, nil if an index answers it or it is dropped.
func (c *compiler[R]) single(key string, v value, isTop bool) (condition[R], *Error) {
	op, name := splitOperator(key)
	col := c.schema.column(name)
	if col == nil || col.isInert {
		if c.rules.refusesUnknown {
			return nil, invalidArgument("Invalid filter: field '" + name + "' is not allowed in filter")
		}
		return nil, nil
	}
	if v.kind == isArray && op == opEqual {
		op = opIn
	}
	if v.kind == isArray && op == opNotEqual {
		op = opNotIn
	}
	if op >= opNotContains && op != opLike && !c.rules.hasNotLike {
		return nil, nil
	}
	if c.rules.ignoresISO && col.kind == instantColumn && strings.Contains(v.text, "T") {
		return nil, nil
	}
	if isTop && col.kind == integerColumn && c.narrow(op, col.name, v) {
		return nil, nil
	}
	return c.compare(col, op, v)
}

// narrow takes a condition on the id or the owner into the bounds, if it fits there.
func (c *compiler[R]) narrow(op operator, name string, v value) bool {
	b := &c.out.bounds
	switch {
	case name == c.owner && (op == opIn || op == opEqual) && !b.hasOwners:
		b.hasOwners, b.owners = true, integers(v)
	case name != c.id:
		return false
	case (op == opIn || op == opEqual) && !b.hasIDs:
		b.hasIDs, b.ids = true, integers(v)
	case op == opGreater && v.integer() < math.MaxInt64:
		b.low = max(b.low, v.integer()+1)
	case op == opGreaterEqual:
		b.low = max(b.low, v.integer())
	case op == opLess && v.integer() > math.MinInt64:
		b.high = min(b.high, v.integer()-1)
	case op == opLessEqual:
		b.high = min(b.high, v.integer())
	default:
		return false
	}
	return true
}

// integers are the distinct numbers of a list, ascending.
func integers(v value) []int64 {
	var all []int64
	for _, item := range v.list() {
		all = append(all, item.integer())
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// compare reads a condition on a column, nil if it is dropped.
func (c *compiler[R]) compare(col *column[R], op operator, v value) (condition[R], *Error) {
	switch op {
	case opNotEqual, opNotIn, opNotContains, opNotLike:
		holds, err := c.compare(col, positive[op], v)
		if holds == nil || err != nil {
			return nil, err
		}
		return func(r *R) bool { return !holds(r) }, nil
	case opContains, opLike:
		return like(col, op, v), nil
	case opIn:
		var each []condition[R]
		for _, item := range v.list() {
			holds, err := c.compareOne(col, opEqual, item)
			if holds == nil || err != nil {
				return nil, err
			}
			each = append(each, holds)
		}
		return some(each), nil
	default:
		return c.compareOne(col, op, v)
	}
}

// compareOne compares with a single value.
func (c *compiler[R]) compareOne(col *column[R], op operator, v value) (condition[R], *Error) {
	switch {
	case col.kind == listColumn:
		return func(r *R) bool {
			return slices.Contains(col.list(r), v.text) || v.isEmpty() && len(col.list(r)) == 0
		}, nil
	case col.isText():
		return compareText(col, op, v), nil
	case op == opEqual && v.isEmpty():
		return func(r *R) bool {
			n, ok := col.number(r)
			return !ok || n == 0 && col.kind == integerColumn
		}, nil
	}
	want, ok := col.operand(v, c.rules.zone)
	switch {
	case ok:
		return compareNumber(col, op, want), nil
	case c.rules.refusesUnknown:
		return nil, invalidArgument("Invalid filter: value of field '" + col.name + "' is wrong")
	default:
		return nil, nil
	}
}

var positive = map[operator]operator{
	opNotEqual: opEqual, opNotIn: opIn, opNotContains: opContains, opNotLike: opLike,
}

func compareNumber[R any](col *column[R], op operator, want float64) condition[R] {
	ordered := ordering(op)
	return func(r *R) bool {
		n, ok := col.number(r)
		return ok && ordered(n, want)
	}
}

func ordering(op operator) func(a, b float64) bool {
	switch op {
	case opGreater:
		return func(a, b float64) bool { return a > b }
	case opGreaterEqual:
		return func(a, b float64) bool { return a >= b }
	case opLess:
		return func(a, b float64) bool { return a < b }
	case opLessEqual:
		return func(a, b float64) bool { return a <= b }
	default:
		return func(a, b float64) bool { return a == b }
	}
}

func compareText[R any](col *column[R], op operator, v value) condition[R] {
	want := v.text
	if col.kind == flagColumn && want != "N" && want != "Y" {
		want = "N"
		if v.isTrue() {
			want = "Y"
		}
	}
	if op == opEqual {
		return func(r *R) bool { return strings.EqualFold(col.text(r), want) }
	}
	ordered := ordering(op)
	return func(r *R) bool {
		return ordered(float64(strings.Compare(col.text(r), want)), 0)
	}
}

// like compares text without regard to case; % in the pattern of opLike stands for any text.
func like[R any](col *column[R], op operator, v value) condition[R] {
	if !col.isText() {
		return func(*R) bool { return false }
	}
	pattern := strings.ToLower(v.text)
	if op == opContains {
		return func(r *R) bool { return strings.Contains(strings.ToLower(col.text(r)), pattern) }
	}
	parts := strings.Split(pattern, "%")
	return func(r *R) bool { return matchParts(strings.ToLower(col.text(r)), parts) }
}

// matchParts is whether the text is the parts in order with anything between them.
func matchParts(text string, parts []string) bool {
	text, found := strings.CutPrefix(text, parts[0])
	if !found || len(parts) == 1 {
		return found && text == ""
	}
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
	return strings.HasSuffix(text, parts[len(parts)-1])
}

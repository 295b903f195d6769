package simulator

import (
	"cmp"
	"slices"
	"strings"
)

const pageSize = 50

// A table is records that a list method pages through.
type table[R any] struct {
	rows  []*R // by id
	id    func(*R) int64
	owned func(owner int64) []*R // the rows of an owner; nil where there are no owners
	// isVisible is an extra condition on all rows; nil: none.
	isVisible func(*R) bool
}

// A page is what a list method answers.
type page[R any] struct {
	rows  []*R
	total int // -1: not counted
	next  int // 0: there is no more
}

type sortKey[R any] struct {
	column *column[R]
	isDesc bool
}

// page finds the rows from the start on, at most limit of them (0: all). A negative start
// means from the first, without counting.
func (t *table[R]) page(f *filter[R], order []sortKey[R], isByID bool, start, limit int) page[R] {
	rows := t.candidates(f.bounds)
	if t.isVisible != nil {
		f.conditions = append(f.conditions, t.isVisible)
	}
	var p page[R]
	if isByID {
		p = scan(rows, f, order[0].isDesc, start, limit)
	} else {
		p = t.sorted(rows, f, order, start, limit)
	}
	if start < 0 {
		p.total = -1
		return p
	}
	if end := start + len(p.rows); len(p.rows) > 0 && end < p.total {
		p.next = end
	}
	return p
}

// candidates are the rows within the bounds, by id.
func (t *table[R]) candidates(b bounds) []*R {
	switch {
	case b.hasIDs:
		var rows []*R
		for _, id := range b.ids {
			if i := t.search(id); i < len(t.rows) && t.id(t.rows[i]) == id && id >= b.low && id <= b.high {
				rows = append(rows, t.rows[i])
			}
		}
		if b.hasOwners {
			return intersect(rows, t.ofOwners(b))
		}
		return rows
	case b.hasOwners:
		return t.ofOwners(b)
	default:
		low, high := t.search(b.low), len(t.rows)
		if b.high < 1<<62 {
			high = t.search(b.high + 1)
		}
		return t.rows[low:max(low, high)]
	}
}

func (t *table[R]) search(id int64) int {
	i, _ := slices.BinarySearchFunc(t.rows, id, func(r *R, id int64) int { return cmp.Compare(t.id(r), id) })
	return i
}

func (t *table[R]) ofOwners(b bounds) []*R {
	var rows []*R
	for _, owner := range b.owners {
		for _, r := range t.owned(owner) {
			if id := t.id(r); id >= b.low && id <= b.high {
				rows = append(rows, r)
			}
		}
	}
	slices.SortFunc(rows, func(a, b *R) int { return cmp.Compare(t.id(a), t.id(b)) })
	return rows
}

func intersect[R any](a, b []*R) []*R {
	return slices.DeleteFunc(a, func(r *R) bool { return !slices.Contains(b, r) })
}

// scan pages through rows that are in their order already.
func scan[R any](rows []*R, f *filter[R], isDesc bool, start, limit int) page[R] {
	isCounted := start >= 0
	if isCounted && len(f.conditions) == 0 {
		// Every row matches: the page and the count are known without a look at them.
		return slice(rows, isDesc, start, limit)
	}
	var p page[R]
	for i := range rows {
		r := rows[i]
		if isDesc {
			r = rows[len(rows)-1-i]
		}
		if !f.matches(r) {
			continue
		}
		p.total++
		isOnPage := p.total > start && (limit == 0 || len(p.rows) < limit)
		if isOnPage {
			p.rows = append(p.rows, r)
		}
		if !isCounted && len(p.rows) == limit {
			break
		}
	}
	return p
}

func slice[R any](rows []*R, isDesc bool, start, limit int) page[R] {
	p := page[R]{total: len(rows)}
	end := len(rows)
	if limit > 0 {
		end = min(start+limit, end)
	}
	for i := start; i < end; i++ {
		if isDesc {
			p.rows = append(p.rows, rows[len(rows)-1-i])
		} else {
			p.rows = append(p.rows, rows[i])
		}
	}
	return p
}

func (t *table[R]) sorted(rows []*R, f *filter[R], order []sortKey[R], start, limit int) page[R] {
	var matching []*R
	for _, r := range rows {
		if f.matches(r) {
			matching = append(matching, r)
		}
	}
	slices.SortFunc(matching, func(a, b *R) int { return t.compare(a, b, order) })
	return slice(matching, false, max(start, 0), limit)
}

// compare orders by the keys, then by id. Without a key the order is nobody's: a caller
// who relies on one has to find out.
func (t *table[R]) compare(a, b *R, order []sortKey[R]) int {
	if len(order) == 0 {
		return cmp.Compare(scrambled(t.id(a)), scrambled(t.id(b)))
	}
	for _, key := range order {
		n := key.column.compare(a, b)
		if key.isDesc {
			n = -n
		}
		if n != 0 {
			return n
		}
	}
	return cmp.Compare(t.id(a), t.id(b))
}

func scrambled(id int64) uint64 { return uint64(id) * 0x9e3779b97f4a7c15 }

// compare puts no value before any value, as the database does.
func (c *column[R]) compare(a, b *R) int {
	if c.isText() {
		return strings.Compare(c.text(a), c.text(b))
	}
	if c.kind == listColumn {
		return slices.Compare(c.list(a), c.list(b))
	}
	left, hasLeft := c.number(a)
	right, hasRight := c.number(b)
	switch {
	case hasLeft && hasRight:
		return cmp.Compare(left, right)
	case hasRight:
		return -1
	case hasLeft:
		return 1
	default:
		return 0
	}
}

// sortKeys reads an order parameter. What is unknown is refused or ignored.
func sortKeys[R any](v value, s *schema[R], refusesUnknown bool) ([]sortKey[R], *Error) {
	if v.kind != isArray {
		return nil, nil
	}
	var keys []sortKey[R]
	for i, name := range v.array.keys {
		direction := strings.ToUpper(v.array.items[i].text)
		col := s.column(name)
		isKnown := col != nil && !col.isInert && (direction == "ASC" || direction == "DESC" || !refusesUnknown)
		if !isKnown {
			if refusesUnknown {
				return nil, invalidArgument("Invalid order: field '" + name + "' cannot be sorted " + direction)
			}
			continue
		}
		keys = append(keys, sortKey[R]{col, direction == "DESC"})
	}
	return keys, nil
}

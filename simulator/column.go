package simulator

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A column is one thing that records of a kind tell: they are filtered and ordered by it
// and shown with it. Which accessor it has goes by its kind.
type column[R any] struct {
	name    string
	alias   string // another name that requests may use, in upper case; empty for none
	kind    columnKind
	integer func(*R) int64    // noTime: no value
	text    func(*R) string   // "": no value
	list    func(*R) []string // of a column with several values
	// show writes the value where the kind alone does not tell how.
	show func(b []byte, r *R, s *style) []byte
	// isAbsent tells the records that do not show it at all; nil: none.
	isAbsent func(*R) bool
	// isInert marks one that can only be shown.
	isInert bool
	// isCustom marks one that masks for custom fields select.
	isCustom bool
	key      []byte // the name as it stands in an answer, with the colon
}

type columnKind uint8

const (
	integerColumn columnKind = iota // integer
	amountColumn                    // integer: hundredths
	instantColumn                   // integer: unix seconds
	dayColumn                       // integer: midnight UTC
	textColumn                      // text
	flagColumn                      // text: Y or N
	numberColumn                    // text that reads as a number, if all is well
	listColumn                      // list
)

// A style is how a method writes values.
type style struct {
	zone         *time.Location
	quotesNumber bool // numbers as text, amounts with two places
	// empty returns what stands for no value in a column; methods and fields differ.
	empty func(kind columnKind) string
}

func (c *column[R]) append(b []byte, r *R, s *style) []byte {
	if c.show != nil {
		return c.show(b, r, s)
	}
	switch c.kind {
	case integerColumn, amountColumn, instantColumn, dayColumn:
		return appendNumber(b, c.kind, c.integer(r), s)
	case listColumn:
		return appendList(b, c.list(r), s)
	default:
		text := c.text(r)
		if text == "" {
			return append(b, s.empty(c.kind)...)
		}
		if c.kind == numberColumn && !s.quotesNumber && isNumeric(text) {
			return append(b, text...)
		}
		return appendText(b, text)
	}
}

func appendNumber(b []byte, kind columnKind, n int64, s *style) []byte {
	switch {
	case n == noTime:
		return append(b, s.empty(kind)...)
	case kind == instantColumn || kind == dayColumn:
		// A date is a midnight in UTC, written in the server's zone like any other time.
		return appendInstant(b, n, s.zone)
	case kind == amountColumn && s.quotesNumber:
		b = append(b, '"')
		b = strconv.AppendFloat(b, float64(n)/100, 'f', 2, 64)
		return append(b, '"')
	case kind == amountColumn:
		return strconv.AppendFloat(b, float64(n)/100, 'f', -1, 64)
	case s.quotesNumber:
		return appendQuotedInt(b, n)
	default:
		return strconv.AppendInt(b, n, 10)
	}
}

func appendList(b []byte, items []string, s *style) []byte {
	if len(items) == 0 {
		return append(b, s.empty(listColumn)...)
	}
	b = append(b, '[')
	for i, item := range items {
		if i > 0 {
			b = append(b, ',')
		}
		if !s.quotesNumber && isNumeric(item) {
			b = append(b, item...)
		} else {
			b = appendText(b, item)
		}
	}
	return append(b, ']')
}

// isNumeric is whether a text is a number that JSON can hold as it is.
func isNumeric(s string) bool {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || digits[0] == '0' && len(digits) > 1 && digits[1] != '.' {
		return false
	}
	whole, fraction, hasPoint := strings.Cut(digits, ".")
	return isDigits(whole) && (!hasPoint || isDigits(fraction))
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// number is the value that the column compares by; ok is false where there is none.
func (c *column[R]) number(r *R) (n float64, ok bool) {
	if c.kind != numberColumn {
		i := c.integer(r)
		return float64(i), i != noTime
	}
	n, err := strconv.ParseFloat(c.text(r), 64)
	return n, err == nil
}

func (c *column[R]) isText() bool { return c.kind == textColumn || c.kind == flagColumn }

// operand reads the value that a filter gives, in the units of number. Only times can be
// broken: a broken number is what PHP makes of it.
func (c *column[R]) operand(v value, zone *time.Location) (float64, bool) {
	switch c.kind {
	case instantColumn:
		t, ok := parseInstant(v.text, zone)
		return float64(t.Unix()), ok && v.kind != isArray
	case dayColumn:
		t, ok := parseInstant(v.text, time.UTC)
		return float64(midnight(t.Unix())), ok && v.kind != isArray
	case amountColumn:
		return math.Round(v.number() * 100), true
	case numberColumn:
		return v.number(), true
	default:
		return float64(v.integer()), true
	}
}

// timeLayouts are those that filters and fields of real portals take. A text without an
// offset is in the server's zone.
var timeLayouts = []string{
	time.RFC3339, "2006-01-02T15:04:05", time.DateTime, time.DateOnly,
	"02.01.2006 15:04:05", "02.01.2006",
}

func parseInstant(s string, zone *time.Location) (time.Time, bool) {
	for _, layout := range timeLayouts {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// A schema is the columns of a kind of records as one family of methods names them.
type schema[R any] struct {
	style      style
	customMask string // selects the custom fields
	starIsAll  bool   // the mask * selects the custom fields too
	columns    []*column[R]
	// byName has them by their names in upper case: requests name them in any case, also those of the
	// controller methods, as public clients do.
	byName map[string]*column[R]
}

// with gives the schema its columns.
func (s *schema[R]) with(columns []*column[R]) *schema[R] {
	s.columns = columns
	s.byName = make(map[string]*column[R], len(columns))
	for _, c := range columns {
		c.key = append(appendText(nil, c.name), ':')
		s.byName[strings.ToUpper(c.name)] = c
	}
	for _, c := range columns {
		if _, isTaken := s.byName[c.alias]; c.alias != "" && !isTaken {
			s.byName[c.alias] = c
		}
	}
	return s
}

func (s *schema[R]) column(name string) *column[R] { return s.byName[strings.ToUpper(name)] }

// selected resolves a list of names and masks; none selects all. Unknown names are ignored.
func (s *schema[R]) selected(names value) []*column[R] {
	if len(names.list()) == 0 {
		return s.columns
	}
	var out []*column[R]
	add := func(c *column[R]) {
		if c != nil && !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	for _, name := range names.list() {
		isStar := name.text == "*"
		if !isStar && (s.customMask == "" || !strings.EqualFold(name.text, s.customMask)) {
			add(s.column(name.text))
			continue
		}
		for _, c := range s.columns {
			if c.isCustom != isStar || isStar && s.starIsAll {
				add(c)
			}
		}
	}
	return out
}

func (s *schema[R]) appendRow(b []byte, r *R, columns []*column[R]) []byte {
	if len(columns) == 0 {
		return append(b, "[]"...) // PHP's empty array
	}
	b = append(b, '{')
	for _, c := range columns {
		if c.isAbsent != nil && c.isAbsent(r) {
			continue
		}
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(b, c.key...)
		b = c.append(b, r, &s.style)
	}
	return append(b, '}')
}

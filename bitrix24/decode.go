package bitrix24

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/shopspring/decimal"
)

// The portal is written in PHP and shows it: no value is null, "", false, [] or {}, an empty
// map is [], a map with the keys 0 to n-1 is an array, and a number may be a string. All of
// that is dealt with in this file.

// IsEmpty is whether a JSON value stands for no value.
func IsEmpty(raw jsontext.Value) bool {
	trimmed := bytes.TrimSpace(raw)
	switch string(trimmed) {
	case "", "null", `""`, "false":
		return true
	}
	first := trimmed[0]
	return (first == '[' || first == '{') && len(bytes.TrimSpace(trimmed[1:len(trimmed)-1])) == 0
}

// asPortalsWrite are what portals write beyond the standard: a name twice in an object, of which the last counts, and
// texts that are no UTF-8.
var asPortalsWrite = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// Decode reads a JSON value of a portal in one pass. The types of this package take every form that a portal gives
// such a value.
func Decode(raw []byte, into any) error { return json.Unmarshal(raw, into, asPortalsWrite) }

// readScalar reads the text of a string, a number or true; an array or an object stays JSON.
func readScalar(d *jsontext.Decoder) (string, error) {
	switch d.PeekKind() {
	case '"', '0', 't':
		token, err := d.ReadToken()
		if err != nil {
			return "", err
		}
		return token.String(), nil
	}
	raw, err := d.ReadValue()
	if err != nil || IsEmpty(raw) {
		return "", err
	}
	return string(raw), nil
}

// scalar is readScalar of a value by itself.
func scalar(raw jsontext.Value) (string, error) {
	var text Text
	err := Decode(raw, &text)
	return string(text), err
}

// Text is a scalar in a structure; empty if there is no value.
type Text string

// UnmarshalJSONFrom reads any scalar; an array or an object stays JSON.
func (t *Text) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	value, err := readScalar(d)
	*t = Text(value)
	return err
}

// ID is a number by which the portal knows a deal, a funnel, a person and the like; 0 if there
// is none.
type ID uint64

// String is the number in decimal, as filters want it.
func (n ID) String() string { return strconv.FormatUint(uint64(n), 10) }

// UnmarshalJSONFrom reads a number or a text that holds one; a fraction or a sign is an error.
func (n *ID) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	value, err := readScalar(d)
	if err != nil {
		return err
	}
	*n, err = parseID(value)
	return err
}

func parseID(value string) (ID, error) {
	value = strings.TrimSpace(value)
	if value == "" {
		return 0, nil
	}
	if n, err := strconv.ParseUint(value, 10, 64); err == nil {
		return ID(n), nil
	}
	// 7.0 and "7.00" are 7, but a float64 would lose digits of a large one.
	whole, fraction, _ := strings.Cut(value, ".")
	n, err := strconv.ParseUint(whole, 10, 64)
	if err != nil || strings.Trim(fraction, "0") != "" {
		return 0, fmt.Errorf("%.40q is not an id", value)
	}
	return ID(n), nil
}

// Flag is true for true, 1, "1", "Y" and the like.
type Flag bool

// UnmarshalJSONFrom reads any scalar.
func (f *Flag) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	value, err := readScalar(d)
	*f = Flag(value == "true" || value == "1" || strings.EqualFold(value, "y"))
	return err
}

// seconds is a number of seconds, 0 if there is none.
type seconds float64

func (s *seconds) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	value, err := readScalar(d)
	if err != nil {
		return err
	}
	n, err := strconv.ParseFloat(value, 64)
	if err != nil || n != n || n < 0 || n > 1e12 {
		n = 0 // timing is a hint; a strange one is none
	}
	*s = seconds(n)
	return nil
}

// readMembers reads an object, and calls read for each value with its name.
func readMembers(d *jsontext.Decoder, read func(name string) error) error {
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		if err := read(name.String()); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// readNothing reads what stands for no value; anything else is an error.
func readNothing(d *jsontext.Decoder, wanted string) error {
	raw, err := d.ReadValue()
	if err == nil && !IsEmpty(raw) {
		return fmt.Errorf("%.40q is not %s", raw, wanted)
	}
	return err
}

// dict is a map that is written as an array when it is empty or has the keys 0 to n-1.
type dict map[string]jsontext.Value

func (m *dict) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*m = nil
	switch d.PeekKind() {
	case '{':
		return readMembers(d, func(name string) error {
			raw, err := d.ReadValue()
			if *m == nil {
				*m = dict{}
			}
			(*m)[name] = slices.Clone(raw)
			return err
		})
	case '[':
		var values []jsontext.Value
		if err := json.UnmarshalDecode(d, &values); err != nil || len(values) == 0 {
			return err
		}
		*m = make(dict, len(values))
		for i, value := range values {
			(*m)[strconv.Itoa(i)] = value
		}
		return nil
	}
	return readNothing(d, "a map")
}

// List is an array that is written as a map when its keys have holes; rows then come in the
// order of the keys.
type List[T any] []T

// UnmarshalJSONFrom reads an array or a map with numbers for keys.
func (l *List[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*l = nil
	switch d.PeekKind() {
	case '[':
		err := json.UnmarshalDecode(d, (*[]T)(l))
		if len(*l) == 0 {
			*l = nil
		}
		return err
	case '{':
		byKey := map[int]T{}
		err := readMembers(d, func(name string) error {
			n, err := strconv.Atoi(name)
			if err != nil || strconv.Itoa(n) != name {
				return fmt.Errorf("a list has the key %.40q", name)
			}
			var value T
			err = json.UnmarshalDecode(d, &value)
			byKey[n] = value
			return err
		})
		for _, n := range slices.Sorted(maps.Keys(byKey)) {
			*l = append(*l, byKey[n])
		}
		return err
	}
	return readNothing(d, "a list")
}

// Optional is an object that the portal may show as [] or another form of no value.
type Optional[T any] struct {
	Value T
	IsSet bool
}

// UnmarshalJSONFrom reads an object, or any form of no value.
func (o *Optional[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*o = Optional[T]{}
	if d.PeekKind() == '{' {
		o.IsSet = true
		return json.UnmarshalDecode(d, &o.Value)
	}
	return readNothing(d, "an object")
}

// Items is {"items": rows}, or [] where there are none.
type Items[T any] struct {
	Items List[T]
}

// UnmarshalJSONFrom reads the rows; any form of no value gives no rows.
func (i *Items[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	var rows Optional[struct {
		Items List[T] `json:"items"`
	}]
	err := json.UnmarshalDecode(d, &rows)
	i.Items = rows.Value.Items
	return err
}

// timing is what an answer says about itself.
type timing struct {
	Start     float64 // unix seconds by the portal's clock; 0: not given
	Duration  float64 // seconds
	Operating float64 // seconds in the last ten minutes; 0: not given
	ResetAt   float64 // unix seconds; 0: not given
	Zone      *time.Location
}

func (t *timing) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*t = timing{}
	if d.PeekKind() != '{' {
		return d.SkipValue()
	}
	var told struct {
		Start     seconds `json:"start"`
		Duration  seconds `json:"duration"`
		Operating seconds `json:"operating"`
		ResetAt   seconds `json:"operating_reset_at"`
		DateStart Text    `json:"date_start"`
	}
	if err := json.UnmarshalDecode(d, &told); err != nil {
		return err
	}
	*t = timing{float64(told.Start), float64(told.Duration), float64(told.Operating), float64(told.ResetAt), nil}
	if start, err := time.Parse(time.RFC3339, string(told.DateStart)); err == nil {
		t.Zone = start.Location()
	}
	return nil
}

// endedAt is when the portal was done; zero if not given.
func (t timing) endedAt() time.Time {
	if t.Start == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64((t.Start + t.Duration) * 1000))
}

func (t timing) resetAt() time.Time {
	if t.ResetAt == 0 {
		return time.Time{}
	}
	return time.Unix(int64(t.ResetAt), 0)
}

// Instants come with an offset as a rule; user fields know other forms, in the server's zone.
var instantLayouts = []string{
	time.RFC3339,
	"2006-01-02T15:04:05Z0700",
	"2006-01-02T15:04:05",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05",
	"2006-01-02 15:04",
	time.DateOnly,
	"02.01.2006 15:04:05",
	"02.01.2006 15:04",
	"02.01.2006",
}

// parseInstant reads a moment; one without an offset is in zone.
func parseInstant(value string, zone *time.Location) (time.Time, bool) {
	value = strings.TrimSpace(value)
	for _, layout := range instantLayouts {
		if at, err := time.ParseInLocation(layout, value, zone); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

// Instant is the moment that a text names, in UTC; zero where there is none or it cannot be
// read. One without an offset is in zone.
func (t Text) Instant(zone *time.Location) time.Time {
	at, ok := parseInstant(string(t), zone)
	if !ok {
		return time.Time{}
	}
	return at.UTC()
}

// calendarDay is the day of a date field. The portal writes it as midnight in UTC, but in the
// server's offset, so that in that offset it may be another day. Some portals write midnight on the
// server's clocks, in whatever offset: UTC goes first, then the offset that is written, then zone,
// the server's.
func calendarDay(value string, zone *time.Location) (string, bool) {
	at, ok := parseInstant(value, time.UTC)
	if !ok {
		return "", false
	}
	for _, shown := range []time.Time{at.UTC(), at, at.In(zone)} {
		if shown.Hour() == 0 && shown.Minute() == 0 && shown.Second() == 0 {
			return shown.Format(time.DateOnly), true
		}
	}
	return at.UTC().Format(time.DateOnly), true
}

// amountOf is the number in a value of a money field: 10 of "10|RUB". A field that nobody has filled
// in may still have a currency, "|RUB", and no number.
func amountOf(value string) string {
	amount, _, _ := strings.Cut(value, "|")
	return strings.TrimSpace(amount)
}

// isNoValue is whether a value of a custom field stands for none.
func isNoValue(raw jsontext.Value, kind string) bool {
	if kind != "money" || raw.Kind() != '"' {
		return IsEmpty(raw)
	}
	text, err := scalar(raw)
	return err == nil && amountOf(text) == ""
}

// shortDecimal is the shortest form of a decimal number: 150 for "150.00".
func shortDecimal(value string) (string, bool) {
	n, ok := parseDecimal(value)
	if !ok {
		return "", false
	}
	return n.String(), true
}

// Decimal is the decimal number that a text names, if it names one of a sensible length.
func (t Text) Decimal() (decimal.Decimal, bool) { return parseDecimal(string(t)) }

func parseDecimal(value string) (decimal.Decimal, bool) {
	value = strings.TrimSpace(value)
	if value == "" || len(value) > 64 {
		return decimal.Decimal{}, false
	}
	n, err := decimal.NewFromString(value)
	// 1e1000000 is a short text, but would be a long number.
	if err != nil || n.Exponent() > 40 || n.Exponent() < -40 {
		return decimal.Decimal{}, false
	}
	return n, true
}

// fieldValue is the value of a custom field as Fields.Values gives it, empty for none.
func fieldValue(raw jsontext.Value, kind string, zone *time.Location) (string, error) {
	if isNoValue(raw, kind) {
		return "", nil
	}
	raw = bytes.TrimSpace(raw)
	if raw[0] == '[' {
		var values []jsontext.Value
		if err := Decode(raw, &values); err != nil {
			return "", err
		}
		values = slices.DeleteFunc(values, func(raw jsontext.Value) bool { return isNoValue(raw, kind) })
		switch {
		case len(values) == 0:
			return "", nil
		case len(values) == 1 && bytes.TrimSpace(values[0])[0] != '[':
			return fieldValue(values[0], kind, zone)
		default:
			return string(raw), nil
		}
	}
	value, err := scalar(raw)
	if err != nil {
		return "", err
	}
	var ok bool
	short := value
	switch {
	case kind == "date":
		short, ok = calendarDay(value, zone)
	case kind == "datetime":
		var at time.Time
		if at, ok = parseInstant(value, zone); ok {
			short = at.UTC().Format(time.RFC3339)
		}
	case kind == "money" && raw[0] == '"':
		short, ok = shortDecimal(amountOf(value))
	case kind == "integer" || kind == "double" || raw[0] != '"':
		short, ok = shortDecimal(value)
	}
	if !ok {
		return value, nil
	}
	return short, nil
}

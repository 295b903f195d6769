package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
)

// A value is a parameter as PHP sees it: nothing, a scalar kept as text, or an array,
// which has keys in the order in which they came whether it was a list or a map.
type value struct {
	kind  valueKind
	text  string // of a scalar
	array *phpArray
}

type valueKind uint8

const (
	isNull valueKind = iota
	isText
	isNumber
	isBool // text is "1" or ""
	isArray
)

type phpArray struct {
	keys  []string
	items []value
	next  int // the number that push gives
}

func textValue(s string) value { return value{kind: isText, text: s} }

func arrayValue() value { return value{kind: isArray, array: &phpArray{}} }

// get is the item under a key, null where there is none.
func (v value) get(key string) value {
	if v.kind != isArray {
		return value{}
	}
	for i, k := range v.array.keys {
		if k == key {
			return v.array.items[i]
		}
	}
	return value{}
}

// either is the item under the first of several spellings of a key that is there.
func (v value) either(keys ...string) value {
	for _, key := range keys {
		if item := v.get(key); item.kind != isNull {
			return item
		}
	}
	return value{}
}

// list is the items of an array, or the scalar itself as the only one.
func (v value) list() []value {
	switch v.kind {
	case isArray:
		return v.array.items
	case isNull:
		return nil
	default:
		return []value{v}
	}
}

// set puts an item under a key, in place of one that is there.
func (a *phpArray) set(key string, item value) {
	for i, k := range a.keys {
		if k == key {
			a.items[i] = item
			return
		}
	}
	a.add(key, item)
}

// push appends an item under the next free number.
func (a *phpArray) push(item value) { a.add(strconv.Itoa(a.next), item) }

// add appends an item under a key that is not there yet.
func (a *phpArray) add(key string, item value) {
	if n, err := strconv.Atoi(key); err == nil && n >= a.next {
		a.next = n + 1
	}
	a.keys = append(a.keys, key)
	a.items = append(a.items, item)
}

// isEmpty is whether PHP calls the value empty in a filter: null, false or "".
func (v value) isEmpty() bool { return v.kind != isArray && v.text == "" }

// integer converts as PHP's (int) does: the leading digits of a text, 0 without any,
// and 1 for an array that holds something. A filter with a broken value therefore
// filters by 0 or 1 and not at all as its author meant.
func (v value) integer() int64 {
	if v.kind == isArray {
		if len(v.array.items) > 0 {
			return 1
		}
		return 0
	}
	s := strings.TrimLeft(v.text, " \t\n\r")
	end := 0
	if end < len(s) && (s[end] == '-' || s[end] == '+') {
		end++
	}
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	n, err := strconv.ParseInt(s[:end], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// number converts as PHP's (float) does, for fields with fractions.
func (v value) number() float64 {
	if v.kind != isArray {
		if f, err := strconv.ParseFloat(strings.TrimSpace(v.text), 64); err == nil {
			return f
		}
	}
	return float64(v.integer())
}

// isTrue reads a flag in any of its spellings: Y, 1, true.
func (v value) isTrue() bool {
	switch strings.ToLower(v.text) {
	case "y", "1", "true":
		return true
	default:
		return false
	}
}

// parseQuery reads a query string or a form into the array, PHP brackets included, in
// the order of the text. It never fails: what cannot be unescaped stands as it is.
func parseQuery(query string, into *phpArray) {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		if pair == "" {
			continue
		}
		key, text, _ := strings.Cut(pair, "=")
		into.setPath(unescape(key), textValue(unescape(text)))
	}
}

// setPath stores an item under a bracketed name such as filter[>ID] or select[].
func (a *phpArray) setPath(name string, item value) {
	key, rest := name, ""
	if open := strings.IndexByte(name, '['); open > 0 && strings.Contains(name[open:], "]") {
		key, rest = name[:open], name[open:]
	}
	for strings.HasPrefix(rest, "[") {
		end := strings.IndexByte(rest, ']')
		if end < 0 {
			break
		}
		a = a.child(key)
		key, rest = rest[1:end], rest[end+1:]
	}
	if key == "" {
		a.push(item)
		return
	}
	a.set(key, item)
}

// child is the array under the key, made where there is none; no key appends one.
func (a *phpArray) child(key string) *phpArray {
	if key != "" {
		if item := (value{kind: isArray, array: a}).get(key); item.kind == isArray {
			return item.array
		}
	}
	item := arrayValue()
	if key == "" {
		a.push(item)
	} else {
		a.set(key, item)
	}
	return item.array
}

// unescape decodes %XX and +. A broken escape is kept as text, as PHP does.
func unescape(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			out = append(out, ' ')
		case s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			n, _ := strconv.ParseUint(s[i+1:i+3], 16, 8)
			out = append(out, byte(n))
			i += 2
		default:
			out = append(out, s[i])
		}
	}
	return string(out)
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// parseJSON reads a JSON document with its members in order.
func parseJSON(document []byte) (value, error) {
	dec := json.NewDecoder(bytes.NewReader(document))
	dec.UseNumber()
	v, err := decodeValue(dec)
	if err != nil {
		return value{}, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return value{}, errors.New("data after the document")
	}
	return v, nil
}

func decodeValue(dec *json.Decoder) (value, error) {
	token, err := dec.Token()
	if err != nil {
		return value{}, err
	}
	switch token := token.(type) {
	case json.Delim:
		return decodeArray(dec, token == '{')
	case string:
		return textValue(token), nil
	case json.Number:
		return value{kind: isNumber, text: token.String()}, nil
	case bool:
		if token {
			return value{kind: isBool, text: "1"}, nil
		}
		return value{kind: isBool}, nil
	default:
		return value{}, nil
	}
}

func decodeArray(dec *json.Decoder, hasKeys bool) (value, error) {
	v := arrayValue()
	for dec.More() {
		var key json.Token
		if hasKeys {
			var err error
			if key, err = dec.Token(); err != nil {
				return value{}, err
			}
		}
		item, err := decodeValue(dec)
		if err != nil {
			return value{}, err
		}
		if name, isText := key.(string); isText {
			v.array.set(name, item)
		} else {
			v.array.push(item)
		}
	}
	_, err := dec.Token()
	return v, err
}

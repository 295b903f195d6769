package simulator

import (
	"bytes"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// Answers are appended to a buffer by hand: a full export is hundreds of thousands of
// rows, and reflection would take most of the time that the tests measure.

const hexDigits = "0123456789abcdef"

// appendText appends a JSON string in the portal's own spelling: everything outside
// ASCII as \uXXXX, slashes escaped, and quotes, <, >, & and ' as numbers.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf && !needsEscape[c] {
			i++
			continue
		}
		b = append(b, s[start:i]...)
		r, size := utf8.DecodeRuneInString(s[i:])
		b = appendEscaped(b, r)
		i += size
		start = i
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

var needsEscape = func() (t [utf8.RuneSelf]bool) {
	for c := range 0x20 {
		t[c] = true
	}
	for _, c := range `"\/<>&'` {
		t[c] = true
	}
	return t
}()

func appendEscaped(b []byte, r rune) []byte {
	switch r {
	case '\\', '/':
		return append(b, '\\', byte(r))
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	if r >= 0x10000 {
		r -= 0x10000
		b = appendUnit(b, 0xd800+(r>>10))
		return appendUnit(b, 0xdc00+(r&0x3ff))
	}
	return appendUnit(b, r)
}

func appendUnit(b []byte, unit rune) []byte {
	return append(b, '\\', 'u', hexDigits[unit>>12&15], hexDigits[unit>>8&15], hexDigits[unit>>4&15], hexDigits[unit&15])
}

// appendPlain appends a string that is known to need no escapes.
func appendPlain(b []byte, s string) []byte {
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

func appendQuotedInt(b []byte, n int64) []byte {
	b = append(b, '"')
	b = strconv.AppendInt(b, n, 10)
	return append(b, '"')
}

// appendKey appends a member's name and colon, with a comma unless it is the first.
func appendKey(b []byte, name string) []byte {
	if last := b[len(b)-1]; last != '{' && last != '[' {
		b = append(b, ',')
	}
	return append(appendText(b, name), ':')
}

// appendSeconds appends a time in seconds with the fraction that PHP's microtime has.
func appendSeconds(b []byte, seconds float64) []byte {
	return strconv.AppendFloat(b, math.Round(seconds*1e6)/1e6, 'f', -1, 64)
}

const isoLayout = "2006-01-02T15:04:05-07:00"

// appendInstant appends a quoted ISO time in the server's zone.
func appendInstant(b []byte, unix int64, zone *time.Location) []byte {
	b = append(b, '"')
	b = time.Unix(unix, 0).In(zone).AppendFormat(b, isoLayout)
	return append(b, '"')
}

// pick finds what stands under a path of names and numbers in a JSON text that this
// package wrote. Where the path leads nowhere, ok is false and found is the deepest
// container that it reached.
func pick(document []byte, path []string) (found []byte, ok bool) {
	found = document
	for _, step := range path {
		next := member(found, step)
		if next == nil {
			return found, false
		}
		found = next
	}
	return found, true
}

// member is the item of an object or array under a key, or nil.
func member(container []byte, key string) []byte {
	if len(container) < 2 || container[0] != '{' && container[0] != '[' {
		return nil
	}
	index, err := strconv.Atoi(key)
	if err != nil {
		index = -1
	}
	pos := 1
	for i := 0; container[pos] != '}' && container[pos] != ']'; i++ {
		isIt := i == index
		if container[0] == '{' {
			end := skip(container, pos)
			isIt = string(container[pos+1:end-1]) == key
			pos = end + len(":")
		}
		end := skip(container, pos)
		if isIt {
			return container[pos:end]
		}
		pos = end
		if container[pos] == ',' {
			pos++
		}
	}
	return nil
}

// skip returns where the JSON value that starts at pos ends.
func skip(b []byte, pos int) int {
	depth := 0
	for {
		switch b[pos] {
		case '"':
			pos++
			for b[pos] != '"' {
				if b[pos] == '\\' {
					pos++
				}
				pos++
			}
			pos++
		case '{', '[':
			depth++
			pos++
		case '}', ']':
			depth--
			pos++
		case ',', ':':
			pos++
		default:
			end := bytes.IndexAny(b[pos:], ",:]}")
			if end < 0 {
				return len(b)
			}
			pos += end
		}
		if depth == 0 {
			return pos
		}
	}
}

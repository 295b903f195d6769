// Package plain makes texts that came from the portal safe to show.
package plain

import "strings"

// Text takes out of a text what a terminal would obey, control characters and marks that
// turn the direction of writing, and cuts it to at most that many characters; with 0 it is
// not cut.
func Text(text string, most int) string {
	runes := []rune(strings.Map(func(r rune) rune {
		switch {
		case r < ' ' || r >= 0x7f && r < 0xa0, r == 0x061c, r >= 0x200e && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return ' '
		}
		return r
	}, text))
	if most > 0 && len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return string(runes)
}

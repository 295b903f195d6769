// Package plain makes texts that came from the portal safe to show.
package plain

import "strings"

// IsObeyed is whether a terminal would obey a character rather than show it: control
// characters, and marks that turn the direction of writing.
func IsObeyed(r rune) bool {
	return r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x061c || r >= 0x200e && r <= 0x200f || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// Text takes out of a text what a terminal would obey, and cuts it to at most that many
// characters; with 0 it is not cut.
func Text(text string, most int) string {
	runes := []rune(strings.Map(func(r rune) rune {
		if IsObeyed(r) {
			return ' '
		}
		return r
	}, text))
	if most > 0 && len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return string(runes)
}

// OneLine joins the lines of a text: those of errors that were joined, or of a server's long
// answer.
func OneLine(text string) string {
	var lines []string
	for line := range strings.FieldsFuncSeq(text, func(c rune) bool { return c == '\n' || c == '\r' }) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "; ")
}

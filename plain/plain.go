// Package plain makes texts that came from the portal safe to show.
package plain

import (
	"io"
	"strings"
	"sync"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
)

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

// Writer takes what a terminal would obey out of all that is written to it, except the ends of lines and
// tabs; a byte that is no UTF-8 becomes the sign for that. It may be used by several goroutines. A character
// that is not whole yet waits for its rest.
type Writer struct {
	mu sync.Mutex
	to *transform.Writer
}

// NewWriter gives a Writer before a terminal.
func NewWriter(terminal io.Writer) *Writer {
	return &Writer{to: transform.NewWriter(terminal, runes.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && IsObeyed(r) {
			return ' '
		}
		return r
	}))}
}

func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(p)
}

// Look is what a reader sees of a name: two names of one look can't be told apart. Neither case nor blanks make a
// difference, of which a page shows several as one.
func Look(name string) string { return strings.ToLower(strings.Join(strings.Fields(name), " ")) }

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

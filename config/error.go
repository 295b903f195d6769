package config

import (
	"fmt"
	"strings"
	"unicode"
)

// An Error is everything that is wrong with a configuration. It never holds a secret.
type Error struct {
	Complaints []Complaint // in the order of the file, of the variables, then what is absent
	// read is the rest of the configuration.
	read Config
}

// Read is what could be read of the configuration, to look up the names in the complaints; no command may work by it.
func (e *Error) Read() Config { return e.read }

// A Complaint is one thing that is wrong with a configuration.
type Complaint struct {
	Place string // file:line or the name of a variable; empty for what is absent
	Text  string // begins with the key that it is about
	// Misnomer is what stands in place of an id, where it may be a name; else zero.
	Misnomer Misnomer
}

// String is the complaint on one line.
func (c Complaint) String() string {
	if c.Place == "" {
		return c.Text
	}
	return c.Place + ": " + c.Text
}

// Error is one line, the complaints divided by semicolons.
func (e *Error) Error() string {
	lines := make([]string, len(e.Complaints))
	for i, c := range e.Complaints {
		lines[i] = c.String()
	}
	return "configuration: " + strings.Join(lines, "; ")
}

// hidden stands for what a complaint does not show.
const hidden = "a text that is not repeated here"

// quote shows a piece of the configuration in a complaint. What could be an address with
// a password, or is long, is not shown.
func quote(text string) string {
	if strings.Contains(text, "/rest/") || strings.Contains(text, "://") || len(text) > 60 {
		return hidden
	}
	return fmt.Sprintf("%q", text)
}

// printable is a text that may stand bare in a line of its own: as it is, or quoted.
func printable(text string) string {
	isBare := !strings.Contains(text, "://") && len(text) <= 60 &&
		!strings.ContainsFunc(text, func(c rune) bool { return !unicode.IsPrint(c) })
	if isBare {
		return text
	}
	return quote(text)
}

// Package locale shows what the program says in the language of its reader. Texts are written in
// English in the source, and ru.po has the Russian of each. Logs, and what other programs read, stay
// English.
package locale

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// A Language is what a reader gets texts in.
type Language string

// The languages.
const (
	English Language = "en"
	Russian Language = "ru"
)

// Languages are all languages.
var Languages = []Language{English, Russian}

// Variable names the language in the environment, ahead of the system's own variables.
const Variable = "STAGELAG_LANG"

// Of is the language that an environment asks for: that of Variable, else that of the system's locale, which
// is English for a language that the program does not have.
func Of(environ []string) (Language, error) {
	if asked := valueOf(environ, Variable); asked != "" {
		return Parse(asked)
	}
	// The first that is set counts, as in POSIX.
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		value := valueOf(environ, name)
		if value == "" {
			continue
		}
		if language, _, _ := strings.Cut(strings.ToLower(value), "_"); language == string(Russian) || strings.HasPrefix(language, "ru.") {
			return Russian, nil
		}
		return English, nil
	}
	return English, nil
}

// valueOf is the value of a variable, the last one where it is set twice.
func valueOf(environ []string, name string) string {
	for _, variable := range slices.Backward(environ) {
		if value, ok := strings.CutPrefix(variable, name+"="); ok {
			return value
		}
	}
	return ""
}

// Parse is the language of a name, en or ru.
func Parse(name string) (Language, error) {
	if language := Language(name); slices.Contains(Languages, language) {
		return language, nil
	}
	return English, fmt.Errorf("%q is not en or ru", name)
}

// A Printer writes texts in a language. The zero Printer, and a nil one, write English. It may be used by
// several goroutines.
type Printer struct{ catalogue *catalogue }

// For is the printer of a language.
func For(l Language) *Printer {
	if l != Russian {
		return &Printer{}
	}
	return &Printer{catalogue: russian()}
}

// Language is the language of the printer.
func (p *Printer) Language() Language {
	if p.isEnglish() {
		return English
	}
	return Russian
}

func (p *Printer) isEnglish() bool { return p == nil || p.catalogue == nil }

// Sprintf is fmt.Sprintf with the format's translation. An argument that is an error is translated too, and a fraction
// is written as the language does; any other stays as it is.
func (p *Printer) Sprintf(format string, args ...any) string {
	if p.isEnglish() {
		return fmt.Sprintf(format, args...)
	}
	args = slices.Clone(args)
	for i, arg := range args {
		switch arg := arg.(type) {
		case error:
			args[i] = p.Error(arg)
		case float64:
			args[i] = commaNumber(arg)
		}
	}
	return fmt.Sprintf(p.catalogue.format(format), args...)
}

// A commaNumber is written with a comma before its decimals.
type commaNumber float64

// Format writes the number as fmt would.
func (n commaNumber) Format(state fmt.State, verb rune) {
	_, _ = io.WriteString(state, strings.Replace(fmt.Sprintf(fmt.FormatString(state, verb), float64(n)), ".", ",", 1))
}

// Fprintf is fmt.Fprintf with the format's translation.
func (p *Printer) Fprintf(w io.Writer, format string, args ...any) {
	_, _ = io.WriteString(w, p.Sprintf(format, args...))
}

// Count is a number with its noun, whose English forms are given with %d for the number.
func (p *Printer) Count(n int64, one, many string) string {
	if p.isEnglish() {
		if n == 1 {
			return fmt.Sprintf(one, n)
		}
		return fmt.Sprintf(many, n)
	}
	return fmt.Sprintf(p.catalogue.count(n, one, many), n)
}

// Text is the translation of a text that is put together of texts of the source. What is not known in it
// stays as it is, such as what another program has said.
func (p *Printer) Text(english string) string {
	if p.isEnglish() {
		return english
	}
	return p.catalogue.text(english)
}

// Error is the translation of an error's text.
func (p *Printer) Error(err error) string {
	if p.isEnglish() {
		return err.Error()
	}
	return p.catalogue.text(err.Error())
}

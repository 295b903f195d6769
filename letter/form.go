package letter

import (
	_ "embed"
	"fmt"
	"html/template"
	"strings"
	"unicode/utf16"
)

// more is the line that says how many lines of a section are not shown; nil for none.
func (s *section) more(v *voice, shown int) line {
	hidden := s.total - shown
	switch {
	case hidden <= 0:
		return nil
	case s.isOfDeals:
		return line{{text: v.Count(int64(hidden), moreDeals) + ": "}, {text: v.AllDeals, link: s.link}}
	default:
		return textLine(fmt.Sprintf(v.More, v.Number(int64(hidden))))
	}
}

// text is the document without any signs of a form.
func (d *document) text(v *voice) string {
	var b strings.Builder
	write := func(mark string, l line) {
		b.WriteString(mark)
		var links []string
		for _, s := range l {
			b.WriteString(s.text)
			if s.link != "" {
				links = append(links, s.link)
			}
		}
		for _, link := range links {
			b.WriteString("\n" + strings.Repeat(" ", len(mark)) + link)
		}
		b.WriteByte('\n')
	}
	b.WriteString(d.title + "\n\n")
	for _, l := range d.intro {
		write("", l)
	}
	for i := range d.sections {
		s := &d.sections[i]
		b.WriteString("\n" + s.heading + "\n")
		for _, l := range s.lines {
			write("- ", l)
		}
		if l := s.more(v, len(s.lines)); l != nil {
			write("- ", l)
		}
	}
	if len(d.closing) > 0 {
		b.WriteByte('\n')
	}
	for _, l := range d.closing {
		write("", l)
	}
	return b.String()
}

// message is the document with the BB codes of the portal's messenger, in no more characters than the limit. What
// does not fit is left out from the ends of the longest lists, and counted there.
func (d *document) message(v *voice, limit int) string {
	shown := make([]int, len(d.sections))
	for i := range d.sections {
		shown[i] = len(d.sections[i].lines)
	}
	for {
		text := d.messageOf(v, shown)
		if length(text) <= limit {
			return text
		}
		longest := 0
		for i := range shown {
			if shown[i] > shown[longest] {
				longest = i
			}
		}
		if len(shown) == 0 || shown[longest] == 0 {
			return string([]rune(text)[:limit/2]) // which a letter without lists never is
		}
		shown[longest]--
	}
}

// length is how many characters a text has, by the count that gives most.
func length(text string) int { return len(utf16.Encode([]rune(text))) }

func (d *document) messageOf(v *voice, shown []int) string {
	var b strings.Builder
	write := func(mark string, l line) {
		b.WriteString(mark)
		for _, s := range l {
			switch {
			case s.link != "":
				b.WriteString("[url=" + s.link + "]" + withoutCodes(s.text) + "[/url]")
			case s.isBold:
				b.WriteString("[b]" + withoutCodes(s.text) + "[/b]")
			default:
				b.WriteString(withoutCodes(s.text))
			}
		}
		b.WriteByte('\n')
	}
	bold := func(text string) line { return line{{text: text, isBold: true}} }
	write("", bold(d.title))
	for _, l := range d.intro {
		write("", l)
	}
	for i := range d.sections {
		s := &d.sections[i]
		b.WriteByte('\n')
		write("", bold(s.heading))
		for _, l := range s.lines[:shown[i]] {
			write("• ", l)
		}
		if l := s.more(v, shown[i]); l != nil {
			write("• ", l)
		}
	}
	if len(d.closing) > 0 {
		b.WriteByte('\n')
	}
	for _, l := range d.closing {
		write("", l)
	}
	return strings.TrimSpace(b.String())
}

// codeSigns are what BB codes are made of. The messenger has no way to show them as they are, and a title with a code in
// it would make links and calls of its own.
var codeSigns = strings.NewReplacer("[", "(", "]", ")")

func withoutCodes(text string) string { return codeSigns.Replace(text) }

//go:embed letter.html.tmpl
var pageText string

var page = template.Must(template.New("letter").Parse(pageText))

// A pageView is what the template of the page sees.
type pageView struct {
	Language string
	Title    string
	Intro    []pageLine
	Sections []pageSection
	Closing  []pageLine
}

type pageSection struct {
	Heading string
	Lines   []pageLine
}

type pageLine []pageSpan

type pageSpan struct {
	Text, Link string
	IsBold     bool
}

// html is the document as a page for a mail reader: no scripts, no pictures, nothing from elsewhere.
func (d *document) html(v *voice) (string, error) {
	p := pageView{Language: string(v.language), Title: d.title, Intro: pageLines(d.intro), Closing: pageLines(d.closing)}
	for i := range d.sections {
		s := &d.sections[i]
		lines := pageLines(s.lines)
		if l := s.more(v, len(s.lines)); l != nil {
			lines = append(lines, pageLines([]line{l})...)
		}
		p.Sections = append(p.Sections, pageSection{Heading: s.heading, Lines: lines})
	}
	var b strings.Builder
	if err := page.Execute(&b, p); err != nil {
		return "", fmt.Errorf("write the page: %w", err)
	}
	return b.String(), nil
}

func pageLines(lines []line) []pageLine {
	var all []pageLine
	for _, l := range lines {
		var spans pageLine
		for _, s := range l {
			spans = append(spans, pageSpan{s.text, s.link, s.isBold})
		}
		all = append(all, spans)
	}
	return all
}

package locale

import (
	"cmp"
	_ "embed"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/leonelquinteros/gotext"
)

//go:embed ru.po
var russianFile []byte

var russian = sync.OnceValue(func() *catalogue { return newCatalogue(russianFile) })

// A catalogue has translations under the English formats that texts are written with.
type catalogue struct {
	formats map[string]string
	// nouns are the counted texts under both of their English forms.
	nouns map[string]noun
	// patterns recognise texts that were written with the formats, those with the longest literals first.
	patterns []pattern
	domain   *gotext.Domain
}

type noun struct{ one, many string }

func newCatalogue(file []byte) *catalogue {
	po := gotext.NewPo()
	po.Parse(file)
	c := &catalogue{formats: map[string]string{}, nouns: map[string]noun{}, domain: po.GetDomain()}
	for _, entry := range c.domain.GetTranslations() {
		switch {
		case entry.ID == "": // the head of the file
		case entry.PluralID != "":
			n := noun{entry.ID, entry.PluralID}
			c.nouns[n.one], c.nouns[n.many] = n, n
		default:
			c.formats[entry.ID] = entry.Get()
			if p, ok := newPattern(entry.ID, entry.Get()); ok {
				c.patterns = append(c.patterns, p)
			}
		}
	}
	slices.SortFunc(c.patterns, func(a, b pattern) int {
		return cmp.Or(cmp.Compare(b.size, a.size), strings.Compare(a.form.String(), b.form.String()))
	})
	return c
}

// format is the translation of a format, or the format itself.
func (c *catalogue) format(english string) string { return cmp.Or(c.formats[english], english) }

// count is the form of a counted text for a number.
func (c *catalogue) count(n int64, one, many string) string {
	// Only the last digits matter, and they fit every int.
	if n = max(n, -n); n > 1000 {
		n = 1000 + n%1000
	}
	return c.domain.GetN(one, many, int(n))
}

// separators stand around the parts of a text. They are no part of what is looked up.
const separators = " \t\n;:,"

// pare is the text without the separators around it, and those before and behind it.
func pare(text string) (before, core, behind string) {
	core = strings.TrimLeft(text, separators)
	before = text[:len(text)-len(core)]
	text, core = core, strings.TrimRight(core, separators)
	return before, core, text[len(core):]
}

// text translates a text.
func (c *catalogue) text(english string) string {
	if translation, ok := c.formats[english]; ok && !hasVerbs(english) {
		return translation
	}
	return (&translating{c, map[string]reading{}}).text(english).text
}

func hasVerbs(format string) bool {
	verbs, _ := verbsOf(format)
	return len(verbs) > 0
}

// A reading is a translation of a text, of which so many bytes of the English were known.
type reading struct {
	text  string
	known int
}

// A translating is one text under way. Of the ways to read it, it takes the one in which most is known.
type translating struct {
	*catalogue
	readings map[string]reading
}

func (t *translating) text(english string) reading {
	before, core, behind := pare(english)
	r := t.core(core)
	return reading{before + r.text + behind, r.known}
}

// core translates a text without separators around it.
func (t *translating) core(core string) reading {
	best, isKnown := t.readings[core]
	if isKnown || core == "" {
		return best
	}
	best = t.whole(core)
	if best.known < len(core) {
		for split := range splits(core) {
			left, right := t.text(split.left), t.text(split.right)
			if known := left.known + right.known; known > best.known {
				best = reading{left.text + split.separator + right.text, known}
			}
		}
	}
	if best.known == 0 {
		best.text = core
	}
	t.readings[core] = best
	return best
}

// whole reads a text as written with one format, or as a number with its noun.
func (t *translating) whole(core string) (best reading) {
	if digits, _, isCounted := strings.Cut(core, " "); isCounted {
		n, err := strconv.ParseInt(digits, 10, 64)
		if noun, ok := t.nouns["%d"+core[len(digits):]]; ok && err == nil {
			return reading{strings.Replace(t.count(n, noun.one, noun.many), "%d", digits, 1), len(core)}
		}
	}
	for i := range t.patterns {
		if found := t.patterns[i].find(core); found != nil {
			if r := t.fill(&t.patterns[i], found); r.known > best.known {
				best = r
			}
			if best.known == len(core) {
				break
			}
		}
	}
	return best
}

// A split is a text in two parts.
type split struct{ left, separator, right string }

// splits yields the places where a text may have been joined to another.
func splits(core string) iter.Seq[split] {
	return func(yield func(split) bool) {
		for _, separator := range []string{"; ", ": ", " (", ") ", ")", ", "} {
			for from := 0; ; {
				next := strings.Index(core[from:], separator)
				if next < 0 {
					break
				}
				at := from + next
				from = at + len(separator)
				if !yield(split{core[:at], separator, core[from:]}) {
					return
				}
			}
		}
	}
}

// fill writes a translation with what was found in the places of the verbs.
func (t *translating) fill(p *pattern, found []string) reading {
	var filled strings.Builder
	known := p.size
	verbs, literals := verbsOf(p.translation)
	for i, literal := range literals {
		filled.WriteString(literal)
		if i == len(verbs) {
			break
		}
		at := slices.IndexFunc(p.verbs, func(v verb) bool { return v.argument == verbs[i].argument })
		if at < 0 {
			continue
		}
		if forms[p.verbs[at].kind] != "" {
			filled.WriteString(found[at])
			continue
		}
		r := t.text(found[at])
		filled.WriteString(r.text)
		known += r.known
	}
	return reading{filled.String(), known}
}

// A pattern recognises the texts that were written with a format.
type pattern struct {
	form        *regexp.Regexp
	literals    []string // all of them are in such a text
	size        int      // of the literals
	verbs       []verb   // by the groups of form
	translation string
}

// forms are what the verbs of numbers and of quoted texts write. Other verbs write anything.
var forms = map[byte]string{
	'd': `([-+]?\d+)`, 'o': `([0-7]+)`, 'f': `(-?\d+(?:\.\d+)?)`, 'g': `([-+.e\d]+)`,
	'q': `("(?:[^"\\]|\\.)*"|` + "`[^`]*`" + `)`,
}

var word = regexp.MustCompile(`\pL{2}`)

// newPattern is the pattern of a format, false for one that is no part of other texts.
func newPattern(format, translation string) (pattern, bool) {
	format, translation = openEnded(format), openEnded(translation)
	p := pattern{translation: translation}
	p.verbs, p.literals = verbsOf(format)
	// A word alone is no part of a text: names and keys are made of them.
	if len(p.verbs) == 0 && !strings.Contains(format, " ") || !slices.ContainsFunc(p.literals, word.MatchString) {
		return pattern{}, false
	}
	var form strings.Builder
	form.WriteString(`(?s)^`)
	for i, literal := range p.literals {
		p.size += len(literal)
		form.WriteString(regexp.QuoteMeta(literal))
		if i < len(p.verbs) {
			form.WriteString(cmp.Or(forms[p.verbs[i].kind], `(.*?)`))
		}
	}
	form.WriteString(`$`)
	p.form = regexp.MustCompile(form.String())
	return p, true
}

// openEnded has a place for what follows a format that ends with a blank.
func openEnded(format string) string {
	_, core, behind := pare(format)
	if behind != " " {
		return core
	}
	verbs, _ := verbsOf(core)
	return core + fmt.Sprintf(" %%[%d]s", len(verbs)+1)
}

// find is what a text has in the places of the verbs, nil for a text of another format.
func (p *pattern) find(text string) []string {
	for _, literal := range p.literals {
		if !strings.Contains(text, literal) {
			return nil
		}
	}
	groups := p.form.FindStringSubmatch(text)
	if groups == nil {
		return nil
	}
	return groups[1:]
}

// A verb is the place of an argument in a format.
type verb struct {
	kind     byte // such as s
	argument int  // from 1
}

var formatVerb = regexp.MustCompile(`%[-+#0]*\d*(?:\.\d+)?(?:\[(\d+)\])?([dfgoqsvwT%])`)

// verbsOf are the verbs of a format and the literals around them, of which there is one more. %% is in a
// literal as %.
func verbsOf(format string) (verbs []verb, literals []string) {
	literal, next, from := "", 1, 0
	for _, at := range formatVerb.FindAllStringSubmatchIndex(format, -1) {
		literal += format[from:at[0]]
		from = at[1]
		kind := format[at[4]]
		if kind == '%' {
			literal += "%"
			continue
		}
		if at[2] >= 0 {
			next, _ = strconv.Atoi(format[at[2]:at[3]])
		}
		verbs, literals, literal = append(verbs, verb{kind, next}), append(literals, literal), ""
		next++
	}
	return verbs, append(literals, literal+format[from:])
}

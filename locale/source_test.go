package locale

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"stagelag/locale/localetest"
)

// keyOf is where a text is looked up. A blank at its end stays: something follows.
func keyOf(text string) string {
	if strings.Contains(text, "\n") {
		return text
	}
	_, core, behind := pare(text)
	if behind == " " {
		core += behind
	}
	return core
}

func (c *catalogue) has(text string) bool {
	_, isFormat := c.formats[text]
	_, isPared := c.formats[keyOf(text)]
	_, isNoun := c.nouns[text]
	return isFormat || isPared || isNoun
}

// What the program shows to people has its Russian in ru.po. What is missing is printed as it has to stand there.
func TestEveryTextHasItsRussian(t *testing.T) {
	t.Parallel()
	source := localetest.Read(t, "..")
	if n := len(source.Texts); n < 800 {
		t.Fatalf("%d texts found in the source, want 800 or more", n)
	}
	missing := map[string]string{}
	for _, text := range source.Texts {
		if !russian().has(text.Text) {
			missing[keyOf(text.Text)] = text.At.String()
		}
	}
	var entries strings.Builder
	for _, text := range slices.Sorted(maps.Keys(missing)) {
		fmt.Fprintf(&entries, "\n#: %s\nmsgid %q\nmsgstr \"\"\n", missing[text], text)
	}
	if len(missing) > 0 {
		t.Errorf("%d texts have no Russian; add to locale/ru.po, with what they are in Russian:\n%s", len(missing), entries.String())
	}
}

// foreign begins the part of ru.po whose texts stand in no literal: those of libraries, of the system, and those
// that are put together.
const foreign = "\n# Put together, or not of this program\n"

// No entry of ru.po outlives the text that it translates.
func TestEveryRussianHasItsText(t *testing.T) {
	t.Parallel()
	own, _, ok := strings.Cut(string(russianFile), foreign)
	if !ok {
		t.Fatalf("ru.po has no part %q", foreign)
	}
	said := map[string]bool{}
	for literal := range localetest.Read(t, "..").Literals {
		said[literal], said[keyOf(literal)] = true, true
	}
	c := newCatalogue([]byte(own))
	if len(c.formats) < 800 {
		t.Fatalf("%d entries found in ru.po, want 800 or more", len(c.formats))
	}
	for _, text := range slices.Sorted(maps.Keys(c.formats)) {
		if !said[text] {
			t.Errorf("ru.po translates %q, which nothing in the source says", text)
		}
	}
}

// A translation has a place for each argument of its format, with a verb that fits.
func TestTranslationsTakeTheArgumentsOfTheirFormats(t *testing.T) {
	t.Parallel()
	c := russian()
	for format, translation := range c.formats {
		want, _ := verbsOf(format)
		got, _ := verbsOf(translation)
		if translation == "" {
			t.Errorf("%q has no translation", format)
		}
		if kinds, wanted := kindsOf(got), kindsOf(want); !maps.Equal(kinds, wanted) {
			t.Errorf("the translation %q has the verbs %v, want %v, those of %q", translation, kinds, wanted, format)
		}
	}
}

// What stands before an error in a line can be taken for a part of an argument that its format begins with. The
// translation begins with that too, so that the words stay in their order.
func TestTranslationsOfErrorsBeginAsTheirFormats(t *testing.T) {
	t.Parallel()
	beginsWithText := regexp.MustCompile(`^%[svw]`)
	found := 0
	for _, text := range localetest.Read(t, "..").Texts {
		format := keyOf(text.Text)
		verb := beginsWithText.FindString(format)
		if !text.IsError || verb == "" {
			continue
		}
		found++
		if translation := russian().formats[format]; !strings.HasPrefix(translation, verb) && !strings.HasPrefix(translation, "%[1]") {
			t.Errorf("%s: the translation %q does not begin with the %s of %q", text.At, translation, verb, format)
		}
	}
	if found < 50 {
		t.Errorf("%d formats of errors begin with a text, want 50 or more", found)
	}
}

// kindsOf are the verbs of the arguments, such as 1:s.
func kindsOf(verbs []verb) map[int]string {
	kinds := map[int]string{}
	for _, v := range verbs {
		kinds[v.argument] = string(v.kind)
	}
	return kinds
}

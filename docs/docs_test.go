// Package docs_test checks the documents against the repository: links, paths, targets of make, and
// the messages that they quote.
package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"stagelag/docs/docstest"
	"stagelag/locale/localetest"
)

const root = ".."

// documents are the texts that people read, by their path from the root.
func documents(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, page := range docstest.Pages(t, root, docstest.All...) {
		name, err := filepath.Rel(root, page.Path)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = page.Text
	}
	for _, name := range []string{"README.md", "CHANGELOG.md", "SECURITY.md", filepath.Join("docs", "configuration.md")} {
		if texts[name] == "" {
			t.Fatalf("%s is missing or empty", name)
		}
	}
	return texts
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A page that is read at once.
func TestReadmeIsShort(t *testing.T) {
	t.Parallel()
	if size := len(documents(t)["README.md"]); size > 7000 {
		t.Errorf("README.md has %d bytes, want 7000 or fewer", size)
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	notWord = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// anchors are the names that a page's headings have in a link.
func anchors(page string) []string {
	var names []string
	for _, found := range heading.FindAllStringSubmatch(page, -1) {
		name := notWord.ReplaceAllString(strings.ToLower(found[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	texts := documents(t)
	found := 0
	for name, text := range texts {
		for _, match := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(match[1], "://") {
				continue
			}
			found++
			path, anchor, _ := strings.Cut(match[1], "#")
			target := name
			if path != "" {
				target = filepath.Join(filepath.Dir(name), path)
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s links to %s: %v", name, match[1], err)
			} else if anchor != "" && !slices.Contains(anchors(texts[target]), anchor) {
				t.Errorf("%s links to %s, and %s has no such heading", name, match[1], target)
			}
		}
	}
	if found < 20 {
		t.Errorf("%d links found in the documents, want 20 or more", found)
	}
}

var testName = regexp.MustCompile("`(Test[A-Z]\\w+)`")

// What SECURITY.md names as the proof of a line exists, and each line of a table of what stops somebody names one or
// says that there is none.
func TestTestsThatShowSecurityExist(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		for _, found := range declared.FindAllStringSubmatch(read(t, path), -1) {
			tests[found[1]] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	isProof, lines := false, 0
	for line := range strings.Lines(read(t, filepath.Join(root, "SECURITY.md"))) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		last := strings.TrimSpace(cells[len(cells)-1])
		switch {
		case !strings.HasPrefix(line, "|"):
			isProof = false
		case last == "test":
			isProof = true
		case isProof && !strings.HasPrefix(last, "---"):
			lines++
			if !testName.MatchString(last) && !strings.Contains(last, "none") {
				t.Errorf("SECURITY.md names no test in the line %s", line)
			}
		}
		for _, found := range testName.FindAllStringSubmatch(line, -1) {
			if !tests[found[1]] {
				t.Errorf("SECURITY.md names the test %s, and there is no such test", found[1])
			}
		}
	}
	if lines < 15 {
		t.Errorf("SECURITY.md has %d lines with a test, want 15 or more", lines)
	}
}

// Every page can be found from the README, the Russian ones from their own.
func TestReadmeLinksEveryPage(t *testing.T) {
	t.Parallel()
	texts := documents(t)
	russian := filepath.Join("docs", "ru", "README.md")
	for name := range texts {
		from, link := "README.md", filepath.ToSlash(name)
		if filepath.Dir(name) == filepath.Dir(russian) && name != russian {
			from, link = russian, filepath.Base(name)
		}
		if name != "README.md" && !strings.Contains(texts[from], "]("+link+")") {
			t.Errorf("%s does not link %s", from, name)
		}
	}
}

// A page in Russian and the one in English lead to each other.
func TestPagesOfBothLanguagesAreLinked(t *testing.T) {
	t.Parallel()
	texts := documents(t)
	pairs := 0
	for name, text := range texts {
		english := filepath.Join("docs", filepath.Base(name))
		if filepath.Base(name) == "README.md" {
			english = "README.md"
		}
		if filepath.Base(filepath.Dir(name)) != "ru" || texts[english] == "" {
			continue
		}
		pairs++
		there, err := filepath.Rel(filepath.Dir(name), english)
		if err != nil {
			t.Fatal(err)
		}
		back, err := filepath.Rel(filepath.Dir(english), name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(text, "]("+filepath.ToSlash(there)+")") || !strings.Contains(texts[english], "]("+filepath.ToSlash(back)+")") {
			t.Errorf("%s and %s do not link each other", name, english)
		}
	}
	if pairs < 4 {
		t.Errorf("%d pages found in both languages, want 4 or more", pairs)
	}
}

// What is called in a block of code or between backquotes.
var makeCall = regexp.MustCompile("(?m)(?:(?:^    )|`|&& )make ([a-z][a-z-]*)")

func TestMakeTargetsExist(t *testing.T) {
	t.Parallel()
	makefile := read(t, filepath.Join(root, "Makefile"))
	found := 0
	for name, text := range documents(t) {
		for _, match := range makeCall.FindAllStringSubmatch(text, -1) {
			found++
			if !strings.Contains(makefile, "\n"+match[1]+":") {
				t.Errorf("%s names make %s, and the Makefile has no such target", name, match[1])
			}
		}
	}
	if found < 5 {
		t.Errorf("%d targets found in the documents, want 5 or more", found)
	}
}

// A path of the repository between backquotes.
var repositoryPath = regexp.MustCompile("`((?:[A-Za-z0-9._-]+/)+[A-Za-z0-9._-]*)`")

func TestPathsExist(t *testing.T) {
	t.Parallel()
	made := []string{"bin", "data"} // by make and by the program
	found := 0
	for name, text := range documents(t) {
		for _, match := range repositoryPath.FindAllStringSubmatch(text, -1) {
			first, _, _ := strings.Cut(match[1], "/")
			if _, err := os.Stat(filepath.Join(root, first)); err != nil || slices.Contains(made, first) {
				continue // it is elsewhere
			}
			found++
			if _, err := os.Stat(filepath.Join(root, match[1])); err != nil {
				t.Errorf("%s names %s: %v", name, match[1], err)
			}
		}
	}
	if found < 10 {
		t.Errorf("%d paths found in the documents, want 10 or more", found)
	}
}

// The first column of the tables in troubleshooting.md quotes what the program says.
func TestQuotedMessagesAreSaid(t *testing.T) {
	t.Parallel()
	source := program(t)
	rows := regexp.MustCompile("(?m)^\\| `… (.+?)…` \\|").FindAllStringSubmatch(documents(t)[filepath.Join("docs", "troubleshooting.md")], -1)
	if len(rows) < 40 {
		t.Errorf("%d messages found in docs/troubleshooting.md, want 40 or more", len(rows))
	}
	for _, row := range rows {
		message := strings.Trim(row[1], " ()")
		if !strings.Contains(source, message) {
			t.Errorf("docs/troubleshooting.md quotes %q, which nothing in the program says", message)
		}
	}
}

var (
	formatVerbs = regexp.MustCompile(`%[-+#0]*\d*(?:\.\d+)?(?:\[\d+\])?[dfgoqsvwT]`)
	listedLine  = regexp.MustCompile("(?m)^- (?:`` (.+?) ``|`([^`\n]+)`)$")
	twoLetters  = regexp.MustCompile(`\pL{2}`)
	// A step, and what it failed of: read the people: %w.
	whereOnly = regexp.MustCompile(`^[^;%]*(?:%[sdq][^;%]*)*: ?%[wv]$`)
)

// lineOf is a text of the source as the page shows it, empty where it says nothing itself.
func lineOf(text string) string {
	line := regexp.MustCompile(`…+`).ReplaceAllString(formatVerbs.ReplaceAllString(strings.Trim(text, " \t\n;:,"), "…"), "…")
	if whereOnly.MatchString(text) || !twoLetters.MatchString(line) {
		return ""
	}
	return strings.ReplaceAll(line, "%%", "%")
}

// Whatever the last line of a failure can say, troubleshooting.md has it: a table quotes it, or the list at its end. What
// the list has is said.
func TestEveryLastLineIsListed(t *testing.T) {
	t.Parallel()
	page := documents(t)[filepath.Join("docs", "troubleshooting.md")]
	tables, list, _ := strings.Cut(page, "\n## Every last line\n")
	var quoted []string
	for _, row := range regexp.MustCompile("(?m)^\\| `… (.+?)…` \\|").FindAllStringSubmatch(tables, -1) {
		quoted = append(quoted, strings.Trim(row[1], " ()"))
	}
	listed := map[string]bool{}
	for _, item := range listedLine.FindAllStringSubmatch(list, -1) {
		listed[item[1]+item[2]] = true
	}
	said := map[string]bool{}
	for _, text := range localetest.Read(t, root).Texts {
		line := lineOf(text.Text)
		if !text.IsError || line == "" || said[line] {
			continue
		}
		said[line] = true
		isQuoted := slices.ContainsFunc(quoted, func(part string) bool { return strings.Contains(text.Text, part) })
		if !isQuoted && !listed[line] {
			t.Errorf("docs/troubleshooting.md lacks a line of %s; add it to a table, or to the list at the end as\n- `%s`", text.At, line)
		}
	}
	if len(said) < 300 {
		t.Errorf("%d lines found in the source, want 300 or more", len(said))
	}
	for line := range listed {
		if !said[line] {
			t.Errorf("docs/troubleshooting.md lists %q, which nothing in the program says", line)
		}
	}
}

// What the Russian page quotes is the Russian of what the program says.
func TestQuotedRussianMessagesAreSaid(t *testing.T) {
	t.Parallel()
	rows := regexp.MustCompile("(?m)^\\| `… (.+?)…` \\|").FindAllStringSubmatch(documents(t)[filepath.Join("docs", "ru", "troubleshooting.md")], -1)
	if len(rows) < 40 {
		t.Errorf("%d messages found in docs/ru/troubleshooting.md, want 40 or more", len(rows))
	}
	russian := read(t, filepath.Join(root, "locale", "ru.po"))
	for _, row := range rows {
		for part := range strings.SplitSeq(row[1], "…") {
			if part = strings.Trim(part, " :"); !strings.Contains(russian, part) {
				t.Errorf("docs/ru/troubleshooting.md quotes %q, which locale/ru.po does not have", part)
			}
		}
	}
}

// program is the source of everything but tests.
func program(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		b.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A step of a funnel has one name in Russian, that of the glossary and of Bitrix24: in what the program says, on the
// dashboards, in the fields that it makes and in the Russian pages.
func TestAStageHasOneNameInRussian(t *testing.T) {
	other := regexp.MustCompile(`(?i)этап`)
	seen := 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			if entry != nil && strings.HasPrefix(entry.Name(), ".") && path != root {
				return filepath.SkipDir
			}
			return err
		}
		isSaid := slices.Contains([]string{".go", ".po", ".tmpl"}, filepath.Ext(path)) && !strings.HasSuffix(path, "_test.go") ||
			strings.HasPrefix(path, filepath.Join(root, "docs", "ru")) && filepath.Ext(path) == ".md"
		if !isSaid {
			return nil
		}
		seen++
		if found := other.FindString(read(t, path)); found != "" {
			t.Errorf("%s says %q, and the glossary стадия", path, found)
		}
		return nil
	})
	if err != nil || seen < 100 {
		t.Errorf("%d files were read, %v", seen, err)
	}
}

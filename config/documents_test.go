package config

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func keyPaths() []string {
	var paths []string
	for _, k := range keys {
		paths = append(paths, k.path)
	}
	slices.Sort(paths)
	return paths
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The sample file sets every key but those that it shows as a comment.
func TestSampleFileListsEveryKey(t *testing.T) {
	text := readFile(t, "../stagelag.example.yaml")
	// A key that is left out by default stands there as a comment, to be read as if it
	// did not.
	text = regexp.MustCompile(`(?m)^( *)# ([a-z_]+: [^ ]+)$`).ReplaceAllString(text, "$1$2")

	r := &reader{
		file:      "stagelag.example.yaml",
		variables: map[string]string{"BITRIX24_WEBHOOK": "https://example.bitrix24.ru/rest/1/s3cr3t/", "ANALYST_PASSWORD": "pa55", "MAIL_PASSWORD": "m4il"},
		places:    map[string]place{},
		needs:     []Need{NeedPortal},
	}
	cfg := Default()
	r.readFile([]byte(text), &cfg)
	r.check(&cfg)
	if len(r.complaints) > 0 {
		t.Errorf("the sample file: %v", r.err())
	}
	var got []string
	for _, k := range keys {
		if !r.isAbsent(k.path) {
			got = append(got, k.path)
		}
	}
	slices.Sort(got)
	if want := keyPaths(); !slices.Equal(got, want) {
		t.Errorf("the sample file sets\n%v, want\n%v", got, want)
	}
}

func TestDocumentListsEveryKey(t *testing.T) {
	var got []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\|.*\\|.*\\|$").FindAllStringSubmatch(section(t, "../docs/configuration.md", "## Keys"), -1) {
		got = append(got, row[1])
	}
	slices.Sort(got)
	if want := keyPaths(); !slices.Equal(got, want) {
		t.Errorf("the table of docs/configuration.md lists\n%v, want\n%v", got, want)
	}
}

// A key that any document names exists.
func TestDocumentsNameKeysThatExist(t *testing.T) {
	known := map[string]bool{}
	sections := map[string]bool{}
	for _, path := range keyPaths() {
		known[path] = true
		if section, _, isNested := strings.Cut(path, "."); isNested {
			sections[section] = true
		}
		known[path[:max(strings.LastIndexByte(path, '.'), 0)]] = true // a group of keys
	}
	found := 0
	for _, pattern := range []string{"../*.md", "../docs/*.md"} {
		documents, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range documents {
			for _, name := range regexp.MustCompile("`([a-z_]+)\\.([a-z_]+)[`:=]").FindAllStringSubmatch(readFile(t, document), -1) {
				if !sections[name[1]] {
					continue
				}
				found++
				if key := name[1] + "." + name[2]; !known[key] {
					t.Errorf("%s names the key %s, which does not exist", document, key)
				}
			}
		}
	}
	if found < 20 {
		t.Errorf("the documents name %d keys, want 20 or more", found)
	}
}

// section is the part of a Markdown file below a heading.
func section(t *testing.T, path, heading string) string {
	t.Helper()
	_, text, _ := strings.Cut(readFile(t, path), heading+"\n")
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}

// Each field's comment names its key, so that a reader of the code finds it in the file.
func TestFieldCommentsNameTheirKeys(t *testing.T) {
	source := readFile(t, "config.go")
	for _, k := range keys {
		field := reflect.TypeFor[Config]().FieldByIndex(k.index)
		comment := regexp.MustCompile(`(?m)^\t// ` + regexp.QuoteMeta(k.path) + `, [^\n]*(\n\t//[^\n]*)?\n\t` + field.Name + ` `)
		if !comment.MatchString(source) {
			t.Errorf("the comment of %s does not end with a line that begins %q", field.Name, k.path+", ")
		}
	}
}

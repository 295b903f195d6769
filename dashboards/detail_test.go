package dashboards

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The program writes the details of gaps in English. Russian boards have each of these texts in Russian.
func TestEveryDetailOfAGapIsInRussian(t *testing.T) {
	var patterns strings.Builder
	for _, p := range phrases {
		if _, err := regexp.Compile(p.pattern); err != nil {
			t.Errorf("%s: %v", p.pattern, err)
		}
		patterns.WriteString(strings.ReplaceAll(p.pattern, `\`, "") + "\n")
	}
	read := 0
	for _, text := range detailsInSource(t) {
		for _, piece := range verb.Split(text, -1) {
			piece = strings.Trim(piece, " ,;:#()=-")
			if len(piece) < 2 {
				continue
			}
			read++
			if !strings.Contains(patterns.String(), piece) {
				t.Errorf("%q of the detail %q has no words in Russian: add a phrase", piece, text)
			}
		}
	}
	if read < 40 {
		t.Errorf("%d pieces of details: the test reads too little of the source", read)
	}
	for _, detail := range []struct{ english, russian string }{
		{"the visit begins at no time that the portal tells, it is counted from 2026-03-01 on", "портал не говорит, когда началось пребывание; оно считается с 01.03.2026"},
		{"the visit begins at 2200-01-01T00:00:00+03:00, outside 1970-01-01 to 2149-06-05, it is counted from 2149-06-05 on", "пребывание начинается 2200-01-01T00:00:00+03:00, вне 01.01.1970 – 05.06.2149; оно считается с 05.06.2149"},
		{"the deal's UF_DATE and UF_DAYS is empty; no norm of the stage holds on 2026-03-01", "в сделке пусты UF_DATE и UF_DAYS; на 01.03.2026 норма стадии не действует"},
		{`UF_DATE = "2026-02-30": not a date from 1970-01-01 to 2149-06-05`, `UF_DATE = "2026-02-30": не дата от 01.01.1970 до 05.06.2149`},
		{`UF_DATE = "soon": not a date from 1970-01-01 to 2149-06-05; UF_DAYS = "-2": a plan can't be negative`, `UF_DATE = "soon": не дата от 01.01.1970 до 05.06.2149; UF_DAYS = "-2": план не бывает отрицательным`},
	} {
		if got := inRussian(detail.english); got != detail.russian {
			t.Errorf("%q is %q in Russian, want %q", detail.english, got, detail.russian)
		}
	}
}

// prose is more than a word.
var prose = regexp.MustCompile(`[a-z:;] [a-z%]|[a-z%] [a-z]`)

var verb = regexp.MustCompile(`%(\[\d\])?[a-z]`)

// inRussian does what the boards' statements do with a detail.
func inRussian(text string) string {
	for _, p := range phrases {
		text = regexp.MustCompile(p.pattern).ReplaceAllString(text, regexp.MustCompile(`\\(\d)`).ReplaceAllString(p.russian, "$${$1}"))
	}
	return text
}

// detailsInSource are the texts with more than a word in what writes details: the files of transform, and the view for
// people whose names nobody knows.
func detailsInSource(t *testing.T) (texts []string) {
	t.Helper()
	for _, name := range []string{"gap.go", "pause.go", "plan.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), "../transform/"+name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			if prose.MatchString(text) {
				texts = append(texts, text)
			}
			return true
		})
	}
	view, err := os.ReadFile("../sql/views/data_gaps_v1.sql")
	if err != nil {
		t.Fatal(err)
	}
	_, body, isThere := strings.Cut(string(view), "if(person = 0, ")
	body, _, _ = strings.Cut(body, "\n")
	if !isThere {
		t.Fatal("data_gaps names unknown people in another way")
	}
	for _, found := range regexp.MustCompile(`'([^']*)'`).FindAllStringSubmatch(body, -1) {
		texts = append(texts, found[1])
	}
	return texts
}

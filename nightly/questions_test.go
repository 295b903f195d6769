package nightly_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"stagelag/config"
	"stagelag/docs/docstest"
)

var (
	sqlBlock  = regexp.MustCompile("(?s)```sql\n(.*?)\n *```")
	codeBlock = regexp.MustCompile("(?s)```.*?```")
	// A line of a block of code without fences.
	codeLine = regexp.MustCompile(`(?m)^ {4,}(\S.*)$`)
	inline   = regexp.MustCompile("`([^`\n]+)`")
	// What stagelag query is called with.
	queryCall = regexp.MustCompile(`\bstagelag query (?:--\S+ (?:\w+ )?)*("[^"]+"|'[^']+')`)
	statement = regexp.MustCompile(`^(?:SELECT .*\bFROM|WITH|GRANT .*\bTO|SHOW|DESCRIBE|EXPLAIN|INSERT INTO|ALTER|CREATE|DROP|OPTIMIZE) \S`)
)

// documentedStatements are the statements of SQL in the documents, by the paths of the documents.
func documentedStatements(t *testing.T) map[string][]string {
	t.Helper()
	statements := map[string][]string{}
	for _, document := range docstest.Pages(t, "..", docstest.All...) {
		page := document.Text
		for _, block := range sqlBlock.FindAllStringSubmatch(page, -1) {
			statements[document.Path] = append(statements[document.Path], block[1])
		}
		for _, call := range queryCall.FindAllStringSubmatch(page, -1) {
			statements[document.Path] = append(statements[document.Path], strings.Trim(call[1], `"'`))
		}
		page = codeBlock.ReplaceAllString(page, "")
		for _, found := range append(codeLine.FindAllStringSubmatch(page, -1), inline.FindAllStringSubmatch(page, -1)...) {
			if line := strings.TrimSuffix(strings.TrimPrefix(found[1], "("), ")"); statement.MatchString(line) && !strings.Contains(line, "…") {
				statements[document.Path] = append(statements[document.Path], line)
			}
		}
	}
	return statements
}

// Every question of docs/questions.md has an answer in a warehouse as the demo has one, after some nights, and every
// other statement of a document can be run there.
func TestDocumentedStatements(t *testing.T) {
	t.Parallel()
	const questionsPath = "../docs/questions.md"
	text, err := os.ReadFile(questionsPath)
	if err != nil {
		t.Fatal(err)
	}
	const seed, changes, nights = 11, 60, 3
	s := generated(t, seed, 400)
	s.cfg.Dimensions = map[config.DimensionName]config.FieldName{"region": "UF_CRM_REGION"}
	s.run(false)
	for range nights {
		s.nextNight(seed, changes)
		s.run(false)
	}
	questions := regexp.MustCompile("(?s)\n### (\\d+)\\. ([^\n]+\\?)\n\n```sql\n(.*?)\n```").FindAllStringSubmatch(string(text), -1)
	if len(questions) != 40 {
		t.Errorf("docs/questions.md has %d questions with their SQL, want 40", len(questions))
	}
	if blocks := strings.Count(string(text), "```sql"); blocks != len(questions) {
		t.Errorf("docs/questions.md has %d blocks of SQL for %d questions", blocks, len(questions))
	}
	for i, question := range questions {
		if question[1] != fmt.Sprint(i+1) {
			t.Errorf("question %s is the %d.", question[1], i+1)
		}
		if rows := s.rows(question[3]); len(rows) == 0 {
			t.Errorf("question %s, %s has no answer", question[1], question[2])
		}
	}
	users, err := os.ReadFile("../warehouse/access/users.xml")
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for path, statements := range documentedStatements(t) {
		if path == questionsPath {
			continue
		}
		for _, statement := range statements {
			ran++
			// Rights are given by the file of the users.
			if grant, _, isGrant := strings.Cut(statement, " TO "); isGrant && strings.HasPrefix(grant, "GRANT ") {
				if !strings.Contains(string(users), "<query>"+grant+"</query>") {
					t.Errorf("%s: %s, and no user has this right", path, statement)
				}
				continue
			}
			if _, err := ask(s.w, strings.ReplaceAll(statement, "stagelag_internal", s.w.Names().Internal)); err != nil {
				t.Errorf("%s: %s: %v", path, statement, err)
			}
		}
	}
	if ran < 20 {
		t.Errorf("%d statements found outside docs/questions.md, want 20 or more", ran)
	}
}

package nightly_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"stagelag/config"
)

// Every question of docs/questions.md has an answer in a warehouse as the demo has one, after some nights.
func TestQuestionsHaveAnswers(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/questions.md")
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
}

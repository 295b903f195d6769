package nightly_test

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"

	"stagelag/nightly"
	"stagelag/simulator"
)

// logged runs a pass and gives its log.
func (s *site) logged(format logrus.Formatter) (string, nightly.Outcome, error) {
	s.t.Helper()
	var log bytes.Buffer
	p := s.pass(false)
	logger := logrus.New()
	logger.SetOutput(&log)
	logger.SetFormatter(format)
	p.Log = logger
	outcome, err := nightly.Run(context.Background(), p)
	return log.String(), outcome, err
}

type logLine struct {
	Message string  `json:"msg"`
	Step    string  `json:"step"`
	Run     int     `json:"run_id"`
	Seconds float64 `json:"seconds"`
	Rows    int64   `json:"rows"`
}

func steps(t *testing.T, log, message string) []logLine {
	t.Helper()
	var lines []logLine
	for text := range strings.Lines(log) {
		var line logLine
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("the line %q: %v", text, err)
		}
		if line.Message == message {
			lines = append(lines, line)
		}
	}
	return lines
}

// Each step leaves one line with the run's number and figures, and the outcome has the same. A run that
// fails says in which step.
func TestALineToAStep(t *testing.T) {
	t.Parallel()
	s := generated(t, 5, 60)
	log, outcome, err := s.logged(&logrus.JSONFormatter{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"bring up the schema", "ask the portal what it has", "extract: deals", "extract: stage changes", "extract: managers",
		"extract: companies", "derive and append", "forecast", "publish",
	}
	var got, told []string
	for i, line := range steps(t, log, "step ended") {
		got = append(got, line.Step)
		if i < len(outcome.Steps) && (line.Rows != outcome.Steps[i].Rows || line.Run != int(outcome.Run.RunID)) {
			t.Errorf("the line %+v differs from the step %+v of run %d", line, outcome.Steps[i], outcome.Run.RunID)
		}
	}
	rows := map[string]int64{}
	for _, step := range outcome.Steps {
		told = append(told, step.Name)
		rows[step.Name] = step.Rows
		if step.Took <= 0 || step.IsFailed {
			t.Errorf("the step %+v took no time or has failed", step)
		}
	}
	if !slices.Equal(got, want) || !slices.Equal(told, want) {
		t.Errorf("the steps in the log are %q, in the outcome %q, want %q", got, told, want)
	}
	if rows["extract: deals"] < 60 || rows["extract: stage changes"] < 60 || rows["derive and append"] < 60 {
		t.Errorf("the rows of the steps are %v, want at least the 60 deals", rows)
	}

	// The portal describes itself in two requests, and counts its deals in a third.
	s.portal.Inject(simulator.FromNth(4, simulator.Fault{Error: &simulator.AccessDenied}))
	failedLog, outcome, err := s.logged(&logrus.JSONFormatter{})
	if err == nil {
		t.Fatal("a run that is denied its deals has no error")
	}
	failed := steps(t, failedLog, "step failed")
	last := outcome.Steps[len(outcome.Steps)-1]
	if len(failed) != 1 || failed[0].Step != last.Name || failed[0].Run != 2 || !last.IsFailed || !strings.HasPrefix(last.Name, "extract: ") {
		t.Errorf("the failed steps are %+v, the last one %+v, want one of the extraction", failed, last)
	}
	s.mustNameNobody(log + failedLog)
}

// mustNameNobody looks through the logs of runs, and of such as a person reads, for a client, a manager or a secret.
func (s *site) mustNameNobody(all string) {
	s.t.Helper()
	text := &logrus.TextFormatter{DisableColors: true}
	for _, format := range []logrus.Formatter{&logrus.JSONFormatter{}, text} {
		s.portal.Inject(simulator.FromNth(4, simulator.Fault{HTML: 500}))
		log, _, _ := s.logged(format)
		all += log
	}
	s.portal.Inject(nil)
	log, _, _ := s.logged(text)
	all += log
	var names []string
	for _, deal := range s.world.Deals() {
		names = append(names, deal.Title)
	}
	for _, user := range s.world.Users() {
		names = append(names, user.LastName, user.Email)
	}
	names = append(names, "/rest/", "secret")
	for _, name := range names {
		if name != "" && strings.Contains(all, name) {
			s.t.Errorf("%q is in the log:\n%s", name, all)
		}
	}
	if strings.Count(all, "step ended") < 10 {
		s.t.Errorf("the log is too short to tell anything:\n%s", all)
	}
}

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"stagelag/doctor"
	"stagelag/simulator"
)

// The exit code is for monitoring, and every check that is made is documented.
func TestDoctor(t *testing.T) {
	t.Parallel()
	folder := seededFolder(t)
	openWarehouse(t, folder)
	simulated, _ := scheduledPortal(t, folder, 20)
	if _, stderr, code := call(t, folder, "", "run"); code != 0 {
		t.Fatalf("run: exit code %d, %s", code, stderr)
	}
	stdout, stderr, code := call(t, folder, "", "doctor")
	if code != 0 || stderr != "" || !regexp.MustCompile(`(?m)^ok       last run +run 1 was published at `).MatchString(stdout) ||
		!regexp.MustCompile(`(?m)^warning  plans .*\n +-> give these stages a norm`).MatchString(stdout) {
		t.Errorf("doctor: exit code %d, %s%s, want 0, the last run, and stages without a plan", code, stdout, stderr)
	}

	stdout, stderr, code = call(t, folder, "", "doctor", "--lang", "ru")
	if code != 0 || stderr != "" || !regexp.MustCompile(`(?m)^ок        последний расчёт +расчёт 1 опубликован \d.*: 20 сделок, \d+ запрос`).MatchString(stdout) {
		t.Errorf("doctor in Russian: exit code %d, %s%s, want 0 and the last run", code, stdout, stderr)
	}
	for line := range strings.Lines(stdout) {
		// A file, a program, a stage and a kind of gap have names.
		if english := regexp.MustCompile(`(?:^|[ (])(?:[a-z]{3,} ){2}`).FindString(line); english != "" {
			t.Errorf("doctor in Russian says %q in %s", english, line)
		}
	}

	page, err := os.ReadFile("../../docs/doctor.md")
	if err != nil {
		t.Fatal(err)
	}
	simulated.Inject(simulator.FromNth(1, simulator.Fault{Error: &simulator.NoAuthFound}))
	stdout, stderr, code = call(t, folder, "", "doctor", "--json")
	var report doctor.Report
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || code != 1 || report.Severity != doctor.Problem ||
		stderr != "stagelag: doctor: problems with portal; what was found says what to do\n" {
		t.Errorf("doctor --json of a webhook that was deleted: exit code %d, %v, %s%s, want 1 and the portal", code, err, stdout, stderr)
	}
	for _, finding := range report.Findings {
		if !strings.Contains(string(page), "\n| `"+finding.Check+"` |") {
			t.Errorf("docs/doctor.md does not tell of the check %s", finding.Check)
		}
	}
	if strings.Contains(stdout+stderr, "hidden5ecret") {
		t.Errorf("the webhook's secret is in the report: %s%s", stdout, stderr)
	}

	if err := os.WriteFile(filepath.Join(folder, "stagelag.yaml"), []byte("portal: {limits: none}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := call(t, folder, "", "doctor"); code != 2 || !strings.Contains(stderr, "portal.url: not set") {
		t.Errorf("doctor without a portal: exit code %d, %s, want 2 and what to set", code, stderr)
	}
}

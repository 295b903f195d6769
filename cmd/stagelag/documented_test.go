package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"stagelag/docs/docstest"
	"stagelag/simulator"
)

var (
	// A line of a block of code.
	codeLine = regexp.MustCompile(`(?m)^ {4,}(?:\$ )?(\S.*)$`)
	fenced   = regexp.MustCompile("(?s)\n *```.*?\n *```")
	// A call in a text.
	inlineCall = regexp.MustCompile("`((?:[A-Z_]+=\\S+ )?stagelag [^`]+)`")
	// A call, with the variables before it.
	commandCall = regexp.MustCompile(`^(?:[A-Z_]+=\S+ )*(?:\./bin/)?stagelag( |$)`)
	// What follows a call: a remark, a program that reads on, a file, the sign for the background.
	afterCall = regexp.MustCompile(`\s+(?:#|\||>|&).*$`)
	// A form of a call, with what varies.
	callForm = regexp.MustCompile(`[\[…]|\\\||\b[A-Z]{2,}\b(?:[ |…'@=]|$)`)
)

// documentedCommands are the calls of stagelag that documents show, in their order, and what else they call.
func documentedCommands(t *testing.T) (calls, others []string) {
	t.Helper()
	seen := map[string]bool{}
	for _, document := range docstest.Pages(t, "../..", "README.md", "SECURITY.md", "docs/*.md", "docs/ru/*.md") {
		page := quotedLine.ReplaceAllString(document.Text, "")
		// A block between fences is a file or an output.
		page = fenced.ReplaceAllString(page, "")
		var lines []string
		for _, found := range codeLine.FindAllStringSubmatch(page, -1) {
			lines = append(lines, found[1])
		}
		for _, found := range inlineCall.FindAllStringSubmatch(page, -1) {
			if !callForm.MatchString(regexp.MustCompile(`"[^"]*"|'[^']*'`).ReplaceAllString(found[1], "")) {
				lines = append(lines, found[1])
			}
		}
		for _, line := range lines {
			isCall := commandCall.MatchString(line)
			if isCall {
				line = strings.Replace(afterCall.ReplaceAllString(line, ""), "./bin/", "", 1)
			}
			switch {
			case seen[line]:
			case isCall:
				calls = append(calls, line)
			default:
				others = append(others, line)
			}
			seen[line] = true
		}
	}
	return calls, others
}

// notRun are the documented calls that this machine, or a test of a moment, has no place for, and why. A pattern has to
// match one.
var notRun = map[string]string{
	`^stagelag (?:warehouse(?: --show-password)?|schedule.*|portal.*)$`: "serves until it is stopped: TestWarehouseServesUntilStopped, TestScheduleFromStartToStop and TestPortalServesUntilStopped start it",
	`^stagelag work$`:   "waits ten minutes for a run that is split: TestWorkHelpsARun has one",
	`^stagelag demo.*$`: "TestDemo and TestDemoOnAServer make it",
	`--out report\.pdf`: "needs Chromium: report's TestPDF prints one where it is",
	`^stagelag (?:query|backup|restore|forget|letter --to|dashboards export|(?:query|report) --as-shown-on|forget --deal|restore --replace)$`: "names the command, without what it is about",
	`^stagelag dashboards export --alert-\S+ \d+$`: "names the flag, without the folder",
	`^stagelag init$`:             "would write over the configuration of this test: TestInit calls it",
	`^stagelag doctor`:            "finds this machine's clock beside that of the portal of this test: TestDoctor calls it",
	`^stagelag withdraw$`:         "asks before it does anything: --yes is called",
	`^stagelag restore /backups/`: "is for an empty warehouse: --replace is called",
}

// othersCalled begin the documented lines of other programs that are not called here, and why.
var othersCalled = map[string]string{
	"make ":          "docs' TestMakeTargetsExist looks for the targets",
	"go test ":       "are tests",
	"docker compose": "needs a docker daemon: TestWhatIsDeployed reads the file",
	"export ":        "sets a variable",
	"sudo ":          "changes the machine's system: what the package installs is looked at by make release-test",
	"kill ":          "ends what another line has started",
}

// allVariable has each documented call made; without it that is the first one of each command.
const allVariable = "STAGELAG_SOAK_DOCUMENTS"

// Every call of stagelag that a document shows does what it is for, in a folder with two runs.
func TestDocumentedCommandsRun(t *testing.T) {
	t.Parallel()
	folder := documentedFolder(t)
	calls, _ := documentedCommands(t)
	isUsed := map[string]bool{}
	// The last ones change what the others show.
	last := regexp.MustCompile(`^stagelag (?:write-back setup --create|backup|restore|withdraw|forget)`)
	slices.SortStableFunc(calls, func(a, b string) int {
		switch {
		case last.MatchString(a) == last.MatchString(b):
			return 0
		case last.MatchString(a):
			return 1
		}
		return -1
	})
	ran := map[string]int{}
	for _, line := range calls {
		if why := notRunOf(line, isUsed); why != "" {
			continue
		}
		name := strings.Fields(line)[1]
		if ran[name]++; ran[name] > 1 && os.Getenv(allVariable) == "" {
			continue
		}
		command := strings.NewReplacer("/backups/stagelag-2026-11-24", "backups/stagelag-$(date +%F)", "/backups/", "backups/").Replace(line)
		sh := exec.Command("sh", "-c", command)
		sh.Dir = folder
		if out, err := sh.CombinedOutput(); err != nil {
			t.Errorf("%s, which a document shows: %v: %.600s", line, err, out)
		}
	}
	if len(ran) < 12 {
		t.Errorf("calls of %d commands were made, want 12 or more", len(ran))
	}
	for pattern := range notRun {
		if !isUsed[pattern] {
			t.Errorf("no document has a call that matches %s", pattern)
		}
	}
}

// Lines of other programs are known, so that a new one is run or has a reason.
func TestDocumentedLinesOfOthersAreKnown(t *testing.T) {
	t.Parallel()
	_, others := documentedCommands(t)
	looksCalled := regexp.MustCompile(`^(?:[a-z]+ (?:-|[a-z./]+)|sudo |curl |export |kill )`)
	programs := strings.Fields("make go docker curl sudo kill export systemctl pkill chmod clickhouse npm")
	known := regexp.MustCompile(`^(?:the portal's|interface which|days counting|command ──|overdue_days|the reader's|date,kind)`)
	for _, line := range others {
		isListed := slices.ContainsFunc(slices.Collect(maps.Keys(othersCalled)), func(begin string) bool { return strings.HasPrefix(line, begin) })
		if looksCalled.MatchString(line) && slices.Contains(programs, strings.Fields(line)[0]) && !isListed && !known.MatchString(line) {
			t.Errorf("a document calls %q, which is neither run here nor known", line)
		}
	}
}

func notRunOf(line string, isUsed map[string]bool) string {
	for pattern, why := range notRun {
		if regexp.MustCompile(pattern).MatchString(line) {
			isUsed[pattern] = true
			return why
		}
	}
	return ""
}

// documentedFolder has what the documents speak of: a portal with their funnel, people, department and field, a run of
// October, and one of today.
func documentedFolder(t *testing.T) string {
	t.Helper()
	folder := seededFolder(t)
	openWarehouse(t, folder)
	now := time.Date(2026, 12, 2, 2, 30, 0, 0, time.UTC)
	clock := &atomic.Int64{}
	clock.Store(now.Unix())
	world, _ := simulator.Generate(simulator.GenerateOptions{Seed: 1, Deals: 60, Now: now})
	world.AddDepartment(simulator.Department{ID: 70, Name: "Sales"})
	world.AddUser(simulator.User{ID: 17, Name: "Anna", LastName: "Lindqvist", Departments: []simulator.DepartmentID{70}})
	world.AddField(simulator.Field{Name: "UF_CRM_STATE", Type: "string"})
	world.Advance(now.AddDate(0, 0, -100))
	for _, deal := range world.Deals()[:5] {
		world.SetManager(deal.ID, now.AddDate(0, 0, -99), 17)
	}
	simulated := simulator.New(world, simulator.Options{Secret: webhookSecret, Scopes: portalScopes, Now: func() time.Time { return time.Unix(clock.Load(), 0) }})
	servePortal(t, simulated, "write_back: {state: UF_CRM_STATE}\nletter: {chat: chat1, managers: true}\n", folder)
	settings, err := os.ReadFile(filepath.Join(folder, "stagelag.yaml"))
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, "draft.yaml"), settings, 0o600)
	}
	for _, name := range []string{"north", "south", "west"} {
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name+".yaml"), []byte("warehouse: {database: "+name+"}\n"), 0o600)
		}
	}
	if err == nil {
		err = os.Mkdir(filepath.Join(folder, "backups"), 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv(allVariable) != "" { // some ask what was shown then
		mustCall(t, folder, "run", "--as-of", "2026-10-02")
	}
	mustCall(t, folder, "run", "--as-of", "2026-11-19")
	return folder
}

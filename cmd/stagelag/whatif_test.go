package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"stagelag/whatif"
)

// From proposed norms to what they would have meant, and to the run that has them.
func TestNormsAndWhatIf(t *testing.T) {
	t.Parallel()
	folder := seededFolder(t)
	w := openWarehouse(t, folder)
	nightlyPortal(t, 120, folder)
	for _, command := range []string{"what-if", "norms", "forecast --check"} {
		name, _, _ := strings.Cut(command, " ")
		stdout, stderr, code := call(t, folder, "", strings.Fields(command)...)
		if want := "stagelag: " + name + ": no run has been published yet; stagelag run makes one\n"; code != 1 || stdout != "" || stderr != want {
			t.Errorf("%s before the first run: exit code %d, %s%s, want 1 and %s", command, code, stdout, stderr, want)
		}
	}
	mustCall(t, folder, "run")
	before := told(t, w, shownNumbers...)

	if text := mustCall(t, folder, "what-if"); !strings.Contains(text, "The configuration is that of the last published run.\n") || !strings.Contains(text, "  no row differs (--all shows all ") {
		t.Errorf("what-if of the configuration in force prints\n%s", text)
	}
	if text := mustCall(t, folder, "norms"); !strings.Contains(text, "in calendar days\n") || !strings.Contains(text, "  Projects  Documents ") || !strings.Contains(text, "too few") {
		t.Errorf("norms prints\n%s", text)
	}

	// What norms prints can be the plan of a configuration.
	configured, err := os.ReadFile(filepath.Join(folder, "stagelag.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	portal, _, _ := strings.Cut(string(configured), "plan:")
	draft := portal + mustCall(t, folder, "norms", "--yaml", "--share", "0.6")
	if err := os.WriteFile(filepath.Join(folder, "draft.yaml"), []byte(draft), 0o600); err != nil {
		t.Fatal(err)
	}
	// The comments are in the language that is asked for, and the norms are the same.
	translated := mustCall(t, folder, "norms", "--yaml", "--share", "0.6", "--lang", "ru")
	comment := regexp.MustCompile(` *# .*`)
	if comment.ReplaceAllString(portal+translated, "") != comment.ReplaceAllString(draft, "") ||
		!strings.HasPrefix(translated, "# Предложено командой stagelag norms ") || !regexp.MustCompile(`: \d+ завершени\p{L}+, половина за \d+ дн\., в срок `).MatchString(translated) {
		t.Errorf("norms --yaml --lang ru:\n%s\nwant the norms of\n%s", translated, draft)
	}
	compare := func(args ...string) whatif.Comparison {
		t.Helper()
		var c whatif.Comparison
		if err := json.Unmarshal([]byte(mustCall(t, folder, append(args, "--json")...)), &c); err != nil {
			t.Fatal(err)
		}
		return c
	}
	other := compare("what-if", "--config", "draft.yaml")
	if len(other.Other) == 0 || !strings.HasPrefix(other.Other[0].Key, "plan.norms ") || other.Total.WhatIf.ClosedWithPlan <= other.Total.Published.ClosedWithPlan {
		t.Errorf("what-if of the norms gives %+v, want more visits with a plan", other)
	}
	text := mustCall(t, folder, "what-if", "--norm", "C5:DOCS=3@2026-01-01", "--calendar", "working")
	for _, want := range []string{"What if, as of 2026-03-10 (run 1); nothing is published\n", "plan.norms C5:DOCS  7 days            ->  3 days from 2026-01-01\n", "calendar            every day counts  ->  Sat and Sun are off\n", "\nBy stage\n", "\nBy funnel\n", "\nBy manager\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("what-if prints\n%s\nwant %q in it", text, want)
		}
	}
	if named := mustCall(t, folder, "what-if", "--norm", "documents=3@2026-01-01", "--calendar", "working"); named != text {
		t.Errorf("what-if of a stage by its name prints\n%s\nwant what it prints for its id:\n%s", named, text)
	}
	if after := told(t, w, shownNumbers...); after != before {
		t.Errorf("after what-if the views show\n%s\nwant\n%s", after, before)
	}

	if err := os.WriteFile(filepath.Join(folder, "stagelag.yaml"), []byte(draft), 0o600); err != nil {
		t.Fatal(err)
	}
	mustCall(t, folder, "run")
	if now := compare("what-if"); now.Total.Published.Open != other.Total.WhatIf.Open || now.Total.Published.Overdue != other.Total.WhatIf.Overdue || now.Total.Differs() {
		t.Errorf("a run with the norms publishes %+v, and the what-if was %+v", now.Total, other.Total)
	}

	for _, wrong := range []struct{ args, want string }{
		{"--norm C5:DOC=3", "configuration: --norm C5:DOC: no run has seen such a stage; did you mean C5:DOCS?"},
		{"--norm C5:WON=3", "configuration: --norm C5:WON: the stage closes the deal and has no plan: name another one"},
		{"--norm C5:DOCS", `--norm "C5:DOCS": not a stage and its days; give STAGE=DAYS or STAGE=DAYS@FROM, as in C5:DOCS=7@2026-09-01`},
		{"--norm C5:DOCS=-1", `--norm "C5:DOCS=-1": "-1" is not a whole number of days from 0 to 36500; give STAGE=DAYS or STAGE=DAYS@FROM, as in C5:DOCS=7@2026-09-01`},
		{"--norm C5:DOCS=1 --norm C5:DOCS=2", `--norm "C5:DOCS=2": the stage has a norm from the same date already; give STAGE=DAYS or STAGE=DAYS@FROM, as in C5:DOCS=7@2026-09-01`},
		{"--norm New=1", `what-if: --norm: several stages have the name "New": give the id, one of NEW (in the funnel "Sales"), C12:NEW (in the funnel "Service")`},
		{"--norm C5:DOCS=1 --norm Documents=2", "what-if: --norm: the stage C5:DOCS is given twice, by its id and by its name"},
		{"--calendar business", `--calendar: "business" is not calendar or working`},
		{"--config none.yaml", "none.yaml"},
		{"--config fields.yaml", "configuration: the last run did not read the field UF_CRM_BUILD_DAYS"},
	} {
		fields := portal + "plan: {fields: {\"C5:BUILD\": {days: UF_CRM_BUILD_DAYS}}}\n"
		if err := os.WriteFile(filepath.Join(folder, "fields.yaml"), []byte(fields), 0o600); err != nil {
			t.Fatal(err)
		}
		_, stderr, code := call(t, folder, "", append([]string{"what-if"}, strings.Fields(wrong.args)...)...)
		if code != 2 || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, wrong.want) {
			t.Errorf("what-if %s: exit code %d, %s, want 2 and %s", wrong.args, code, stderr, wrong.want)
		}
	}
	if _, stderr, code := call(t, folder, "", "norms", "--share", "80"); code != 2 || !strings.HasPrefix(stderr, "stagelag: norms: --share: 80 is not a share above 0 and up to 1") {
		t.Errorf("norms --share 80: exit code %d, %s", code, stderr)
	}
}

package report_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// findBrowser runs the script that finds the browser, on a PATH with the tools that it
// needs and the programs of the test's.
func findBrowser(t *testing.T, programs map[string]string, environment, arguments []string) (said string, err error) {
	t.Helper()
	bin := t.TempDir()
	for _, tool := range []string{"bash", "sh", "grep"} {
		name, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(name, filepath.Join(bin, tool)); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range programs {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("bash", append([]string{"find-browser.sh"}, arguments...)...)
	cmd.Env = append([]string{"PATH=" + bin}, environment...)
	output, err := cmd.CombinedOutput()
	return strings.ReplaceAll(string(output), bin+"/", ""), err
}

func TestFindBrowser(t *testing.T) {
	t.Parallel()
	root, user := map[string]string{"id": "echo 0"}, map[string]string{"id": "echo 1000"}
	with := func(programs map[string]string, name, text string) map[string]string {
		all := maps.Clone(programs)
		all[name] = text
		return all
	}
	tests := []struct {
		name        string
		programs    map[string]string
		environment []string
		arguments   []string
		want        string // begins what it says, of which there is one line
		isFound     bool
	}{
		{"one on the PATH", with(user, "chromium", ""), nil, nil, "chromium", true},
		{"another's name", with(user, "google-chrome", ""), nil, nil, "google-chrome", true},
		{"one that is named goes first", with(user, "chromium", ""), []string{"STAGELAG_BROWSER=/bin/sh"}, nil, "/bin/sh", true},
		{"one that is named is a program", user, []string{"STAGELAG_BROWSER=/nowhere"}, nil, "find browser: STAGELAG_BROWSER names /nowhere", false},
		{"none, and no right to install one", with(user, "apt-get", "exit 9"), nil, []string{"--install"}, "find browser: chromium is missing", false},
		{"none, and no packages", root, nil, []string{"--install"}, "find browser: chromium is missing", false},
		{"none is got unasked", with(root, "apt-get", "exit 9"), nil, nil, "find browser: chromium is missing", false},
		{"packages that do not come", with(root, "apt-get", "echo note; echo 'E: no network'; exit 100"), nil, []string{"--install"}, "find browser: apt-get could not install chromium: E: no network", false},
		{"packages that come", with(root, "apt-get", `printf '' >"${0%/*}/chromium"; /bin/chmod +x "${0%/*}/chromium"`), nil, []string{"--install"}, "chromium", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			said, err := findBrowser(t, test.programs, test.environment, test.arguments)
			if (err == nil) != test.isFound || !strings.HasPrefix(said, test.want) || strings.Count(said, "\n") != 1 {
				t.Errorf("find-browser.sh %v: %q, %v, want a line that begins with %q", test.arguments, said, err, test.want)
			}
		})
	}
}

package main

import (
	"os/exec"
	"strings"
	"testing"
)

// Shells are told the commands, the values of flags and the files.
func TestCompletion(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	tests := []struct {
		words []string
		want  []string
	}{
		{[]string{"wareh"}, []string{"warehouse\t"}},
		{[]string{"schedule", "--log-level", "w"}, []string{"warning\n", ":4\n"}},
		{[]string{"dashboards", "export", "--lang", ""}, []string{"ru\n", "en\n"}},
		{[]string{"run", "--config", ""}, []string{"yaml\n", "yml\n", ":8\n"}}, // files of these names
	}
	for _, test := range tests {
		stdout, stderr, code := call(t, folder, "", append([]string{"__complete"}, test.words...)...)
		for _, want := range test.want {
			if code != 0 || !strings.Contains(stdout, want) {
				t.Errorf("%q completes to %q (exit code %d, %s), want %q", test.words, stdout, code, stderr, want)
			}
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		script, stderr, code := call(t, folder, "", "completion", shell)
		if code != 0 || !strings.Contains(script, "stagelag") || stderr != "" {
			t.Errorf("completion %s: exit code %d, %d bytes, %s", shell, code, len(script), stderr)
		}
		if shell != "bash" {
			continue
		}
		parse := exec.Command("bash", "-n")
		parse.Stdin = strings.NewReader(script)
		if out, err := parse.CombinedOutput(); err != nil {
			t.Errorf("bash does not read the script: %v, %s", err, out)
		}
	}
}

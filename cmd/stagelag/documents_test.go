package main

import (
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"stagelag/docs/docstest"
)

var (
	// What a document calls, in a block of code or between backquotes.
	documentedCall = regexp.MustCompile("(?m)(?:`(?:[^`\n]* )?|^    .*?)(?:\\./bin/)?\\bstagelag ([a-z][^`#\n]*)")
	documentedWord = regexp.MustCompile(`^[a-z][a-z-]*$`)
	documentedFlag = regexp.MustCompile(`--([a-z][a-z-]*)`)
	// What the pages on failures quote of the program speaks of commands, too.
	quotedLine = regexp.MustCompile("(?m)^(?:\\| `…[^|]*\\||- `[^`]*`$)")
)

// Each command and flag that a document calls exists, and each command is documented.
func TestDocumentsCallWhatExists(t *testing.T) {
	t.Parallel()
	root := newRoot(newApp(strings.NewReader(""), io.Discard, io.Discard, nil, time.Now))
	isDocumented := map[string]bool{}
	for _, page := range docstest.Pages(t, "../..", docstest.All...) {
		for _, call := range documentedCall.FindAllStringSubmatch(quotedLine.ReplaceAllString(page.Text, ""), -1) {
			command, rest, err := root.Find(strings.Fields(call[1]))
			takesWords := command.Use != command.Name() && !command.HasSubCommands()
			isUnknown := !takesWords && len(rest) > 0 && documentedWord.MatchString(rest[0])
			if err != nil || command == root || isUnknown {
				t.Errorf("%s calls stagelag %s: there is no such command", page.Path, call[1])
				continue
			}
			isDocumented[command.CommandPath()] = true
			for _, flag := range documentedFlag.FindAllStringSubmatch(call[1], -1) {
				if flag[1] != "help" && command.Flag(flag[1]) == nil {
					t.Errorf("%s calls stagelag %s: %s has no flag --%s", page.Path, call[1], command.Name(), flag[1])
				}
			}
		}
	}
	for _, command := range root.Commands() {
		if command.IsAvailableCommand() && command.Name() != "help" && !isDocumented[command.CommandPath()] && !command.HasSubCommands() {
			t.Errorf("no document calls %s", command.CommandPath())
		}
	}
}

// Each flag of a command stands in a paragraph, or a line of a table, that names the command, or on the command's own page.
// The pages are the English ones.
func TestEveryFlagIsDocumented(t *testing.T) {
	t.Parallel()
	var paragraphs []string
	pages := map[string]string{}
	for _, document := range docstest.Pages(t, "../..", "README.md", "SECURITY.md", "docs/*.md") {
		page := quotedLine.ReplaceAllString(document.Text, "")
		page = regexp.MustCompile(`(?m)^\|`).ReplaceAllString(page, "\n|")
		paragraphs = append(paragraphs, strings.Split(page, "\n\n")...)
		pages[strings.TrimSuffix(filepath.Base(document.Path), ".md")] = page
	}
	flags := 0
	root := newRoot(newApp(strings.NewReader(""), io.Discard, io.Discard, nil, time.Now))
	eachCommand(root, func(cmd *cobra.Command) {
		if !cmd.IsAvailableCommand() || cmd == root || cmd.Name() == "help" || cmd.HasParent() && cmd.Parent().Name() == "completion" {
			return
		}
		name := regexp.MustCompile(`stagelag ` + regexp.QuoteMeta(strings.TrimPrefix(cmd.CommandPath(), "stagelag ")))
		cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if f.Hidden || f.Name == "help" || root.PersistentFlags().Lookup(f.Name) != nil {
				return
			}
			flags++
			flag := regexp.MustCompile(`--` + f.Name + `(?:[^a-z-]|$)`)
			if !flag.MatchString(pages[cmd.Name()]) && !slices.ContainsFunc(paragraphs, func(p string) bool { return name.MatchString(p) && flag.MatchString(p) }) {
				t.Errorf("no document names --%s beside %s: %s", f.Name, cmd.CommandPath(), f.Usage)
			}
		})
	})
	if flags < 50 {
		t.Errorf("%d flags looked at, want 50 or more", flags)
	}
}

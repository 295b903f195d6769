package main

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"stagelag/locale"
)

// langFlag is the flag of the language. Commands that make a page in a language have one of their own, which
// is the language of their messages as well.
const langFlag = "lang"

// speak has everything said in the language that the arguments ask for, else the environment, and the help
// as well. It looks before the arguments are read, so that a mistake in them is reported in that language too.
func (a *app) speak(root *cobra.Command, args []string) error {
	language, err := locale.Of(a.environ)
	if err != nil {
		return usagef("%s: %w", locale.Variable, err)
	}
	// A wrong one is left to the command.
	if asked, err := locale.Parse(askedLanguage(args)); err == nil {
		language = asked
	}
	a.printer = locale.For(language)
	a.progress.speak(a.printer)
	if language != locale.English {
		root.SetUsageFunc(translatedUsage(a.printer, root.UsageFunc()))
		a.translateHelp(root)
	}
	return nil
}

// askedLanguage is the value of the last --lang among the arguments, empty without one.
func askedLanguage(args []string) (asked string) {
	for i, arg := range args {
		switch value, hasValue := strings.CutPrefix(arg, "--"+langFlag+"="); {
		case arg == "--":
			return asked
		case hasValue:
			asked = value
		case arg == "--"+langFlag && i+1 < len(args):
			asked = args[i+1]
		}
	}
	return asked
}

// checkLang is a usage error for a --lang that names no language.
func (a *app) checkLang() error {
	if a.lang == "" {
		return nil
	}
	if _, err := locale.Parse(a.lang); err != nil {
		return usagef("--%s: %w", langFlag, err)
	}
	return nil
}

// translateHelp translates what a command and those below it say of themselves.
func (a *app) translateHelp(cmd *cobra.Command) {
	cmd.InitDefaultHelpFlag()
	cmd.InitDefaultVersionFlag()
	if cmd.HasSubCommands() && !cmd.HasParent() {
		cmd.InitDefaultHelpCmd()
	}
	cmd.Short, cmd.Long = a.printer.Text(cmd.Short), a.printer.Text(cmd.Long)
	translate := func(f *pflag.Flag) { f.Usage = a.printer.Text(f.Usage) }
	cmd.LocalFlags().VisitAll(translate)
	for _, sub := range cmd.Commands() {
		a.translateHelp(sub)
	}
}

// usageWords are the words of the library that stand in the help, none behind one that is a part of it.
var usageWords = []string{
	"Usage:", "Aliases:", "Examples:", "Available Commands:", "Additional Commands:", "Global Flags:", "Flags:", "Additional help topics:",
	"Use \"", " for more information about a command.", "(default ",
}

// translatedUsage is a command's usage with the words of the library translated.
func translatedUsage(p *locale.Printer, usage func(*cobra.Command) error) func(*cobra.Command) error {
	return func(cmd *cobra.Command) error {
		var b bytes.Buffer
		out := cmd.OutOrStderr()
		cmd.SetOut(&b)
		err := usage(cmd)
		cmd.SetOut(out)
		if err != nil {
			return fmt.Errorf("usage of %s: %w", cmd.Name(), err)
		}
		text := b.String()
		for _, word := range usageWords {
			text = strings.ReplaceAll(text, word, p.Text(word))
		}
		_, err = io.WriteString(out, alignFlags(text))
		return err
	}
}

var flagLine = regexp.MustCompile(`(?m)^( +(?:-\w, )?--\S+(?: \S+)?) {2,}(\S.*)$`)

// alignFlags puts the texts of flags under each other. The library counts bytes.
func alignFlags(usage string) string {
	widest := 0
	for _, found := range flagLine.FindAllStringSubmatch(usage, -1) {
		widest = max(widest, utf8.RuneCountInString(found[1]))
	}
	return flagLine.ReplaceAllStringFunc(usage, func(line string) string {
		found := flagLine.FindStringSubmatch(line)
		return fmt.Sprintf("%-*s   %s", widest, found[1], found[2])
	})
}

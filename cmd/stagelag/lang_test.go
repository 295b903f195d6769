package main

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"stagelag/extractor"
	"stagelag/locale"
)

var cyrillic = regexp.MustCompile(`[а-я]`)

// eachCommand does something with a command and all below it.
func eachCommand(cmd *cobra.Command, do func(*cobra.Command)) {
	do(cmd)
	for _, sub := range cmd.Commands() {
		eachCommand(sub, do)
	}
}

// What a command says of itself, and of each of its flags, is there in Russian.
func TestHelpIsThereInRussian(t *testing.T) {
	t.Parallel()
	a := newApp(strings.NewReader(""), io.Discard, io.Discard, []string{"STAGELAG_LANG=ru"}, time.Now)
	root := newRoot(a)
	if err := a.speak(root, nil); err != nil {
		t.Fatal(err)
	}
	commands, flags := 0, 0
	eachCommand(root, func(cmd *cobra.Command) {
		commands++
		// How a shell takes its script is told by the library.
		isOfShell := cmd.HasParent() && cmd.Parent().Name() == "completion"
		if !cyrillic.MatchString(cmd.Short) || cmd.Long != "" && !isOfShell && !cyrillic.MatchString(cmd.Long) {
			t.Errorf("locale/ru.po lacks the help of %s:\nmsgid %q\nmsgid %q", cmd.CommandPath(), cmd.Short, cmd.Long)
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			flags++
			if f.Name != "help" && !cyrillic.MatchString(f.Usage) {
				t.Errorf("locale/ru.po lacks --%s of %s:\nmsgid %q", f.Name, cmd.CommandPath(), f.Usage)
			}
		})
	})
	if commands < 25 || flags < 60 {
		t.Errorf("%d commands with %d flags looked at, want 25 and 60 or more", commands, flags)
	}
}

// The flag outweighs the variable, and that the system. What the program itself writes stays where another
// program reads it.
func TestLanguage(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name           string
		environ        []string
		args           []string
		code           int
		stdout, stderr string // what they contain
	}{
		{"English", nil, []string{"quary"}, 2, "", "stagelag: unknown command \"quary\", the nearest is query; stagelag --help lists the commands\n"},
		{"the system's language", []string{"LANG=ru_RU.UTF-8"}, []string{"quary"}, 2, "", "stagelag: неизвестная команда \"quary\", ближайшая — query; команды перечисляет stagelag --help\n"},
		{"the variable", []string{"LANG=ru_RU.UTF-8", "STAGELAG_LANG=en"}, []string{"quary"}, 2, "", "stagelag: unknown command"},
		{"the flag", []string{"STAGELAG_LANG=en"}, []string{"--lang", "ru", "quary"}, 2, "", "stagelag: неизвестная команда"},
		{"a flag that is wrong beside that of the language", nil, []string{"run", "--lang=ru", "--fulll"}, 2, "", "stagelag: run: неизвестный флаг: --fulll, ближайший — --full; флаги перечисляет stagelag run --help\n"},
		{"a language that there is not", nil, []string{"version", "--lang", "de"}, 2, "", "stagelag: --lang: \"de\" is not en or ru\n"},
		{"a variable that names none", []string{"STAGELAG_LANG=de"}, []string{"version"}, 2, "", "stagelag: STAGELAG_LANG: \"de\" is not en or ru\n"},
		{"a command with a language of its own", nil, []string{"report", "--lang", "ru", "--month", "2026-13"}, 2, "", "stagelag: report: --month: \"2026-13\" — не месяц; пишите ГГГГ-ММ, например 2026-10\n"},
		{"help", []string{"STAGELAG_LANG=ru"}, []string{"run", "--help"}, 0, "Вызов:\n  stagelag run [flags]\n\nПримеры:\n  stagelag run\n", ""},
		{"the texts of flags under each other", []string{"STAGELAG_LANG=ru"}, []string{"norms", "--help"}, 0, "\n      --json                вывести строки", ""},
		{"the default of a flag", []string{"STAGELAG_LANG=ru"}, []string{"norms", "--help"}, 0, "(по умолчанию 0.8)", ""},
		{"help in English", nil, []string{"run", "--help"}, 0, "Usage:\n  stagelag run [flags]\n\nExamples:\n  stagelag run\n", ""},
		{"JSON", []string{"STAGELAG_LANG=ru"}, []string{"version", "--json"}, 0, `{"version":"`, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			a := newApp(strings.NewReader(""), &stdout, &stderr, test.environ, time.Now)
			code := a.execute(t.Context(), newRoot(a), test.args)
			if code != test.code || !strings.Contains(stdout.String(), test.stdout) || !strings.Contains(stderr.String(), test.stderr) {
				t.Errorf("%q: exit code %d, stdout %q, stderr %q, want %d, %q and %q", test.args, code, stdout.String(), stderr.String(), test.code, test.stdout, test.stderr)
			}
		})
	}
}

// A step that is a word of its own has its Russian, too.
func TestStepsOfAnExtractionAreInRussian(t *testing.T) {
	t.Parallel()
	english := regexp.MustCompile(`[a-z]{3}`)
	for _, step := range []extractor.Step{
		extractor.StepDeals, extractor.StepChanges, extractor.StepChanged, extractor.StepSweep, extractor.StepManagers, extractor.StepCompanies,
	} {
		if text := locale.For(locale.Russian).Text("extract: " + string(step)); english.MatchString(text) {
			t.Errorf("the step %s is shown in Russian as %q", step, text)
		}
	}
}

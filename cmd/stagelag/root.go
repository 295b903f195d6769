package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"stagelag/config"
	"stagelag/locale"
)

const commandTemplate = `{{with or .Long .Short}}{{. | trimTrailingWhitespaces}}

{{end}}{{if or .Runnable .HasSubCommands}}{{.UsageString}}{{end}}`

// newRoot is the whole tree of commands.
func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "stagelag",
		Short: "Shows how late every deal of a Bitrix24 portal is, at every stage",
		Long: `Shows how late every deal of a Bitrix24 portal is, at every stage.

Results go to standard output, logs to standard error. The exit code is 0 on success,
2 on bad usage or bad configuration, and 1 on a failed job; the last line on standard
error then says what went wrong and what to do.`,
		Example: `  stagelag demo
  stagelag run --config stagelag.yaml
  stagelag query 'SELECT * FROM deals_now WHERE overdue_days_now > 0'`,
		Version:       buildVersion(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          knownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if err := a.checkLang(); err != nil {
				return err
			}
			return a.setUpLog()
		},
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetHelpTemplate(commandTemplate)
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if errors.Is(err, errTwice) {
			return usagef("%s%w", about(cmd), fmt.Errorf("--config: %w", errTwice))
		}
		return usagef("%s%w; %s --help lists the flags", about(cmd), flagError(cmd, err), cmd.CommandPath())
	})

	flags := root.PersistentFlags()
	a.configPath = defaultConfigPath
	flags.Var(&oneFile{path: &a.configPath}, "config", "the configuration `file`")
	flags.StringVar(&a.lang, langFlag, "", "the `language` of what is printed: en or ru (default "+locale.Variable+", else the system's)")
	complete(root, langFlag, "en", "ru")
	flags.StringVar(&a.logFormat, "log-format", a.defaultLogFormat(), "the form of the log: text or json (text on a terminal)")
	flags.StringVar(&a.logLevel, "log-level", "info", "the least `level` that is logged: error, warning, info or debug")
	complete(root, "log-format", "text", "json")
	complete(root, "log-level", "error", "warning", "info", "debug")
	_ = root.MarkPersistentFlagFilename("config", "yaml", "yml") // the flag is there

	root.AddCommand(
		newDemo(a),
		newInit(a),
		newRun(a),
		newWork(a),
		newSchedule(a),
		newDoctor(a),
		newMigrate(a),
		newQuery(a),
		newReport(a),
		newForecast(a),
		newCalendar(a),
		newNorms(a),
		newWhatIf(a),
		newWriteBack(a),
		newLetter(a),
		newDashboards(a),
		newWarehouse(a),
		newBackup(a),
		newRestore(a),
		newWithdraw(a),
		newForget(a),
		newPortal(a),
		newVersion(a),
	)
	// The library adds its command at the first call otherwise, and documents would name one that is not there.
	root.CompletionOptions.HiddenDefaultCmd = true
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "completion":
			cmd.Args, cmd.RunE = knownCommand, func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
			for _, shell := range cmd.Commands() {
				shell.Args = arguments(0, 0)
			}
		case "help":
			cmd.Args = knownTopic
		}
	}
	return root
}

// complete tells a shell the values of a flag that takes no others. The flag has to be there.
func complete(cmd *cobra.Command, flag string, values ...cobra.Completion) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err)
	}
}

const defaultConfigPath = "stagelag.yaml"

var errTwice = errors.New("it is given twice; only stagelag schedule and stagelag dashboards export take several")

// A oneFile is a flag that can be given once: of two files one would not be read, and nobody would see which.
type oneFile struct {
	path  *string
	isSet bool
}

func (f *oneFile) String() string {
	if f.path == nil {
		return ""
	}
	return *f.path
}

func (f *oneFile) Set(path string) error {
	if f.isSet {
		return errTwice
	}
	*f.path, f.isSet = path, true
	return nil
}

// Type is what the help calls the value, which its usage names itself.
func (f *oneFile) Type() string { return "string" }

// knownCommand refuses what is no subcommand, with the nearest one that is.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	return usagef("%sunknown command %q, the nearest is %s; %s --help lists the commands",
		about(cmd), args[0], config.Nearest(args[0], names), cmd.CommandPath())
}

// knownTopic refuses help about what is no command; the library would show the help of the program instead.
func knownTopic(cmd *cobra.Command, args []string) error {
	found, rest, err := cmd.Root().Find(args)
	if err != nil || !found.HasSubCommands() {
		return err
	}
	return knownCommand(found, rest)
}

// arguments refuses a number of arguments other than least to most, with how the command
// is used.
func arguments(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= least && len(args) <= most {
			return nil
		}
		return usagef("%sarguments: %d given, %s expected; use %s", about(cmd), len(args), countRange(least, most), cmd.UseLine())
	}
}

// about begins a message about a command; one about the program as a whole has that
// beginning already.
func about(cmd *cobra.Command) string {
	if _, name, ok := strings.Cut(cmd.CommandPath(), " "); ok {
		return name + ": "
	}
	return ""
}

// flagError adds the nearest flag to an error about a flag that a command does not have, and to one about a value what
// it should be, which the library says in the words of its source.
func flagError(cmd *cobra.Command, err error) error {
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok && unknown.GetSpecifiedShortnames() == "" {
		var names []string
		add := func(f *pflag.Flag) {
			if !f.Hidden {
				names = append(names, f.Name)
			}
		}
		cmd.LocalFlags().VisitAll(add)
		cmd.InheritedFlags().VisitAll(add)
		name := unknown.GetSpecifiedName()
		return fmt.Errorf("unknown flag: --%s, the nearest is --%s", name, config.Nearest(name, names))
	}
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return err
	}
	wanted := map[string]string{
		"int": "a whole number", "uint64": "a whole number from 0", "uint32": "a whole number from 0", "float64": "a number", "bool": "true or false", "duration": "a duration such as 30s or 5m",
	}[invalid.GetFlag().Value.Type()]
	if wanted == "" {
		return fmt.Errorf("--%s: %w", invalid.GetFlag().Name, errors.Unwrap(invalid))
	}
	return fmt.Errorf("--%s: %q is not %s", invalid.GetFlag().Name, invalid.GetValue(), wanted)
}

func countRange(least, most int) string {
	if least == most {
		return fmt.Sprint(least)
	}
	return fmt.Sprintf("%d to %d", least, most)
}

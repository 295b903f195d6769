package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"stagelag/config"
	"stagelag/locale"
	"stagelag/plain"
)

// An app is what every command works with: the outside world and the persistent flags.
type app struct {
	stdin  io.Reader
	stdout io.Writer // results, nothing else
	stderr io.Writer // logs, progress and the last line of a failure
	// hasScreen is whether results go to a terminal, and hasLogScreen whether the rest does. Texts of the
	// portal are in both: a terminal is given nothing that it would obey, and a pipe everything.
	hasScreen, hasLogScreen bool
	environ                 []string
	now                     func() time.Time
	log                     *logrus.Logger
	// progress shows on a terminal what long work does.
	progress *progress
	// printer has the language of all but the log.
	printer *locale.Printer

	lang       string
	configPath string
	logFormat  string
	logLevel   string
}

func newApp(stdin io.Reader, stdout, stderr io.Writer, environ []string, now func() time.Time) *app {
	a := &app{stdin: stdin, environ: environ, now: now, log: logrus.New()}
	a.stdout, a.hasScreen = shown(stdout)
	a.stderr, a.hasLogScreen = shown(stderr)
	// A wrong variable is reported by speak; until then English is spoken.
	language, _ := locale.Of(environ)
	a.printer = locale.For(language)
	a.progress = newProgress(stderr, a.hasLogScreen, now)
	a.log.SetOutput(a.progress.above(a.stderr))
	a.log.SetFormatter(logFormats[a.defaultLogFormat()])
	return a
}

// shown is the stream, behind what a terminal needs, and whether it is one.
func shown(stream io.Writer) (io.Writer, bool) {
	if isTerminal(stream) {
		return plain.NewWriter(stream), true
	}
	return stream, false
}

func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

var logFormats = map[string]logrus.Formatter{
	"text": &logrus.TextFormatter{FullTimestamp: true},
	"json": &logrus.JSONFormatter{},
}

func (a *app) defaultLogFormat() string {
	if a.hasLogScreen {
		return "text"
	}
	return "json"
}

// setUpLog makes the log what the flags ask for.
func (a *app) setUpLog() error {
	format, ok := logFormats[a.logFormat]
	if !ok {
		return usagef("--log-format: %q is no log format; use text or json", a.logFormat)
	}
	level, err := logrus.ParseLevel(a.logLevel)
	if err != nil {
		return usagef("--log-level: %q is no log level; use error, warning, info or debug", a.logLevel)
	}
	a.log.SetFormatter(format)
	a.log.SetLevel(level)
	return nil
}

// config reads the configuration, which must have what the command needs, and logs the
// remarks on it.
func (a *app) config(cmd *cobra.Command, needs ...config.Need) (config.Config, error) {
	return a.configAt(cmd.Context(), a.configPath, cmd.Flags().Changed("config"), needs...)
}

// configAt is config for a file of any path, which has to be there where somebody has named it.
func (a *app) configAt(ctx context.Context, path string, isNamed bool, needs ...config.Need) (config.Config, error) {
	cfg, err := config.Load(path, isNamed, a.environ, needs...)
	if err != nil {
		return config.Config{}, a.answered(ctx, err)
	}
	for _, warning := range cfg.Warnings {
		a.log.WithField("warning", warning).Warn("configuration")
	}
	return cfg, nil
}

// printf writes a result to standard output, in the language of the reader.
func (a *app) printf(format string, args ...any) error {
	if _, err := io.WriteString(a.stdout, a.printer.Sprintf(format, args...)); err != nil {
		return fmt.Errorf("write to standard output: %w", err)
	}
	return nil
}

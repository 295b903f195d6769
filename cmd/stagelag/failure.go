package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"

	"stagelag/config"
	"stagelag/plain"
	"stagelag/remedy"
)

// The exit codes, as in the contract.
const (
	exitOK     = 0
	exitFailed = 1 // a job failed
	exitUsage  = 2 // bad usage or bad configuration
)

// A usageError is a mistake in how the program was called. It ends the program with
// exitUsage.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// usagef is a usageError with a text of its own; %w wraps as in fmt.Errorf.
func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// execute runs the command that the arguments name. Where it fails, the last line on
// standard error says in one line why, plain in every log format.
func (a *app) execute(ctx context.Context, root *cobra.Command, args []string) (code int) {
	defer func() {
		if value := recover(); value != nil {
			a.progress.Done()
			a.log.WithField("stack", string(debug.Stack())).Error("panic")
			a.complain(fmt.Errorf("panic: %v; this is a fault of stagelag, report it with the lines above", value))
			code = exitFailed
		}
	}()

	root.SetArgs(args)
	err := a.speak(root, args)
	if err == nil {
		err = root.ExecuteContext(ctx)
	}
	a.progress.Done()
	if err == nil {
		return exitOK
	}
	if ctx.Err() != nil && remedy.WasCutOff(err) {
		// The cause names the signal, the error only where it met the work.
		err = fmt.Errorf("stopped: %w; run the command again to go on", context.Cause(ctx))
	}
	// What the commands themselves have not explained.
	err = remedy.ExplainAny(err)
	a.complain(err)

	_, isUsage := errors.AsType[usageError](err)
	_, isConfiguration := errors.AsType[*config.Error](err)
	if isUsage || isConfiguration {
		return exitUsage
	}
	return exitFailed
}

// complain writes the last line on standard error.
func (a *app) complain(err error) {
	_, _ = fmt.Fprintln(a.stderr, "stagelag: "+plain.Text(a.printer.Text(plain.OneLine(err.Error())), 0))
}

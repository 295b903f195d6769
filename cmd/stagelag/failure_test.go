package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"stagelag/config"
)

// errShutdown stands for the cause that a signal gives a context.
var errShutdown = errors.New("terminated signal received")

func TestExecute(t *testing.T) {
	stopped, stop := context.WithCancelCause(context.Background())
	stop(errShutdown)

	tests := []struct {
		name string
		ctx  context.Context
		job  func() error
		code int
		last string // line on standard error
	}{
		{"success says nothing", t.Context(), func() error { return nil }, 0, ""},
		{"a job that fails", t.Context(), func() error { return errors.New("load: disk full; free some space") }, 1, "stagelag: load: disk full; free some space"},
		{"errors that were joined are one line", t.Context(), func() error { return errors.Join(errors.New("load: a"), errors.New("close: b\r\n  c")) }, 1, "stagelag: load: a; close: b; c"},
		{"a usage error", t.Context(), func() error { return fmt.Errorf("run: %w", usagef("--as-of: no date")) }, 2, "stagelag: run: --as-of: no date"},
		{"an error of the configuration", t.Context(), func() error {
			return fmt.Errorf("run: %w", &config.Error{Complaints: []config.Complaint{{Text: "plan.norms: no such stage"}}})
		}, 2, "stagelag: run: configuration: plan.norms: no such stage"},
		{"a job that was stopped", stopped, func() error { return fmt.Errorf("extract: %w", context.Canceled) }, 1, "stagelag: stopped: terminated signal received; run the command again to go on"},
		{"a job that failed while it was stopped", stopped, func() error { return errors.New("load: disk full") }, 1, "stagelag: load: disk full"},
		{"a job that was cut off for another reason", t.Context(), func() error { return fmt.Errorf("extract: %w", context.Canceled) }, 1, "stagelag: extract: context canceled"},
		{"a panic", t.Context(), func() error { panic("lost my mind\nat last") }, 1, "stagelag: panic: lost my mind; at last; this is a fault of stagelag, report it with the lines above"},
	}
	for _, test := range tests {
		for _, format := range []string{"text", "json"} {
			t.Run(test.name+" with a log in "+format, func(t *testing.T) {
				var stderr bytes.Buffer
				a := newApp(strings.NewReader(""), &bytes.Buffer{}, &stderr, nil, time.Now)
				root := newRoot(a)
				root.AddCommand(&cobra.Command{Use: "job", RunE: func(*cobra.Command, []string) error {
					a.log.Info("begun")
					return test.job()
				}})
				code := a.execute(test.ctx, root, []string{"job", "--log-format", format})
				lines := strings.Split(strings.TrimSuffix(stderr.String(), "\n"), "\n")
				last := strings.Join(lines[1:], "\n")
				last = last[strings.LastIndex(last, "\n")+1:]
				if code != test.code || last != test.last {
					t.Errorf("exit code %d, last line %q, want %d, %q", code, last, test.code, test.last)
				}
			})
		}
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"stagelag/config"
	"stagelag/extractor"
	"stagelag/loader"
	"stagelag/nightly"
	"stagelag/sql"
	"stagelag/warehouse"
	"stagelag/writeback"
)

func newWriteBack(a *app) *cobra.Command {
	var isDry bool
	var limit int
	cmd := &cobra.Command{
		Use:   "write-back",
		Short: "Write the result into the deals' own fields",
		Long: `Writes what the last published run shows of each deal into custom fields of the deal, where
managers look: the fields that write_back names in the configuration. It reads what the portal
has and writes only what differs, open deals first. stagelag run does it after each run.

Stopped or killed at any moment, it goes on where it was when it is called again.`,
		Example: `  stagelag write-back --dry-run
  stagelag write-back --limit 10
  stagelag write-back`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 0 {
				return usagef("write-back: --limit: %d is negative; give how many deals to write at most, or 0 for all", limit)
			}
			cfg, err := a.config(cmd, config.NeedPortal)
			if err != nil {
				return err
			}
			return a.writeBackAlone(cmd.Context(), cfg, isDry, limit)
		},
	}
	cmd.Flags().BoolVar(&isDry, "dry-run", false, "print what would be written, and write nothing")
	cmd.Flags().IntVar(&limit, "limit", 0, "how many deals to write at most (0: all that differ)")
	cmd.AddCommand(newWriteBackSetup(a))
	return cmd
}

func newWriteBackSetup(a *app) *cobra.Command {
	var creates bool
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Show the fields for write-back, create them, and print the configuration",
		Long: `Shows which custom fields of the deal the result would be written to and whether the portal
has them, and prints the configuration to paste. With --create it makes those that are missing,
for which the webhook's user has to be an administrator of the CRM. Fields that exist are left
alone.`,
		Example: `  stagelag write-back setup
  stagelag write-back setup --create`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.config(cmd, config.NeedPortal)
			if err != nil {
				return err
			}
			return a.setUpWriteBack(cmd.Context(), cfg, creates)
		},
	}
	cmd.Flags().BoolVar(&creates, "create", false, "create the fields that are missing")
	return cmd
}

func (a *app) writeBackAlone(ctx context.Context, cfg config.Config, isDry bool, limit int) error {
	w, err := warehouse.Open(ctx, warehouseConfig(cfg))
	if err != nil {
		return err
	}
	defer w.Close()
	if err := sql.Up(ctx, w); err != nil {
		return err
	}
	summary, _, err := a.writeBack(ctx, w, a.client(cfg), cfg, isDry, limit)
	if err != nil && summary.RunID == 0 {
		return err
	}
	if isDry && err == nil {
		if err := a.printChanges(summary.Changes); err != nil {
			return err
		}
	}
	if _, printing := summary.WriteTo(a.stdout); printing != nil {
		err = errors.Join(err, fmt.Errorf("write to standard output: %w", printing))
	}
	return err
}

// writeBack makes one write-back, with its progress on a terminal.
func (a *app) writeBack(ctx context.Context, w *warehouse.Warehouse, client *extractor.Client, cfg config.Config, isDry bool, limit int) (writeback.Summary, []nightly.Step, error) {
	progress := nightly.NewSteps(a.progress, a.log)
	summary, err := writeback.Run(ctx, writeback.Pass{
		Warehouse: w, Client: client, Config: cfg, DryRun: isDry, Limit: limit, Progress: progress, Log: a.log,
	})
	a.progress.Done()
	progress.SetRun(summary.RunID)
	steps := progress.End(err)
	log := a.log.WithFields(logrus.Fields{
		"run_id": summary.RunID, "written": summary.Written, "unchanged": summary.Unchanged, "left": summary.Left, "requests": summary.Requests,
	})
	for _, refusal := range summary.Refused {
		log.WithFields(logrus.Fields{"deals": refusal.Count, "deal": refusal.Deal, "reason": refusal.Reason}).Warn("deals not written")
	}
	if err != nil {
		return summary, steps, fmt.Errorf("write-back: %w", err)
	}
	if !isDry {
		log.Info("written back")
	}
	return summary, steps, nil
}

// writeBackAfter makes the write-back that belongs to a run, where one is configured. The run
// is published whatever comes of it; whoever watches exit codes still has to hear of a
// failure.
func (a *app) writeBackAfter(ctx context.Context, w *warehouse.Warehouse, client *extractor.Client, cfg config.Config, run loader.RunID, isQuiet bool) ([]nightly.Step, error) {
	if !cfg.WriteBack.IsOn() {
		return nil, nil
	}
	summary, steps, err := a.writeBack(ctx, w, client, cfg, false, 0)
	if err != nil {
		// Not wrapped: bad configuration, or being stopped, would have another exit code or
		// message, and the run itself is neither.
		return steps, fmt.Errorf("run %d is published, but not all of it is written back (%d deals were): %s; stagelag write-back goes on", run, summary.Written, err.Error())
	}
	if isQuiet {
		return steps, nil
	}
	if err := a.printf("\n"); err != nil {
		return steps, err
	}
	if _, err := summary.WriteTo(a.stdout); err != nil {
		return steps, fmt.Errorf("write to standard output: %w", err)
	}
	return steps, nil
}

func (a *app) printChanges(changes []writeback.Change) error {
	return a.printTable(func(t io.Writer) {
		_, _ = fmt.Fprintln(t, "deal\tfield\tis\twould be\t")
		for _, change := range changes {
			_, _ = fmt.Fprintf(t, "%d\t%s\t%s\t%s\t\n", change.DealID, change.Field, shown(change.From), shown(change.To))
		}
		_, _ = fmt.Fprintln(t)
	})
}

// shown is a value for a terminal: what the portal has may be anything.
func shown(value string) string {
	if value == "" {
		return "-"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, value)
}

func (a *app) printTable(write func(t io.Writer)) error {
	t := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	write(t)
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write to standard output: %w", err)
	}
	return nil
}

func (a *app) setUpWriteBack(ctx context.Context, cfg config.Config, creates bool) error {
	client := a.client(cfg)
	portal, err := client.Describe(ctx)
	if err != nil {
		return fmt.Errorf("write-back setup: describe the portal: %w", err)
	}
	fields := writeback.Inspect(cfg.WriteBack, portal)
	if creates {
		if fields, err = writeback.Create(ctx, client, cfg.WriteBack, fields); err != nil {
			return fmt.Errorf("write-back setup: %w", err)
		}
	}
	var isIncomplete bool
	err = a.printTable(func(t io.Writer) {
		for _, field := range fields {
			state := field.Type
			switch {
			case field.IsMissing():
				state, isIncomplete = "missing", true
			case field.Fault != "":
				state = "can't be used: " + field.Fault
			}
			_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t\n", field.Role, field.Name, shown(field.Title), state)
		}
	})
	if err != nil {
		return err
	}
	if isIncomplete {
		return a.printf("\nstagelag write-back setup --create makes the fields that are missing.\n")
	}
	return a.printf("\nFor stagelag.yaml:\n\n%s", writeback.Configuration(cfg.WriteBack, fields))
}

package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"stagelag/config"
	"stagelag/nightly"
	"stagelag/plain"
	"stagelag/warehouse"
	"stagelag/writeback"
)

func newWriteBack(a *app) *cobra.Command {
	var isDry, overwrites bool
	var limit int
	cmd := &cobra.Command{
		Use:   "write-back",
		Short: "Write the result into the deals' own fields",
		Long: `Writes what the last published run shows of each deal into custom fields of the deal, where
managers look: the fields that write_back names in the configuration. It reads what the portal
has and writes only what differs, open deals first. stagelag run does it after each run.

A field that holds values which write-back has not written is left alone, and the command fails, unless
--overwrite says once that they can be replaced.

Stopped or killed at any moment, it goes on where it was when it is called again.`,
		Example: `  stagelag write-back --dry-run
  stagelag write-back --limit 10
  stagelag write-back --overwrite
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
			return a.writeBackAlone(cmd.Context(), cfg, writeback.Pass{DryRun: isDry, Overwrite: overwrites, Limit: limit})
		},
	}
	cmd.Flags().BoolVar(&isDry, "dry-run", false, "print what would be written, and write nothing")
	cmd.Flags().BoolVar(&overwrites, "overwrite", false, "replace the values of fields that write-back has not written before")
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

func (a *app) writeBackAlone(ctx context.Context, cfg config.Config, pass writeback.Pass) error {
	if err := writeback.Check(cfg.WriteBack); err != nil {
		return err
	}
	w, err := warehouse.Open(ctx, readOnly(cfg))
	if err != nil {
		return err
	}
	defer w.Close()
	if err := up(ctx, w); err != nil {
		return err
	}
	pass.Warehouse, pass.Client, pass.Config = w, a.client(cfg), cfg
	pass.Progress, pass.Log, pass.Now = a.progress, a.log, a.now
	summary, _, err := nightly.WriteBack(ctx, pass)
	a.progress.Done()
	if err != nil && summary.RunID == 0 {
		return err
	}
	if pass.DryRun && err == nil {
		if err := a.printChanges(summary.Changes()); err != nil {
			return err
		}
	}
	summary.Place = w.Place()
	return errors.Join(err, a.printSummary(summary))
}

func (a *app) printSummary(summary writeback.Summary) error {
	if err := summary.Write(a.stdout, a.printer); err != nil {
		return fmt.Errorf("write to standard output: %w", err)
	}
	return nil
}

// maxShown is how many characters of a value or a label a person gets to see.
const maxShown = 60

// printChanges prints a table that may have millions of lines: it goes over them once for the
// widths of the columns, and again for the lines.
func (a *app) printChanges(changes iter.Seq[writeback.Change]) error {
	shown := func(value string) string { return cmp.Or(plain.Text(value, maxShown), "-") }
	lines := func(yield func([4]string) bool) {
		isFirst := true
		for change := range changes {
			if isFirst && !yield([4]string{a.printer.Text("deal"), a.printer.Text("field"), a.printer.Text("is"), a.printer.Text("would be")}) {
				return
			}
			isFirst = false
			if !yield([4]string{strconv.FormatUint(uint64(change.DealID), 10), change.Field, shown(change.From), shown(change.To)}) {
				return
			}
		}
	}
	var widths [4]int
	for line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	if widths == [4]int{} {
		return nil
	}
	out := bufio.NewWriter(a.stdout)
	for line := range lines {
		_, _ = fmt.Fprintf(out, "%-*s  %-*s  %-*s  %s\n", widths[0], line[0], widths[1], line[1], widths[2], line[2], line[3])
	}
	_ = out.WriteByte('\n')
	if err := out.Flush(); err != nil { // the first error there was
		return fmt.Errorf("write to standard output: %w", err)
	}
	return nil
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
	var missing, usable int
	err = a.printTable(func(t io.Writer) {
		a.printer.Fprintf(t, "write_back\tfield\tlabel\ton the portal\n")
		for _, field := range fields {
			state := field.Type
			switch {
			case field.IsMissing():
				state = a.printer.Text("missing")
				missing++
			case field.Fault != "":
				state = a.printer.Text("can't be used: " + field.Fault)
			default:
				usable++
			}
			_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", field.Role, field.Name, plain.Text(field.Title, maxShown), state)
		}
	})
	if err != nil {
		return err
	}
	if missing > 0 {
		if err := a.printf("\nstagelag write-back setup --create makes the fields that are missing.\n"); err != nil {
			return err
		}
	}
	if usable == 0 {
		return nil
	}
	return a.printf("\nFor stagelag.yaml:\n\n%s", writeback.Configuration(cfg.WriteBack, fields))
}

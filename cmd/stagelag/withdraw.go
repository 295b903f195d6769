package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"stagelag/loader"
	"stagelag/nightly"
	"stagelag/warehouse"
)

func newWithdraw(a *app) *cobra.Command {
	var isSure bool
	cmd := &cobra.Command{
		Use:   "withdraw",
		Short: "Take the last published run out of the views",
		Long: `Takes the last published run out of the views, which then show what they showed before it. The next
run goes on from there: what only the withdrawn run saw counts as not seen. It can be repeated, back
to before the first run. What was forgotten stays forgotten.

It is the way back after a night with a wrong clock or a wrong configuration: mend that, withdraw, and
run again.`,
		Example: `  stagelag withdraw
  stagelag withdraw --yes`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.reading(cmd, func(ctx context.Context, w *warehouse.Warehouse) error {
				return a.withdraw(ctx, w, cmd.InOrStdin(), isSure)
			})
		},
	}
	cmd.Flags().BoolVar(&isSure, "yes", false, "do not ask")
	return cmd
}

func (a *app) withdraw(ctx context.Context, w *warehouse.Warehouse, in io.Reader, isSure bool) error {
	if err := up(ctx, w); err != nil {
		return err
	}
	last, err := loader.LastPublished(ctx, w.DB())
	if err != nil {
		return err
	}
	if last.RunID == 0 {
		return loader.ErrNothingPublished
	}
	if !isSure {
		if err := a.confirm(in, a.printer.Sprintf("Withdraw run %d, published as of %s?", last.RunID, last.AsOf)); err != nil {
			return err
		}
	}
	var before loader.State
	err = alone(ctx, w, "stagelag withdraw", func(ctx context.Context) error {
		before, err = loader.Withdraw(ctx, w, last.RunID, a.now())
		return err
	}, nightly.Lease)
	if err != nil {
		return err
	}
	if before.RunID == 0 {
		return a.printf("Run %d is withdrawn. Nothing is published now; the next run begins anew.\n", last.RunID)
	}
	return a.printf("Run %d is withdrawn. The views show run %d again, as of %s; the next run goes on from there.\n", last.RunID, before.RunID, before.AsOf)
}

var errNotConfirmed = errors.New("nothing was done: answer y, or give --yes")

// confirm asks a question and goes on with a yes.
func (a *app) confirm(in io.Reader, question string) error {
	if _, err := fmt.Fprint(a.stderr, question+" [y/N] "); err != nil {
		return err
	}
	answer, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes", "д", "да":
		return nil
	}
	return errNotConfirmed
}

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"stagelag/config"
	"stagelag/loader"
	"stagelag/nightly"
	"stagelag/warehouse"
)

// mostParts is more than any number of machines has work for.
const mostParts = 10_000

func partsFlag(cmd *cobra.Command, parts *int) {
	cmd.Flags().IntVar(parts, "parts", 1, "split the derivation into `N` parts, for stagelag work to take some")
}

func checkParts(cmd *cobra.Command, parts int) error {
	if parts < 1 || parts > mostParts {
		return usagef("%s--parts: %d is no number of parts from 1 to %d", about(cmd), parts, mostParts)
	}
	return nil
}

func newWork(a *app) *cobra.Command {
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "work",
		Short: "Derive parts of a run that is under way on another machine",
		Long: `Takes parts of the run under way that was split by stagelag run --parts, and derives them until none
is left. It needs the same configuration and warehouse as the run, and asks the portal nothing.

It can be started before the run, beside others, and killed at any moment: what it had taken, the run
or another one takes again. It ends when the run has ended, with 0 if that is published.`,
		Example: `  stagelag work
  stagelag work --wait 2h`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.config(cmd, config.NeedPortal)
			if err != nil {
				return err
			}
			return a.work(cmd.Context(), cfg, wait)
		},
	}
	cmd.Flags().DurationVar(&wait, "wait", 10*time.Minute, "how long to wait for a run that is split")
	return cmd
}

func (a *app) work(ctx context.Context, cfg config.Config, wait time.Duration) error {
	at := warehouseConfig(cfg)
	// A run on this machine has made it; on a server, this can be the first to come.
	at.MustExist = cfg.Warehouse.URL.IsEmbedded()
	w, err := warehouse.Open(ctx, at)
	if err != nil {
		return err
	}
	defer w.Close()
	helped, err := nightly.Work(ctx, nightly.Help{Warehouse: w, Config: cfg, Wait: wait, Progress: a.progress, Log: a.log})
	a.progress.Done()
	switch {
	case err != nil:
		return err
	case helped.Run == 0:
		return a.printf("No run was split within %s.\n", wait)
	case helped.Status != loader.Published:
		return fmt.Errorf("run %d has failed: see it where it was started; %d parts were derived here for nothing", helped.Run, helped.Parts)
	}
	return a.printf("Run %d is published. %d of its parts, %d deals, were derived here.\n", helped.Run, helped.Parts, helped.Deals)
}

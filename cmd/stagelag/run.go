package main

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"stagelag/bitrix24"
	"stagelag/config"
	"stagelag/loader"
	"stagelag/nightly"
	"stagelag/transform"
	"stagelag/warehouse"
)

func newRun(a *app) *cobra.Command {
	var asOf string
	var isFull, asJSON, acceptDeletions bool
	var parts int
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Make one nightly pass: extract, derive, load, publish",
		Long: `Make one nightly pass: read from the portal what has changed, derive the facts, append
them to the warehouse and publish them in one step. A run that was killed is simply run again.

Where write_back names fields, the result is then written into the deals. The run is published
before that and stays so; if the write-back fails, the exit code is 1 and the last line says both.
A run of a past date is not written back. With --json the row then has the member write_back.

A deal that the portal deleted leaves the report, one that it only hides from the webhook stays in it.
When more deals were deleted in a night than a person deletes by hand (more than 5, and more than 2 %
of those in the report), nothing is published unless --accept-deletions is given.

With --parts the derivation is split, and stagelag work, on other machines or beside this one, takes
parts of it. What they leave the run does itself; it publishes all at once.`,
		Example: `  stagelag run
  stagelag run --as-of 2026-11-20
  stagelag run --full --json
  stagelag run --accept-deletions
  stagelag run --full --parts 16`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			day := transform.NoDay
			if asOf != "" {
				var err error
				if day, err = transform.ParseDay(asOf); err != nil {
					return usagef("--as-of: %v", err)
				}
			}
			cfg, err := a.config(cmd, config.NeedPortal)
			if err != nil {
				return err
			}
			if err := checkParts(cmd, parts); err != nil {
				return err
			}
			return a.run(cmd.Context(), cfg, passOptions{command: "stagelag run", asOf: day, isFull: isFull, acceptDeletions: acceptDeletions, parts: parts}, asJSON)
		},
	}
	cmd.Flags().StringVar(&asOf, "as-of", "", "date to compute up to, in the portal's zone (default today on the portal's clock)")
	cmd.Flags().BoolVar(&isFull, "full", false, "read and derive everything again")
	cmd.Flags().BoolVar(&acceptDeletions, "accept-deletions", false, "publish although more deals have gone than a person deletes by hand")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the run's row as JSON")
	partsFlag(cmd, &parts)
	return cmd
}

// run makes one pass and prints what came of it.
func (a *app) run(ctx context.Context, cfg config.Config, options passOptions, asJSON bool) error {
	w, err := warehouse.Open(ctx, warehouseConfig(cfg))
	if err != nil {
		return err
	}
	defer w.Close()
	pass := a.newPass(w, a.client(cfg), cfg, options)
	outcome, err := a.pass(ctx, pass)
	if err == nil && !asJSON {
		err = a.summarize(ctx, w, outcome)
	}
	var written *nightly.WrittenBack
	if err == nil {
		written, err = nightly.WriteBackAfter(ctx, pass, outcome)
		a.progress.Done()
	}
	switch {
	case asJSON && outcome.Run.RunID > 0:
		return errors.Join(err, a.printRow(outcome.Run, written))
	case !asJSON && written != nil && written.RunID > 0:
		return errors.Join(err, a.printf("\n"), a.printSummary(written.Summary))
	}
	return err
}

// printRow prints a run's row as JSON, with what became of its write-back where there was one.
func (a *app) printRow(row loader.Row, written *nightly.WrittenBack) error {
	text, err := json.Marshal(struct {
		loader.Row
		WriteBack *nightly.WrittenBack `json:"write_back,omitempty"`
	}{row, written})
	if err != nil {
		return err
	}
	return a.printf("%s\n", text)
}

// client is the one client for the configured portal: the portal counts what comes from one
// address.
func (a *app) client(cfg config.Config) *bitrix24.Client {
	return a.clientFor(cfg, a.log, a.progress)
}

// clientFor is client with a log and a progress of its own.
func (a *app) clientFor(cfg config.Config, log logrus.FieldLogger, shown *progress) *bitrix24.Client {
	return bitrix24.NewClient(bitrix24.ClientOptions{
		Webhook: cfg.Portal.URL, Limits: cfg.Portal.Limits, Clock: bitrix24.WallClock(a.now), Log: log.WithField("portal", cfg.Portal.URL.Host()),
		OnWait: shown.Waiting,
	})
}

// quietClient is client for what nobody has asked for: what it meets is not logged.
func (a *app) quietClient(cfg config.Config) *bitrix24.Client {
	return bitrix24.NewClient(bitrix24.ClientOptions{Webhook: cfg.Portal.URL, Limits: cfg.Portal.Limits, Clock: bitrix24.WallClock(a.now)})
}

// passOptions say which pass is made.
type passOptions struct {
	command string // that makes it
	asOf    transform.Day
	isFull  bool
	// acceptDeletions publishes however many deals have gone.
	acceptDeletions bool
	parts           int // that it is split into
}

func (a *app) newPass(w *warehouse.Warehouse, client *bitrix24.Client, cfg config.Config, o passOptions) nightly.Pass {
	return nightly.Pass{
		Warehouse: w, Client: client, Config: cfg, AsOf: o.asOf, Full: o.isFull, AcceptDeletions: o.acceptDeletions, Parts: o.parts, Command: o.command, Progress: a.progress, Log: a.log, Now: a.now,
	}
}

// pass makes one pass, with its progress on a terminal.
func (a *app) pass(ctx context.Context, pass nightly.Pass) (nightly.Outcome, error) {
	outcome, err := nightly.Run(ctx, pass)
	a.progress.Done()
	if badDate, ok := errors.AsType[*nightly.AsOfError](err); ok {
		return outcome, usageError{badDate}
	}
	return outcome, err
}

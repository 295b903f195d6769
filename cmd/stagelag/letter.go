package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"stagelag/config"
	"stagelag/letter"
	"stagelag/nightly"
	"stagelag/report"
	"stagelag/warehouse"
)

// letterFlags are the flags of the letter command as they were given.
type letterFlags struct {
	to    string
	lang  string
	isDry bool
}

func newLetter(a *app) *cobra.Command {
	var flags letterFlags
	cmd := &cobra.Command{
		Use:   "letter",
		Short: "Send the morning letter: the summary to leadership, and to each manager their overdue and due deals",
		Long: `Sends the letters of the last published run to those whom letter names in the configuration: the
summary to a chat of the portal and by mail with the quality report, and to each manager the list of
their own deals that are overdue or due today. stagelag schedule does it after each published run.

Everybody gets one letter for an as-of date, however often this is called. What was surely not
delivered is sent by the next call. A letter whose answer was lost counts as sent, and is shown as
uncertain. --to names one of chat, managers and mail, or a manager by id or name.`,
		Example: `  stagelag letter --dry-run
  stagelag letter --to chat
  stagelag letter --to 'Anna Petrova' --dry-run --lang ru
  stagelag letter`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("lang") && !slices.Contains(report.Languages, report.Language(flags.lang)) {
				return usagef("letter: --lang: %q is not %s", flags.lang, anyOf(report.Languages))
			}
			var needs []config.Need
			if !flags.isDry {
				needs = []config.Need{config.NeedPortal}
			}
			cfg, err := a.config(cmd, needs...)
			if err != nil {
				return err
			}
			return a.letter(cmd.Context(), cfg, flags)
		},
	}
	cmd.Flags().StringVar(&flags.to, "to", "", "send to `WHOM` alone: chat, managers, mail, or a manager by id or name (default all)")
	cmd.Flags().StringVar(&flags.lang, langFlag, "", "the `language`: "+anyOf(report.Languages)+" (default letter.language, else the portal's)")
	cmd.Flags().BoolVar(&flags.isDry, "dry-run", false, "print the letters, and send none")
	return cmd
}

func (a *app) letter(ctx context.Context, cfg config.Config, flags letterFlags) error {
	if err := letter.Check(cfg.Letter, letter.Selection{}); err != nil {
		return err
	}
	return withWarehouse(ctx, readOnly(cfg), func(ctx context.Context, w *warehouse.Warehouse) error {
		if err := up(ctx, w); err != nil {
			return err
		}
		if err := mustBeWhole(ctx, w); err != nil {
			return fmt.Errorf("letter: %w", err)
		}
		to, err := pickRecipients(ctx, w, flags.to)
		if err != nil {
			return err
		}
		mailing := letter.Mailing{
			Warehouse: w, Config: cfg, To: to, Language: config.Language(flags.lang), DryRun: flags.isDry, Progress: a.progress, Log: a.log, Now: a.now,
		}
		if cfg.Portal.URL.Host() != "" {
			mailing.Client = a.client(cfg)
		}
		summary, _, err := nightly.SendLetters(ctx, mailing)
		a.progress.Done()
		if _, isUnknown := errors.AsType[*letter.UnknownManagerError](err); isUnknown {
			return usageError{err}
		}
		if summary.RunID == 0 {
			return err
		}
		if failed := summary.Write(a.stdout, a.printer); failed != nil {
			return errors.Join(err, fmt.Errorf("write to standard output: %w", failed))
		}
		return err
	})
}

// pickRecipients are those whom --to names.
func pickRecipients(ctx context.Context, w *warehouse.Warehouse, given string) (letter.Selection, error) {
	switch strings.ToLower(strings.TrimSpace(given)) {
	case "":
		return letter.Selection{}, nil
	case "chat":
		return letter.Selection{Kind: letter.Chat}, nil
	case "mail":
		return letter.Selection{Kind: letter.Mail}, nil
	case "managers":
		return letter.Selection{Kind: letter.Manager}, nil
	}
	manager, err := pickManager(ctx, w, "letter: --to", given)
	if err == nil && manager == 0 {
		err = usagef("letter: --to: 0 is nobody; give chat, managers, mail, or a manager by id or name")
	}
	return letter.Selection{Kind: letter.Manager, Manager: manager}, err
}

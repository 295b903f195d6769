package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"stagelag/calendar"
	"stagelag/config"
	"stagelag/extractor"
)

func newCalendar(a *app) *cobra.Command {
	var given string
	cmd := &cobra.Command{
		Use:   "calendar [YEAR]",
		Short: "Print the counting days of a year, month by month, and what each exception comes from",
		Long: `Prints which days of a year count: the months with their number of days, to be held against a
production calendar, each exception with its reason, and until when the lists speak. The default is
this year. On a terminal it is a page, else three tables with tabs; of an empty one, standard error says so.

The portal is asked only where calendar.lists has the portal's own calendar.`,
		Example: `  stagelag calendar
  stagelag calendar 2027 --funnel 7
  stagelag calendar 2026 | grep -P '^2026-\d\d\t'`,
		Args: arguments(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.calendarConfig(cmd)
			if err != nil {
				return err
			}
			year, err := a.year(args, cfg)
			if err != nil {
				return err
			}
			var funnel *extractor.FunnelID // 0 is the id of one
			if cmd.Flags().Changed("funnel") {
				var known []named
				if !isNumber(given) {
					if known, err = a.knownFunnels(cmd.Context(), cfg); err != nil {
						return err
					}
				}
				id, err := pickFunnelOf("calendar: --funnel", given, known)
				if err != nil {
					return err
				}
				funnel = &id
			}
			return a.calendar(cmd.Context(), cfg, year, funnel)
		},
	}
	cmd.Flags().StringVar(&given, "funnel", "", "the calendar of this `funnel`, by id or name (default that of the funnels that have none of their own)")
	return cmd
}

// calendarConfig needs the portal only where the portal has a say in the calendar.
func (a *app) calendarConfig(cmd *cobra.Command) (config.Config, error) {
	var needs []config.Need
	cfg, err := config.Load(a.configPath, cmd.Flags().Changed("config"), a.environ)
	if err == nil && calendar.NeedsSettings(cfg.Calendar) {
		needs = append(needs, config.NeedPortal)
	}
	return a.config(cmd, needs...)
}

// year is the one that was asked for, else that of today in the portal's zone, else in this machine's.
func (a *app) year(args []string, cfg config.Config) (int, error) {
	if len(args) == 0 {
		zone := cfg.Portal.TimeZone
		if zone == nil {
			zone = time.Local
		}
		return a.now().In(zone).Year(), nil
	}
	year, err := strconv.Atoi(args[0])
	if err != nil || year < calendar.FirstYear || year > calendar.LastYear {
		return 0, usagef("calendar: %q is not a year from %d to %d", args[0], calendar.FirstYear, calendar.LastYear)
	}
	return year, nil
}

func (a *app) calendar(ctx context.Context, cfg config.Config, year int, funnel *extractor.FunnelID) error {
	var settings *calendar.Settings
	if calendar.NeedsSettings(cfg.Calendar) {
		read, err := calendar.ReadSettings(ctx, a.client(cfg))
		if err != nil {
			return fmt.Errorf("calendar: %w", err)
		}
		settings = &read
	}
	loaded, err := calendar.Load(cfg.Calendar, settings)
	if err != nil {
		return err
	}
	shown := &loaded.Each[0]
	if funnel != nil {
		shown = loaded.Of(*funnel)
	}
	if a.hasScreen {
		err = loaded.WriteTable(a.stdout, shown, year, a.printer)
	} else {
		err = shown.WriteTSV(a.stdout, year)
		// Programs get the heads of empty tables; a person would ask whether something is missing.
		for _, absent := range shown.Absent(year) {
			_, _ = fmt.Fprintln(a.stderr, a.printer.Text(absent))
		}
	}
	if err != nil {
		return fmt.Errorf("calendar: write to standard output: %w", err)
	}
	return nil
}

package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"stagelag/dashboards"
)

func newDashboards(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dashboards",
		Short: "Write the dashboards for a Grafana",
		Args:  knownCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDashboardsExport(a))
	return cmd
}

func newDashboardsExport(a *app) *cobra.Command {
	var lang, dir string
	var asked dashboards.Options
	cmd := &cobra.Command{
		Use:   "export --lang ru|en --dir DIR",
		Short: "Write the dashboards and alerts of a language into a folder",
		Long: `Writes the dashboards (JSON) and the alerts (YAML, for Grafana's provisioning) of a
language into a folder, for a Grafana that is already there. They ask the data source
with the uid ` + dashboards.SourceUID + `, of the type ` + dashboards.SourceType + `. Where the configuration
has targets, shares are coloured by them.`,
		Example: `  stagelag dashboards export --lang en --dir grafana
  stagelag dashboards export --lang en --dir grafana --alert-plans-moved 50 --alert-likely-late 14
  stagelag dashboards export --lang ru --dir /var/lib/grafana/dashboards/stagelag`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains(dashboards.Langs, dashboards.Lang(lang)) {
				return usagef("dashboards export: --lang: there are no dashboards in %q; use ru or en", lang)
			}
			if dir == "" {
				return usagef("dashboards export: --dir is missing; name the folder to write into")
			}
			if asked.PlansMoved < 0 {
				return usagef("dashboards export: --alert-plans-moved %d: give a number of days from 1 on, or leave the flag out", asked.PlansMoved)
			}
			if asked.LikelyLate < 0 {
				return usagef("dashboards export: --alert-likely-late %d: give a number of days from 1 on, or leave the flag out", asked.LikelyLate)
			}
			cfg, err := a.config(cmd)
			if err != nil {
				return err
			}
			if target := cfg.Targets.OnTimeRate; target != nil {
				asked.Targets.OnTimeRate = float64(*target)
			}
			if target := cfg.Targets.Coverage; target != nil {
				asked.Targets.Coverage = float64(*target)
			}
			if err := dashboards.Export(dashboards.Lang(lang), asked, dir); err != nil {
				return fmt.Errorf("dashboards export: %w; name a folder that you may write to", err)
			}
			return a.printf("The dashboards and alerts are in %s.\n", dir)
		},
	}
	cmd.Flags().StringVar(&lang, "lang", "en", "the language: ru or en")
	cmd.Flags().StringVar(&dir, "dir", "", "the `folder` to write into")
	cmd.Flags().IntVar(&asked.PlansMoved, "alert-plans-moved", 0, "turn on the alert that plans were moved in a night by more than so many `days` in all (off)")
	cmd.Flags().IntVar(&asked.LikelyLate, "alert-likely-late", 0, "turn on the alert that a deal which is on time will probably be late within so many `days` (off)")
	return cmd
}

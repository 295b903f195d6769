package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"stagelag/config"
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
	var paths []string
	var asked dashboards.Options
	cmd := &cobra.Command{
		Use:   "export --lang ru|en --dir DIR",
		Short: "Write the dashboards and alerts of a language into a folder",
		Long: `Writes the dashboards (JSON) and the alerts (YAML, for Grafana's provisioning) of a
language into a folder, for a Grafana that is already there. They ask the data source
with the uid ` + dashboards.SourceUID + `, of the type ` + dashboards.SourceType + `. Where the configuration
has targets, shares are coloured by them.

With --config given several times, the dashboards are for several portals: a variable above each chooses the
portal, every portal has alerts of its own, and datasources.yaml has a data source for each, for provisioning/datasources.
The passwords of the users that read come from Grafana's environment. Targets that the portals do not share are left out.`,
		Example: `  stagelag dashboards export --lang en --dir grafana
  stagelag dashboards export --lang en --dir grafana --alert-plans-moved 50 --alert-likely-late 14
  stagelag dashboards export --lang en --dir grafana --config north.yaml --config south.yaml
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
			cfgs, err := readSeveral(paths, func(path string) (config.Config, error) {
				return a.configAt(cmd.Context(), path, cmd.Flags().Changed("config"))
			})
			if err != nil {
				return err
			}
			if err := checkDatabases(paths, cfgs); err != nil {
				return usagef("dashboards export: %w", err)
			}
			asked.Targets, asked.Portals = sharedTargets(cfgs), portalsOf(cfgs)
			if err := dashboards.Export(dashboards.Lang(lang), asked, dir); err != nil {
				return fmt.Errorf("dashboards export: %w; name a folder that you may write to", err)
			}
			return a.printf("The dashboards and alerts are in %s.\n", dir)
		},
	}
	// It takes the place of the flag that every command has.
	cmd.Flags().StringArrayVar(&paths, "config", []string{defaultConfigPath}, "the configuration `file`; given several times, one for each portal")
	cmd.Flags().StringVar(&lang, langFlag, string(a.printer.Language()), "the language: ru or en")
	complete(cmd, langFlag, "ru", "en")
	cmd.Flags().StringVar(&dir, "dir", "", "the `folder` to write into")
	cmd.Flags().IntVar(&asked.PlansMoved, "alert-plans-moved", 0, "turn on the alert that plans were moved in a night by more than so many `days` in all (off)")
	cmd.Flags().IntVar(&asked.LikelyLate, "alert-likely-late", 0, "turn on the alert that a deal which is on time will probably be late within so many `days` (off)")
	return cmd
}

// sharedTargets are the targets that all portals have.
func sharedTargets(cfgs []config.Config) (shared dashboards.Targets) {
	same := func(target func(config.Targets) *config.Share) float64 {
		first := target(cfgs[0].Targets)
		for _, cfg := range cfgs {
			if of := target(cfg.Targets); first == nil || of == nil || *of != *first {
				return 0
			}
		}
		return float64(*first)
	}
	shared.OnTimeRate = same(func(t config.Targets) *config.Share { return t.OnTimeRate })
	shared.Coverage = same(func(t config.Targets) *config.Share { return t.Coverage })
	return shared
}

// portalsOf are the portals by the names of their hosts. Where two have the same, or one has none, the database tells them
// apart.
func portalsOf(cfgs []config.Config) (portals []dashboards.Portal) {
	count := map[string]int{}
	for _, cfg := range cfgs {
		count[cfg.Portal.URL.Host()]++
	}
	for _, cfg := range cfgs {
		name := cfg.Portal.URL.Host()
		switch {
		case name == "":
			name = cfg.Warehouse.Database
		case count[name] > 1:
			name += " (" + cfg.Warehouse.Database + ")"
		}
		portals = append(portals, dashboards.Portal{Database: cfg.Warehouse.Database, Name: name})
	}
	return portals
}

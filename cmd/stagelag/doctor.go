package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"stagelag/config"
	"stagelag/doctor"
)

func newDoctor(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check everything that a run depends on, and say what to fix",
		Long: `Checks the portal's rights and fields, the configuration, the warehouse, its disk and the
last run, and says for each what to do. It changes nothing, and what is down keeps it from
nothing else.

The exit code is 0 when there is no problem (there may be warnings), 1 when there is one, and 2
when the configuration can't be read.`,
		Example: `  stagelag doctor
  stagelag doctor --json | jq -r '.findings[] | select(.severity != "ok") | .text'`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			// Not a.config: the remarks are findings here.
			cfg, err := config.Load(a.configPath, cmd.Flags().Changed("config"), a.environ, config.NeedPortal)
			if err != nil {
				return a.answered(cmd.Context(), err)
			}
			return a.doctor(cmd.Context(), cfg, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the findings as JSON")
	return cmd
}

func (a *app) doctor(ctx context.Context, cfg config.Config, asJSON bool) error {
	report := doctor.Examine(ctx, doctor.Patient{Config: cfg, Warehouse: warehouseConfig(cfg), Client: a.client(cfg), Now: a.now})
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if asJSON {
		text, err := json.MarshalIndent(report, "", "  ")
		if err != nil {
			return fmt.Errorf("doctor: %w", err)
		}
		if err := a.printf("%s\n", text); err != nil {
			return err
		}
	} else if err := a.printReport(report); err != nil {
		return err
	}
	if report.Severity != doctor.Problem {
		return nil
	}
	var checks []string
	for _, finding := range report.Findings {
		check := a.printer.Text(finding.Check) // a word alone is not translated as a part of the line
		if finding.Severity == doctor.Problem && !slices.Contains(checks, check) {
			checks = append(checks, check)
		}
	}
	return fmt.Errorf("doctor: problems with %s; what was found says what to do", strings.Join(checks, ", "))
}

func (a *app) printReport(report doctor.Report) error {
	severities, checks := map[doctor.Severity]string{}, map[string]string{}
	widest, widestCheck := 0, 0
	for _, finding := range report.Findings {
		severity, check := a.printer.Text(string(finding.Severity)), a.printer.Text(finding.Check)
		severities[finding.Severity], checks[finding.Check] = severity, check
		widestCheck = max(widestCheck, utf8.RuneCountInString(check))
	}
	for _, severity := range []doctor.Severity{doctor.OK, doctor.Warning, doctor.Problem} {
		widest = max(widest, utf8.RuneCountInString(a.printer.Text(string(severity))))
	}
	for _, finding := range report.Findings {
		if err := a.printf("%-*s  %-*s  %s\n", widest, severities[finding.Severity], widestCheck, checks[finding.Check], a.printer.Text(finding.Text)); err != nil {
			return err
		}
		if finding.ToDo == "" {
			continue
		}
		if err := a.printf("%*s  -> %s\n", widest+2+widestCheck, "", a.printer.Text(finding.ToDo)); err != nil {
			return err
		}
	}
	return nil
}

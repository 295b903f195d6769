package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stagelag/calendar"
	"stagelag/config"
	"stagelag/extractor"
	"stagelag/loader"
	"stagelag/plain"
	"stagelag/transform"
	"stagelag/warehouse"
	"stagelag/whatif"
)

func newWhatIf(a *app) *cobra.Command {
	var norms []string
	var kind string
	var all, asJSON bool
	cmd := &cobra.Command{
		Use:   "what-if",
		Short: "Show the numbers under another configuration beside the published ones",
		Long: `Derives what was read from the portal once more, in memory, under another configuration, and shows the
numbers beside the published ones: visits on time, days lost and deals overdue now, by stage, funnel
and manager, as of the last published run. Nothing is published or left behind.

The other configuration is the file of --config, with --norm and --calendar laid over it. A norm of
--norm takes the place of all that the file has for the stage. --calendar calendar has every day count;
with working the funnels keep the working calendar that the file gives them, and Saturday and Sunday
are off where it gives them none. Without any flag it shows what an edited stagelag.yaml will mean.

A visit that has ended keeps the plan that it had, except that it takes another norm of its stage, and
what its deal carries today under other plan.fields. A plan that came from the deal stays under another
norm.`,
		Example: `  stagelag what-if --norm C5:DOCS=7
  stagelag what-if --norm Documents=7
  stagelag what-if --norm C5:DOCS=10 --norm C5:DOCS=7@2026-09-01 --calendar working
  stagelag what-if --config draft.yaml --json`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			asked, err := parseNorms(norms)
			if err != nil {
				return err
			}
			if kind != "" && !slices.Contains([]string{string(config.CalendarDays), string(config.WorkingDays)}, kind) {
				return usagef("what-if: --calendar: %q is not calendar or working", kind)
			}
			cfg, err := a.config(cmd)
			if err != nil {
				return err
			}
			options := whatif.Options{Config: cfg, Settings: a.portalSettings(cfg), Progress: a.progress}
			layCalendar(&options.Config.Calendar, config.CalendarKind(kind))
			return withWarehouse(cmd.Context(), readOnly(cfg), func(ctx context.Context, w *warehouse.Warehouse) error {
				options.Warehouse = w
				// Where it fails, the comparison says what is wrong with the warehouse.
				if funnels, err := loader.FunnelsOf(ctx, w.DB(), 0); err == nil {
					if err := pickStages(asked, config.NewDirectory(funnels, nil)); err != nil {
						return err
					}
				}
				layNorms(&options, asked)
				return a.whatIf(ctx, options, all, asJSON)
			})
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&norms, "norm", nil, "a norm, `STAGE=DAYS` or STAGE=DAYS@FROM, in place of those of the stage, by id or name; may be given again")
	f.StringVar(&kind, "calendar", "", "the `kind` of days that count: calendar or working")
	f.BoolVar(&all, "all", false, "show the rows in which nothing differs, too")
	f.BoolVar(&asJSON, "json", false, "print all rows as JSON")
	return cmd
}

// parseNorms reads the values of --norm.
func parseNorms(texts []string) ([]config.Norm, error) {
	var norms []config.Norm
	for _, text := range texts {
		wrong := func(format string, args ...any) error {
			return usagef("what-if: --norm %s: %s; give STAGE=DAYS or STAGE=DAYS@FROM, as in C5:DOCS=7@2026-09-01", strconv.Quote(text), fmt.Sprintf(format, args...))
		}
		stage, value, hasDays := strings.Cut(text, "=")
		if !hasDays || stage == "" {
			return nil, wrong("not a stage and its days")
		}
		given, from, hasFrom := strings.Cut(value, "@")
		days, err := strconv.ParseInt(given, 10, 32)
		if err != nil || days < 0 || days > config.LongestPlan {
			return nil, wrong("%q is not a whole number of days from 0 to %d", given, config.LongestPlan)
		}
		norm := config.Norm{Stage: extractor.StageID(stage), Days: int32(days)}
		if hasFrom {
			day, err := transform.ParseDay(from)
			if err != nil {
				return nil, wrong("%v", err)
			}
			norm.From = day.Time()
		}
		if slices.ContainsFunc(norms, func(n config.Norm) bool { return n.Stage == norm.Stage && n.From.Equal(norm.From) }) {
			return nil, wrong("the stage has a norm from the same date already")
		}
		norms = append(norms, norm)
	}
	return norms, nil
}

// pickStages puts the ids of stages in the place of the names that --norm was given. What is neither stays.
func pickStages(norms []config.Norm, known config.Directory) error {
	for i := range norms {
		given := string(norms[i].Stage)
		if known.Has(config.KindStage, given) {
			continue
		}
		switch found := known.Named(config.KindStage, given); len(found) {
		case 0:
		case 1:
			norms[i].Stage = extractor.StageID(found[0].ID)
		default:
			var ids []string
			for _, c := range found {
				ids = append(ids, c.String())
			}
			return usagef("what-if: --norm: several stages have the name %s: give the id, one of %s", strconv.Quote(plain.Text(given, 60)), strings.Join(ids, ", "))
		}
		if slices.ContainsFunc(norms[:i], func(n config.Norm) bool { return n.Stage == norms[i].Stage && n.From.Equal(norms[i].From) }) {
			return usagef("what-if: --norm: the stage %s is given twice, by its id and by its name", norms[i].Stage)
		}
	}
	return nil
}

// layNorms has the norms take the place of those that the configuration has for their stages.
func layNorms(o *whatif.Options, norms []config.Norm) {
	for _, norm := range norms {
		if !slices.Contains(o.Norms, norm.Stage) {
			o.Norms = append(o.Norms, norm.Stage)
		}
	}
	kept := slices.DeleteFunc(slices.Clone(o.Config.Plan.Norms), func(n config.Norm) bool { return slices.Contains(o.Norms, n.Stage) })
	o.Config.Plan.Norms = append(kept, norms...)
}

// layCalendar has the funnels count in days of a kind, unless it is empty.
func layCalendar(c *config.Calendar, kind config.CalendarKind) {
	switch {
	case kind == config.CalendarDays:
		*c = config.Calendar{Kind: kind}
	case kind == config.WorkingDays && c.Kind != kind:
		*c = config.Calendar{Kind: kind, Weekend: []time.Weekday{time.Saturday, time.Sunday}}
	case kind == config.WorkingDays:
		own := map[extractor.FunnelID]config.FunnelCalendar{}
		for id, calendar := range c.Funnels {
			if calendar.Kind == kind {
				own[id] = calendar
			}
		}
		c.Funnels = own
	}
}

// portalSettings asks the portal for its own calendar.
func (a *app) portalSettings(cfg config.Config) func(context.Context) (calendar.Settings, error) {
	return func(ctx context.Context) (calendar.Settings, error) {
		if cfg.Portal.URL.Host() == "" {
			return calendar.Settings{}, errors.New("no run has read it, and portal.url is not set")
		}
		return calendar.ReadSettings(ctx, a.client(cfg))
	}
}

func (a *app) whatIf(ctx context.Context, o whatif.Options, all, asJSON bool) error {
	if err := mustBeWhole(ctx, o.Warehouse); err != nil {
		return fmt.Errorf("what-if: %w", err)
	}
	c, err := whatif.Compare(ctx, o)
	a.progress.Done()
	if err != nil {
		return fmt.Errorf("what-if: %w", err)
	}
	if asJSON {
		err = json.NewEncoder(a.stdout).Encode(c)
	} else {
		err = c.WriteText(a.stdout, all, a.printer)
	}
	if err != nil {
		return fmt.Errorf("what-if: write to standard output: %w", err)
	}
	return nil
}

func newNorms(a *app) *cobra.Command {
	share := 0.8
	var asYAML, asJSON bool
	cmd := &cobra.Command{
		Use:   "norms",
		Short: "Show how long visits lasted in each stage, and propose norms",
		Long: `Shows for each stage in which work goes on how many visits have ended and within how many days half of
them and the given share did, the norm in force, and the norm that the share gives, each with the
share of the visits that it would have left in time. Days are those in which the plan of the stage
counts. Nothing is proposed for a stage of which fewer than 20 visits have ended.

With --yaml it prints plan.norms for the configuration.`,
		Example: `  stagelag norms
  stagelag norms --share 0.9 --yaml
  stagelag norms --json`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case share <= 0 || share > 1:
				return usagef("norms: --share: %v is not a share above 0 and up to 1, such as 0.8", share)
			case asYAML && asJSON:
				return usagef("norms: --yaml and --json are two forms of the same; leave one out")
			}
			cfg, err := a.config(cmd)
			if err != nil {
				return err
			}
			options := whatif.Options{Config: cfg, Settings: a.portalSettings(cfg), Progress: a.progress}
			return withWarehouse(cmd.Context(), readOnly(cfg), func(ctx context.Context, w *warehouse.Warehouse) error {
				options.Warehouse = w
				return a.norms(ctx, options, share, asYAML, asJSON)
			})
		},
	}
	f := cmd.Flags()
	f.Float64Var(&share, "share", share, "the `share` of the visits that a proposed norm leaves in time")
	f.BoolVar(&asYAML, "yaml", false, "print plan.norms for the configuration")
	f.BoolVar(&asJSON, "json", false, "print the rows as JSON")
	return cmd
}

func (a *app) norms(ctx context.Context, o whatif.Options, share float64, asYAML, asJSON bool) error {
	if err := mustBeWhole(ctx, o.Warehouse); err != nil {
		return fmt.Errorf("norms: %w", err)
	}
	n, err := whatif.Propose(ctx, o, share)
	a.progress.Done()
	if err != nil {
		return fmt.Errorf("norms: %w", err)
	}
	switch {
	case asJSON:
		err = json.NewEncoder(a.stdout).Encode(n)
	case asYAML:
		err = n.WriteYAML(a.stdout, a.printer)
	default:
		err = n.WriteText(a.stdout, a.printer)
	}
	if err != nil {
		return fmt.Errorf("norms: write to standard output: %w", err)
	}
	return nil
}

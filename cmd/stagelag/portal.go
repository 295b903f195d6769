package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"stagelag/config"
	"stagelag/plain"
	"stagelag/simulator"
)

// portalFlags say which portal is simulated.
type portalFlags struct {
	listen string
	visits string
	final  []string
	world  []string
	deals  int
	now    string
	seed   uint64
	lang   string
	limits string
}

func newPortal(a *app) *cobra.Command {
	var flags portalFlags
	cmd := &cobra.Command{
		Use:   "portal",
		Short: "Serve a simulated portal until stopped",
		Long: `Serves a simulated Bitrix24 portal until stopped, over generated deals or over the
visits of a CSV file (.csv or .csv.gz) with the columns case_id, entered_at, stage and
owner. Times are as 2026-03-02T09:30:00+03:00 or with a blank in place of the T; without an offset
they are UTC, and rows of one time keep the order of the file. Stages in which nine of ten cases
end are taken for final, which it says on standard error; --final names the final ones instead.

With --world, the portal is what a small JSON file says (docs/simulator.md), such as one that shows a
fault. Given several times, SIGHUP goes on to the next file, under the same address and with the
clock of that file; behind the last one it reads that again.

The first line that it writes is the webhook's address, for portal.url; what
follows is a configuration for it, and then each message that is sent over the portal.`,
		Example: `  stagelag portal --listen 127.0.0.1:8024
  stagelag portal --listen 127.0.0.1:0 --deals 5000 --lang ru
  stagelag portal --visits visits.csv.gz --limits none
  stagelag portal --world night1.json --world night2.json
  stagelag portal --visits visits.csv --final 'Handed over' --final Cancelled`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(flags.world) > 0 {
				for _, name := range []string{"deals", "seed", "visits", "final", "now"} {
					if cmd.Flags().Changed(name) {
						return usagef("portal: --%s: a file of --world brings its own; leave one out", name)
					}
				}
			}
			if flags.visits != "" {
				for _, name := range []string{"deals", "seed"} {
					if cmd.Flags().Changed(name) {
						return usagef("portal: --%s is for generated deals, and --visits brings its own; leave one out", name)
					}
				}
			}
			if flags.visits == "" && len(flags.final) > 0 {
				return usagef("portal: --final is for --visits; leave it out")
			}
			return a.servePortal(cmd.Context(), flags)
		},
	}
	set := cmd.Flags()
	set.StringVar(&flags.listen, "listen", "127.0.0.1:8024", "the loopback `address`; with port 0 the system chooses one")
	set.StringVar(&flags.visits, "visits", "", "serve the visits of this CSV `file` in place of generated deals")
	set.StringArrayVar(&flags.world, "world", nil, "serve the world of this JSON `file`; given again, the world of the next night")
	set.StringArrayVar(&flags.final, "final", nil, "with --visits, a final `stage`, again for each; '' for none (guessed)")
	set.IntVar(&flags.deals, "deals", 400, "how many deals are generated")
	set.StringVar(&flags.now, "now", "", "the `time` on the portal's clock at the start, as 2026-03-02 or 2026-03-02T09:00:00+03:00 (now)")
	set.Uint64Var(&flags.seed, "seed", 1, "the same seed generates the same deals")
	set.StringVar(&flags.lang, langFlag, string(a.printer.Language()), "the language of titles, stages and people: en or ru")
	set.StringVar(&flags.limits, "limits", "standard", "the portal's request limits: standard, enterprise or none")
	return cmd
}

func (a *app) servePortal(ctx context.Context, flags portalFlags) error {
	limits, err := simulator.ParseLimits(flags.limits)
	if err != nil {
		return usagef("portal: --limits: %w", err)
	}
	if len(flags.world) > 0 {
		return a.serveNights(ctx, flags, limits)
	}
	clock, err := portalClock(flags.now, a.now)
	if err != nil {
		return err
	}
	world, suggested, err := a.portalWorld(flags, clock())
	if err != nil {
		return err
	}
	simulated := simulator.New(world, simulator.Options{Now: clock, Limits: limits, Scopes: portalScopes, Delivered: a.showMessage})
	base, stop, err := serveAt(ctx, flags.listen, simulated)
	if err != nil {
		return err
	}
	defer stop()

	address := simulated.WebhookURL(base)
	settings, err := portalSettings(address, flags.limits, suggested)
	if err != nil {
		return err
	}
	if err := a.printf("%s\n\n# stagelag.yaml for this portal\n%s", address, settings); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// showMessage prints a message that somebody has sent over the simulated portal, behind number signs: what is printed
// before it is a configuration.
func (a *app) showMessage(m simulator.Message) {
	text := fmt.Sprintf("message %d to %s (%s):\n%s", m.ID, m.Dialog, m.Title, m.Text)
	_ = a.printf("\n# %s\n", strings.ReplaceAll(text, "\n", "\n#   ")) // nobody may be reading any more
}

// serveAt is simulator.Serve with what to do where that fails.
func serveAt(ctx context.Context, address string, handler http.Handler) (base string, stop func(), err error) {
	base, stop, err = simulator.Serve(ctx, address, handler)
	if _, isOfSystem := errors.AsType[*net.OpError](err); isOfSystem {
		return "", nil, fmt.Errorf("portal: %w; give another address with --listen", err)
	}
	if err != nil {
		return "", nil, usagef("portal: --listen: %w", err)
	}
	return base, stop, nil
}

// portalClock is a clock that shows the time given at its start, and goes on from there.
func portalClock(given string, system func() time.Time) (func() time.Time, error) {
	if given == "" {
		return system, nil
	}
	start, err := time.Parse(time.RFC3339, given)
	if err != nil {
		start, err = time.Parse(time.DateOnly, given)
	}
	if wrong := plain.WrongDate(given); wrong != "" {
		return nil, usagef("portal: --now: %s", wrong)
	}
	if err != nil {
		return nil, usagef("portal: --now: %q is no time; write 2026-03-02 or 2026-03-02T09:00:00+03:00", given)
	}
	begun := system()
	return func() time.Time { return start.Add(system().Sub(begun)) }, nil
}

func (a *app) portalWorld(flags portalFlags, now time.Time) (*simulator.World, simulator.Suggested, error) {
	if flags.visits != "" {
		world, err := a.readVisits(flags)
		return world, simulator.Suggested{TimeZone: "UTC"}, err
	}
	if flags.deals < 1 {
		return nil, simulator.Suggested{}, usagef("portal: --deals: %d is no number of deals; give 1 or more", flags.deals)
	}
	languages := map[string]simulator.Language{"en": simulator.English, "ru": simulator.Russian}
	language, ok := languages[flags.lang]
	if !ok {
		return nil, simulator.Suggested{}, usagef("portal: --lang: %q is no language of the portal; use en or ru", flags.lang)
	}
	world, suggested := simulator.Generate(simulator.GenerateOptions{Seed: flags.seed, Deals: flags.deals, Now: now, Language: language})
	return world, suggested, nil
}

func (a *app) readVisits(flags portalFlags) (*simulator.World, error) {
	file, err := os.Open(flags.visits)
	if err != nil {
		return nil, usagef("portal: --visits: %w", plain.NotRead(flags.visits, err))
	}
	defer file.Close()
	log, err := simulator.ReadVisitLog(file)
	if err != nil {
		return nil, fmt.Errorf("portal: read visits: %s: %w", flags.visits, err)
	}
	final := slices.DeleteFunc(slices.Clone(flags.final), func(name string) bool { return name == "" })
	if len(flags.final) == 0 {
		final = log.GuessFinal()
		what := "no stage"
		if len(final) > 0 {
			what = strings.Join(final, ", ")
		}
		_, _ = fmt.Fprintln(a.stderr, plain.Text(a.printer.Sprintf("portal: taken for final: %s, because nine of ten visits there are the last of their case. "+
			"A log that was cut off in mid-work also ends in stages where deals wait: --final STAGE names the right ones, --final '' says that there is none.",
			a.printer.Text(what)), 0))
	}
	world, err := log.World(final)
	if unknown, ok := errors.AsType[*simulator.UnknownStageError](err); ok {
		return nil, usagef("portal: --final: %w in %s%s", unknown, flags.visits, config.Meant(unknown.Name, unknown.Known))
	}
	return world, err
}

// portalSettings is a configuration for a simulated portal, as the text of a file. It
// leaves out an empty address.
func portalSettings(address, limits string, suggested simulator.Suggested) (string, error) {
	type fields struct {
		Days string `yaml:"days,omitempty"`
		Date string `yaml:"date,omitempty"`
	}
	type norm struct {
		Stage string `yaml:"stage"`
		Days  int    `yaml:"days"`
		From  string `yaml:"from,omitempty"`
	}
	var settings struct {
		Portal struct {
			URL      string `yaml:"url,omitempty"`
			TimeZone string `yaml:"time_zone"`
			Limits   string `yaml:"limits"`
		} `yaml:"portal"`
		Funnels []int `yaml:"funnels,omitempty,flow"`
		Plan    struct {
			Fields map[string]fields `yaml:"fields,omitempty"`
			Norms  []norm            `yaml:"norms,omitempty"`
		} `yaml:"plan,omitempty"`
		Stages struct {
			Map map[string]string `yaml:"map,omitempty"`
		} `yaml:"stages,omitempty"`
		Dimensions map[string]string `yaml:"dimensions,omitempty"`
	}
	settings.Portal.URL = address
	settings.Portal.TimeZone = suggested.TimeZone
	settings.Portal.Limits = limits
	settings.Funnels = suggested.Funnels
	settings.Plan.Fields = map[string]fields{}
	for stage, f := range suggested.Fields {
		settings.Plan.Fields[stage] = fields(f)
	}
	for _, n := range suggested.Norms {
		settings.Plan.Norms = append(settings.Plan.Norms, norm(n))
	}
	settings.Stages.Map = suggested.StageMap
	settings.Dimensions = suggested.Dimensions

	text, err := yaml.Marshal(settings)
	if err != nil {
		return "", fmt.Errorf("portal: write its configuration: %w", err)
	}
	return string(text), nil
}

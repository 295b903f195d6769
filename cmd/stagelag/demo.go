package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"stagelag/config"
	"stagelag/loader"
	"stagelag/nightly"
	"stagelag/report"
	"stagelag/simulator"
	"stagelag/transform"
	"stagelag/views"
	"stagelag/warehouse"
)

// demoFolder is where the demo leaves its warehouse and the configuration to look at it.
const demoFolder = "data/demo"

func newDemo(a *app) *cobra.Command {
	flags := portalFlags{listen: "127.0.0.1:0", limits: "standard", seed: 1}
	var isOnServer bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See the nightly pass on a simulated portal of 400 deals",
		Long: `Starts a simulated portal, makes the pass of last night and that of today on the embedded
warehouse, prints the morning's summary and where to look, and writes the quality report of the last
full month. It needs no account and no configuration; what it makes stays in ` + demoFolder + `.`,
		Example: `  stagelag demo
  stagelag demo --lang ru --deals 5000
  STAGELAG_WAREHOUSE_URL=clickhouse://stagelag:${PASSWORD}@127.0.0.1:9000 stagelag demo --server`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			// Whoever tries it wants to see the result, not the log of two runs.
			if !cmd.Flags().Changed("log-level") {
				a.log.SetLevel(logrus.WarnLevel)
			}
			return a.demo(cmd.Context(), flags, isOnServer)
		},
	}
	cmd.Flags().BoolVar(&isOnServer, "server", false, "use the server that STAGELAG_WAREHOUSE_URL names, which nobody but the demo may have used")
	cmd.Flags().IntVar(&flags.deals, "deals", 400, "how many deals are generated")
	cmd.Flags().StringVar(&flags.lang, langFlag, string(a.printer.Language()), "the language of titles, stages and people: en or ru")
	return cmd
}

func (a *app) demo(ctx context.Context, flags portalFlags, isOnServer bool) error {
	world, suggested, err := a.portalWorld(flags, a.now())
	if err != nil {
		return err
	}
	var behind atomic.Int64 // nanoseconds that the portal's clock is behind ours
	simulated := simulator.New(world, simulator.Options{
		Limits: simulator.Standard,
		Now:    func() time.Time { return a.now().Add(-time.Duration(behind.Load())) },
	})
	base, stop, err := simulator.Serve(ctx, flags.listen, simulated)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer stop()
	settings, err := demoSettings(flags, suggested)
	if err != nil {
		return err
	}
	// The address lives as long as this process, so the file does without it.
	environ := append(demoEnvironment(a.environ, isOnServer), "STAGELAG_PORTAL_URL="+simulated.WebhookURL(base))
	cfg, err := config.Load(settings, true, environ, config.NeedPortal)
	if err != nil {
		return err
	}
	if isOnServer && cfg.Warehouse.URL.IsEmbedded() {
		return usagef("demo: --server needs a server; set STAGELAG_WAREHOUSE_URL to clickhouse://user:password@host:9000")
	}
	w, err := warehouse.Open(ctx, warehouseConfig(cfg))
	if err != nil {
		return err
	}
	defer w.Close()
	if err := up(ctx, w); err != nil {
		return err
	}

	if err := a.printf("A simulated portal with %d deals is up. Its nightly passes take a few seconds.\n", flags.deals); err != nil {
		return err
	}
	pass := a.newPass(w, a.client(cfg), cfg, passOptions{command: "stagelag demo", asOf: transform.NoDay})
	before, err := loader.LastPublished(ctx, w.DB())
	if err != nil {
		return err
	}
	if host, _, err := net.SplitHostPort(before.PortalHost); before.RunID > 0 && (err != nil || host != "127.0.0.1") {
		return fmt.Errorf("demo: the warehouse holds the deals of %s, and the demo's must not get among them; name a server of its own in STAGELAG_WAREHOUSE_URL", before.PortalHost)
	}
	behind.Store(int64(24 * time.Hour))
	if lastNight := transform.DayOf(a.now().Add(-24*time.Hour), cfg.Portal.TimeZone); before.RunID == 0 || before.AsOf < lastNight {
		outcome, err := a.pass(ctx, pass)
		if err != nil {
			return err
		}
		if err := a.printf("Last night's pass read %d deals and %d stage changes, and appended %d facts.\n",
			outcome.Run.DealsSeen, outcome.Run.HistoryRows, outcome.Run.FactsAppended); err != nil {
			return err
		}
	}
	behind.Store(0)
	moved, deleted := simulator.ADay(world, suggested, a.now().Add(-time.Hour))
	if err := a.printf("Since then %d plans were moved and %d deal was deleted.\n", moved, deleted); err != nil {
		return err
	}
	outcome, err := a.pass(ctx, pass)
	if err != nil {
		return err
	}
	if err := a.printf("Today's pass read what changed since: %d stage changes, and appended %d facts.\n\n",
		outcome.Run.HistoryRows, outcome.Run.FactsAppended); err != nil {
		return err
	}
	if err := a.summarize(ctx, w, outcome); err != nil {
		return err
	}
	page := filepath.Join(demoFolder, "report.html")
	if err := a.report(ctx, w, report.Query{}, func(_ context.Context, out io.Writer, r *report.Report) error {
		return report.WriteHTML(out, r, report.Language(flags.lang))
	}, page); err != nil {
		return err
	}
	return a.printf(`
Where to look

  %[1]s query --config %[2]s 'SELECT deal_title, stage_name, manager_name, overdue_days_now FROM deals_now ORDER BY overdue_days_now DESC LIMIT 20'
  %[1]s query --config %[2]s 'SELECT manager_name, sum(visits_on_time), sum(visits_closed_with_plan), sum(visits_closed) FROM quality_report GROUP BY 1'
  %[1]s warehouse --config %[2]s    for Grafana, DBeaver and clickhouse-client, until stopped
  %[1]s report --config %[2]s --by stage
  %[1]s letter --config %[2]s --dry-run    the letters of this morning

The quality report of the last full month, to open in a browser and to send to someone

  %[3]s
`, os.Args[0], settings, page)
}

// demoSettings writes the demo's configuration and gives its place.
func demoSettings(flags portalFlags, suggested simulator.Suggested) (string, error) {
	text, err := portalSettings("", flags.limits, suggested)
	if err != nil {
		return "", err
	}
	place, err := yaml.Marshal(map[string]any{
		"warehouse": map[string]string{"path": "warehouse"},
		"calendar":  map[string]any{"kind": "working", "lists": []string{"ru"}},
		"letter":    map[string]any{"chat": "chat1", "managers": true, "language": flags.lang},
	})
	if err != nil {
		return "", fmt.Errorf("demo: %w", err)
	}
	if err := os.MkdirAll(demoFolder, 0o700); err != nil {
		return "", fmt.Errorf("demo: %w; run it in a folder that you may write to", err)
	}
	file := filepath.Join(demoFolder, "stagelag.yaml")
	if err := os.WriteFile(file, append([]byte("# The simulated portal's settings, without its address: it ends with the demo.\n"+text), place...), 0o600); err != nil {
		return "", fmt.Errorf("demo: %w; run it in a folder that you may write to", err)
	}
	return file, nil
}

// demoEnvironment is the environment without the user's own configuration, but for the
// warehouse when the demo is to use that.
func demoEnvironment(environ []string, isOnServer bool) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(variable string) bool {
		isServer := isOnServer && strings.HasPrefix(variable, "STAGELAG_WAREHOUSE_")
		return strings.HasPrefix(variable, "STAGELAG_") && !strings.HasPrefix(variable, config.EngineVariable+"=") && !isServer
	})
}

// summarize prints the morning report of a run.
func (a *app) summarize(ctx context.Context, w *warehouse.Warehouse, outcome nightly.Outcome) error {
	summary, err := nightly.Summarize(ctx, views.In(w), outcome)
	if err != nil {
		return err
	}
	summary.Place = w.Place()
	if err := summary.Write(a.stdout, a.printer); err != nil {
		return fmt.Errorf("write to standard output: %w", err)
	}
	return nil
}

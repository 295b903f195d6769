package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"stagelag/forecast"
	"stagelag/locale"
	"stagelag/transform"
	"stagelag/views"
	"stagelag/warehouse"
)

// forecastFlags are the flags of the forecast command as they were given.
type forecastFlags struct {
	isCheck, isJSON bool
	from, to        string
}

func newForecast(a *app) *cobra.Command {
	var flags forecastFlags
	cmd := &cobra.Command{
		Use:   "forecast --check",
		Short: "Show how good forecasts of when open visits end would have been",
		Long: `Replays the history: on each as-of date of a period, every open visit is forecast from what was known
when the date began, and the forecasts are compared with what came. Shows by stage and in all how far the
probabilities were off, the median and the mean error of the expected end beside those of the naive forecast
(the median of the stage, or the as-of date if the visit has lasted longer), and the share of visits that had
ended by their likely end. It works after the first run, from the imported history. The default period is the
later 60 % of the dates from the first entry to the last day on which a visit began or ended.

docs/forecast.md describes how forecasts are computed.`,
		Example: `  stagelag forecast --check
  stagelag forecast --check --from 2026-07-01 --to 2026-09-30
  stagelag forecast --check --json | jq .total`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !flags.isCheck {
				return usagef("forecast: --check is missing; use stagelag forecast --check")
			}
			from, to, err := flags.period()
			if err != nil {
				return err
			}
			return a.withWarehouse(cmd, func(ctx context.Context, w *warehouse.Warehouse) error {
				return a.checkForecasts(ctx, w, from, to, flags.isJSON)
			})
		},
	}
	f := cmd.Flags()
	f.BoolVar(&flags.isCheck, "check", false, "compare the forecasts of the past with what came")
	f.StringVar(&flags.from, "from", "", "first as-of `date` (default after two fifths of the history)")
	f.StringVar(&flags.to, "to", "", "last as-of `date` (default the last day on which a visit began or ended)")
	f.BoolVar(&flags.isJSON, "json", false, "print JSON")
	return cmd
}

// period is what the flags say; NoDay where they say nothing.
func (f *forecastFlags) period() (from, to transform.Day, err error) {
	from, to = transform.NoDay, transform.NoDay
	if f.from != "" {
		if from, err = transform.ParseDay(f.from); err != nil {
			return from, to, usagef("forecast: --from: %w", err)
		}
	}
	if f.to != "" {
		if to, err = transform.ParseDay(f.to); err != nil {
			return from, to, usagef("forecast: --to: %w", err)
		}
	}
	if to != transform.NoDay && from > to {
		return from, to, usagef("forecast: --from %s is after --to %s", from, to)
	}
	return from, to, nil
}

// A forecastCheck is how good the forecasts of a period were.
type forecastCheck struct {
	from, to, asOf transform.Day
	stages         []stageCheck
	total          forecast.Score
}

type stageCheck struct {
	views.StageHistory
	score forecast.Score
	// withheld is why the stage has no forecasts now, or not all numbers of them.
	withheld forecast.Reason
}

func (a *app) checkForecasts(ctx context.Context, w *warehouse.Warehouse, from, to transform.Day, isJSON bool) error {
	if err := mustBeWhole(ctx, w); err != nil {
		return fmt.Errorf("forecast: %w", err)
	}
	check, err := checkForecasts(ctx, views.In(w), from, to)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if isJSON {
		err = check.writeJSON(&b)
	} else {
		err = check.writeText(&b, a.printer)
	}
	if err != nil {
		return fmt.Errorf("forecast: %w", err)
	}
	return a.printf("%s", b.String())
}

func checkForecasts(ctx context.Context, shown views.Views, from, to transform.Day) (*forecastCheck, error) {
	published, err := shown.Published(ctx)
	if err != nil {
		return nil, err
	}
	if published.RunID == 0 {
		return nil, errors.New("forecast: no run has been published yet; stagelag run makes one")
	}
	for flag, given := range map[string]transform.Day{"from": from, "to": to} {
		if given > published.AsOf {
			return nil, usagef("forecast: --%s %s is after %s, the as-of date of the newest published run", flag, given, published.AsOf)
		}
	}
	check := &forecastCheck{from: from, to: to, asOf: published.AsOf}
	first, last := published.AsOf, transform.FirstDay
	for stage, err := range shown.StageHistories(ctx) {
		if err != nil {
			return nil, err
		}
		check.stages = append(check.stages, stageCheck{StageHistory: stage})
		for i := range stage.Visits {
			first = min(first, stage.Visits[i].Entered)
			last = max(last, stage.Visits[i].Entered, stage.Visits[i].Left)
		}
	}
	if to == transform.NoDay {
		check.to = max(last, first, from)
	}
	if from == transform.NoDay {
		check.from = min(first+(last-first)*2/5, check.to)
	}
	for i := range check.stages {
		s := &check.stages[i]
		stage := forecast.NewStage(s.Visits)
		s.Visits = nil
		s.score.Check(stage, check.from, check.to, published.AsOf)
		last := stage.At(check.to)
		s.withheld = last.Record.Verdict()
		check.total.Merge(&s.score)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return check, nil
}

func (c *forecastCheck) writeText(out io.Writer, p *locale.Printer) error {
	p.Fprintf(out, "Forecasts of every open visit on each date from %s to %s, compared with what came up to %s\n\n", c.from, c.to, c.asOf)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	p.Fprintf(t, "\tforecasts\twith an\t\tprobability off\t\tmedian error\t\tmean error\t\tlikely end\n")
	p.Fprintf(t, "stage\tof visits\texpected end\twithheld\tlate\topen still\tof the end\tnaive\tof the end\tnaive\treached\n")
	for i := range c.stages {
		s := &c.stages[i]
		if s.score.Open > 0 {
			writeScore(t, p, s.Funnel+": "+s.Stage, &s.score)
		}
	}
	writeScore(t, p, p.Text("all"), &c.total)
	if err := t.Flush(); err != nil {
		return err
	}
	p.Fprintf(out, "\nProbabilities in ten bins: the share that was foreseen, and the share that came\n\n")
	t = tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	p.Fprintf(t, "\tlate\t\t\topen still after 7, 14 and 30 days\n")
	p.Fprintf(t, "bin\tforeseen\tcame\tforecasts\tforeseen\tcame\tforecasts\n")
	for i := range c.total.Late {
		p.Fprintf(t, "%d to %d %%", 10*i, 10*i+10)
		for _, bins := range []*forecast.Bins{&c.total.Late, &c.total.Lasting} {
			n := float64(bins[i].Forecasts)
			fmt.Fprintf(t, "\t%s\t%s\t%d", percent(bins[i].Foreseen/n), percent(float64(bins[i].Came)/n), bins[i].Forecasts)
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if c.total.Errors.Count() > 0 && c.total.Errors.Median() >= c.total.NaiveErrors.Median() {
		p.Fprintf(out, "\nBy the median error in all, the expected ends are no better than the naive forecast.\n")
	}
	if c.total.Errors.Count() > 0 && c.total.Errors.Mean() >= c.total.NaiveErrors.Mean() {
		p.Fprintf(out, "\nBy the mean error in all, the expected ends are no better than the naive forecast.\n")
	}
	isFirst := true
	for i := range c.stages {
		if s := &c.stages[i]; s.withheld != forecast.NoReason {
			if isFirst {
				p.Fprintf(out, "\nWithheld on %s:\n", c.to)
				isFirst = false
			}
			fmt.Fprintf(out, "  %s: %s: %s\n", s.Funnel, s.Stage, p.Text(s.withheld.String()))
		}
	}
	return nil
}

func writeScore(t io.Writer, p *locale.Printer, name string, s *forecast.Score) {
	fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", name, s.Open, s.Expected, s.Withheld,
		figure(s.Late.Error(), 3), figure(s.Lasting.Error(), 3), inDays(p, s.Errors.Median(), -1), inDays(p, s.NaiveErrors.Median(), -1),
		inDays(p, s.Errors.Mean(), 1), inDays(p, s.NaiveErrors.Mean(), 1), percent(s.ReachedShare()))
}

// figure is a number with so many decimals, - where there is none.
func figure(x float64, decimals int) string {
	if math.IsNaN(x) {
		return "-"
	}
	return strconv.FormatFloat(x, 'f', decimals, 64)
}

func percent(share float64) string {
	if math.IsNaN(share) {
		return "-"
	}
	return figure(100*share, 0) + " %"
}

func inDays(p *locale.Printer, days float64, decimals int) string {
	if math.IsNaN(days) {
		return "-"
	}
	return p.Sprintf("%s d", figure(days, decimals))
}

// scoreJSON is a score as JSON. A figure that does not exist is null.
type scoreJSON struct {
	Forecasts       int64    `json:"forecasts"`
	WithExpectedEnd int64    `json:"with_expected_end"`
	Withheld        int64    `json:"withheld"`
	Late            binsJSON `json:"late"`
	OpenStill       binsJSON `json:"open_still"`
	Compared        int64    `json:"compared"`
	MedianError     *float64 `json:"median_error_days"`
	NaiveError      *float64 `json:"naive_median_error_days"`
	MeanError       *float64 `json:"mean_error_days"`
	NaiveMeanError  *float64 `json:"naive_mean_error_days"`
	LikelyEnds      int64    `json:"likely_ends"`
	Reached         *float64 `json:"likely_ends_reached"`
}

type binsJSON struct {
	Error *float64   `json:"calibration_error"`
	Bins  [10]binRow `json:"bins"`
}

type binRow struct {
	Forecasts int64    `json:"forecasts"`
	Foreseen  *float64 `json:"foreseen"`
	Came      *float64 `json:"came"`
}

func (c *forecastCheck) writeJSON(out io.Writer) error {
	type stage struct {
		FunnelID uint32 `json:"funnel_id"`
		Funnel   string `json:"funnel_name"`
		StageID  string `json:"stage_id"`
		Stage    string `json:"stage_name"`
		Withheld string `json:"withheld_now,omitempty"`
		scoreJSON
	}
	stages := []stage{}
	for i := range c.stages {
		s := &c.stages[i]
		stages = append(stages, stage{uint32(s.FunnelID), s.Funnel, string(s.StageID), s.Stage, s.withheld.String(), asJSON(&s.score)})
	}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		From   string    `json:"from"`
		To     string    `json:"to"`
		AsOf   string    `json:"as_of"`
		Total  scoreJSON `json:"total"`
		Stages []stage   `json:"stages"`
	}{c.from.String(), c.to.String(), c.asOf.String(), asJSON(&c.total), stages})
}

func asJSON(s *forecast.Score) scoreJSON {
	return scoreJSON{
		Forecasts: s.Open, WithExpectedEnd: s.Expected, Withheld: s.Withheld,
		Late: binsAsJSON(&s.Late), OpenStill: binsAsJSON(&s.Lasting), Compared: s.Errors.Count(),
		MedianError: orNull(s.Errors.Median()), NaiveError: orNull(s.NaiveErrors.Median()),
		MeanError: orNull(s.Errors.Mean()), NaiveMeanError: orNull(s.NaiveErrors.Mean()),
		LikelyEnds: s.LikelyDue, Reached: orNull(s.ReachedShare()),
	}
}

func binsAsJSON(b *forecast.Bins) binsJSON {
	out := binsJSON{Error: orNull(b.Error())}
	for i := range b {
		n := float64(b[i].Forecasts)
		out.Bins[i] = binRow{b[i].Forecasts, orNull(b[i].Foreseen / n), orNull(float64(b[i].Came) / n)}
	}
	return out
}

// orNull is nil for NaN, which JSON does not have.
func orNull(x float64) *float64 {
	if math.IsNaN(x) {
		return nil
	}
	return &x
}

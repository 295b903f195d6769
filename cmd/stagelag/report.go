package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"stagelag/plain"
	"stagelag/report"
	"stagelag/transform"
	"stagelag/views"
	"stagelag/warehouse"
)

// reportFlags are the flags of the report command as they were given.
type reportFlags struct {
	from, to, month string
	by              string
	funnels         []string
	lang            string
	format          string
	out             string
	table           string
	dialect         string
	shownOn         string
}

// reportFormats are the forms of a report.
var reportFormats = []string{"text", "html", "xlsx", "csv", "json"}

func newReport(a *app) *cobra.Command {
	var flags reportFlags
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Render the quality report: days lost, on-time rates, and the deals behind them",
		Long: `Renders the quality report of a period, from the views of the newest published run: days
lost, visits closed on time and late, what is overdue now, the deals behind it, the trend,
and what is not covered. The default is the last full month, by manager, as text; with
--out the file's ending says the form.`,
		Example: `  stagelag report
  stagelag report --month 2026-10 --lang ru --out report.html
  stagelag report --from 2026-07-01 --to 2026-09-30 --by stage --funnel Projects --out report.xlsx
  stagelag report --csv-table visits --csv-dialect excel-ru --out visits.csv
  stagelag report --as-shown-on 2026-10-02 --month 2026-09
  stagelag report --format json`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if flags.format == "" {
				flags.format = formatOf(flags.out)
			}
			query, err := flags.query()
			if err != nil {
				return err
			}
			render, err := flags.renderer(cmd)
			if err != nil {
				return err
			}
			if flags.out == "" && flags.format == "xlsx" && a.hasScreen {
				return usagef("report: a workbook is no text for a terminal; name a file, such as --out report.xlsx")
			}
			return a.withViews(cmd, flags.shownOn, func(ctx context.Context, w *warehouse.Warehouse) error {
				for _, given := range flags.funnels {
					id, err := pickFunnel(ctx, w, "report: --funnel", given)
					if err != nil {
						return err
					}
					query.Funnels = append(query.Funnels, id)
				}
				return a.report(ctx, w, query, render, flags.out)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.from, "from", "", "first `date` of the period")
	f.StringVar(&flags.to, "to", "", "last `date` of the period")
	f.StringVar(&flags.month, "month", "", "the period as a `month`, such as 2026-10 (default the last full one)")
	f.StringVar(&flags.by, "by", string(report.ByManager), "what has a row: "+anyOf(report.Levels))
	f.StringSliceVar(&flags.funnels, "funnel", nil, "only these `funnels`, by id or name (default all)")
	f.StringVar(&flags.lang, "lang", string(report.English), "the language: "+anyOf(report.Languages))
	f.StringVar(&flags.format, "format", "", "the form: "+anyOf(reportFormats)+" (default what the ending of --out says, else text)")
	f.StringVar(&flags.out, "out", "", "write to a `file` (default standard output)")
	f.StringVar(&flags.table, "csv-table", string(report.RowsTable), "what the CSV holds: "+anyOf(report.Tables))
	f.StringVar(&flags.dialect, "csv-dialect", string(report.RFC4180), "how the CSV is written: "+anyOf(report.Dialects)+", which a Russian Excel opens")
	addShownFlag(cmd, &flags.shownOn)
	return cmd
}

// formatOf is the form that a file's ending says, text where it says none.
func formatOf(file string) string {
	if ending := strings.TrimPrefix(strings.ToLower(filepath.Ext(file)), "."); slices.Contains(reportFormats, ending) {
		return ending
	}
	return "text"
}

// query is what the flags ask for.
func (f *reportFlags) query() (report.Query, error) {
	query := report.Query{By: report.By(f.by)}
	if !slices.Contains(report.Levels, query.By) {
		return report.Query{}, notOneOf("by", f.by, report.Levels)
	}
	var err error
	switch {
	case f.month != "" && (f.from != "" || f.to != ""):
		return report.Query{}, usagef("report: --month is a period by itself; leave out --from and --to, or --month")
	case f.month != "":
		if query.Period, err = report.ParseMonth(f.month); err != nil {
			return report.Query{}, usagef("report: --month: %w", err)
		}
	case f.from != "" && f.to != "":
		query.Period, err = parsePeriod(f.from, f.to)
	case f.from != "" || f.to != "":
		return report.Query{}, usagef("report: a period has two ends; give both --from and --to, or --month")
	}
	return query, err
}

func parsePeriod(from, to string) (report.Period, error) {
	first, err := transform.ParseDay(from)
	if err != nil {
		return report.Period{}, usagef("report: --from: %w", err)
	}
	last, err := transform.ParseDay(to)
	if err != nil {
		return report.Period{}, usagef("report: --to: %w", err)
	}
	period, err := report.NewPeriod(first, last)
	if err != nil {
		return report.Period{}, usagef("report: %w", err)
	}
	return period, nil
}

// A renderer writes a report in one form.
type renderer func(context.Context, io.Writer, *report.Report) error

// renderer is the form that the flags ask for.
func (f *reportFlags) renderer(cmd *cobra.Command) (renderer, error) {
	lang, table, dialect := report.Language(f.lang), report.Table(f.table), report.Dialect(f.dialect)
	switch {
	case !slices.Contains(report.Languages, lang):
		return nil, notOneOf("lang", f.lang, report.Languages)
	case !slices.Contains(report.Tables, table):
		return nil, notOneOf("csv-table", f.table, report.Tables)
	case !slices.Contains(report.Dialects, dialect):
		return nil, notOneOf("csv-dialect", f.dialect, report.Dialects)
	}
	for _, name := range []string{"csv-table", "csv-dialect"} {
		if cmd.Flags().Changed(name) && f.format != "csv" {
			return nil, usagef("report: --%s is for --format csv; leave it out for %s", name, f.format)
		}
	}
	switch f.format {
	case "text":
		return func(_ context.Context, out io.Writer, r *report.Report) error { return report.WriteText(out, r, lang) }, nil
	case "html":
		return func(_ context.Context, out io.Writer, r *report.Report) error { return report.WriteHTML(out, r, lang) }, nil
	case "xlsx":
		return func(ctx context.Context, out io.Writer, r *report.Report) error {
			return report.WriteXLSX(ctx, out, r, lang)
		}, nil
	case "csv":
		return func(_ context.Context, out io.Writer, r *report.Report) error {
			return report.WriteCSV(out, r, lang, table, dialect)
		}, nil
	case "json":
		return func(_ context.Context, out io.Writer, r *report.Report) error { return report.WriteJSON(out, r) }, nil
	default:
		return nil, notOneOf("format", f.format, reportFormats)
	}
}

func notOneOf[T ~string](flag, given string, known []T) error {
	return usagef("report: --%s: %q is not %s", flag, given, anyOf(known))
}

func anyOf[T ~string](names []T) string {
	var list []string
	for _, name := range names {
		list = append(list, string(name))
	}
	last := len(list) - 1
	return strings.Join(list[:last], ", ") + " or " + list[last]
}

// report reads a report and writes it to a file, or to standard output without one.
func (a *app) report(ctx context.Context, w *warehouse.Warehouse, query report.Query, render renderer, file string) error {
	if err := mustBeWhole(ctx, w); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	r, err := report.Read(ctx, views.In(w), query)
	refusal, isRefused := errors.AsType[*report.QueryError](err)
	switch {
	case isRefused:
		return usagef("report: %w", refusal)
	case errors.Is(err, report.ErrNothingPublished):
		return fmt.Errorf("report: %w; stagelag run makes one", report.ErrNothingPublished)
	case err != nil:
		return err
	}
	var b bytes.Buffer
	if err := render(ctx, &b, &r); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if file == "" {
		if _, err := a.stdout.Write(b.Bytes()); err != nil {
			return fmt.Errorf("write to standard output: %w", err)
		}
		return nil
	}
	if err := writeWhole(file, b.Bytes()); err != nil {
		return fmt.Errorf("report: --out: %w", err)
	}
	return nil
}

// writeWhole writes a file in one step: whoever reads it sees all of it, or the one that was there
// before. It keeps the mode of the one that was there; a new file gets what the umask leaves.
func writeWhole(file string, content []byte) error {
	return plain.NotWritten(file, writeBeside(file, content))
}

func writeBeside(file string, content []byte) error {
	name := filepath.Join(filepath.Dir(file), "."+filepath.Base(file)+"."+rand.Text())
	temporary, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666) //nolint:gosec // the umask decides
	if err != nil {
		return err
	}
	defer os.Remove(name)
	if there, statErr := os.Stat(file); statErr == nil {
		err = temporary.Chmod(there.Mode().Perm())
	}
	if err == nil {
		_, err = temporary.Write(content)
	}
	err = errors.Join(err, temporary.Sync(), temporary.Close())
	if err != nil {
		return err
	}
	return os.Rename(name, file)
}

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"stagelag/config"
	"stagelag/loader"
	"stagelag/plain"
	"stagelag/report"
	"stagelag/transform"
	"stagelag/views"
	"stagelag/warehouse"
)

// reportFlags are the flags of the report command as they were given.
type reportFlags struct {
	from, to      string
	month         string
	week, quarter string
	by            string
	funnels       []string
	departments   []string
	managers      []string
	companies     []string
	where         []string
	lang          string
	format        string
	out           string
	table         string
	dialect       string
	shownOn       string
}

// reportFormats are the forms of a report.
var reportFormats = []string{"text", "html", "pdf", "xlsx", "csv", "json"}

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
  stagelag report --quarter 2026-Q3 --by stage --funnel Projects --out report.xlsx
  stagelag report --week 2026-W40 --out report.pdf
  stagelag report --department Sales --by stage
  stagelag report --manager "Anna Lindqvist" --quarter 2026-Q3
  stagelag report --company "Hillside Ltd" --where region=North
  stagelag report --by company --out companies.xlsx
  stagelag report --by region
  stagelag report --csv-table visits --csv-dialect excel-ru --out visits.csv
  stagelag report --as-shown-on 2026-10-02 --month 2026-09
  stagelag report --format json`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flags.setFormat(); err != nil {
				return err
			}
			query, err := flags.query()
			if err != nil {
				return err
			}
			render, err := flags.renderer(cmd)
			if err != nil {
				return err
			}
			if flags.out == "" && a.hasScreen && (flags.format == "xlsx" || flags.format == "pdf") {
				return usagef("report: the form %[1]s is no text for a terminal; name a file, such as --out report.%[1]s", flags.format)
			}
			cfg, err := a.config(cmd)
			if err != nil {
				return err
			}
			query.Targets = cfg.Targets
			dimension, err := flags.dimension(cfg)
			if err != nil {
				return err
			}
			return a.withViews(cmd, flags.shownOn, func(ctx context.Context, w *warehouse.Warehouse) error {
				if dimension != "" {
					if query.Dimension, err = publishedDimension(ctx, w, dimension); err != nil {
						return err
					}
				}
				for _, given := range flags.funnels {
					id, err := pickFunnel(ctx, w, "report: --funnel", given)
					if err != nil {
						return err
					}
					query.Funnels = append(query.Funnels, id)
				}
				if query.Choice, err = flags.choice(ctx, w); err != nil {
					return err
				}
				return a.report(ctx, w, query, render, flags.out)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.from, "from", "", "first `date` of the period")
	f.StringVar(&flags.to, "to", "", "last `date` of the period")
	f.StringVar(&flags.month, "month", "", "the period as a `month`, such as 2026-10 (default the last full one)")
	f.StringVar(&flags.week, "week", "", "the period as a `week` from Monday to Sunday, such as 2026-W05")
	f.StringVar(&flags.quarter, "quarter", "", "the period as a `quarter`, such as 2026-Q1")
	f.StringVar(&flags.by, "by", string(report.ByManager), "what has a row: "+anyOf(report.Levels)+", or a `name` under dimensions in the configuration")
	f.StringSliceVar(&flags.funnels, "funnel", nil, "only these `funnels`, by id or name (default all)")
	f.StringSliceVar(&flags.departments, "department", nil, "only what counts for people of these `departments`, on the days that they were there (default all)")
	f.StringArrayVar(&flags.managers, "manager", nil, "only what counts for a `person`, by id or name; give it several times for several (default all)")
	f.StringArrayVar(&flags.companies, "company", nil, "only deals of a `company`, by id or name; give it several times for several (default all)")
	f.StringArrayVar(&flags.where, "where", nil, "only deals whose field has a value: `NAME=VALUE`, where dimensions in the configuration has NAME; of one name one of the values (default all)")
	f.StringVar(&flags.lang, langFlag, string(a.printer.Language()), "the language: "+anyOf(report.Languages))
	f.StringVar(&flags.format, "format", "", "the form: "+anyOf(reportFormats)+" (default what the ending of --out says, else text)")
	f.StringVar(&flags.out, "out", "", "write to a `file` (default standard output)")
	f.StringVar(&flags.table, "csv-table", string(report.RowsTable), "what the CSV holds: "+anyOf(report.Tables))
	f.StringVar(&flags.dialect, "csv-dialect", string(report.RFC4180), "how the CSV is written: "+anyOf(report.Dialects)+", which a Russian Excel opens")
	addShownFlag(cmd, &flags.shownOn)
	return cmd
}

// setFormat takes the form from the file's ending where no flag says it: text where there is no ending.
func (f *reportFlags) setFormat() error {
	if there, err := os.Stat(f.out); f.out != "" && err == nil && there.IsDir() {
		return usagef("report: --out: %s is a folder; name a file in it, such as %s", f.out, filepath.Join(f.out, "report.html"))
	}
	if f.format != "" {
		return nil
	}
	ending := strings.TrimPrefix(strings.ToLower(filepath.Ext(f.out)), ".")
	switch {
	case slices.Contains(reportFormats, ending):
		f.format = ending
	case ending == "" || ending == "txt":
		f.format = "text"
	default:
		return usagef("report: --out: no report is written as .%s; end the name with .html, .pdf, .xlsx, .csv, .json or .txt, or name the form with --format", ending)
	}
	return nil
}

// query is what the flags ask for.
func (f *reportFlags) query() (report.Query, error) {
	query := report.Query{By: report.By(f.by)}
	if !slices.Contains(report.Levels, query.By) {
		query.By = report.ByDimension
	}
	var err error
	query.Period, err = f.period()
	return query, err
}

// ofDimension stands before the name of a dimension, and has to where a level has the same name.
const ofDimension = "dimension:"

// dimension is the name under dimensions in the configuration that --by gives, empty where it gives a level.
func (f *reportFlags) dimension(cfg config.Config) (string, error) {
	if slices.Contains(report.Levels, report.By(f.by)) {
		return "", nil
	}
	name := strings.TrimSpace(strings.TrimPrefix(f.by, ofDimension))
	if _, isThere := cfg.Dimensions[config.DimensionName(name)]; isThere {
		return name, nil
	}
	var known []string
	for _, level := range report.Levels {
		known = append(known, string(level))
	}
	for _, dimension := range slices.Sorted(maps.Keys(cfg.Dimensions)) {
		known = append(known, string(dimension))
	}
	return "", usagef("report: --by: %s is neither a level nor a name under dimensions in the configuration; there are %s",
		strconv.Quote(plain.Text(f.by, 60)), plain.Text(strings.Join(known, ", "), 300))
}

// publishedDimension is the dimension with a name, as the published run has it.
func publishedDimension(ctx context.Context, w *warehouse.Warehouse, name string) (loader.Dimension, error) {
	if published, err := views.In(w).Published(ctx); err != nil || published.RunID == 0 {
		return loader.Dimension{Name: name}, err
	}
	dimensions, err := loader.DimensionsOf(ctx, w.DB(), 0)
	if err != nil {
		return loader.Dimension{}, err
	}
	i := slices.IndexFunc(dimensions, func(d loader.Dimension) bool { return d.Name == name })
	if i < 0 {
		return loader.Dimension{}, usagef("report: --by: the newest run has not read the dimension %s; make a run, which reads it", plain.Text(name, 60))
	}
	return dimensions[i], nil
}

// choice is what the flags hold the report to, as the warehouse knows it.
func (f *reportFlags) choice(ctx context.Context, w *warehouse.Warehouse) (choice views.Choice, err error) {
	if err := checkDepartments(ctx, w, f.departments); err != nil {
		return views.Choice{}, err
	}
	choice.Departments = f.departments
	for _, given := range f.managers {
		id, err := pickManager(ctx, w, "report: --manager", given)
		if err != nil {
			return views.Choice{}, err
		}
		switch hasAny, err := views.In(w).HasManager(ctx, id); {
		case err != nil:
			return views.Choice{}, err
		case !hasAny:
			return views.Choice{}, usagef("report: --manager: nothing counts for a person with the id %d", id)
		}
		choice.Managers = append(choice.Managers, id)
	}
	for _, given := range f.companies {
		id, err := pickCompany(ctx, w, "report: --company", given)
		if err != nil {
			return views.Choice{}, err
		}
		choice.Companies = append(choice.Companies, id)
	}
	choice.Dimensions, err = pickDimensions(ctx, w, f.where)
	return choice, err
}

// period is the one that the flags name, none where they name none.
func (f *reportFlags) period() (report.Period, error) {
	var names []string
	var period report.Period
	var wrong error
	for _, whole := range []struct {
		flag, given string
		parse       func(string) (report.Period, error)
	}{
		{"--month", f.month, report.ParseMonth}, {"--week", f.week, report.ParseWeek}, {"--quarter", f.quarter, report.ParseQuarter},
	} {
		if whole.given == "" {
			continue
		}
		names = append(names, whole.flag)
		var err error
		if period, err = whole.parse(whole.given); err != nil && wrong == nil {
			wrong = usagef("report: %s: %w", whole.flag, err)
		}
	}
	switch hasEnds := f.from != "" || f.to != ""; {
	case len(names) > 1:
		return report.Period{}, usagef("report: %s are periods by themselves; leave one out", strings.Join(names, " and "))
	case len(names) == 1 && hasEnds:
		return report.Period{}, usagef("report: %[1]s is a period by itself; leave out --from and --to, or %[1]s", names[0])
	case len(names) == 1:
		return period, wrong
	case f.from != "" && f.to != "":
		return parsePeriod(f.from, f.to)
	case hasEnds:
		return report.Period{}, usagef("report: a period has two ends; give both --from and --to, or --month, --week or --quarter")
	}
	return report.Period{}, nil
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
	case "pdf":
		return func(ctx context.Context, out io.Writer, r *report.Report) error {
			return report.WritePDF(ctx, out, r, lang)
		}, nil
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
	r, err := report.Read(ctx, views.In(w).Chosen(query.Choice), query)
	refusal, isRefused := errors.AsType[*report.QueryError](err)
	switch {
	case isRefused:
		return usagef("report: %w", refusal)
	case errors.Is(err, report.ErrNothingPublished):
		return fmt.Errorf("report: %w; stagelag run makes one", report.ErrNothingPublished)
	case err != nil:
		return err
	}
	if file == "" {
		if err := render(ctx, a.stdout, &r); err != nil {
			return fmt.Errorf("report: %w", err)
		}
		return nil
	}
	if err := writeWhole(file, func(out io.Writer) error { return render(ctx, out, &r) }); err != nil {
		return fmt.Errorf("report: --out: %w", err)
	}
	return nil
}

// writeWhole writes a file in one step: whoever reads it sees all of it, or the one that was there
// before. It keeps the mode of the one that was there; a new file gets what the umask leaves.
func writeWhole(file string, write func(io.Writer) error) error {
	return plain.NotWritten(file, writeBeside(file, write))
}

func writeBeside(file string, write func(io.Writer) error) error {
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
		err = write(temporary)
	}
	err = errors.Join(err, temporary.Sync(), temporary.Close())
	if err != nil {
		return err
	}
	return os.Rename(name, file)
}

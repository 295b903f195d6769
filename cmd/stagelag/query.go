package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"stagelag/config"
	"stagelag/remedy"
	"stagelag/warehouse"
)

func newQuery(a *app) *cobra.Command {
	var format, shownOn string
	cmd := &cobra.Command{
		Use:   "query SQL",
		Short: "Run one statement in the warehouse, as the read-only analyst",
		Long: `Runs one statement in the warehouse, as the read-only analyst, and writes what it
returns. With - the statement is read from standard input. SHOW TABLES lists the views. A terminal
is shown a space for each character that it would obey; a file or pipe gets what is there.`,
		Example: `  stagelag query 'SELECT deal_title, status, days_left FROM deals_now'
  stagelag query --format CSVWithNames 'SELECT * FROM quality_report' > quality.csv
  stagelag query --as-shown-on 2026-10-02 'SELECT sum(overdue_days_total) FROM deals_now'
  stagelag query - < report.sql`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("query: the statement is %d arguments; put quotes around it, as in stagelag query 'SELECT * FROM deals_now'", len(args))
			}
			return arguments(1, 1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			statement, err := a.statement(args[0])
			if err != nil {
				return err
			}
			if format == "" {
				format = a.defaultFormat()
			}
			return a.withViews(cmd, shownOn, func(ctx context.Context, w *warehouse.Warehouse) error {
				return a.query(ctx, w, statement, format)
			})
		},
	}
	cmd.Flags().StringVar(&format, "format", "", "the ClickHouse `format` of the result (a table on a terminal, else TSVWithNames)")
	addShownFlag(cmd, &shownOn)
	return cmd
}

// statement is the argument of the query command, or what standard input holds for -.
func (a *app) statement(argument string) (string, error) {
	statement := argument
	if argument == "-" {
		text, err := io.ReadAll(a.stdin)
		if err != nil {
			return "", fmt.Errorf("query: read the statement from standard input: %w", err)
		}
		statement = string(text)
	}
	if strings.TrimSpace(statement) == "" {
		return "", usagef("query: the statement is empty; give one, such as 'SELECT * FROM deals_now'")
	}
	return statement, nil
}

func (a *app) defaultFormat() string {
	if a.hasScreen {
		return "PrettyCompact"
	}
	return "TSVWithNames"
}

func (a *app) query(ctx context.Context, w *warehouse.Warehouse, statement, format string) error {
	if err := mustBeWhole(ctx, w); err != nil {
		return fmt.Errorf("query: %w", err)
	}
	err := w.Query(ctx, a.stdout, statement, format)
	refusal, _ := errors.AsType[*warehouse.EngineError](err)
	switch {
	case refusal == nil:
		return err
	case refusal.Name == "UNKNOWN_TABLE":
		return fmt.Errorf("%w; SHOW TABLES lists what there is, and stagelag run fills it", err)
	case refusal.Name == "ILLEGAL_AGGREGATION":
		return fmt.Errorf("%w; behind AS a column's name stands for the sum: in WHERE write the table's name before it, such as deals_now.amount, or name the sum otherwise", err)
	case refusal.Name == "ACCESS_DENIED":
		return remedy.Explained(fmt.Errorf("%w; stagelag query reads what SHOW TABLES lists, and nothing else", err))
	case refusal.Name == "UNKNOWN_FORMAT":
		return usagef("%w; --format takes the name of a ClickHouse format, such as CSVWithNames", err)
	default:
		return err
	}
}

// mustBeWhole keeps from reading what is half restored: it would look like fewer deals.
func mustBeWhole(ctx context.Context, w *warehouse.Warehouse) error {
	if err := w.CheckWhole(ctx); errors.Is(err, warehouse.ErrHalfRestored) {
		return err
	}
	return nil // whatever else is wrong, reading will tell
}

// withWarehouse does something with the warehouse that is configured, which is made where it is absent.
func (a *app) withWarehouse(cmd *cobra.Command, do func(context.Context, *warehouse.Warehouse) error) error {
	return a.withWarehouseOf(cmd, func(*warehouse.Config) {}, do)
}

// reading does something with the warehouse that is configured, and makes none: in a wrong folder a new
// one would look like one that has lost its data.
func (a *app) reading(cmd *cobra.Command, do func(context.Context, *warehouse.Warehouse) error) error {
	return a.withWarehouseOf(cmd, func(at *warehouse.Config) { at.MustExist = true }, do)
}

// withWarehouseOf is withWarehouse with a change to what the configuration says of it.
func (a *app) withWarehouseOf(cmd *cobra.Command, change func(*warehouse.Config), do func(context.Context, *warehouse.Warehouse) error) error {
	cfg, err := a.config(cmd)
	if err != nil {
		return err
	}
	at := warehouseConfig(cfg)
	change(&at)
	return withWarehouse(cmd.Context(), at, do)
}

func withWarehouse(ctx context.Context, at warehouse.Config, do func(context.Context, *warehouse.Warehouse) error) (err error) {
	w, err := warehouse.Open(ctx, at)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	return do(ctx, w)
}

// readOnly is where the warehouse is, for a command that makes none.
func readOnly(cfg config.Config) warehouse.Config {
	at := warehouseConfig(cfg)
	at.MustExist = true
	return at
}

// warehouseConfig is what the configuration says of the warehouse, in the words of its
// package.
func warehouseConfig(cfg config.Config) warehouse.Config {
	return warehouse.Config{
		URL:        cfg.Warehouse.URL.Reveal(),
		Cluster:    cfg.Warehouse.Cluster,
		AnalystURL: cfg.Warehouse.AnalystURL.Reveal(),
		Database:   cfg.Warehouse.Database,
		Path:       string(cfg.Warehouse.Path),

		ListenNative: string(cfg.Warehouse.Listen.Native), ListenHTTP: string(cfg.Warehouse.Listen.HTTP),

		CAFile:          string(cfg.Warehouse.CAFile),
		CertificateFile: string(cfg.Warehouse.CertificateFile),
		KeyFile:         string(cfg.Warehouse.KeyFile),
	}
}

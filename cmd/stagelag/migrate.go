package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"stagelag/remedy"
	"stagelag/sql"
	"stagelag/warehouse"
)

func newMigrate(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate up|status",
		Short: "Bring the warehouse's schema to this version, or tell where it stands",
		Long: `Brings the warehouse's schema to this version, or tells where it stands. A run brings
it there by itself; this command does it at another time, or as another
user of the warehouse.`,
		Example: `  stagelag migrate status
  stagelag migrate up`,
		Args: knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use:     "up",
			Short:   "Bring the schema to this version",
			Example: "  stagelag migrate up",
			Args:    arguments(0, 0),
			RunE: func(cmd *cobra.Command, _ []string) error {
				return a.withWarehouse(cmd, func(ctx context.Context, w *warehouse.Warehouse) error {
					if err := up(ctx, w); err != nil {
						return err
					}
					return a.printStatus(ctx, w)
				})
			},
		},
		&cobra.Command{
			Use:     "status",
			Short:   "Tell where the schema stands, and what to do",
			Example: "  stagelag migrate status",
			Args:    arguments(0, 0),
			RunE: func(cmd *cobra.Command, _ []string) error {
				return a.reading(cmd, a.printStatus)
			},
		},
	)
	return cmd
}

// up brings the schema to this version, and says what to do where it can't.
func up(ctx context.Context, w *warehouse.Warehouse) error {
	return remedy.Explain(ctx, sql.Up(ctx, w))
}

func (a *app) printStatus(ctx context.Context, w *warehouse.Warehouse) error {
	status, err := sql.ReadStatus(ctx, w)
	if err != nil {
		return err
	}
	return a.printf("schema   %d of %d\nmissing  %s\nto do    %s\n",
		status.Version, status.Newest, a.printer.Text(missing(status)), a.printer.Text(toDo(status)))
}

func missing(status sql.Status) string {
	if len(status.Pending) == 0 {
		return "nothing"
	}
	return strings.Join(status.Pending, "\n         ")
}

func toDo(status sql.Status) string {
	switch {
	case status.IsNewer():
		return "use the version of stagelag that made this schema, or a newer one"
	case status.IsHalfDone:
		return "migration " + strconv.FormatUint(uint64(status.Version), 10) + " stopped half-way: stagelag migrate up repeats it"
	case len(status.Pending) > 0:
		return "stagelag migrate up, or the next run, brings it to this version"
	default:
		return "nothing"
	}
}

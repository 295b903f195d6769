package main

import (
	"context"

	"github.com/spf13/cobra"

	"stagelag/extractor"
	"stagelag/loader"
	"stagelag/nightly"
	"stagelag/sql"
	"stagelag/warehouse"
)

func newForget(a *app) *cobra.Command {
	var manager uint64
	cmd := &cobra.Command{
		Use:   "forget --manager ID",
		Short: "Take a person's name out of the warehouse, for good",
		Long: `Takes the name of a person out of the warehouse, out of what earlier runs have published too.
No later run brings it back, whatever the portal shows, and no backup that is restored in place of
this warehouse. The numbers stay, under #ID. Backups themselves are as they were: delete those
from before.`,
		Example: `  stagelag forget --manager 17`,
		Args:    arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if manager == 0 {
				return usagef("forget: --manager: give the person's id on the portal, as in stagelag forget --manager 17")
			}
			return a.withWarehouse(cmd, func(ctx context.Context, w *warehouse.Warehouse) error {
				return a.forget(ctx, w, extractor.ManagerID(manager))
			})
		},
	}
	cmd.Flags().Uint64Var(&manager, "manager", 0, "the person's `id` on the portal")
	return cmd
}

func (a *app) forget(ctx context.Context, w *warehouse.Warehouse, manager extractor.ManagerID) error {
	if err := sql.Up(ctx, w); err != nil {
		return err
	}
	err := alone(ctx, w, "stagelag forget", func(ctx context.Context) error {
		return loader.Forget(ctx, w.DB(), manager, a.now())
	}, nightly.Lease)
	if err != nil {
		return err
	}
	return a.printf("Manager %d has no name in the warehouse any more, and is shown as #%[1]d.\n", manager)
}

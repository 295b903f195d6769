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
No later run brings it back, whatever the portal shows. The numbers stay, under #ID. Backups are
as they were: delete those from before, or forget the person again after restoring one.`,
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
	lease, err := w.Lease(ctx, nightly.Lease, "stagelag forget")
	if err != nil {
		return err
	}
	defer lease.Release()
	if err := loader.Forget(lease.Context(), w.DB(), manager); err != nil {
		return err
	}
	return a.printf("Manager %d has no name in the warehouse any more, and is shown as #%[1]d.\n", manager)
}

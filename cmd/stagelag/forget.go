package main

import (
	"context"

	"github.com/spf13/cobra"

	"stagelag/extractor"
	"stagelag/loader"
	"stagelag/nightly"
	"stagelag/warehouse"
)

func newForget(a *app) *cobra.Command {
	var manager string
	var deal uint64
	cmd := &cobra.Command{
		Use:   "forget --manager ID | --deal ID",
		Short: "Take a person's name, or a deal, out of the warehouse for good",
		Long: `With --manager, takes the name of a person out of the warehouse, out of what earlier runs have published too.
No later run brings it back, whatever the portal shows, and no backup that is restored in place of
this warehouse. The numbers stay, under #ID. Backups themselves are as they were: delete those
from before.

With --deal, takes a deal out of the report at once, to stay out whatever the portal shows, and its
title out of everything that was published.`,
		Example: `  stagelag forget --manager 17
  stagelag forget --manager 'Anna Lindqvist'
  stagelag forget --deal 4711`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (manager == "") == (deal == 0) {
				return usagef("forget: give --manager with the id or name of a person, or --deal with that of a deal, as in stagelag forget --manager 17")
			}
			return a.reading(cmd, func(ctx context.Context, w *warehouse.Warehouse) error {
				if deal != 0 {
					return a.forgetDeal(ctx, w, extractor.DealID(deal))
				}
				id, err := pickManager(ctx, w, "forget: --manager", manager)
				if err != nil {
					return err
				}
				return a.forget(ctx, w, id)
			})
		},
	}
	cmd.Flags().StringVar(&manager, "manager", "", "the `person`, by the id on the portal or by name")
	cmd.Flags().Uint64Var(&deal, "deal", 0, "the deal's `id` on the portal")
	return cmd
}

func (a *app) forgetDeal(ctx context.Context, w *warehouse.Warehouse, deal extractor.DealID) error {
	if err := up(ctx, w); err != nil {
		return err
	}
	err := alone(ctx, w, "stagelag forget", func(ctx context.Context) error {
		return nightly.ForgetDeal(ctx, w, deal, a.now)
	}, nightly.Lease)
	if err != nil {
		return err
	}
	return a.printf("Deal %d is out of the report, and stays out.\n", deal)
}

func (a *app) forget(ctx context.Context, w *warehouse.Warehouse, manager extractor.ManagerID) error {
	if err := up(ctx, w); err != nil {
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

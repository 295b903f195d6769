package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"stagelag/loader"
	"stagelag/transform"
	"stagelag/warehouse"
)

// shownFlag asks for what was shown on an earlier date.
const shownFlag = "as-shown-on"

func addShownFlag(cmd *cobra.Command, date *string) {
	cmd.Flags().StringVar(date, shownFlag, "", "what was shown at the end of a `date`, whatever has been corrected since (default now)")
}

// withViews does something with the views as they were shown on a date, or as they are where it is empty.
func (a *app) withViews(cmd *cobra.Command, shownOn string, do func(context.Context, *warehouse.Warehouse) error) error {
	if shownOn == "" {
		return a.reading(cmd, do)
	}
	day, err := transform.ParseDay(shownOn)
	if err != nil {
		return usagef("%s: --%s: %w", cmd.Name(), shownFlag, err)
	}
	return a.withWarehouseOf(cmd, func(at *warehouse.Config) { at.ShownOn, at.MustExist = day.String(), true }, func(ctx context.Context, w *warehouse.Warehouse) error {
		if err := mustBeWhole(ctx, w); err != nil {
			return fmt.Errorf("%s: %w", cmd.Name(), err)
		}
		first, last, err := loader.PublishedDates(ctx, w.DB())
		switch {
		case err != nil:
			return err
		case first == transform.NoDay:
			return fmt.Errorf("%s: nothing is published yet; stagelag run makes a first state", cmd.Name())
		case day < first:
			return usagef("%s: --%s %s: nothing was shown then; the first state is that of %s", cmd.Name(), shownFlag, day, first)
		case day > last:
			return usagef("%s: --%s %s: nothing has been shown then yet; the last state is that of %s, which is shown without the flag", cmd.Name(), shownFlag, day, last)
		}
		return do(ctx, w)
	})
}

package nightly

import (
	"context"
	"fmt"
	"time"

	"stagelag/extractor"
	"stagelag/loader"
	"stagelag/transform"
	"stagelag/warehouse"
)

// ForgetDeal takes a deal out of the report for good, and its title out of all that was published. What is published
// otherwise stays as old as it was. The caller holds the lease that keeps runs out; cut off in the middle it is
// called again.
func ForgetDeal(ctx context.Context, w *warehouse.Warehouse, deal extractor.DealID, now func() time.Time) error {
	if err := loader.ForgetDeal(ctx, w.DB(), deal, now()); err != nil {
		return err
	}
	return takeOut(ctx, w, deal, now)
}

// KeepForgottenDeal is ForgetDeal for a deal that the warehouse may have nothing of: one that was forgotten in the
// warehouse that a restore has replaced.
func KeepForgottenDeal(ctx context.Context, w *warehouse.Warehouse, deal extractor.DealID, now func() time.Time) error {
	if err := loader.KeepForgottenDeal(ctx, w.DB(), deal, now()); err != nil {
		return err
	}
	return takeOut(ctx, w, deal, now)
}

func takeOut(ctx context.Context, w *warehouse.Warehouse, deal extractor.DealID, now func() time.Time) error {
	var shown uint64
	row := w.Views().QueryRow(ctx, "SELECT count() FROM (SELECT deal_id FROM deals_now UNION ALL SELECT deal_id FROM data_gaps) WHERE deal_id = ?", uint64(deal))
	if err := row.Scan(&shown); err != nil {
		return fmt.Errorf("look for deal %d in the report: %w", deal, err)
	}
	if shown > 0 {
		before, err := loader.LastPublished(ctx, w.DB())
		if err != nil {
			return err
		}
		if err := publishWithout(ctx, w, deal, before, now); err != nil {
			return err
		}
	}
	return loader.RemoveTitle(ctx, w, deal)
}

// publishWithout publishes the state of before without a deal.
func publishWithout(ctx context.Context, w *warehouse.Warehouse, deal extractor.DealID, before loader.State, now func() time.Time) error {
	calendars, err := loader.CalendarsOf(ctx, w.DB(), 0)
	if err != nil {
		return err
	}
	run, err := loader.Begin(ctx, w, loader.Start{
		Now: now, At: before.StartedAt, AsOf: before.AsOf, PortalHost: before.PortalHost, RulesHash: before.RulesHash, Rules: before.Rules,
		Calendars: &calendars.Calendars, FinishedAt: before.FinishedAt,
	})
	if err != nil {
		return err
	}
	shards := run.Shards()
	ids := make([][]extractor.DealID, len(shards))
	for i := range ids {
		ids[i] = []extractor.DealID{deal}
	}
	dates := transform.Dates{RunID: uint32(run.ID()), AsOf: before.AsOf, PublishedAsOf: before.AsOf, Clock: before.StartedAt}
	departments, err := loader.DepartmentsOf(ctx, w.DB(), 0, transform.NoDay)
	if err != nil {
		return err
	}
	// A deal that is gone needs no rules but the calendars under which its days were counted.
	rules := &transform.Rules{Zone: time.UTC, Calendars: calendars.Calendars}
	appended, err := deriveShards(ctx, shards, ids, under(rules, &calendars.Calendars, true), &labels{departments: departments}, dates, &counter{shown: silent{}, total: len(shards)})
	if err != nil {
		return err
	}
	var sum loader.Appended
	for i, shard := range shards {
		if err := shard.Complete(ctx, appended[i], departments); err != nil {
			return err
		}
		sum.Add(appended[i])
	}
	run.SetAppended(sum)
	run.KeepForecasts()
	if _, err := run.CountDeals(ctx); err != nil {
		return err
	}
	if err := w.Settle(ctx); err != nil {
		return err
	}
	return run.Publish(ctx)
}

type silent struct{}

func (silent) Step(string)       {}
func (silent) Rows(int64, int64) {}

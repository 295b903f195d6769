// Package loadertest publishes deals under rules that a test gives, without a portal.
package loadertest

import (
	"testing"
	"time"

	"stagelag/loader"
	"stagelag/transform"
	"stagelag/warehouse"
)

// Publish makes the first run of a migrated warehouse: the deals of the histories as of the date, under the rules. A stage
// and a funnel are shown by their ids, a manager by #ID.
func Publish(t testing.TB, w *warehouse.Warehouse, rules *transform.Rules, asOf transform.Day, histories []transform.History) {
	t.Helper()
	if err := publish(t, w, rules, asOf, histories); err != nil {
		t.Fatalf("publish %d deals: %v", len(histories), err)
	}
}

func publish(t testing.TB, w *warehouse.Warehouse, rules *transform.Rules, asOf transform.Day, histories []transform.History) error {
	ctx := t.Context()
	clock := asOf.Time().Add(12 * time.Hour)
	run, err := loader.Begin(ctx, w, loader.Start{
		Now: func() time.Time { return clock }, At: clock, AsOf: asOf, PortalHost: "example.bitrix24.ru", Calendars: &rules.Calendars,
	})
	if err != nil {
		return err
	}
	before := loader.Calendars{Calendars: transform.Calendars{Default: transform.CalendarDays{}}}
	if err := run.AppendCalendars(ctx, &loader.Calendars{Calendars: rules.Calendars}, &before); err != nil {
		return err
	}
	shard := run.Shards()[0]
	appender := shard.Append(ctx, nil)
	defer appender.Close()
	for i := range histories {
		deal := &histories[i].Deal
		derived := rules.Derive(&histories[i], transform.Dates{AsOf: asOf, PublishedAsOf: transform.NoDay, Clock: clock})
		after := transform.State{Visits: derived.Visits, AsOf: asOf, Calendars: &rules.Calendars}
		transform.Compare(transform.State{}, after, transform.Difference{Fact: appender.Fact, Visit: appender.Visit})
		appender.Deal(&loader.DealRow{
			DealID: deal.ID, Title: deal.Title, Amount: &deal.Amount, Currency: deal.Currency,
			CreatedDate: transform.DayOf(deal.CreatedAt, rules.Zone), Standing: transform.Stand(derived.Visits), Gaps: derived.Gaps,
		})
	}
	appended, err := appender.Finish()
	if err != nil {
		return err
	}
	if err := shard.Complete(ctx, appended, nil); err != nil {
		return err
	}
	run.SetAppended(appended)
	return run.Publish(ctx)
}

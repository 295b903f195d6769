package loader

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"stagelag/extractor"
	"stagelag/transform"
	"stagelag/warehouse/warehousetest"
)

// What the warehouse can hold of each kind.
var (
	someTime = rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.IntRange(0, 4).Draw(t, "absent") == 0 {
			return time.Time{}
		}
		at := time.UnixMilli(rapid.Int64Range(firstMoment.UnixMilli(), lastMoment.UnixMilli()).Draw(t, "milliseconds")).UTC()
		if at.UnixMilli() == 0 {
			at = at.Add(time.Millisecond) // it stands for an absent time
		}
		return at
	})
	someDay       = rapid.Int32Range(int32(transform.FirstDay), int32(transform.LastDay))
	someText      = rapid.SampledFrom([]string{"", "C5:NEW", "2026-02-20", "Дом на Лесной", "a 'quoted' \\ and\ttorn\nline"})
	someAmount    = rapid.Int64Range(-1e17, 1e17)
	someSemantics = rapid.SampledFrom([]extractor.Semantics{extractor.Process, extractor.Success, extractor.Failure})
	someManager   = rapid.Custom(func(t *rapid.T) extractor.ManagerID { return extractor.ManagerID(rapid.Uint64().Draw(t, "manager")) })
	someGap       = rapid.Custom(func(t *rapid.T) transform.Gap {
		return transform.Gap{
			VisitNo: rapid.Uint32().Draw(t, "visit"), StageID: extractor.StageID(someText.Draw(t, "stage")), ManagerID: someManager.Draw(t, "manager"),
			Reason: someText.Draw(t, "reason"), Detail: someText.Draw(t, "detail"),
		}
	})
	someTenure = rapid.Custom(func(t *rapid.T) transform.Tenure {
		return transform.Tenure{
			From: transform.Day(someDay.Draw(t, "from")), ManagerID: someManager.Draw(t, "manager"),
			Source: rapid.SampledFrom([]transform.ManagerSource{transform.Seen, transform.Assumed}).Draw(t, "source"),
		}
	})
	somePause = rapid.Custom(func(t *rapid.T) transform.Pause {
		return transform.Pause{
			From: transform.Day(someDay.Draw(t, "from")), Until: transform.Day(someDay.Draw(t, "until")),
			Source: rapid.SampledFrom([]transform.PauseSource{transform.PauseDates, transform.PauseFlag, transform.PauseAssumed}).Draw(t, "pause"),
		}
	})
	someLastVisit = rapid.Custom(func(t *rapid.T) transform.LastVisit {
		return transform.LastVisit{ManagerID: someManager.Draw(t, "manager"), VisitNo: rapid.Uint32().Draw(t, "visit"), StageID: extractor.StageID(someText.Draw(t, "stage"))}
	})
)

func drawLanded(t *rapid.T, id extractor.DealID) Known {
	k := Known{History: transform.History{IsGone: rapid.IntRange(0, 4).Draw(t, "gone") == 0, Deal: extractor.Deal{
		ID: id, Title: someText.Draw(t, "title"), FunnelID: extractor.FunnelID(rapid.Uint32().Draw(t, "funnel")),
		StageID: extractor.StageID(someText.Draw(t, "stage")), Semantics: someSemantics.Draw(t, "semantics"), ManagerID: someManager.Draw(t, "manager"),
		Amount: decimal.New(someAmount.Draw(t, "amount"), -2), BadAmount: someText.Draw(t, "bad amount"), Currency: someText.Draw(t, "currency"), CompanyID: extractor.CompanyID(rapid.Uint64Max(3).Draw(t, "company")),
		CreatedAt: someTime.Draw(t, "created"), MovedAt: someTime.Draw(t, "moved"), UpdatedAt: someTime.Draw(t, "updated"),
		IsRecurring: rapid.Bool().Draw(t, "recurring"), IsPlaceUnknown: rapid.Bool().Draw(t, "lost"), Fields: rapid.MapOfN(someText, someText, 0, 3).Draw(t, "fields"),
	}}}
	for change := range rapid.IntRange(0, 3).Draw(t, "changes") {
		k.Changes = append(k.Changes, transform.Change{WentWithDeal: k.IsGone, StageChange: extractor.StageChange{
			ID: extractor.ChangeID(change), DealID: id, ChangedAt: someTime.Draw(t, "changed"), FunnelID: extractor.FunnelID(rapid.Uint32().Draw(t, "funnel")),
			StageID: extractor.StageID(someText.Draw(t, "stage")), Semantics: someSemantics.Draw(t, "semantics"), TypeID: rapid.Uint8().Draw(t, "type"),
		}})
	}
	return k
}

func drawVisit(t *rapid.T, id extractor.DealID, no uint32) transform.Visit {
	v := transform.Visit{
		DealID: id, No: no, FunnelID: extractor.FunnelID(rapid.Uint32().Draw(t, "funnel")), StageID: extractor.StageID(someText.Draw(t, "stage")),
		Semantics: someSemantics.Draw(t, "semantics"), IsReturn: rapid.Bool().Draw(t, "return"), Next: transform.StageKey{Funnel: extractor.FunnelID(rapid.Uint32().Draw(t, "next funnel")), Stage: extractor.StageID(someText.Draw(t, "next stage"))}, ChangeID: extractor.ChangeID(rapid.Uint64().Draw(t, "change")),
		History:   rapid.SampledFrom([]transform.HistorySource{transform.FromHistory, transform.Reconstructed}).Draw(t, "history"),
		EnteredAt: someTime.Draw(t, "entered"), EnteredDate: transform.Day(someDay.Draw(t, "entered")), LeftDate: transform.NoDay,
		Plan:    transform.Plan{End: transform.NoDay, Problem: someText.Draw(t, "problem")},
		Tenures: rapid.SliceOfN(someTenure, 1, 3).Draw(t, "tenures"),
		Pauses:  rapid.SliceOfN(somePause, 0, 3).Draw(t, "pauses"), IsWaiting: rapid.Bool().Draw(t, "waits"),
		Numbers: transform.Numbers{
			Entered: rapid.Int32().Draw(t, "entered"), Accrues: rapid.Int32().Draw(t, "accrues"), Due: rapid.Int32().Draw(t, "due"),
			Stops: rapid.Int32().Draw(t, "stops"), Paused: rapid.Int32().Draw(t, "paused"), LateAtEntry: rapid.Int32().Draw(t, "late"),
		},
	}
	if rapid.Bool().Draw(t, "has ended") {
		v.LeftDate = transform.Day(someDay.Draw(t, "left"))
	}
	v.Raw = transform.StageKey{Funnel: v.FunnelID, Stage: v.StageID}
	if rapid.Bool().Draw(t, "is mapped") {
		v.Raw = transform.StageKey{Funnel: extractor.FunnelID(rapid.Uint32().Draw(t, "raw funnel")), Stage: "C7:RAW"}
	}
	plan := drawPlan(t)
	plan.Problem = v.Plan.Problem
	v.Plan, v.Past = plan, drawPast(t)
	v.Numbers.FirstAccrues = rapid.Int32().Draw(t, "first accrues")
	return v
}

func drawPlan(t *rapid.T) transform.Plan {
	source := rapid.SampledFrom([]transform.PlanSource{transform.PlanNone, transform.PlanDealDate, transform.PlanDealDays, transform.PlanStageNorm}).Draw(t, "plan")
	if source == transform.PlanNone {
		return transform.Plan{End: transform.NoDay}
	}
	return transform.Plan{Source: source, Days: rapid.Int32().Draw(t, "days"), End: transform.Day(someDay.Draw(t, "end"))}
}

// drawPast is one with changes only where there is a first plan.
func drawPast(t *rapid.T) transform.Past {
	past := transform.Past{First: drawPlan(t)}
	if !past.First.IsPlanned() {
		return past
	}
	for range rapid.IntRange(0, 2).Draw(t, "changes") {
		past.Changes = append(past.Changes, transform.PlanChange{
			RunID: rapid.Uint32().Draw(t, "run"), KnownOn: transform.Day(someDay.Draw(t, "known on")),
			Cause:     rapid.SampledFrom([]transform.Cause{transform.CauseEntry, transform.CauseCalendar, transform.CauseNorm, transform.CauseDeal}).Draw(t, "cause"),
			ManagerID: extractor.ManagerID(rapid.Uint32().Draw(t, "manager")), Before: drawPlan(t), After: drawPlan(t),
			OverdueBefore: rapid.Int32().Draw(t, "before"), Overdue: rapid.Int32().Draw(t, "after"),
			PastBefore: rapid.Int32().Draw(t, "past before"), Past: rapid.Int32().Draw(t, "past"),
		})
	}
	return past
}

func drawAmount(t *rapid.T) *decimal.Decimal {
	if rapid.IntRange(0, 3).Draw(t, "no amount") == 0 {
		return nil
	}
	amount := decimal.New(someAmount.Draw(t, "amount"), -2)
	return &amount
}

var someDimension = rapid.Custom(func(t *rapid.T) DimensionValue {
	return DimensionValue{someText.Draw(t, "dimension"), someText.Draw(t, "value")}
})

func drawDealRow(t *rapid.T, id extractor.DealID) *DealRow {
	d := &DealRow{
		DealID: id, IsGone: rapid.Bool().Draw(t, "gone"), Why: rapid.SampledFrom([]GoneWhy{NotGone, Deleted, OutsideFunnels, ForgottenDeal, Template}).Draw(t, "why"), Title: someText.Draw(t, "title"), Amount: drawAmount(t),
		Currency: someText.Draw(t, "currency"), CreatedDate: transform.Day(someDay.Draw(t, "created")),
		CompanyID: extractor.CompanyID(rapid.Uint64().Draw(t, "company")), CompanyName: someText.Draw(t, "company name"), DepartmentID: extractor.DepartmentID(rapid.Uint64().Draw(t, "department")),
		Dimensions: rapid.SliceOfN(someDimension, 0, 3).Draw(t, "dimensions"), Gaps: rapid.SliceOfN(someGap, 0, 2).Draw(t, "gaps"),
		Standing: transform.Standing{FirstEntered: transform.NoDay, EnteredDate: transform.NoDay, PlannedEnd: transform.NoDay},
	}
	if s := &d.Standing; rapid.Bool().Draw(t, "has visits") {
		*s = transform.Standing{
			Visits: 1 + rapid.Uint32Max(1e9).Draw(t, "visits"), FirstEntered: transform.Day(someDay.Draw(t, "first")), EnteredDate: transform.Day(someDay.Draw(t, "last entered")), FunnelID: extractor.FunnelID(rapid.Uint32().Draw(t, "funnel")),
			StageID: extractor.StageID(someText.Draw(t, "stage")), Semantics: someSemantics.Draw(t, "semantics"), ManagerID: someManager.Draw(t, "manager"),
			IsOpen: rapid.Bool().Draw(t, "open"), IsPlanned: rapid.Bool().Draw(t, "planned"), PlannedEnd: transform.NoDay, IsLate: rapid.Bool().Draw(t, "late"),
			IsWaiting: rapid.Bool().Draw(t, "waits"), Accrues: rapid.Int32().Draw(t, "accrues"), Due: rapid.Int32().Draw(t, "due"), Stops: rapid.Int32().Draw(t, "stops"),
			IsFirstPlanned: rapid.Bool().Draw(t, "first planned"), FirstAccrues: rapid.Int32().Draw(t, "first accrues"), FirstOverdueDays: rapid.Int64().Draw(t, "first overdue"),
			OverdueDays: rapid.Int64().Draw(t, "overdue"), LateVisits: rapid.Uint32().Draw(t, "late visits"), Managers: rapid.SliceOfN(someLastVisit, 0, 3).Draw(t, "managers"),
		}
		if s.IsPlanned {
			s.PlannedEnd = transform.Day(someDay.Draw(t, "end"))
		}
	}
	return d
}

// TestWhatIsWrittenComesBack: what was landed and what was published of a deal is given to the next run as it
// was, to the last field; visits that are no more are not.
func TestWhatIsWrittenComesBack(t *testing.T) {
	ctx := context.Background()
	w := warehousetest.Migrated(t)
	var want []Known
	var gone []transform.Visit
	rapid.Check(t, func(t *rapid.T) {
		id := extractor.DealID(len(want) + 1)
		k := drawLanded(t, id)
		for no := range uint32(rapid.IntRange(0, 3).Draw(t, "visits")) {
			k.History.Published = append(k.History.Published, drawVisit(t, id, no+1))
		}
		if rapid.Bool().Draw(t, "is published") {
			k.Published = drawDealRow(t, id)
		}
		k.Knowledge = drawKnowledge(t)
		want, gone = append(want, k), append(gone, drawVisit(t, id, 9))
	})

	run := begin(t, w, lastDay)
	land(t, run, want)
	shard := run.Shards()[0]
	a := shard.Append(ctx, nil)
	defer a.Close()
	ids := []extractor.DealID{}
	for i := range want {
		ids = append(ids, want[i].Deal.ID)
		for k := range want[i].History.Published {
			v := &want[i].History.Published[k]
			a.Visit(v, false)
		}
		a.Visit(&gone[i], true)
		if want[i].Published != nil {
			a.Deal(want[i].Published)
		}
		a.Knowledge(want[i].Deal.ID, &want[i].Knowledge)
	}
	finish(t, run, shard, a)
	if err := run.Publish(ctx); err != nil {
		t.Fatal(err)
	}

	for i := range want {
		if want[i].IsGone {
			for k := range want[i].Changes {
				want[i].Changes[k].VanishedAt = run.Row().StartedAt
			}
		}
		if isHidden(&want[i]) {
			want[i].HiddenSince = run.Row().StartedAt
		}
	}
	var got []Known
	for k, err := range begin(t, w, lastDay).Shards()[0].Histories(ctx, ids) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, *k)
	}
	fields := cmp.Transformer("fields", func(d *DealRow) []DealRow { // in place of its method Equal
		if d == nil {
			return nil
		}
		return []DealRow{*d}
	})
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), fields); diff != "" {
		t.Errorf("what comes back is not what was written (-want +got):\n%s", diff)
	}
}

func drawKnowledge(t *rapid.T) transform.Knowledge {
	return transform.Knowledge{
		Days: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) transform.KnownDays {
			return transform.KnownDays{Tenure: someTenure.Draw(t, "days"), Until: transform.Day(someDay.Draw(t, "until"))}
		}), 0, 3).Draw(t, "days"),
		Plans: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) transform.KnownPlan {
			v := drawVisit(t, 0, 0)
			return transform.KnownPlan{
				ChangeID: v.ChangeID, ChangedAt: v.EnteredAt, FunnelID: v.FunnelID, StageID: v.StageID, EnteredDate: v.EnteredDate,
				Until: transform.Day(someDay.Draw(t, "until")), Plan: v.Plan,
				IsKept: rapid.Bool().Draw(t, "kept"), Past: drawKnownPast(t),
				Carried: transform.Carried{Date: someText.Draw(t, "date"), Days: someText.Draw(t, "days")},
			}
		}), 0, 2).Draw(t, "plans"),
		Pauses: rapid.SliceOfN(somePause, 0, 2).Draw(t, "pauses"),
	}
}

// drawKnownPast is the past of a visit that is gone, or none.
func drawKnownPast(t *rapid.T) transform.Past {
	past := drawPast(t)
	if !past.First.IsPlanned() {
		return transform.Past{}
	}
	return past
}

// isHidden picks some of the deals that are known.
func isHidden(k *Known) bool { return !k.IsGone && k.Deal.ID%7 == 0 }

// land lands the deals with their changes, and then that some are gone or hidden.
func land(t *testing.T, run *Run, known []Known) {
	t.Helper()
	var deals []extractor.Deal
	var changes []extractor.StageChange
	var gone, hidden []extractor.DealID
	for _, k := range known {
		deals = append(deals, k.Deal)
		for _, c := range k.Changes {
			changes = append(changes, c.StageChange)
		}
		switch {
		case k.IsGone:
			gone = append(gone, k.Deal.ID)
		case isHidden(&k):
			hidden = append(hidden, k.Deal.ID)
		}
	}
	ctx, landing := context.Background(), run.Landing()
	for _, err := range []error{landing.LandDeals(ctx, deals), landing.LandStageChanges(ctx, changes), landing.VanishDeals(ctx, gone), landing.HideDeals(ctx, hidden)} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Amounts and times that the warehouse can't hold must not fail a night.
func TestWhatCannotBeHeldIsBounded(t *testing.T) {
	ctx := context.Background()
	w := warehousetest.Migrated(t)
	far := time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	long := time.Date(1899, 1, 1, 0, 0, 0, 0, time.UTC)
	land(t, begin(t, w, lastDay), []Known{
		{History: transform.History{Deal: extractor.Deal{ID: 1, Amount: decimal.New(1, 30), CreatedAt: far, MovedAt: long}}},
		{History: transform.History{Deal: extractor.Deal{ID: 2, Amount: decimal.New(-1, 30)}}},
	})
	landed, err := LandedDeals(ctx, w.DB(), []extractor.DealID{1, 2})
	if err != nil {
		t.Fatal(err)
	}
	if d := landed[1]; !d.Amount.Equal(extractor.MostAmount) || !d.CreatedAt.Equal(lastMoment) || !d.MovedAt.Equal(firstMoment) {
		t.Errorf("a deal of too much, created too late and moved too early is %+v", d)
	}
	if d := landed[2]; !d.Amount.Equal(extractor.MostAmount.Neg()) {
		t.Errorf("an amount of -1e30 is %s, want %s", d.Amount, extractor.MostAmount.Neg())
	}
}

func TestNamesAreAppendedWhenTheyChange(t *testing.T) {
	ctx := context.Background()
	w := warehousetest.Migrated(t)
	funnels := []extractor.Funnel{
		{ID: 5, Name: "Projects", Stages: []extractor.Stage{{FunnelID: 5, ID: "C5:NEW", Name: "New", Sort: 10}, {FunnelID: 5, ID: "C5:WON", Name: "Won", Semantics: extractor.Success, Sort: -20}}},
		{ID: 7, Name: "Repairs", Stages: []extractor.Stage{{FunnelID: 7, ID: "C7:LOSE", Name: "Lost", Semantics: extractor.Failure}}},
	}
	managers := []extractor.Manager{{ID: 7, Name: "Anna Lindqvist", IsActive: true}, {ID: 8, Name: "Henry Baker"}}
	var last RunID
	night := func(managers []extractor.Manager) {
		t.Helper()
		run := begin(t, w, lastDay)
		if err := run.AppendNames(ctx, NamesOf{Funnels: funnels, Managers: managers}); err != nil {
			t.Fatal(err)
		}
		if err := run.Publish(ctx); err != nil {
			t.Fatal(err)
		}
		last = run.ID()
	}
	rows := func() [3]int64 {
		t.Helper()
		return [3]int64{number(t, w.DB(), "SELECT count() FROM funnels"), number(t, w.DB(), "SELECT count() FROM stages"), number(t, w.DB(), "SELECT count() FROM managers")}
	}
	night(managers)
	slices.Reverse(funnels)
	night(managers)
	night(nil) // the portal could not be asked for people
	if got, want := rows(), [3]int64{2, 3, 3}; got != want {
		t.Errorf("three nights with the same names leave %d rows of funnels, stages and managers with nobody, want %d", got, want)
	}
	if err := Forget(ctx, w.DB(), 8, time.Now()); err != nil {
		t.Fatal(err)
	}
	funnels[0].Stages[0].Name = "Given up"
	night(managers)
	if got, want := rows(), [3]int64{2, 6, 3}; got != want {
		t.Errorf("with another name for a stage there are %d rows, want %d", got, want)
	}
	if n := number(t, w.DB(), "SELECT (SELECT count() FROM managers WHERE name = 'Henry Baker') + (SELECT count() FROM names WHERE has(arrayConcat(manager_name, manager_label), 'Henry Baker'))"); n != 0 {
		t.Errorf("the name of a person who is forgotten is there %d times", n)
	}
	got, err := FunnelsOf(ctx, w.DB(), last)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(funnels)
	if diff := cmp.Diff(funnels, got); diff != "" {
		t.Errorf("the stages of the last run (-want +got):\n%s", diff)
	}
}

// The driver gives a date as its midnight in the zone of the server.
func TestDatesAreThoseOfTheServer(t *testing.T) {
	const day = transform.Day(20_520)
	for _, hours := range []int{-11, -3, 0, 3, 14} {
		midnight := time.Date(2026, 3, 8, 0, 0, 0, 0, time.FixedZone("", hours*60*60))
		if got := loadedDay(midnight); got != day {
			t.Errorf("the date of %s is %s, want %s", midnight, got, day)
		}
	}
}

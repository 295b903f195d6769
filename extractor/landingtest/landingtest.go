// Package landingtest holds the tests that every extractor.Landing has to pass: what an
// extraction relies on, and that a call made again changes nothing.
package landingtest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"stagelag/extractor"
)

// Run runs the tests. open makes an empty landing and returns how a run begins on it: each call
// gives the landing of a new run, with a higher number than the one before.
func Run(t *testing.T, open func(t *testing.T) (begin func() extractor.Landing)) {
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(&bench{t: t, begin: open(t)}) })
	}
}

var tests = []struct {
	name string
	run  func(*bench)
}{
	{"an empty landing knows nothing", emptyKnowsNothing},
	{"numbers grow from run to run", numbersGrow},
	{"the state comes back as it was saved", stateComesBack},
	{"known deals come in the order of their ids, a page at a time", knownInOrder},
	{"the newest version of a deal wins", newestDealWins},
	{"the newest version of a change wins", newestChangeWins},
	{"a block that is landed twice is landed once", landedTwice},
	{"a block without rows changes nothing", emptyBlocks},
	{"a run goes on with what a run before it landed", goesOn},
	{"vanished deals are not known, nor are their changes", vanishedDeals},
	{"a deal that was never landed may vanish", unlandedVanishes},
	{"what has vanished comes back when it is landed", comesBack},
	{"changes that were not landed since a run vanish, of deals that were", vanishUnseenChanges},
	{"a hidden deal is known with its changes until it is landed again", hiddenDeals},
	{"where a deal was is known without its stage", places},
	{"a history that is replaced is the whole history", replacedHistory},
	{"changes are counted by deal", counts},
	{"a deal that stands elsewhere than its history ends is inconsistent", inconsistent},
	{"owners of changes that were not landed with them are found", orphanOwners},
	{"deals whose history may lack other funnels are found", movedFunnel},
	{"the managers of all known deals are named", managers},
	{"companies are asked for that have no name yet, of deals that were landed anew", companies},
	{"a few thousand rows are landed and asked for at once", thousands},
}

// noon is the time of the first change of every deal.
var noon = time.Date(2026, 3, 16, 12, 0, 0, 0, time.UTC)

// A bench is a landing under test, in the run that was begun last.
type bench struct {
	t     *testing.T
	begin func() extractor.Landing
	extractor.Landing
}

// next begins a run.
func (b *bench) next() uint64 {
	b.t.Helper()
	b.Landing = b.begin()
	return b.Run()
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) land(deals ...extractor.Deal) {
	b.t.Helper()
	b.must(b.LandDeals(b.t.Context(), deals))
}

func (b *bench) landChanges(changes ...extractor.StageChange) {
	b.t.Helper()
	b.must(b.LandStageChanges(b.t.Context(), changes))
}

func (b *bench) replace(deals []extractor.DealID, changes ...extractor.StageChange) {
	b.t.Helper()
	b.must(b.ReplaceStageChanges(b.t.Context(), deals, changes))
}

func (b *bench) hide(deals ...extractor.DealID) {
	b.t.Helper()
	b.must(b.HideDeals(b.t.Context(), deals))
}

func (b *bench) vanish(deals ...extractor.DealID) {
	b.t.Helper()
	b.must(b.VanishDeals(b.t.Context(), deals))
}

// deal is a deal in the stage NEW of funnel 5.
func deal(id extractor.DealID) extractor.Deal {
	return extractor.Deal{
		ID: id, Title: fmt.Sprint("Deal ", id), FunnelID: 5, StageID: "NEW", ManagerID: 7, Currency: "EUR",
		CreatedAt: noon, MovedAt: noon, UpdatedAt: noon, Fields: map[string]string{"UF_CRM_DAYS": "3"},
	}
}

// in puts a deal into a stage.
func in(d extractor.Deal, funnel extractor.FunnelID, stage extractor.StageID) extractor.Deal {
	d.FunnelID, d.StageID = funnel, stage
	return d
}

// created is the first change of a deal, into the stage NEW of funnel 5.
func created(id extractor.ChangeID, deal extractor.DealID) extractor.StageChange {
	return extractor.StageChange{ID: id, DealID: deal, ChangedAt: noon, FunnelID: 5, StageID: "NEW", TypeID: 1}
}

// moved is a later change of a deal, so many hours after its first one.
func moved(id extractor.ChangeID, deal extractor.DealID, hours int, funnel extractor.FunnelID, stage extractor.StageID) extractor.StageChange {
	return extractor.StageChange{
		ID: id, DealID: deal, ChangedAt: noon.Add(time.Duration(hours) * time.Hour), FunnelID: funnel, StageID: stage, TypeID: 2,
	}
}

// ofType gives a change another type.
func ofType(typeID uint8, c extractor.StageChange) extractor.StageChange {
	c.TypeID = typeID
	return c
}

// A view is what a landing answers.
type view struct {
	Known        []extractor.KnownDeal
	Counts       map[extractor.DealID]int // of the deals 1 to 20 that have any
	Inconsistent []extractor.DealID
	Orphans      []extractor.DealID
	Moved        []extractor.DealID
}

// look asks everything, of what was landed since a run, for funnel 5.
func (b *bench) look(since uint64) view {
	b.t.Helper()
	v := view{Known: b.known(0, 1000), Counts: map[extractor.DealID]int{}}
	var few []extractor.DealID
	for id := range extractor.DealID(20) {
		few = append(few, id+1)
	}
	for id, n := range b.count(few...) {
		if n > 0 {
			v.Counts[id] = n
		}
	}
	v.Inconsistent, v.Orphans, v.Moved = b.inconsistent(since), b.orphans(since), b.moved(since, 5)
	return v
}

func (b *bench) known(after extractor.DealID, limit int) []extractor.KnownDeal {
	b.t.Helper()
	known, err := b.KnownDeals(b.t.Context(), after, limit)
	b.must(err)
	return known
}

func (b *bench) count(deals ...extractor.DealID) map[extractor.DealID]int {
	b.t.Helper()
	counts, err := b.HistoryCounts(b.t.Context(), deals)
	b.must(err)
	return counts
}

func (b *bench) inconsistent(since uint64) []extractor.DealID {
	b.t.Helper()
	return b.sorted(b.Inconsistent(b.t.Context(), since))
}

func (b *bench) deleted() []extractor.DealID {
	b.t.Helper()
	return b.sorted(b.DeletedDeals(b.t.Context(), 35))
}

func (b *bench) orphans(since uint64) []extractor.DealID {
	b.t.Helper()
	return b.sorted(b.OrphanOwners(b.t.Context(), since))
}

func (b *bench) moved(since uint64, funnels ...extractor.FunnelID) []extractor.DealID {
	b.t.Helper()
	return b.sorted(b.MovedFunnel(b.t.Context(), since, funnels))
}

// sorted puts deals whose order is not promised into one.
func (b *bench) sorted(ids []extractor.DealID, err error) []extractor.DealID {
	b.t.Helper()
	b.must(err)
	slices.Sort(ids)
	return ids
}

func (b *bench) want(call string, got, want any) {
	b.t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		b.t.Errorf("%s (-want +got):\n%s", call, diff)
	}
}

func ids(deals ...extractor.DealID) []extractor.DealID { return deals }

func emptyKnowsNothing(b *bench) {
	run := b.next()
	b.want("everything", b.look(run), view{})
	state, err := b.State(b.t.Context())
	b.must(err)
	b.want("State", state, extractor.State{})
	managers, err := b.ManagerIDs(b.t.Context())
	b.must(err)
	b.want("ManagerIDs", managers, []extractor.ManagerID(nil))
}

func numbersGrow(b *bench) {
	first := b.next()
	if again := b.Run(); again != first || first == 0 {
		b.t.Errorf("Run = %d, then %d, want one number above 0", first, again)
	}
	if second := b.next(); second <= first {
		b.t.Errorf("Run = %d in the run after %d", second, first)
	}
}

func stateComesBack(b *bench) {
	since := b.next()
	states := []extractor.State{
		{Scope: `example.bitrix24.ru funnels=[5] fields="Ж"`, Full: &extractor.FullRead{SinceRun: since, StartedAt: noon, DealCursor: 1 << 50}},
		{Scope: "a", Watermark: noon, Full: &extractor.FullRead{SinceRun: since, StartedAt: noon.Add(time.Nanosecond), DealsDone: true, ChangeCursor: 1<<64 - 1, ChangesDone: true}},
		{Scope: "b", Watermark: noon.Add(time.Millisecond).In(time.FixedZone("", 3*60*60))},
		{Scope: "b", Watermark: noon.Add(time.Millisecond).In(time.FixedZone("", 3*60*60))}, // saved again
		{Scope: "a", Watermark: noon}, // earlier than before, and counts all the same
	}
	for _, state := range states {
		b.must(b.SaveState(b.t.Context(), state))
		got, err := b.State(b.t.Context())
		b.must(err)
		b.want("State", got, state)
		b.next()
		got, err = b.State(b.t.Context())
		b.must(err)
		b.want("State in the next run", got, state)
	}
}

func knownInOrder(b *bench) {
	run := b.next()
	b.land(in(deal(9), 0, "NEW"), deal(200), deal(1<<40))
	b.land(deal(10), deal(3))
	all := []extractor.KnownDeal{{ID: 3, FunnelID: 5, LandedBy: run}, {ID: 9, LandedBy: run}, {ID: 10, FunnelID: 5, LandedBy: run}, {ID: 200, FunnelID: 5, LandedBy: run}, {ID: 1 << 40, FunnelID: 5, LandedBy: run}}
	b.want("KnownDeals(0, 1000)", b.known(0, 1000), all)
	b.want("KnownDeals(0, 2)", b.known(0, 2), all[:2])
	b.want("KnownDeals(9, 2)", b.known(9, 2), all[2:4])
	b.want("KnownDeals(8, 1)", b.known(8, 1), all[1:2])
	// Pages may be read while the landing is written to.
	b.vanish(10)
	b.want("KnownDeals(9, 2) after 10 has vanished", b.known(9, 2), all[3:])
	b.want("KnownDeals behind the last", b.known(1<<40, 2), []extractor.KnownDeal(nil))
}

func newestDealWins(b *bench) {
	first := b.next()
	b.land(deal(1), deal(2))
	b.landChanges(created(11, 1), created(12, 2))
	b.land(in(deal(1), 0, "WORK"))
	b.want("KnownDeals", b.known(0, 10), []extractor.KnownDeal{{ID: 1, LandedBy: first}, {ID: 2, FunnelID: 5, LandedBy: first}})
	b.want("Inconsistent", b.inconsistent(first), ids(1))
	second := b.next()
	// Back where it was: what counts is which was landed last, and not which is greater.
	b.land(deal(1))
	b.want("KnownDeals after the next run", b.known(0, 10), []extractor.KnownDeal{{ID: 1, FunnelID: 5, LandedBy: second}, {ID: 2, FunnelID: 5, LandedBy: first}})
	b.want("Inconsistent after the next run", b.inconsistent(first), ids())
}

func newestChangeWins(b *bench) {
	run := b.next()
	b.land(deal(1))
	b.landChanges(created(11, 1), moved(12, 1, 1, 5, "WORK"))
	b.want("Inconsistent", b.inconsistent(run), ids(1))
	b.landChanges(moved(12, 1, 1, 5, "NEW"))
	b.want("Inconsistent after the change was rewritten", b.inconsistent(run), ids())
	b.next()
	b.landChanges(moved(12, 1, 1, 0, "NEW"))
	b.want("Inconsistent after the next run", b.inconsistent(run), ids(1))
	b.want("HistoryCounts", b.count(1), map[extractor.DealID]int{1: 2})
}

func landedTwice(b *bench) {
	since := b.next()
	// Deal 4 moves while it is read, 5 was never landed, and 6 came from another funnel.
	deals := []extractor.Deal{deal(1), deal(2), deal(3), in(deal(4), 5, "WORK"), in(deal(6), 0, "NEW")}
	changes := []extractor.StageChange{created(11, 1), moved(12, 1, 1, 5, "NEW"), created(13, 2), created(14, 4), created(15, 5), ofType(5, created(16, 6))}
	steps := []struct {
		name string
		step func()
	}{
		{"LandDeals", func() { b.land(deals...) }},
		{"LandStageChanges", func() { b.landChanges(changes...) }},
		{"ReplaceStageChanges", func() { b.replace(ids(1, 2), created(11, 1), moved(17, 1, 2, 5, "NEW")) }},
		{"VanishDeals", func() { b.vanish(3, 5) }},
		{"HideDeals", func() { b.hide(2) }},
		{"VanishUnseenChanges", func() { b.must(b.VanishUnseenChanges(b.t.Context(), since)) }},
	}
	for _, s := range steps {
		s.step()
		once := b.look(since)
		s.step()
		b.want(s.name+" again", b.look(since), once)
	}
	b.want("what is landed in the end", b.look(since), view{
		Known: []extractor.KnownDeal{
			{ID: 1, FunnelID: 5, LandedBy: since}, {ID: 2, FunnelID: 5, LandedBy: since, IsHidden: true}, {ID: 4, FunnelID: 5, LandedBy: since}, {ID: 6, LandedBy: since},
		},
		Counts:       map[extractor.DealID]int{1: 2, 4: 1, 6: 1},
		Inconsistent: ids(4, 6), Moved: ids(6),
	})
}

func emptyBlocks(b *bench) {
	since := b.next()
	b.land(deal(1))
	b.landChanges(created(11, 1))
	before := b.look(since)
	b.land()
	b.landChanges()
	b.replace(nil)
	b.vanish()
	b.want("everything after empty blocks", b.look(since), before)
	b.want("HistoryCounts of no deal", b.count(), map[extractor.DealID]int{})
}

func goesOn(b *bench) {
	first := b.next()
	b.land(deal(1), deal(2))
	b.landChanges(created(11, 1), created(12, 2))
	second := b.next()
	b.land(deal(3))
	b.landChanges(created(13, 3))
	known := []extractor.KnownDeal{{ID: 1, FunnelID: 5, LandedBy: first}, {ID: 2, FunnelID: 5, LandedBy: first}, {ID: 3, FunnelID: 5, LandedBy: second}}
	b.want("everything", b.look(first), view{Known: known, Counts: map[extractor.DealID]int{1: 1, 2: 1, 3: 1}})
}

func vanishedDeals(b *bench) {
	since := b.next()
	b.land(in(deal(1), 0, "WORK"), in(deal(2), 0, "WORK"), deal(3))
	b.landChanges(created(11, 1), created(12, 2), created(13, 3))
	b.vanish(1)
	want := view{
		Known:        []extractor.KnownDeal{{ID: 2, LandedBy: since}, {ID: 3, FunnelID: 5, LandedBy: since}},
		Counts:       map[extractor.DealID]int{2: 1, 3: 1},
		Inconsistent: ids(2), Moved: ids(2),
	}
	b.want("everything", b.look(since), want)
	b.want("DeletedDeals", b.deleted(), ids(1))
	b.next()
	b.want("everything in the next run", b.look(since), want)
	b.want("DeletedDeals in the next run", b.deleted(), ids(1))
	b.land(deal(1))
	b.want("DeletedDeals when the deal is back", b.deleted(), ids())
}

func unlandedVanishes(b *bench) {
	since := b.next()
	b.landChanges(created(11, 1), created(12, 2))
	b.want("OrphanOwners", b.orphans(since), ids(1, 2))
	b.vanish(1, 3)
	b.want("OrphanOwners after 1 has vanished", b.orphans(since), ids(2))
	b.want("HistoryCounts", b.count(1, 2)[1], 0)
	b.want("KnownDeals", b.known(0, 10), []extractor.KnownDeal(nil))
}

func comesBack(b *bench) {
	b.next()
	b.land(deal(1), deal(2))
	b.landChanges(created(11, 1), moved(12, 1, 1, 5, "NEW"), created(13, 2))
	b.vanish(1, 2)
	run := b.next()
	b.land(deal(1))
	b.want("HistoryCounts when the deal is back and its changes are not", b.count(1)[1], 0)
	b.landChanges(moved(12, 1, 1, 5, "NEW"))
	b.want("everything", b.look(run), view{
		Known:  []extractor.KnownDeal{{ID: 1, FunnelID: 5, LandedBy: run}},
		Counts: map[extractor.DealID]int{1: 1},
		Moved:  ids(1), // its first change is still gone
	})
	b.replace(ids(1), created(11, 1), moved(12, 1, 1, 5, "NEW"))
	b.want("HistoryCounts", b.count(1)[1], 2)
}

func vanishUnseenChanges(b *bench) {
	first := b.next()
	b.land(deal(1), deal(2), deal(3), deal(4))
	b.landChanges(created(11, 1), created(12, 2), moved(13, 2, 1, 5, "NEW"), created(14, 3), created(15, 4))
	b.must(b.VanishUnseenChanges(b.t.Context(), first))
	b.want("HistoryCounts when all was landed since", b.count(1, 2, 3, 4), map[extractor.DealID]int{1: 1, 2: 2, 3: 1, 4: 1})
	since := b.next()
	b.land(deal(2))
	b.landChanges(created(12, 2))
	third := b.next()
	b.land(deal(3))
	b.landChanges(created(11, 1))
	b.hide(4)
	b.must(b.VanishUnseenChanges(b.t.Context(), since))
	b.want("everything", b.look(since), view{
		Known: []extractor.KnownDeal{
			{ID: 1, FunnelID: 5, LandedBy: first}, {ID: 2, FunnelID: 5, LandedBy: since}, {ID: 3, FunnelID: 5, LandedBy: third},
			{ID: 4, FunnelID: 5, LandedBy: third, IsHidden: true},
		},
		Counts:  map[extractor.DealID]int{1: 1, 2: 1, 4: 1},
		Orphans: ids(1), Moved: ids(3),
	})
}

func hiddenDeals(b *bench) {
	first := b.next()
	b.land(in(deal(1), 0, "WORK"), deal(2))
	b.landChanges(created(11, 1), created(12, 2))
	second := b.next()
	b.hide(1, 3)
	hidden := view{
		Known:   []extractor.KnownDeal{{ID: 1, LandedBy: second, IsHidden: true}, {ID: 2, FunnelID: 5, LandedBy: first}},
		Counts:  map[extractor.DealID]int{1: 1, 2: 1},
		Orphans: ids(1),
	}
	b.want("everything", b.look(first), hidden)
	third := b.next()
	b.hide(1)
	b.want("everything when it is hidden still", b.look(first), hidden)
	b.land(in(deal(1), 0, "WORK"))
	b.want("everything when it is back", b.look(first), view{
		Known:        []extractor.KnownDeal{{ID: 1, LandedBy: third}, {ID: 2, FunnelID: 5, LandedBy: first}},
		Counts:       map[extractor.DealID]int{1: 1, 2: 1},
		Inconsistent: ids(1), Moved: ids(1),
	})
	b.hide(2)
	b.vanish(2)
	b.want("KnownDeals when a hidden one has vanished", b.known(0, 10), []extractor.KnownDeal{{ID: 1, LandedBy: third}})
}

func places(b *bench) {
	since := b.next()
	lost := in(deal(2), 5, "")
	lost.IsPlaceUnknown = true
	b.land(in(deal(1), 5, "WORK"), lost)
	b.landChanges(created(11, 1))
	got, err := b.Places(b.t.Context(), ids(1, 2, 3))
	b.must(err)
	b.want("how many places are known", len(got), 1)
	b.want("the place of deal 1", got[1].StageID, extractor.StageID("WORK"))
	b.vanish(1)
	got, err = b.Places(b.t.Context(), ids(1))
	b.must(err)
	b.want("the place of deal 1 when it has vanished", got[1].StageID, extractor.StageID("WORK"))
	unknown := in(deal(1), 5, "WORK")
	unknown.IsPlaceUnknown = true
	b.land(unknown)
	b.landChanges(created(11, 1))
	b.want("Inconsistent of a deal whose place is unknown", b.inconsistent(since), ids())
}

func replacedHistory(b *bench) {
	since := b.next()
	b.land(deal(1), deal(2), deal(3))
	b.landChanges(created(11, 1), moved(12, 1, 1, 5, "WORK"), created(13, 2), moved(14, 2, 1, 5, "NEW"), created(15, 3))
	b.next()
	// 12 is gone and 16 is new; 2 has no history at all; 3 is not asked for.
	b.replace(ids(1, 2), created(11, 1), moved(16, 1, 2, 5, "NEW"))
	want := view{
		Known:  []extractor.KnownDeal{{ID: 1, FunnelID: 5, LandedBy: since}, {ID: 2, FunnelID: 5, LandedBy: since}, {ID: 3, FunnelID: 5, LandedBy: since}},
		Counts: map[extractor.DealID]int{1: 2, 3: 1},
		Moved:  ids(2),
	}
	b.want("everything", b.look(since), want)
	b.replace(ids(1), created(11, 1), moved(16, 1, 2, 5, "NEW"))
	b.want("everything after the same history", b.look(since), want)
	b.replace(ids(1), created(11, 1), moved(12, 1, 1, 5, "WORK"))
	b.want("HistoryCounts when 12 is back and 16 gone", b.count(1)[1], 2)
	b.want("Inconsistent when 12 is back", b.inconsistent(since), ids(1))
	b.replace(ids(1, 2, 3))
	b.want("HistoryCounts without any history", b.look(since).Counts, map[extractor.DealID]int(nil))
}

func counts(b *bench) {
	b.next()
	b.landChanges(created(11, 1), moved(12, 1, 1, 5, "WORK"), moved(13, 1, 2, 0, "NEW"), created(14, 2), created(15, 3))
	counts := b.count(1, 2, 4)
	b.want("HistoryCounts(1)", counts[1], 3)
	b.want("HistoryCounts(2)", counts[2], 1)
	b.want("HistoryCounts(4), which has no change", counts[4], 0)
	_, isTold := counts[3]
	b.want("HistoryCounts counts 3 unasked", isTold, false)
}

func inconsistent(b *bench) {
	first := b.next()
	b.land(deal(1), in(deal(2), 5, "WORK"), in(deal(3), 0, "NEW"), deal(4), deal(5), deal(6), in(deal(7), 5, "WORK"), in(deal(8), 5, "WORK"))
	b.landChanges(
		created(11, 1),
		created(12, 2), // another stage
		created(13, 3), // another funnel
		// 4 has no change. The last change is that of the latest time, and not of the highest id.
		moved(18, 5, 1, 5, "WORK"), moved(15, 5, 2, 5, "NEW"),
		// At one time, it is that of the highest id.
		moved(16, 6, 1, 5, "WORK"), moved(17, 6, 1, 5, "NEW"),
		created(19, 7), created(20, 8), moved(21, 8, 1, 5, "WORK"),
	)
	b.want("Inconsistent", b.inconsistent(first), ids(2, 3, 7))
	b.vanish(7)
	b.want("Inconsistent after 7 has vanished", b.inconsistent(first), ids(2, 3))
	second := b.next()
	b.replace(ids(8), created(20, 8))
	b.want("Inconsistent after the last change of 8 has vanished", b.inconsistent(first), ids(2, 3, 8))
	b.want("Inconsistent among what the second run landed", b.inconsistent(second), ids())
	b.land(in(deal(2), 5, "WORK"), deal(3))
	b.want("Inconsistent among what the second run landed then", b.inconsistent(second), ids(2))
}

func orphanOwners(b *bench) {
	first := b.next()
	b.land(deal(1), deal(2))
	b.landChanges(created(11, 1), created(13, 3))
	b.want("OrphanOwners", b.orphans(first), ids(3))
	second := b.next()
	b.landChanges(created(11, 1), created(12, 2), created(14, 4), moved(15, 4, 1, 5, "WORK"))
	b.want("OrphanOwners since the first run", b.orphans(first), ids(3, 4))
	b.want("OrphanOwners since the second run", b.orphans(second), ids(1, 2, 4))
	b.land(deal(2), deal(4))
	b.want("OrphanOwners after 2 and 4 were landed", b.orphans(second), ids(1))
	b.vanish(4)
	b.want("OrphanOwners after 4 has vanished", b.orphans(second), ids(1))
	b.landChanges(created(14, 4))
	b.want("OrphanOwners after a change of the vanished 4", b.orphans(second), ids(1, 4))
}

func movedFunnel(b *bench) {
	first := b.next()
	b.land(deal(1), in(deal(2), 0, "NEW"), deal(3), deal(4), deal(5), deal(6), in(deal(7), 3, "NEW"), deal(8))
	b.landChanges(
		created(11, 1), moved(12, 1, 1, 5, "WORK"),
		created(13, 2),                                       // is in another funnel
		created(14, 3), ofType(5, moved(15, 3, 1, 5, "NEW")), // changed funnel
		moved(16, 4, 0, 5, "NEW"), // was not created in these funnels
		// 5 has no change. The first change is that of the earliest time, then of the lowest id.
		ofType(1, moved(18, 6, 0, 5, "NEW")), moved(17, 6, 1, 5, "WORK"), moved(19, 6, 0, 5, "WORK"),
		created(20, 7),
		created(21, 8), ofType(5, moved(22, 8, 1, 5, "NEW")),
	)
	b.want("MovedFunnel(5)", b.moved(first, 5), ids(2, 3, 4, 5, 7, 8))
	b.want("MovedFunnel(5, 3)", b.moved(first, 5, 3), ids(2, 3, 4, 5, 8))
	b.want("MovedFunnel(0, 3, 5)", b.moved(first, 0, 3, 5), ids(3, 4, 5, 8))
	second := b.next()
	b.replace(ids(8), created(21, 8))
	b.vanish(5)
	b.want("MovedFunnel(5) after the move of 8 and all of 5 have vanished", b.moved(first, 5), ids(2, 3, 4, 7))
	b.land(deal(1), deal(3))
	b.want("MovedFunnel(5) among what the second run landed", b.moved(second, 5), ids(3))
}

func managers(b *bench) {
	b.next()
	first, second, nobody := deal(1), deal(2), deal(3)
	first.ManagerID, second.ManagerID, nobody.ManagerID = 3, 1<<40, 0
	b.land(first, second, nobody, deal(4))
	b.wantManagers(3, 7, 1<<40)
	second.ManagerID = 9
	b.land(second)
	b.wantManagers(3, 7, 9)
}

// wantManagers looks for managers among those that are named; others may be there too.
func (b *bench) wantManagers(want ...extractor.ManagerID) {
	b.t.Helper()
	named, err := b.ManagerIDs(b.t.Context())
	b.must(err)
	for _, id := range want {
		if !slices.Contains(named, id) {
			b.t.Errorf("ManagerIDs = %v, want %d among them", named, id)
		}
	}
	if sorted := slices.Sorted(slices.Values(named)); len(slices.Compact(sorted)) != len(named) {
		b.t.Errorf("ManagerIDs = %v, want each once", named)
	}
}

func companies(b *bench) {
	b.next()
	of := func(id extractor.DealID, company extractor.CompanyID) extractor.Deal {
		d := deal(id)
		d.CompanyID = company
		return d
	}
	b.land(of(1, 7), of(2, 1<<40), of(3, 7), of(4, 9), deal(5))
	b.wantCompanies("of new deals", false, 7, 9, 1<<40)
	b.must(b.LandCompanies(b.t.Context(), []extractor.Company{{ID: 7, Name: "Mill"}, {ID: 9}, {ID: 1 << 40}}))
	b.wantCompanies("without a name, of deals of this run", false, 9, 1<<40)
	b.next()
	b.wantCompanies("in the next run", false)
	b.land(of(4, 9))
	b.wantCompanies("when a deal was landed anew", false, 9)
	b.wantCompanies("all", true, 7, 9, 1<<40)
	b.must(b.LandCompanies(b.t.Context(), []extractor.Company{{ID: 7, Name: "Mill Group"}}))
	names, err := b.LandedCompanies(b.t.Context(), []extractor.CompanyID{7, 8, 9})
	b.must(err)
	b.want("LandedCompanies", names, map[extractor.CompanyID]string{7: "Mill Group", 9: ""})
	names, err = b.LandedCompanies(b.t.Context(), nil)
	b.must(err)
	b.want("LandedCompanies of none", len(names), 0)
}

func (b *bench) wantCompanies(when string, all bool, want ...extractor.CompanyID) {
	b.t.Helper()
	got, err := b.CompaniesOf(b.t.Context(), all)
	b.must(err)
	if !slices.Equal(got, want) {
		b.t.Errorf("companies %s: %v, want %v", when, got, want)
	}
}

func thousands(b *bench) {
	const n = 2500
	since := b.next()
	// Long ids, as old portals have them.
	const from = 1_000_000_000_000
	deals, changes, all := make([]extractor.Deal, n), make([]extractor.StageChange, 0, 2*n), make([]extractor.DealID, n)
	for i := range deals {
		all[i] = extractor.DealID(from + i)
		deals[i] = deal(all[i])
		changes = append(changes, created(extractor.ChangeID(from+2*i), all[i]), moved(extractor.ChangeID(from+2*i+1), all[i], 1, 5, "NEW"))
	}
	b.land(deals...)
	b.landChanges(changes...)
	b.want("KnownDeals", len(b.known(0, 2*n)), n)
	total := 0
	for _, count := range b.count(all...) {
		total += count
	}
	b.want("HistoryCounts", total, 2*n)
	b.replace(all, changes[:n]...)
	b.want("deals without a change after half the changes have vanished", len(b.moved(since, 5)), n/2)
	b.vanish(all[1:]...)
	b.want("KnownDeals after all but one have vanished", b.known(0, n), []extractor.KnownDeal{{ID: from, FunnelID: 5, LandedBy: since}})
}

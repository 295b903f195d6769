package extractor_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stagelag/extractor"
	"stagelag/simulator"
)

func TestFullReadLandsEverythingWithFewRequests(t *testing.T) {
	tests := []struct{ deals, changes int }{
		{0, 1}, {1, 1}, {50, 1}, {400, 6}, {2500, 2}, {5001, 1},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%d deals", test.deals), func(t *testing.T) {
			s := newSite(t, twoFunnels(test.deals, test.changes), simulator.Options{Limits: simulator.Standard})
			result := s.mustExtract()
			s.mustKnow(everyDeal)
			if most := allowed(test.deals, test.deals*test.changes); result.Requests > most {
				t.Errorf("%d requests, want at most %d", result.Requests, most)
			}
			if len(s.waits) > 0 || len(s.refusals()) > 0 {
				t.Errorf("waited %v, refused %v; want neither", s.waits, s.refusals())
			}
			if result.DealsRead != test.deals || result.ChangesRead != test.deals*test.changes || !result.IsFull {
				t.Errorf("read %d deals and %d changes, full %v", result.DealsRead, result.ChangesRead, result.IsFull)
			}
		})
	}
}

func TestASmallPortalTakesAHandfulOfRequests(t *testing.T) {
	s := newSite(t, twoFunnels(400, 6), simulator.Options{Limits: simulator.Standard})
	// Rights and stages; the counts, deals, changes, managers.
	if result := s.mustExtract(); result.Requests != 5 {
		t.Errorf("%d requests on the first run, want 5", result.Requests)
	}
	// Rights and stages; changed deals, the sweep and managers.
	if result := s.later(); result.Requests != 2 {
		t.Errorf("%d requests when nothing has changed, want 2", result.Requests)
	}
	for id := range 4 {
		s.world.Move(7+simulator.DealID(id), s.clock.Now().Add(time.Hour), "WON")
	}
	// And histories.
	if result := s.later(); result.Requests != 3 {
		t.Errorf("%d requests when four deals have moved, want 3", result.Requests)
	}
	s.mustKnow(everyDeal)
}

func TestSecondRunReadsOnlyWhatChanged(t *testing.T) {
	s := newSite(t, twoFunnels(400, 6), simulator.Options{Limits: simulator.Standard})
	s.mustExtract()
	s.world.Move(7, noon.Add(time.Hour), "WON")
	s.world.SetField(9, noon.Add(2*time.Hour), "UF_CRM_DOCS_DAYS", 3)
	s.world.AddDeal(simulator.Deal{Title: "New", Stage: "NEW", Created: noon.Add(3 * time.Hour)})
	result := s.later()
	s.mustKnow(everyDeal)
	if result.DealsRead != 3 || result.IsFull {
		t.Errorf("read %d deals, full %v; want 3 of them only", result.DealsRead, result.IsFull)
	}
	if result.Requests > 10 || len(s.waits) > 0 {
		t.Errorf("%d requests, waited %v", result.Requests, s.waits)
	}
	if got := s.landing.watermark(); !got.Equal(result.Clock) {
		t.Errorf("watermark %v, want the clock %v", got, result.Clock)
	}
}

func TestRewrittenHistoryOfAChangedDealIsReplaced(t *testing.T) {
	s := newSite(t, twoFunnels(10, 3), simulator.Options{})
	s.mustExtract()
	row := s.world.History(4)[1].ID
	s.world.RemoveChange(4, row, noon.Add(time.Hour))
	s.later()
	s.mustKnow(everyDeal)
	if change := s.landing.changes[extractor.ChangeID(row)]; change == nil || !change.vanished {
		t.Errorf("row %d is %+v, want it kept as vanished", row, change)
	}
}

func TestSweepFindsDeletedDeals(t *testing.T) {
	tests := []struct {
		name    string
		deals   int
		deleted []simulator.DealID
	}{
		{"the first", 120, []simulator.DealID{1}},
		{"the last", 120, []simulator.DealID{120}},
		{"one in each of two ranges", 2700, []simulator.DealID{17, 2600}},
		{"a whole page", 120, []simulator.DealID{51, 52, 53, 54, 55, 56, 57, 58, 59, 60}},
		{"all of a few", 3, []simulator.DealID{1, 2, 3}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t, twoFunnels(test.deals, 2), simulator.Options{Limits: simulator.Standard})
			s.mustExtract()
			for _, id := range test.deleted {
				s.world.DeleteDeal(id, noon.Add(time.Hour))
			}
			result := s.later()
			s.mustKnow(everyDeal)
			if result.Vanished != len(test.deleted) {
				t.Errorf("%d vanished, want %d", result.Vanished, len(test.deleted))
			}
			if len(s.refusals()) > 0 {
				t.Errorf("refused %v", s.refusals())
			}
		})
	}
}

func TestADealThatComesBackIsKnownAgain(t *testing.T) {
	s := newSite(t, twoFunnels(120, 2), simulator.Options{})
	s.mustExtract()
	s.world.DeleteDeal(8, noon.Add(time.Hour))
	s.later()
	s.mustKnow(everyDeal)
	s.world.RestoreDeal(8, s.clock.Now().Add(time.Hour), true)
	s.world.AddDeal(simulator.Deal{Title: "Newest", Stage: "NEW", Created: s.clock.Now().Add(time.Hour)})
	s.later()
	s.mustKnow(everyDeal)
}

// A change of rights may show a deal that was never known, in the night in which another one goes.
func TestADealThatAppearsHidesNoneThatLeaves(t *testing.T) {
	for _, deals := range []int{60, 120, 2400} {
		s := newSite(t, twoFunnels(deals, 2), simulator.Options{})
		s.world.HideDeal(9, noon.Add(-time.Hour))
		s.mustExtract()
		s.mustKnow(func(d simulator.Deal) bool { return d.ID != 9 })
		s.world.ShowDeal(9, noon.Add(time.Hour))
		s.world.DeleteDeal(8, noon.Add(time.Hour))
		s.later()
		s.mustKnow(everyDeal)
	}
}

func TestADealThatIsRestoredElsewhereIsFound(t *testing.T) {
	for _, isFull := range []bool{false, true} {
		s := newSite(t, twoFunnels(200, 3), simulator.Options{})
		s.options.Funnels = []extractor.FunnelID{5}
		s.mustExtract()
		s.world.DeleteDeal(8, noon.Add(time.Hour))
		s.later()
		s.mustKnow(inService)
		at := s.clock.Now().Add(time.Hour)
		s.world.RestoreDeal(8, at, false)
		s.world.ChangeFunnel(8, at.Add(time.Hour), 0, "WORK")
		s.options.Full = isFull
		s.later()
		s.mustKnow(func(d simulator.Deal) bool { return d.Funnel == 5 || d.ID == 8 })
	}
}

func TestOnlyTheConfiguredFunnelsAreRead(t *testing.T) {
	s := newSite(t, twoFunnels(400, 3), simulator.Options{})
	s.options.Funnels = []extractor.FunnelID{5}
	result := s.mustExtract()
	s.mustKnow(inService)
	if result.DealsRead != 200 {
		t.Errorf("read %d deals, want 200", result.DealsRead)
	}
}

// Whatever a deal did between the funnels, it and its whole history are known once it has been
// in a configured one.
func TestDealsThatChangeFunnelKeepTheirWholeHistory(t *testing.T) {
	s := newSite(t, twoFunnels(200, 3), simulator.Options{})
	s.options.Funnels = []extractor.FunnelID{5}
	before := noon.AddDate(0, 0, -1)
	s.world.ChangeFunnel(1, before, 5, "C5:WORK") // came in
	s.world.ChangeFunnel(2, before, 0, "WORK")    // left
	s.world.Advance(noon)
	known := func(extra ...simulator.DealID) func(simulator.Deal) bool {
		return func(d simulator.Deal) bool { return d.Funnel == 5 || slices.Contains(extra, d.ID) }
	}
	s.mustExtract()
	s.mustKnow(known(2))

	s.world.ChangeFunnel(4, noon.Add(time.Hour), 0, "NEW")    // leaves
	s.world.ChangeFunnel(3, noon.Add(time.Hour), 5, "C5:NEW") // comes: the count of the range stays
	s.later()
	s.mustKnow(known(2, 4))

	s.world.Move(4, s.clock.Now().Add(time.Hour), "WON")               // moves where nobody looks
	s.world.ChangeFunnel(2, s.clock.Now().Add(time.Hour), 5, "C5:NEW") // comes back
	s.world.DeleteDeal(6, s.clock.Now().Add(time.Hour))
	s.later()
	s.mustKnow(known(2, 4))

	s.world.DeleteDeal(4, s.clock.Now().Add(time.Hour)) // deleted out there
	s.later()
	s.mustKnow(known(2))

	s.options.Full = true
	s.world.ChangeFunnel(10, s.clock.Now().Add(time.Hour), 0, "NEW")
	s.later()
	s.mustKnow(known(2, 10))
}

func TestADepartedDealStaysKnownWhenThePortalHidesItsFormerHistory(t *testing.T) {
	s := newSite(t, twoFunnels(20, 3), simulator.Options{Quirks: simulator.Quirks{HidesFormerFunnels: true}})
	s.options.Funnels = []extractor.FunnelID{5}
	s.mustExtract()
	s.world.ChangeFunnel(2, noon.Add(time.Hour), 0, "WORK")
	s.later()
	s.options.Full = true
	s.later()
	deal := s.landing.deals[2]
	if deal.vanished || deal.FunnelID != 0 || deal.run != s.landing.run {
		t.Errorf("deal 2 is %+v, want it known in funnel 0, landed by run %d", deal, s.landing.run)
	}
}

func TestAnotherScopeIsReadAnew(t *testing.T) {
	s := newSite(t, twoFunnels(40, 3), simulator.Options{})
	s.mustExtract()
	s.options.Funnels = []extractor.FunnelID{5}
	if result := s.later(); !result.IsFull {
		t.Error("other funnels did not make a full reading")
	}
	s.mustKnow(everyDeal) // what is known of the other funnels stays so
	s.options.Fields = []string{"UF_CRM_DOCS_DAYS"}
	if result := s.later(); !result.IsFull {
		t.Error("other fields did not make a full reading")
	}
	if result := s.later(); result.IsFull {
		t.Error("the same scope made a full reading")
	}
}

func TestAFullReadMarksWhatIsGone(t *testing.T) {
	s := newSite(t, twoFunnels(120, 3), simulator.Options{})
	s.mustExtract()
	s.world.DeleteDeal(5, noon.Add(time.Hour))
	s.world.RemoveChange(6, s.world.History(6)[0].ID, time.Time{})
	s.options.Full = true
	s.later()
	s.mustKnow(everyDeal)
}

// Hidden deals stay known with their histories, and are asked for until they can be read again or are deleted.
func TestHiddenDealsStayKnown(t *testing.T) {
	for _, isFull := range []bool{false, true} {
		s := newSite(t, twoFunnels(120, 2), simulator.Options{})
		s.mustExtract()
		before := s.known()
		for id := simulator.DealID(1); id <= 61; id++ {
			s.world.HideDeal(id, noon.Add(time.Hour))
		}
		s.options.Full = isFull
		if result := s.later(); result.Hidden != 61 || result.Vanished != 0 {
			t.Errorf("full %v: %d hidden and %d vanished, want 61 and none", isFull, result.Hidden, result.Vanished)
		}
		if diff := cmp.Diff(before, s.known()); diff != "" {
			t.Errorf("full %v: what is known has changed with the rights (-before +after):\n%s", isFull, diff)
		}
		if hidden := s.hidden(); hidden != 61 {
			t.Errorf("full %v: %d deals are marked as hidden, want 61", isFull, hidden)
		}
		for id := simulator.DealID(1); id <= 30; id++ {
			s.world.DeleteDeal(id, noon.Add(2*time.Hour))
		}
		for id := simulator.DealID(31); id <= 61; id++ {
			s.world.ShowDeal(id, noon.Add(2*time.Hour))
		}
		if result := s.later(); result.Hidden != 0 || result.Vanished != 30 {
			t.Errorf("full %v: then %d hidden and %d vanished, want none and 30", isFull, result.Hidden, result.Vanished)
		}
		s.mustKnow(everyDeal)
		if hidden := s.hidden(); hidden != 0 {
			t.Errorf("full %v: %d deals are still marked as hidden, want none", isFull, hidden)
		}
	}
}

// A hidden deal that is shown again does not make up for one of its range that is deleted in the same night.
func TestAShownDealBesideADeletedOne(t *testing.T) {
	s := newSite(t, twoFunnels(120, 2), simulator.Options{})
	s.mustExtract()
	s.world.HideDeal(3, noon.Add(time.Hour))
	s.later()
	s.world.ShowDeal(3, noon.Add(2*time.Hour))
	s.world.DeleteDeal(7, noon.Add(2*time.Hour))
	if result := s.later(); result.Hidden != 0 || result.Vanished != 1 {
		t.Errorf("%d deals are hidden and %d have vanished, want none and 1", result.Hidden, result.Vanished)
	}
	s.mustKnow(everyDeal)
}

// slowPages makes the client ask for a few pages at a time, so that few rows make many blocks.
var slowPages = simulator.Options{Costs: map[string]time.Duration{
	"crm.item.list": 5 * time.Second, "crm.stagehistory.list": 5 * time.Second,
}}

func TestAReadingThatDiedGoesOnWhereItStopped(t *testing.T) {
	world := func() *simulator.World { return twoFunnels(600, 2) }
	whole := newSite(t, world(), slowPages)
	whole.mustExtract()
	for killAt := 1; killAt <= whole.landing.writes; killAt++ {
		t.Run(fmt.Sprintf("at write %d", killAt), func(t *testing.T) {
			s := newSite(t, world(), slowPages)
			s.landing.killAt = killAt
			if _, err := s.extract(); err == nil {
				t.Fatal("Extract outlived its landing")
			}
			s.landing.killAt = 0
			s.landing.run++
			// Between the two a deal that was read moves, one is deleted, one appears.
			s.world.Move(1, s.clock.Now().Add(time.Minute), "WON")
			s.world.DeleteDeal(3, s.clock.Now().Add(time.Minute))
			s.world.AddDeal(simulator.Deal{Title: "New", Stage: "NEW", Created: s.clock.Now().Add(time.Minute)})
			s.clock.Add(time.Hour)
			s.world.Advance(s.clock.Now())
			s.mustExtract()
			s.mustKnow(everyDeal)
		})
	}
}

func TestAReadingThatDiedDoesNotReadAgainWhatItHasLanded(t *testing.T) {
	s := newSite(t, twoFunnels(1000, 2), slowPages)
	s.landing.killAt = 4 // the first block is landed and the state is saved
	if _, err := s.extract(); err == nil {
		t.Fatal("Extract outlived its landing")
	}
	landed := len(s.landing.deals)
	s.landing.killAt = 0
	s.landing.run++
	if result := s.mustExtract(); landed < 300 || result.DealsRead > 1000-landed/2+10 {
		t.Errorf("read %d deals of 1000 after %d, want the others only", result.DealsRead, landed)
	}
	s.mustKnow(everyDeal)
}

func TestAReadingThatDiedLongAgoIsBegunAnew(t *testing.T) {
	s := newSite(t, twoFunnels(600, 2), slowPages)
	s.landing.killAt = 4
	if _, err := s.extract(); err == nil {
		t.Fatal("Extract outlived its landing")
	}
	s.landing.killAt = 0
	s.nextDay()
	if result := s.later(); result.DealsRead != 600 {
		t.Errorf("read %d deals, want all 600", result.DealsRead)
	}
	s.mustKnow(everyDeal)
}

func TestAnIncrementalRunThatDiedIsMadeAgain(t *testing.T) {
	for killAt := 1; killAt <= 6; killAt++ {
		t.Run(fmt.Sprintf("at write %d", killAt), func(t *testing.T) {
			s := newSite(t, twoFunnels(200, 3), simulator.Options{})
			s.mustExtract()
			s.world.Move(7, noon.Add(time.Hour), "WON")
			s.world.DeleteDeal(9, noon.Add(time.Hour))
			s.nextDay()
			s.landing.writes, s.landing.killAt = 0, killAt
			_, _ = s.extract() // the last of the numbers are never reached
			s.landing.killAt = 0
			s.later()
			s.mustKnow(everyDeal)
		})
	}
}

// A deal that moves after it was listed and before its history was listed is read once more.
func TestADealThatMovesDuringTheReadingIsReadAgain(t *testing.T) {
	s := newSite(t, twoFunnels(100, 2), simulator.Options{})
	s.portal.Inject(func(call *simulator.Call) *simulator.Fault {
		holdsHistory := len(call.Commands) > 2 && call.Commands[2].Method == "crm.stagehistory.list"
		if holdsHistory {
			s.world.Move(11, s.clock.Now(), "WON")
		}
		return nil
	})
	s.mustExtract()
	s.mustKnow(everyDeal)
	if deal := s.landing.deals[11]; deal.StageID != "WON" {
		t.Errorf("deal 11 is in %s, want it read again after it moved", deal.StageID)
	}
}

func TestADealWhoseHistoryDisagreesIsAWarning(t *testing.T) {
	w := twoFunnels(10, 2)
	w.RemoveChange(4, w.History(4)[1].ID, time.Time{})
	s := newSite(t, w, simulator.Options{})
	result := s.mustExtract()
	wantWarning(t, result, "1 deals stand in a stage that their history does not end with, such as deal 4")
}

func TestFieldsAndManagersAreLanded(t *testing.T) {
	w := twoFunnels(4, 1)
	w.SetField(2, time.Time{}, "UF_CRM_DOCS_DAYS", 7)
	w.SetField(2, time.Time{}, "UF_CRM_DOCS_DUE", time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC))
	w.EditUser(2, time.Time{}, func(u *simulator.User) { u.IsFired = true })
	for _, zone := range []*time.Location{time.UTC, time.FixedZone("", 3*3600), time.FixedZone("", -5*3600)} {
		s := newSite(t, w, simulator.Options{Zone: zone, Quirks: simulator.Quirks{MixesEmpties: true, WritesHistoryAsText: true}})
		s.options.Fields = []string{"UF_CRM_DOCS_DAYS", "UF_CRM_DOCS_DUE"}
		result := s.mustExtract()
		deal := s.landing.deals[2]
		want := map[string]string{"UF_CRM_DOCS_DAYS": "7", "UF_CRM_DOCS_DUE": "2026-04-01"}
		if fmt.Sprint(deal.Fields) != fmt.Sprint(want) || len(s.landing.deals[1].Fields) > 0 {
			t.Errorf("in zone %v: fields %v and %v, want %v and none", zone, deal.Fields, s.landing.deals[1].Fields, want)
		}
		if deal.Amount.String() != "150" || deal.Currency != "EUR" || !deal.CreatedAt.Equal(noon.AddDate(0, 0, -200).Add(time.Minute)) {
			t.Errorf("deal 2 is %+v", deal.Deal)
		}
		managers := []extractor.Manager{{ID: 1, Name: "Ann Lee", IsActive: true}, {ID: 2, Name: "Bo Lee"}, {ID: 3, Name: "Cy Lee", IsActive: true}}
		if fmt.Sprint(result.Managers) != fmt.Sprint(managers) {
			t.Errorf("managers %v, want %v", result.Managers, managers)
		}
	}
}

func TestAMissingScopeForPeopleIsAWarning(t *testing.T) {
	s := newSite(t, twoFunnels(4, 1), simulator.Options{Scopes: []string{"crm"}})
	result := s.mustExtract()
	wantWarning(t, result, "the webhook lacks the scope user: managers stay without names")
	if len(result.Managers) != 0 {
		t.Errorf("managers %v without the right to read them", result.Managers)
	}
	s = newSite(t, twoFunnels(4, 1), simulator.Options{})
	s.portal.Inject(simulator.OnCommands("user.get", simulator.InsufficientScope))
	wantWarning(t, s.mustExtract(), `managers stay without names: user.get: refused (insufficient_scope); the webhook lacks the scope "user": tick it in the webhook's settings`)
}

func TestAFieldThatThePortalLacksIsAnError(t *testing.T) {
	s := newSite(t, twoFunnels(4, 1), simulator.Options{})
	s.options.Fields = []string{"UF_CRM_NONE"}
	if _, err := s.extract(); err == nil || err.Error() != "the portal has no deal field UF_CRM_NONE" {
		t.Errorf("Extract: %v", err)
	}
}

// TestARunThatDiedBetweenADealAndItsHistory: whichever write a run dies at, the next one knows each deal with its whole
// history, also those that no list of changes brings again.
func TestARunThatDiedBetweenADealAndItsHistory(t *testing.T) {
	for killAt := 1; ; killAt++ {
		s := newSite(t, twoFunnels(40, 3), simulator.Options{})
		s.options.Funnels = []extractor.FunnelID{5}
		for _, id := range []simulator.DealID{6, 8} {
			s.world.HideDeal(id, noon.Add(-time.Hour))
		}
		s.world.Advance(noon)
		s.mustExtract()
		at := noon.Add(time.Hour)
		s.world.ShowDeal(6, at) // the sweep finds both, and their time of update is old
		s.world.ShowDeal(8, at)
		s.world.ChangeFunnel(2, at, 0, "WORK")                  // the sweep finds it
		s.world.Move(4, at, "C5:WON")                           // a list brings it
		s.world.ChangeFunnel(1, at, 5, "C5:NEW")                // a list brings it, with a history in another funnel
		s.world.ChangeFunnel(3, at, 5, "C5:NEW")                // nothing but the new changes brings it
		s.world.ChangeFunnel(3, at.Add(time.Minute), 0, "WORK") // because it left again
		s.nextDay()
		s.landing.writes, s.landing.killAt = 0, killAt
		_, err := s.extract()
		if err == nil {
			if killAt < 6 {
				t.Errorf("a run has %d writes, want more to die at", killAt-1)
			}
			return
		}
		s.landing.killAt = 0
		s.later()
		for _, id := range []simulator.DealID{1, 2, 3, 4, 6, 8} {
			var want, got []simulator.ChangeID
			for _, change := range s.world.History(id) {
				want = append(want, change.ID)
			}
			got = s.known().Changes[id]
			if !slices.Equal(got, want) {
				t.Errorf("killed at write %d: of deal %d the changes %v are known, want %v", killAt, id, got, want)
			}
			if deal, _ := s.world.Deal(id); s.known().Deals[id] != line(uint64(deal.Funnel), string(deal.Stage), uint64(deal.Manager)) {
				t.Errorf("killed at write %d: deal %d is known as %q", killAt, id, s.known().Deals[id])
			}
		}
	}
}

func TestMoreDealsHaveChangedThanOneRequestBrings(t *testing.T) {
	s := newSite(t, twoFunnels(700, 2), simulator.Options{})
	s.mustExtract()
	at := s.clock.Now().Add(time.Hour)
	for id := range simulator.DealID(700) {
		s.world.SetField(id+1, at, "UF_CRM_DOCS_DAYS", int(id)+1)
	}
	if result := s.later(); result.DealsRead != 700 {
		t.Errorf("read %d deals, want all 700", result.DealsRead)
	}
	s.mustKnow(everyDeal)
}

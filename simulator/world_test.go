package simulator_test

import (
	"fmt"
	"testing"
	"time"

	"stagelag/simulator"
)

func TestTheFutureHappensWhenItsTimeComes(t *testing.T) {
	w := newWorld()
	hour := func(n int) time.Time { return morning.Add(time.Duration(n) * time.Hour) }
	w.AddDeal(simulator.Deal{Title: "Roof", Stage: "NEW", Manager: 1, Created: hour(-1)})
	w.AddDeal(simulator.Deal{Title: "Barn", Stage: "NEW", Created: hour(2)})
	w.DeleteDeal(2, hour(4))
	w.Move(1, hour(3), "WON")
	w.SetManager(1, hour(1), 2)
	w.SetField(1, hour(2), "UF_CRM_DAYS", 9)
	s := serve(t, w, simulator.Options{})
	s.clock.Add(-time.Hour) // a clock that goes back changes nothing
	want := []string{
		"deals 1, rows 1: NEW 1 <nil> 2026-03-10T08:00:00+03:00",
		"deals 1, rows 1: NEW 2 <nil> 2026-03-10T10:00:00+03:00",
		"deals 2, rows 2: NEW 2 9 2026-03-10T11:00:00+03:00",
		"deals 2, rows 3: WON 2 9 2026-03-10T12:00:00+03:00",
		"deals 1, rows 2: WON 2 9 2026-03-10T12:00:00+03:00",
	}
	for _, want := range want {
		s.clock.Add(time.Hour)
		deals := s.call("crm.item.list", object{"entityTypeId": 2, "order": object{"id": "ASC"}})
		rows := s.call("crm.stagehistory.list", object{"entityTypeId": 2})
		first := func(name string) any { return deals.at("result", "items", 0, name) }
		got := fmt.Sprint("deals ", deals.at("total"), ", rows ", rows.at("total"), ": ",
			first("stageId"), " ", first("assignedById"), " ", first("ufCrmDays"), " ", first("updatedTime"))
		wantEqual(t, fmt.Sprint("at ", s.clock.Now()), got, want)
	}
}

func TestRowsFromTheFuture(t *testing.T) {
	w := newWorld()
	tomorrow := morning.AddDate(0, 0, 1)
	w.AddDeal(simulator.Deal{Stage: "NEW", Created: tomorrow, AppearsAt: morning})
	w.MoveStamped(1, morning, tomorrow.Add(time.Hour), "EXECUTING")
	s := serve(t, w, simulator.Options{})
	got := s.call("crm.stagehistory.list", object{"entityTypeId": 2, "order": object{"ID": "ASC"}})
	wantEqual(t, "times", got.column("CREATED_TIME", "result", "items"), []any{"2026-03-11T09:00:00+03:00", "2026-03-11T10:00:00+03:00"})
	item := s.call("crm.item.get", object{"entityTypeId": 2, "id": 1})
	wantEqual(t, "createdTime", item.at("result", "item", "createdTime"), any("2026-03-11T09:00:00+03:00"))
	wantEqual(t, "movedTime", item.at("result", "item", "movedTime"), any("2026-03-11T10:00:00+03:00"))
}

func TestEditDeal(t *testing.T) {
	w := newWorld()
	w.AddDeal(simulator.Deal{Title: "Roof", Stage: "NEW", Created: morning.Add(-time.Hour), Fields: map[string]any{"UF_CRM_DAYS": 5, "UF_CRM_TAGS": []string{"41"}}})
	tests := []struct {
		name    string
		at      time.Time
		change  func(*simulator.Deal)
		title   string
		updated time.Time
	}{
		{"at a time", morning, func(d *simulator.Deal) { d.Title = "House" }, "House", morning},
		{"without a trace", time.Time{}, func(d *simulator.Deal) { d.Title = "Hall" }, "Hall", morning},
		{"with a time of its own", morning, func(d *simulator.Deal) { d.Updated = morning.Add(time.Hour) }, "Hall", morning.Add(time.Hour)},
	}
	w.Advance(morning)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w.EditDeal(1, test.at, test.change)
			got, _ := w.Deal(1)
			wantEqual(t, "title", got.Title, test.title)
			wantEqual(t, "updated", got.Updated, test.updated.UTC())
			wantEqual(t, "fields", got.Fields, map[string]any{"UF_CRM_DAYS": "5", "UF_CRM_TAGS": []string{"41"}})
		})
	}
}

func TestHiddenDealsComeBack(t *testing.T) {
	w := newWorld()
	manyDeals(w, 3)
	s := serve(t, w, simulator.Options{})
	seen := func() string {
		deals := s.call("crm.item.list", object{"entityTypeId": 2, "order": object{"id": "ASC"}})
		rows := s.call("crm.stagehistory.list", object{"entityTypeId": 2, "order": object{"ID": "ASC"}})
		return fmt.Sprint(idsOf(deals), idsOf(rows))
	}
	w.HideDeal(2, morning)
	wantEqual(t, "hidden", seen(), "[1 3] [1 3]")
	wantEqual(t, "read by its id", s.call("crm.deal.get", object{"id": 2}).status, 400)
	w.EditDeal(2, morning, func(d *simulator.Deal) { d.IsHidden = false })
	wantEqual(t, "shown again", seen(), "[1 2 3] [1 2 3]")
}

func TestMistakesInAScenario(t *testing.T) {
	tests := []struct {
		name string
		make func(*simulator.World)
	}{
		{"a deal that was never added", func(w *simulator.World) { w.Move(7, morning, "WON") }},
		{"a deal that was added before", func(w *simulator.World) { w.AddDeal(simulator.Deal{ID: 1}) }},
		{"a funnel that was never added", func(w *simulator.World) { w.ChangeFunnel(1, morning, 7, "C7:NEW") }},
		{"a funnel that was added before", func(w *simulator.World) { w.AddFunnel(simulator.Funnel{ID: 5}) }},
		{"a field that was never added", func(w *simulator.World) { w.SetField(1, morning, "UF_CRM_WISH", 1) }},
		{"a stage that was never added", func(w *simulator.World) { w.DeleteStage(5, morning, "C5:WISH") }},
		{"a person who was never added", func(w *simulator.World) { w.EditUser(77, morning, nil) }},
		{"a row that is not there", func(w *simulator.World) { w.RemoveChange(1, 77, time.Time{}) }},
		{"a value of another kind", func(w *simulator.World) { w.SetField(1, time.Time{}, "UF_CRM_DAYS", []int{1}) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld()
			manyDeals(w, 1)
			w.Advance(morning)
			defer func() {
				if recover() == nil {
					t.Error("nothing panics")
				}
			}()
			test.make(w)
		})
	}
}

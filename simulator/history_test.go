package simulator_test

import (
	"fmt"
	"testing"
	"time"

	"stagelag/simulator"
)

// rowsOf are a deal's rows as text: type, funnel, stage, semantics.
func (s *site) rowsOf(deal int) []string {
	s.t.Helper()
	got := s.call("crm.stagehistory.list", object{"entityTypeId": 2, "filter": object{"OWNER_ID": deal}, "order": object{"ID": "ASC"}})
	var rows []string
	for i := range len(got.at("result", "items").([]any)) {
		row := func(name string) any { return got.at("result", "items", i, name) }
		rows = append(rows, fmt.Sprint(row("TYPE_ID"), " ", row("CATEGORY_ID"), " ", row("STAGE_ID"), " ", row("STAGE_SEMANTIC_ID")))
	}
	return rows
}

func TestHistory(t *testing.T) {
	at := func(day int) time.Time { return morning.AddDate(0, 0, day-30) }
	tests := []struct {
		name   string
		quirks simulator.Quirks
		live   func(w *simulator.World)
		want   []string
	}{
		{"created, moved, won", simulator.Quirks{}, func(w *simulator.World) {
			w.AddDeal(simulator.Deal{Stage: "NEW", Created: at(1)})
			w.Move(1, at(2), "EXECUTING")
			w.Move(1, at(3), "WON")
		}, []string{"1 0 NEW P", "2 0 EXECUTING P", "3 0 WON S"}},
		{"back and forth", simulator.Quirks{}, func(w *simulator.World) {
			w.AddDeal(simulator.Deal{Stage: "NEW", Created: at(1)})
			w.Move(1, at(2), "EXECUTING")
			w.Move(1, at(3), "NEW")
		}, []string{"1 0 NEW P", "2 0 EXECUTING P", "2 0 NEW P"}},
		{"a move to the same stage writes nothing", simulator.Quirks{}, func(w *simulator.World) {
			w.AddDeal(simulator.Deal{Stage: "NEW", Created: at(1)})
			w.Move(1, at(2), "NEW")
		}, []string{"1 0 NEW P"}},
		{"created in a final stage", simulator.Quirks{}, func(w *simulator.World) {
			w.AddDeal(simulator.Deal{Stage: "LOSE", Created: at(1)})
		}, []string{"3 0 LOSE F"}},
		{"created in a final stage, as a creation", simulator.Quirks{History: simulator.HistoryModes{CreatedInFinalIsCreation: true}}, func(w *simulator.World) {
			w.AddDeal(simulator.Deal{Stage: "LOSE", Created: at(1)})
		}, []string{"1 0 LOSE F"}},
		{"reopened", simulator.Quirks{}, func(w *simulator.World) {
			w.AddDeal(simulator.Deal{Stage: "NEW", Created: at(1)})
			w.Move(1, at(2), "WON")
			w.Move(1, at(3), "EXECUTING")
		}, []string{"1 0 NEW P", "3 0 WON S", "2 0 EXECUTING P"}},
		{"reopened, and the closing is gone", simulator.Quirks{History: simulator.HistoryModes{ReopenErases: true}}, func(w *simulator.World) {
			w.AddDeal(simulator.Deal{Stage: "NEW", Created: at(1)})
			w.Move(1, at(2), "WON")
			w.Move(1, at(3), "EXECUTING")
		}, []string{"1 0 NEW P", "2 0 EXECUTING P"}},
		{"from one final stage to another the closing stays", simulator.Quirks{History: simulator.HistoryModes{ReopenErases: true}}, func(w *simulator.World) {
			w.AddDeal(simulator.Deal{Stage: "NEW", Created: at(1)})
			w.Move(1, at(2), "LOSE")
			w.Move(1, at(3), "APOLOGY")
		}, []string{"1 0 NEW P", "3 0 LOSE F", "3 0 APOLOGY F"}},
		{"another funnel", simulator.Quirks{}, func(w *simulator.World) {
			w.AddDeal(simulator.Deal{Stage: "NEW", Created: at(1)})
			w.ChangeFunnel(1, at(2), 5, "C5:DOCS")
			w.Move(1, at(3), "C5:WON")
		}, []string{"1 0 NEW P", "5 5 C5:DOCS P", "3 5 C5:WON S"}},
		{"another funnel's final stage has that one's semantics", simulator.Quirks{}, func(w *simulator.World) {
			w.AddDeal(simulator.Deal{Stage: "NEW", Created: at(1)})
			w.ChangeFunnel(1, at(2), 5, "C5:LOSE")
		}, []string{"1 0 NEW P", "5 5 C5:LOSE F"}},
		{"another funnel hides the rows of the one before", simulator.Quirks{HidesFormerFunnels: true}, func(w *simulator.World) {
			w.AddDeal(simulator.Deal{Stage: "NEW", Created: at(1)})
			w.ChangeFunnel(1, at(2), 5, "C5:DOCS")
		}, []string{"5 5 C5:DOCS P"}},
		{"back in the first funnel its rows are shown again", simulator.Quirks{HidesFormerFunnels: true}, func(w *simulator.World) {
			w.AddDeal(simulator.Deal{Stage: "NEW", Created: at(1)})
			w.ChangeFunnel(1, at(2), 5, "C5:DOCS")
			w.ChangeFunnel(1, at(3), 0, "EXECUTING")
		}, []string{"1 0 NEW P", "5 0 EXECUTING P"}},
		{"another funnel erases the rows before", simulator.Quirks{History: simulator.HistoryModes{FunnelChangeErases: true}}, func(w *simulator.World) {
			w.AddDeal(simulator.Deal{Stage: "NEW", Created: at(1)})
			w.Move(1, at(2), "EXECUTING")
			w.ChangeFunnel(1, at(3), 5, "C5:DOCS")
		}, []string{"1 5 C5:DOCS P"}},
		{"imported deals have none", simulator.Quirks{}, func(w *simulator.World) {
			w.AddDeal(simulator.Deal{Stage: "NEW", Created: at(1), HasNoHistory: true})
		}, nil},
		{"imported deals that moved begin late", simulator.Quirks{}, func(w *simulator.World) {
			w.AddDeal(simulator.Deal{Stage: "NEW", Created: at(1), HasNoHistory: true})
			w.Move(1, at(2), "EXECUTING")
		}, []string{"2 0 EXECUTING P"}},
		{"a stage that was deleted stays", simulator.Quirks{}, func(w *simulator.World) {
			w.AddDeal(simulator.Deal{Stage: "NEW", Created: at(1)})
			w.Move(1, at(2), "EXECUTING")
			w.DeleteStage(0, at(3), "EXECUTING")
			w.Move(1, at(4), "WON")
		}, []string{"1 0 NEW P", "2 0 EXECUTING P", "3 0 WON S"}},
		{"a deal that was deleted has none", simulator.Quirks{}, func(w *simulator.World) {
			w.AddDeal(simulator.Deal{Stage: "NEW", Created: at(1)})
			w.DeleteDeal(1, at(2))
		}, nil},
		{"a deal that may not be read has none", simulator.Quirks{}, func(w *simulator.World) {
			w.AddDeal(simulator.Deal{Stage: "NEW", Created: at(1)})
			w.HideDeal(1, at(2))
			w.Move(1, at(3), "WON")
		}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld()
			test.live(w)
			s := serve(t, w, simulator.Options{Quirks: test.quirks})
			wantEqual(t, "rows", s.rowsOf(1), test.want)
		})
	}
}

func TestHistoryTypes(t *testing.T) {
	tests := []struct {
		name   string
		quirks simulator.Quirks
		want   any
	}{
		{"numbers", simulator.Quirks{}, object{"ID": 1.0, "TYPE_ID": 1.0, "OWNER_ID": 1.0, "CATEGORY_ID": 0.0,
			"CREATED_TIME": "2026-03-10T08:59:00+03:00", "STAGE_SEMANTIC_ID": "P", "STAGE_ID": "NEW"}},
		{"text", simulator.Quirks{WritesHistoryAsText: true}, object{"ID": "1", "TYPE_ID": "1", "OWNER_ID": "1", "CATEGORY_ID": "0",
			"CREATED_TIME": "2026-03-10T08:59:00+03:00", "STAGE_SEMANTIC_ID": "P", "STAGE_ID": "NEW"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld()
			manyDeals(w, 1)
			s := serve(t, w, simulator.Options{Quirks: test.quirks})
			got := s.call("crm.stagehistory.list", object{"entityTypeId": 2, "filter": object{"@OWNER_ID": []int{1}}})
			wantEqual(t, "row", got.at("result", "items", 0), test.want)
		})
	}
}

func TestHistoryOfOwners(t *testing.T) {
	w := newWorld()
	manyDeals(w, 60)
	for id := range simulator.DealID(60) {
		w.Move(id+1, morning, "EXECUTING")
	}
	s := serve(t, w, simulator.Options{})
	tests := []struct {
		name   string
		filter object
		want   string
	}{
		{"a list", object{"OWNER_ID": []int{3, 2, 99}}, "[2 3 62 63]"},
		{"one", object{"=OWNER_ID": 3}, "[3 63]"},
		{"a list, from a row on", object{"@OWNER_ID": []int{2, 3}, ">ID": 3}, "[62 63]"},
		{"a list, and rows", object{"@OWNER_ID": []int{2, 3}, "@ID": []int{3, 4, 62}}, "[3 62]"},
		{"a list, and a type", object{"@OWNER_ID": []int{2, 3}, "TYPE_ID": 2}, "[62 63]"},
		{"all but a range", object{">OWNER_ID": 2, "<=OWNER_ID": 3}, "[3 63]"},
		{"since a time", object{">=CREATED_TIME": "2026-03-10T09:00:00+03:00", "<ID": 63}, "[61 62]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := s.call("crm.stagehistory.list", object{"entityTypeId": 2, "filter": test.filter, "order": object{"ID": "ASC"}})
			wantEqual(t, "ids", fmt.Sprint(idsOf(got)), test.want)
		})
	}
}

func TestRowsOfOneSecondAreInTheOrderOfTheirIDs(t *testing.T) {
	w := newWorld()
	w.AddDeal(simulator.Deal{Stage: "NEW", Created: morning})
	w.Move(1, morning, "EXECUTING")
	w.Move(1, morning, "WON")
	s := serve(t, w, simulator.Options{})
	got := s.call("crm.stagehistory.list", object{"entityTypeId": 2, "order": object{"CREATED_TIME": "ASC", "ID": "ASC"}})
	wantEqual(t, "stages", got.column("STAGE_ID", "result", "items"), []any{"NEW", "EXECUTING", "WON"})
}

func TestOlderHistoryDropsUnknownFilters(t *testing.T) {
	w := newWorld()
	manyDeals(w, 3)
	s := serve(t, w, simulator.Options{Quirks: simulator.Quirks{DropsUnknownHistoryFilters: true}})
	got := s.call("crm.stagehistory.list", object{"entityTypeId": 2, "filter": object{"DEAL_ID": 1}})
	wantEqual(t, "rows", len(idsOf(got)), 3)
}

func TestHistoryOfOtherRecords(t *testing.T) {
	s := serve(t, newWorld(), simulator.Options{})
	wantEqual(t, "leads", s.call("crm.stagehistory.list", object{"entityTypeId": 1}).at("result", "items"), any([]any{}))
	wantEqual(t, "others", s.call("crm.stagehistory.list", object{"entityTypeId": 99}).at("error"), any("ENTITY_TYPE_NOT_SUPPORTED"))
}

func TestCorrections(t *testing.T) {
	w := newWorld()
	w.AddDeal(simulator.Deal{Stage: "NEW", Created: morning.AddDate(0, 0, -9)})
	w.Move(1, morning.AddDate(0, 0, -5), "EXECUTING")
	s := serve(t, w, simulator.Options{})
	updated := func() any {
		return s.call("crm.item.get", object{"entityTypeId": 2, "id": 1}).at("result", "item", "updatedTime")
	}
	w.CorrectChange(1, 2, morning, func(c *simulator.Change) { c.At = morning.AddDate(0, 0, -7) })
	got := s.call("crm.stagehistory.list", object{"entityTypeId": 2, "order": object{"ID": "ASC"}})
	wantEqual(t, "times", got.column("CREATED_TIME", "result", "items"), []any{"2026-03-01T09:00:00+03:00", "2026-03-03T09:00:00+03:00"})
	wantEqual(t, "time of update", updated(), any("2026-03-10T09:00:00+03:00"))
	s.clock.Add(time.Hour)
	w.RemoveChange(1, 2, time.Time{})
	wantEqual(t, "rows", s.rowsOf(1), []string{"1 0 NEW P"})
	wantEqual(t, "time of update", updated(), any("2026-03-10T09:00:00+03:00"))
}

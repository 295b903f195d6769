package simulator_test

import (
	"fmt"
	"testing"

	"stagelag/simulator"
)

func TestBatchMaps(t *testing.T) {
	w := newWorld()
	manyDeals(w, 60)
	s := serve(t, w, simulator.Options{Scopes: []string{"crm"}})
	type maps struct{ result, errors, totals, nexts any }
	lists := "crm.deal.list?select[]=ID&filter[ID]="
	row := func(id string) any { return []any{object{"ID": id}} }
	tests := []struct {
		name   string
		params object
		want   maps
	}{
		{
			"a map of no commands is an empty list", object{"cmd": object{}},
			maps{[]any{}, []any{}, []any{}, []any{}},
		},
		{
			"named commands", object{"cmd": object{"a": lists + "7", "b": lists + "8"}},
			maps{object{"a": row("7"), "b": row("8")}, []any{}, object{"a": 1.0, "b": 1.0}, []any{}},
		},
		{
			"a list of commands gives lists", object{"cmd": []string{lists + "7", lists + "8"}},
			maps{[]any{row("7"), row("8")}, []any{}, []any{1.0, 1.0}, []any{}},
		},
		{
			"a failure among numbers makes the rest a map, and its own position is lost",
			object{"cmd": []string{"crm.deal.get?id=999", lists + "8"}},
			maps{object{"1": row("8")}, []any{object{"error": "", "error_description": "Not found"}}, object{"1": 1.0}, []any{}},
		},
		{
			"only lists have a total, only lists with more pages a next",
			object{"cmd": object{"a": "scope", "b": "crm.deal.list?select[]=ID&filter[<ID]=2", "c": "crm.item.list?entityTypeId=2&select[]=no"}},
			maps{object{"a": []any{"crm"}, "b": row("1"), "c": object{"items": emptyItems(50)}}, []any{}, object{"b": 1.0, "c": 60.0}, object{"c": 50.0}},
		},
		{
			"a missing scope has no text",
			object{"cmd": object{"a": "user.get"}},
			maps{[]any{}, object{"a": object{"error": "insufficient_scope", "error_description": ""}}, []any{}, []any{}},
		},
		{
			"no batch in a batch",
			object{"cmd": object{"a": "batch?cmd[x]=scope"}},
			maps{[]any{}, object{"a": object{"error": "ERROR_BATCH_METHOD_NOT_ALLOWED", "error_description": "Method is not allowed for batch usage"}}, []any{}, []any{}},
		},
		{
			"what is no text is skipped",
			object{"cmd": object{"a": 7, "b": "scope"}},
			maps{object{"b": []any{"crm"}}, []any{}, []any{}, []any{}},
		},
		{
			"all run without halt",
			object{"cmd": []string{"scope", "crm.deal.get?id=999", "scope"}},
			maps{object{"0": []any{"crm"}, "2": []any{"crm"}}, object{"1": object{"error": "", "error_description": "Not found"}}, []any{}, []any{}},
		},
		{
			"after a failure with halt the rest is absent everywhere",
			object{"halt": 1, "cmd": []string{"scope", "crm.deal.get?id=999", "scope"}},
			maps{[]any{[]any{"crm"}}, object{"1": object{"error": "", "error_description": "Not found"}}, []any{}, []any{}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := s.call("batch", test.params)
			wantEqual(t, "status", got.status, 200)
			wantEqual(t, "result", got.at("result", "result"), test.want.result)
			wantEqual(t, "result_error", got.at("result", "result_error"), test.want.errors)
			wantEqual(t, "result_total", got.at("result", "result_total"), test.want.totals)
			wantEqual(t, "result_next", got.at("result", "result_next"), test.want.nexts)
		})
	}
}

// emptyItems are rows of which nothing was selected, which PHP writes as lists.
func emptyItems(n int) []any {
	var all []any
	for range n {
		all = append(all, []any{})
	}
	return all
}

func TestBatchTimesOnlyWhatSucceeded(t *testing.T) {
	s := serve(t, newWorld(), simulator.Options{})
	got := s.call("batch", object{"cmd": object{"a": "scope", "b": "crm.deal.get?id=9"}})
	wantEqual(t, "time of a", got.at("result", "result_time", "a", "date_start"), any("2026-03-10T09:00:00+03:00"))
	wantEqual(t, "time of b", got.at("result", "result_time", "b"), nil)
}

func TestBatchIsCutAfterFiftyCommands(t *testing.T) {
	s := serve(t, newWorld(), simulator.Options{})
	var commands []string
	for range 52 {
		commands = append(commands, "scope")
	}
	got := s.call("batch", object{"cmd": commands})
	wantEqual(t, "results", len(got.at("result", "result").([]any)), 50)
	for _, key := range []string{"50", "51"} {
		wantEqual(t, "error of "+key, got.at("result", "result_error", key, "error"), any("ERROR_BATCH_LENGTH_EXCEEDED"))
	}
}

func TestCommandsInAForm(t *testing.T) {
	w := newWorld()
	w.AddDeal(simulator.Deal{Title: "Дом + баня & сад = 100%", Stage: "NEW", Created: morning})
	s := serve(t, w, simulator.Options{})
	// The command's own query is encoded once, the form that carries it once more.
	const form = "halt=0&cmd[a]=crm.deal.list%3Ffilter%5B%25TITLE%5D%3D%25D0%25B1%25D0%25B0%25D0%25BD%25D1%258F%2B%2526%26select%5B%5D%3DTITLE"
	got := s.send("POST", s.WebhookURL(s.base)+"batch", "application/x-www-form-urlencoded", form)
	wantEqual(t, "title", got.at("result", "result", "a", 0, "TITLE"), any("Дом + баня & сад = 100%"))
}

func TestAPlusInACommandIsASpace(t *testing.T) {
	w := newWorld()
	manyDeals(w, 2)
	s := serve(t, w, simulator.Options{})
	got := s.call("batch", object{"cmd": object{
		"bare":    "crm.item.list?entityTypeId=2&filter[%3E%3DcreatedTime]=2026-03-10T08:59:00+03:00",
		"encoded": "crm.item.list?entityTypeId=2&filter[%3E%3DcreatedTime]=2026-03-10T08:59:00%2B03:00",
	}})
	wantEqual(t, "error of the bare one", got.at("result", "result_error", "bare", "error"), any("INVALID_ARG_VALUE"))
	wantEqual(t, "total of the encoded one", got.at("result", "result_total", "encoded"), any(1.0))
}

func TestReferences(t *testing.T) {
	w := newWorld()
	manyDeals(w, 120)
	w.Move(70, morning, "EXECUTING")
	const page = "crm.item.list?entityTypeId=2&start=-1&order[id]=ASC&select[]=id&filter[>id]="
	chain := object{"cmd": []string{
		page + "0",
		page + "$result[0][items][49][id]",
		page + "$result[1][items][49][id]",
		page + "$result[2][items][49][id]",
		"crm.stagehistory.list?entityTypeId=2&order[ID]=DESC&filter[OWNER_ID]=$result[1][items][19][id]",
		"crm.deal.list?filter[%TITLE]=deal $total[4]$result[0][items][8][id]",
	}}
	tests := []struct {
		name       string
		unresolved simulator.UnresolvedReferences
		last       int // rows after the end
		first      any // the first of them
	}{
		{"text that is no number: from the beginning", simulator.KeptAsText, 50, 1.0},
		{"the container as a number: from the beginning but for one", simulator.DeepestContainer, 50, 2.0},
		{"no condition: from the beginning", simulator.Dropped, 50, 1.0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, w, simulator.Options{Quirks: simulator.Quirks{UnresolvedReferences: test.unresolved}})
			got := s.call("batch", chain)
			ids := func(i int) []any { return got.column("id", "result", "result", i, "items") }
			wantEqual(t, "second page", fmt.Sprint(ids(1)[0], ids(1)[49]), "51 100")
			wantEqual(t, "third page", fmt.Sprint(ids(2)[0], len(ids(2))), "101 20")
			wantEqual(t, "rows after the end", len(ids(3)), test.last)
			wantEqual(t, "first row after the end", ids(3)[0], test.first)
			wantEqual(t, "history of deal 70", got.at("result", "result", 4, "items", 0, "STAGE_ID"), any("EXECUTING"))
			wantEqual(t, "title made of references", got.at("result", "result", 5, 0, "TITLE"), any("deal 29"))
		})
	}
}

package simulator_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"time"

	"stagelag/simulator"
)

// A client sends what a public client of Bitrix24 does. None of them is used here: their requests are what
// counts.
type client struct {
	t    *testing.T
	base string
}

// post sends a body of JSON and returns the answer.
func (c client) post(method string, params any) map[string]any {
	c.t.Helper()
	body, err := json.Marshal(params)
	if err != nil {
		c.t.Fatal(err)
	}
	response, err := http.Post(c.base+method, "application/json", bytes.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(text, &answer); err != nil || answer["error"] != nil {
		c.t.Fatalf("%s %s: %v, %s", method, body, err, text)
	}
	return answer
}

// rowsOf are the rows of a list's result, which controller methods put under items.
func rowsOf(result any) []any {
	if wrapped, ok := result.(map[string]any); ok {
		result = wrapped["items"]
	}
	rows, _ := result.([]any)
	return rows
}

// fastGetAll reads a list as fast_bitrix24 does: it orders by ID whatever the method, and asks for the pages after
// the first in batches, with the parameters in the query of each command.
func (c client) fastGetAll(method string, params map[string]any) []any {
	c.t.Helper()
	params["order"] = map[string]any{"ID": "ASC"}
	first := c.post(method, params)
	rows := rowsOf(first["result"])
	total, _ := first["total"].(float64)
	commands := map[string]string{}
	for start := len(rows); start < int(total); start += 50 {
		query := url.Values{"start": {fmt.Sprint(start)}, "order[ID]": {"ASC"}}
		for name, value := range params {
			if name != "order" {
				query.Set(name, fmt.Sprint(value))
			}
		}
		commands[fmt.Sprintf("cmd%03d", start)] = method + "?" + query.Encode()
	}
	if len(commands) == 0 {
		return rows
	}
	answer := c.post("batch", map[string]any{"halt": 0, "cmd": commands})
	results, _ := answer["result"].(map[string]any)["result"].(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(commands)) {
		rows = append(rows, rowsOf(results[key])...)
	}
	return rows
}

// sdkFetchList reads a list as fetchList of @bitrix24/b24jssdk does: a cursor over the id, by its default name ID,
// and start -1, which counts nothing.
func (c client) sdkFetchList(method string, params map[string]any, idKey string) []any {
	c.t.Helper()
	const cursorKey = "ID"
	filter := map[string]any{">" + cursorKey: 0}
	params["order"], params["filter"], params["start"] = map[string]any{cursorKey: "ASC"}, filter, -1
	var rows []any
	for {
		page := rowsOf(c.post(method, params)["result"])
		rows = append(rows, page...)
		if len(page) < 50 {
			return rows
		}
		filter[">"+cursorKey] = page[len(page)-1].(map[string]any)[idKey]
	}
}

func TestPublicClients(t *testing.T) {
	t.Parallel()
	world, _ := simulator.Generate(simulator.GenerateOptions{Seed: 1, Deals: 130, Now: morning})
	portal := simulator.New(world, simulator.Options{Now: func() time.Time { return morning }})
	server := httptest.NewServer(portal)
	defer server.Close()
	c := client{t, portal.WebhookURL(server.URL)}
	lists := []struct {
		method string
		params func() map[string]any
		idKey  string
	}{
		{"crm.deal.list", func() map[string]any { return map[string]any{} }, "ID"},
		{"crm.item.list", func() map[string]any { return map[string]any{"entityTypeId": 2} }, "id"},
		{"crm.stagehistory.list", func() map[string]any { return map[string]any{"entityTypeId": 2} }, "ID"},
	}
	for _, list := range lists {
		var ids [2]string
		for i, rows := range [][]any{c.fastGetAll(list.method, list.params()), c.sdkFetchList(list.method, list.params(), list.idKey)} {
			var all []string
			for _, row := range rows {
				all = append(all, fmt.Sprint(row.(map[string]any)[list.idKey]))
			}
			if len(all) < 130 {
				t.Errorf("%s: %d rows, want 130 or more", list.method, len(all))
			}
			ids[i] = fmt.Sprint(all)
		}
		if ids[0] != ids[1] {
			t.Errorf("%s: the clients read different rows:\n%s\n%s", list.method, ids[0], ids[1])
		}
	}
	for _, method := range []string{"crm.category.list", "crm.status.list", "user.get", "department.get", "crm.deal.userfield.list"} {
		c.post(method, map[string]any{"entityTypeId": 2, "order": map[string]any{"ID": "ASC"}})
	}
	if got := rowsOf(c.post("crm.item.list", map[string]any{"entityTypeId": 2, "filter": map[string]any{"@ID": []int{1, 2}, ">=DATE_CREATE": "2000-01-01"}, "select": []string{"ID", "STAGE_ID"}})["result"]); len(got) != 2 {
		t.Errorf("crm.item.list by classic names: %v, want two deals", got)
	}
}

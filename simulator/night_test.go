package simulator_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"stagelag/simulator"
)

const nightHead = `"funnels": [{"id": 0, "name": "Houses", "stages": [["NEW", "New", "P"], ["DOC", "Documents"], ["WON", "Won", "S"]]}], "uf": {"UF_CRM_D": {"type": "integer"}}`

// nightSite serves what a file says.
func nightSite(t *testing.T, n *simulator.Nights, file string) client {
	t.Helper()
	night, err := n.Read(strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	portal := simulator.New(night.World, simulator.Options{Now: func() time.Time { return night.Now }, Zone: night.Zone})
	server := httptest.NewServer(portal)
	t.Cleanup(server.Close)
	return client{t, portal.WebhookURL(server.URL)}
}

// A file shows deals with fields and history; rows keep their numbers from night to night, and a deal that is not in
// a file is not there.
func TestNights(t *testing.T) {
	t.Parallel()
	var n simulator.Nights
	history := func(c client) string {
		var rows []string
		for _, row := range rowsOf(c.post("crm.stagehistory.list", map[string]any{"entityTypeId": 2, "order": map[string]any{"ID": "ASC"}})["result"]) {
			r := row.(map[string]any)
			rows = append(rows, fmt.Sprint(r["ID"], " ", r["OWNER_ID"], " ", r["STAGE_ID"], " ", r["TYPE_ID"], " ", r["CREATED_TIME"]))
		}
		return strings.Join(rows, "\n")
	}
	first := nightSite(t, &n, `{"now": "2026-03-09T02:30:00+03:00", `+nightHead+`, "deals": [
		{"id": 2, "manager": 7, "fields": {"UF_CRM_D": 5}, "history": [["2026-03-04T10:00:00", "NEW"]]},
		{"id": 1, "title": "Roof", "history": [["2026-03-01T10:00:00", "NEW"], ["2026-03-05T10:00:00+00:00", "DOC"]]}]}`)
	const before = "1 1 NEW 1 2026-03-01T10:00:00+03:00\n2 2 NEW 1 2026-03-04T10:00:00+03:00\n3 1 DOC 2 2026-03-05T13:00:00+03:00"
	if got := history(first); got != before {
		t.Errorf("the history of the first night is\n%s\nwant\n%s", got, before)
	}
	rows := rowsOf(first.post("crm.deal.list", map[string]any{"select": []string{"ID", "TITLE", "STAGE_ID", "ASSIGNED_BY_ID", "UF_CRM_D"}, "order": map[string]any{"ID": "ASC"}})["result"])
	if got, want := fmt.Sprint(rows), "[map[ASSIGNED_BY_ID:0 ID:1 STAGE_ID:DOC TITLE:Roof UF_CRM_D:<nil>] map[ASSIGNED_BY_ID:7 ID:2 STAGE_ID:NEW TITLE:Deal 2 UF_CRM_D:5]]"; got != want {
		t.Errorf("the deals of the first night are %s, want %s", got, want)
	}
	second := nightSite(t, &n, `{"now": "2026-03-10T02:30:00+03:00", `+nightHead+`, "deals": [
		{"id": 2, "stage": null, "history": [["2026-03-02T09:00:00", "NEW"], ["2026-03-04T10:00:00", "NEW"], ["2026-03-09T10:00:00", "WON"]]}]}`)
	const after = "2 2 NEW 2 2026-03-04T10:00:00+03:00\n4 2 NEW 1 2026-03-02T09:00:00+03:00\n5 2 WON 3 2026-03-09T10:00:00+03:00"
	if got := history(second); got != after {
		t.Errorf("the history of the second night is\n%s\nwant\n%s", got, after)
	}
}

func TestWrongNights(t *testing.T) {
	t.Parallel()
	deals := func(text string) string {
		return `{"now": "2026-03-09T02:30:00+03:00", ` + nightHead + `, "deals": [` + text + `]}`
	}
	for _, test := range []struct{ name, file, want string }{
		{"no JSON", "{\n,", "line 2: invalid character ',' looking for beginning of object key string"},
		{"an unknown key", `{"nwo": 1}`, `json: unknown field "nwo"`},
		{"no time", `{"now": "today"}`, `now: "today" is no time such as 2026-03-11T02:30:00+03:00`},
		{"a deal without an id", deals(`{}`), "deal 0: an id is 1 or more"},
		{"a deal twice", deals(`{"id": 1}, {"id": 1}`), "deal 1: is given twice"},
		{"an unknown funnel", deals(`{"id": 1, "category": 4}`), "deal 1: there is no funnel 4"},
		{"an unknown field", deals(`{"id": 1, "fields": {"UF_X": 1}}`), "deal 1: the field UF_X is not in uf"},
		{"a wrong time", deals(`{"id": 1, "history": [["soon", "NEW"]]}`), `deal 1: history 1: "soon" is no time such as 2026-03-02T09:30:00+03:00`},
		{"half an entry", deals(`{"id": 1, "history": [["2026-03-01"]]}`), "deal 1: history 1: an entry is [time, stage, funnel, id, type, semantics], the last four where they are not the usual ones"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var n simulator.Nights
			if _, err := n.Read(strings.NewReader(test.file)); err == nil || err.Error() != test.want {
				t.Errorf("Read gives the error %v, want %s", err, test.want)
			}
		})
	}
}

package simulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"stagelag/simulator"
)

// exportAll reads a list by its ids, 50 chained pages to a batch, and returns how many rows
// there were. The command ends where the last id belongs.
func exportAll(tb testing.TB, handler http.Handler, command, id string) int {
	tb.Helper()
	rows, last := 0, "0"
	for {
		var form strings.Builder
		for page := range 50 {
			from := last
			if page > 0 {
				from = fmt.Sprintf("$result[p%d][items][49][%s]", page-1, id)
			}
			fmt.Fprintf(&form, "&cmd[p%d]=%s", page, url.QueryEscape(command+from))
		}
		request := httptest.NewRequest(http.MethodPost, "/rest/1/secret/batch", strings.NewReader(form.String()[1:]))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, request)
		var answer struct {
			Result struct {
				Result map[string]struct{ Items []map[string]any }
			}
		}
		if err := json.Unmarshal(recorder.Body.Bytes(), &answer); err != nil {
			tb.Fatal(err)
		}
		for page := range 50 {
			items := answer.Result.Result[fmt.Sprint("p", page)].Items
			rows += len(items)
			if len(items) < 50 {
				return rows
			}
			last = fmt.Sprint(items[49][id])
		}
	}
}

func TestExportOfALargeWorld(t *testing.T) {
	now := day(10)
	w, _ := generated(simulator.GenerateOptions{Seed: 1, Deals: 5_000, Now: now})
	want := 0
	for _, d := range w.Deals() {
		want += len(w.History(d.ID))
	}
	p := simulator.New(w, simulator.Options{Now: func() time.Time { return now }})
	wantEqual(t, "deals", exportAll(t, p, "crm.item.list?entityTypeId=2&start=-1&order[id]=ASC&select[]=id&filter[%3Eid]=", "id"), 5_003)
	wantEqual(t, "rows", exportAll(t, p, "crm.stagehistory.list?entityTypeId=2&start=-1&order[ID]=ASC&filter[%3EID]=", "ID"), want)
	wantEqual(t, "requests", len(p.Log()), 3+(want+2499)/2500)
}

package simulator_test

import (
	"fmt"
	"net/http/httptest"
	"time"

	"stagelag/simulator"
)

// A test makes a world, puts it on the air, and looks afterwards at what was asked.
func Example() {
	w := simulator.NewWorld()
	w.AddFunnel(simulator.Funnel{ID: 5, Name: "Projects", Stages: []simulator.Stage{
		{ID: "C5:DOCS", Name: "Documents"},
		{ID: "C5:WON", Name: "Won", Semantics: simulator.Success},
	}})
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	deal := w.AddDeal(simulator.Deal{Title: "Roof", Funnel: 5, Stage: "C5:DOCS", Created: noon})
	w.Move(deal, noon.AddDate(0, 0, 7), "C5:WON") // in a week

	now := noon.AddDate(0, 0, 3)
	p := simulator.New(w, simulator.Options{Now: func() time.Time { return now }, Limits: simulator.Standard})
	server := httptest.NewServer(p)
	defer server.Close()

	response, err := server.Client().Get(p.WebhookURL(server.URL) + "crm.item.list?entityTypeId=2&select[]=stageId")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer response.Body.Close()
	fmt.Println(p.Log()[0].Method, response.StatusCode)
	// Output: crm.item.list 200
}

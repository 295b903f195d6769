package extractor_test

import (
	"net/http"
	"testing"

	"stagelag/bitrix24"
	"stagelag/extractor"
	"stagelag/simulator"
)

// A history that is small enough is read whole, and of a larger one nothing but its size.
func TestChangesUpToALimit(t *testing.T) {
	s := newSite(t, twoFunnels(400, 6), simulator.Options{Limits: simulator.Standard})
	client := bitrix24.NewClient(bitrix24.ClientOptions{
		Webhook: s.webhook, Limits: s.limits, Clock: s.clock, HTTP: &http.Client{Transport: s}, Log: s.logger(),
	})
	portal, err := extractor.Describe(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name           string
		most           int
		changes        int
		isMore         bool
		requests, rows int
	}{
		{"as many as there may be", 2400, 2400, false, 2, 2400},
		{"one more than there may be", 2399, 0, true, 1, 0},
	} {
		s.portal.ForgetLog()
		shown := 0
		changes, isMore, err := extractor.Changes(t.Context(), client, portal, nil, test.most, func(rows, _ int) { shown = rows })
		if err != nil || len(changes) != test.changes || isMore != test.isMore || shown != test.rows {
			t.Errorf("%s: %d changes, more %v, progress %d, %v; want %d, %v and %d", test.name, len(changes), isMore, shown, err, test.changes, test.isMore, test.rows)
		}
		if requests := len(s.portal.Log()); requests != test.requests {
			t.Errorf("%s: %d requests, want %d", test.name, requests, test.requests)
		}
	}
}

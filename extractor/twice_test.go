package extractor_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"stagelag/simulator"
)

// twice answers like the portal, but each row of a list comes twice, and the first time with
// texts that are out of date.
func (s *site) twice(r *http.Request) (*http.Response, error) {
	response, err := s.clock.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	decoder := json.NewDecoder(response.Body)
	decoder.UseNumber()
	var answer any
	if err := decoder.Decode(&answer); err != nil {
		return nil, err
	}
	text, err := json.Marshal(doubled(answer))
	if err != nil {
		return nil, err
	}
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	response.Header.Del("Content-Length")
	return response, nil
}

// doubled doubles the rows of all lists in a value.
func doubled(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key := range value {
			value[key] = doubled(value[key])
		}
	case []any:
		var rows []any
		for _, row := range value {
			if fields, ok := row.(map[string]any); ok {
				rows = append(rows, outdated(fields))
			}
			rows = append(rows, row)
		}
		return rows
	}
	return value
}

const stale = "stale"

func outdated(row map[string]any) map[string]any {
	old := map[string]any{}
	for name, value := range row {
		switch name {
		case "title", "stageId", "STAGE_ID", "name", "NAME", "LAST_NAME":
			value = stale
		}
		old[name] = value
	}
	return old
}

func TestRowsThatComeTwiceAreOne(t *testing.T) {
	const deals, changes = 120, 3
	s := newSite(t, twoFunnels(deals, changes), simulator.Options{Quirks: simulator.Quirks{PagesStatuses: true}})
	s.transport = s.twice
	mustBeFresh := func() {
		t.Helper()
		s.mustKnow(everyDeal)
		if known := fmt.Sprintf("%+v", s.landing); strings.Contains(known, stale) {
			t.Errorf("landed with the first of two rows: %s", known)
		}
	}
	result := s.mustExtract()
	mustBeFresh()
	if result.DealsRead != deals || result.ChangesRead != deals*changes || len(result.Managers) != 3 || len(result.Funnels) != 2 || len(result.Funnels[0].Stages) != 3 {
		t.Errorf("%d deals, %d changes, managers %v, funnels %v were read, want %d, %d, 3, 2",
			result.DealsRead, result.ChangesRead, result.Managers, result.Funnels, deals, deals*changes)
	}
	if said := fmt.Sprintf("%+v", result); strings.Contains(said, stale) {
		t.Errorf("the result holds the first of two rows: %s", said)
	}

	s.world.Move(4, noon, "C5:WON")
	s.world.DeleteDeal(9, noon)
	if result = s.later(); result.DealsRead != 1 || result.Vanished != 1 {
		t.Errorf("%d deals were read and %d vanished, want 1 and 1", result.DealsRead, result.Vanished)
	}
	mustBeFresh()

	s.options.Full = true
	s.later()
	mustBeFresh()
}

// A list of stages of which a page holds fewer than it could, because of rows that come twice,
// goes on.
func TestStagesBehindAPageWithRowsThatComeTwice(t *testing.T) {
	w := simulator.NewWorld()
	funnel := simulator.Funnel{ID: 0, Name: "General"}
	for i := range 70 {
		funnel.Stages = append(funnel.Stages, simulator.Stage{ID: simulator.StageID(fmt.Sprintf("S%d", i)), Name: "Stage"})
	}
	w.AddFunnel(funnel)
	w.Advance(noon)
	s := newSite(t, w, simulator.Options{Quirks: simulator.Quirks{PagesStatuses: true}})
	s.transport = s.repeating
	if result := s.mustExtract(); len(result.Funnels[0].Stages) != 69 {
		t.Errorf("%d stages, want all but the one that another stands in for", len(result.Funnels[0].Stages))
	}
}

// repeating answers like the portal, but the second stage of each page is the first again.
func (s *site) repeating(r *http.Request) (*http.Response, error) {
	response, err := s.clock.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	text = bytes.ReplaceAll(text, []byte(`"STATUS_ID":"S1"`), []byte(`"STATUS_ID":"S0"`))
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	response.Header.Del("Content-Length")
	return response, nil
}

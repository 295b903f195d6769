package bitrix24_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"stagelag/bitrix24"
	"stagelag/simulator"
)

func TestARefusalForGoodIsNotAskedAgain(t *testing.T) {
	tests := []struct {
		name  string
		fault simulator.Fault
		want  string
	}{
		{"blocked by hand", simulator.Fault{Error: &simulator.OverloadLimit},
			"batch: REST API is blocked due to overload (OVERLOAD_LIMIT); Bitrix24 has blocked the portal by hand, only its support lifts that"},
		{"wrong secret", simulator.Fault{Error: &simulator.NoAuthFound},
			"batch: Wrong authorization data (NO_AUTH_FOUND); check the webhook's address in portal.url"},
		{"no rights", simulator.Fault{Error: &simulator.AccessDenied},
			"batch: REST is available only on commercial plans (ACCESS_DENIED); check the rights of the webhook's user, and that the portal's plan includes REST"},
		{"a page that says forbidden", simulator.Fault{HTML: 403},
			"batch: forbidden (HTTP 403); check the rights of the webhook's user, and that the portal's plan includes REST"},
		{"a page that says not found", simulator.Fault{HTML: 404},
			"batch: not found (HTTP 404); check the host in portal.url"},
		{"bad request", simulator.Fault{Error: &simulator.Error{Status: 400, Text: "No"}}, "batch: No (HTTP 400)"},
		{"portal deleted", simulator.Fault{Error: &simulator.Error{Status: 500, Code: "PORTAL_DELETED", Text: "Gone"}},
			"batch: Gone (PORTAL_DELETED); the portal is gone or closed"},
		{"the answer repeats the secret", simulator.Fault{Error: &simulator.Error{Status: 400, Code: "X", Text: "no /rest/1/" + secret + "/"}},
			"batch: no /rest/1/***/ (X)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t, someDeals(1, 1), simulator.Options{})
			s.portal.Inject(simulator.FromNth(1, test.fault))
			_, err := s.connect().Describe(t.Context())
			if err == nil || err.Error() != test.want {
				t.Errorf("Describe: %v, want %s", err, test.want)
			}
			if len(s.portal.Log()) != 1 {
				t.Errorf("%d requests, want 1", len(s.portal.Log()))
			}
		})
	}
}

func TestAnUnreachablePortalIsSaidSoon(t *testing.T) {
	s := newSite(t, someDeals(1, 1), simulator.Options{})
	server := httptest.NewServer(nil)
	server.Close()
	s.webhook = mustParse(t, s.portal.WebhookURL(server.URL))
	_, err := s.connect().Describe(t.Context())
	if err == nil || !strings.HasSuffix(err.Error(), "connect: connection refused") {
		t.Errorf("Describe: %v", err)
	}
	s.mustHide("an error", fmt.Sprintf("%v %+v %#v", err, err, err))
	if len(s.waits) > 3 {
		t.Errorf("waited %v", s.waits)
	}
}

func TestARenamedPortalIsFollowedWithThePost(t *testing.T) {
	s := newSite(t, someDeals(300, 2), simulator.Options{})
	renamed := httptest.NewServer(simulator.New(s.world, simulator.Options{Now: s.clock.Now, Secret: secret}))
	t.Cleanup(renamed.Close)
	s.portal.Inject(simulator.FromNth(1, simulator.Fault{RedirectTo: renamed.URL}))
	client := s.connect()
	s.mustReadAll(client)
	if len(s.portal.Log()) != 1 {
		t.Errorf("%d requests to the former address, want 1", len(s.portal.Log()))
	}
	to, _ := url.Parse(renamed.URL)
	want := []string{fmt.Sprintf("the portal %s has been renamed to %s: set portal.url to the new address", s.webhook.Host(), to.Host)}
	if !slices.Equal(client.Warnings(), want) {
		t.Errorf("warnings %q, want %q", client.Warnings(), want)
	}
}

func TestAStrangerDoesNotGetTheSecret(t *testing.T) {
	s := newSite(t, someDeals(1, 1), simulator.Options{})
	s.portal.Inject(simulator.FromNth(1, simulator.Fault{RedirectTo: "https://elsewhere.example"}))
	_, err := s.connect().Describe(t.Context())
	var redirect *bitrix24.RedirectError
	if !errors.As(err, &redirect) || redirect.Host != "elsewhere.example" {
		t.Errorf("Describe: %v, want a redirect to elsewhere.example", err)
	}
}

// A change is repeated only when the portal says that it has not been made.
func TestAWriteIsNotRepeatedBlindly(t *testing.T) {
	tests := []struct {
		name    string
		fault   simulator.Fault
		isKnown bool // the outcome
		isMade  bool
	}{
		{"refused for now", simulator.Fault{Error: &simulator.QueryLimitExceeded}, true, true},
		{"blocked for now", simulator.Fault{Error: &simulator.OperationTimeLimit}, true, true},
		{"the answer is lost", simulator.Fault{RunsFirst: true, HTML: 504}, false, true},
		{"the connection is lost", simulator.Fault{Drops: true}, false, false},
		{"the answer is cut", simulator.Fault{CutsBody: true}, false, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t, someDeals(3, 1), simulator.Options{})
			s.portal.Inject(simulator.Nth(1, test.fault))
			_, err := s.connect().Batch(t.Context(), []bitrix24.Command{{
				Method: "crm.item.update", Writes: true,
				Params: []bitrix24.Param{{Name: "entityTypeId", Value: "2"}, {Name: "id", Value: "1"}, {Name: "fields[title]", Value: "Roof & Söhne +1"}},
			}})
			if errors.Is(err, bitrix24.ErrOutcomeUnknown) == test.isKnown {
				t.Errorf("Batch: %v, want a known outcome: %v", err, test.isKnown)
			}
			deal, _ := s.world.Deal(1)
			if (deal.Title == "Roof & Söhne +1") != test.isMade {
				t.Errorf("the title is %q, want it changed: %v", deal.Title, test.isMade)
			}
		})
	}
}

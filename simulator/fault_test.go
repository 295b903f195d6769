package simulator_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"stagelag/simulator"
)

// outcome is what a client sees of one update of deal 1: the status and the error's code,
// "broken" for a connection that broke, "no JSON", or "fine".
func (s *site) outcome() string {
	s.t.Helper()
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	const body = `{"entityTypeId":2,"id":1,"fields":{"title":"House"}}`
	response, err := client.Post(s.WebhookURL(s.base)+"crm.item.update", "application/json", strings.NewReader(body))
	if err != nil {
		return "broken"
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	var decoded object
	switch {
	case err != nil:
		return response.Status[:3] + " broken"
	case response.StatusCode == http.StatusFound:
		return "302 " + response.Header.Get("Location")
	case json.Unmarshal(text, &decoded) != nil:
		return response.Status[:3] + " no JSON"
	case decoded["error"] != nil:
		return response.Status[:3] + " " + decoded["error"].(string)
	default:
		return "fine"
	}
}

func TestFaults(t *testing.T) {
	tests := []struct {
		name  string
		fault simulator.Fault
		want  string
		isRun bool
	}{
		{"a gateway's page", simulator.Fault{HTML: 502}, "502 no JSON", false},
		{"a gateway's page, after the work was done", simulator.Fault{HTML: 504, RunsFirst: true}, "504 no JSON", true},
		{"a closed connection", simulator.Fault{Drops: true}, "broken", false},
		{"a lost answer", simulator.Fault{Drops: true, RunsFirst: true}, "broken", true},
		{"an answer that breaks off", simulator.Fault{CutsBody: true}, "200 broken", true},
		{"half a document", simulator.Fault{CutsJSON: true}, "200 no JSON", true},
		{"an authorization that is gone", simulator.Fault{Error: &simulator.NoAuthFound}, "401 NO_AUTH_FOUND", false},
		{"a portal that was blocked", simulator.Fault{Error: &simulator.OverloadLimit}, "503 OVERLOAD_LIMIT", false},
		{"an error of the server", simulator.Fault{Error: &simulator.InternalServerError}, "500 INTERNAL_SERVER_ERROR", false},
		{"a portal that was renamed", simulator.Fault{RedirectTo: "https://new.example/"}, "302 https://new.example/rest/1/secret/crm.item.update", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, writableWorld(), simulator.Options{})
			s.Inject(simulator.Nth(2, test.fault))
			s.call("scope", nil)
			wantEqual(t, "second request", s.outcome(), test.want)
			deal, _ := s.world.Deal(1)
			wantEqual(t, "carried out", deal.Title == "House", test.isRun)
			wantEqual(t, "third request", s.outcome(), "fine")
			log := s.Log()
			wantEqual(t, "calls in the log", len(log), 3)
			wantEqual(t, "in flight", log[2].InFlight, 1)
		})
	}
}

func TestFaultsThatStay(t *testing.T) {
	s := serve(t, writableWorld(), simulator.Options{})
	s.Inject(simulator.FromNth(2, simulator.Fault{Error: &simulator.ExpiredToken}))
	got := []string{s.outcome(), s.outcome(), s.outcome()}
	wantEqual(t, "outcomes", got, []string{"fine", "401 expired_token", "401 expired_token"})
	s.Inject(nil)
	wantEqual(t, "outcome without a fault", s.outcome(), "fine")
}

func TestFaultsByMethod(t *testing.T) {
	s := serve(t, writableWorld(), simulator.Options{})
	s.Inject(simulator.OnMethod("user.get", simulator.Fault{Error: &simulator.InvalidCredentials}))
	wantEqual(t, "the method", s.call("User.Get", nil).status, 403)
	wantEqual(t, "a batch with it", s.call("batch", object{"cmd": object{"a": "scope", "b": "user.get"}}).status, 403)
	wantEqual(t, "another method", s.call("scope", nil).status, 200)
}

func TestFaultsOfCommands(t *testing.T) {
	s := serve(t, writableWorld(), simulator.Options{})
	s.Inject(simulator.OnCommands("user.get", simulator.InsufficientScope))
	got := s.call("batch", object{"cmd": object{"a": "crm.deal.get?id=1", "b": "user.get", "c": "crm.deal.get?id=2"}})
	wantEqual(t, "status", got.status, 200)
	wantEqual(t, "a", got.at("result", "result", "a", "TITLE"), any("Roof"))
	wantEqual(t, "b", got.at("result", "result_error", "b"), any(object{"error": "insufficient_scope", "error_description": ""}))
	wantEqual(t, "c", got.at("result", "result", "c", "TITLE"), any("Barn"))
	wantEqual(t, "the method alone", s.call("user.get", nil).status, 403)
}

func TestAFaultMayChangeTheWorld(t *testing.T) {
	s := serve(t, writableWorld(), simulator.Options{})
	s.Inject(func(c *simulator.Call) *simulator.Fault {
		if c.Params.Text("id") == "1" {
			s.world.DeleteDeal(1, morning)
		}
		return nil
	})
	wantEqual(t, "a deal that goes before it is read", s.call("crm.deal.get", object{"id": 1}).at("error_description"), any("Not found"))
	wantEqual(t, "another", s.call("crm.deal.get", object{"id": 2}).status, 200)
}

func TestASlowAnswer(t *testing.T) {
	s := serve(t, writableWorld(), simulator.Options{})
	hold := make(chan struct{})
	arrived := make(chan struct{})
	s.Inject(func(*simulator.Call) *simulator.Fault {
		close(arrived)
		return &simulator.Fault{Hold: hold}
	})
	ctx, giveUp := context.WithCancel(t.Context())
	go func() {
		<-arrived
		giveUp()
	}()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.WebhookURL(s.base)+"scope", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := http.DefaultClient.Do(request); !errors.Is(err, context.Canceled) {
		t.Errorf("a client that gives up gets %v, want its own end", err)
	}
	s.Inject(simulator.Nth(1, simulator.Fault{Hold: hold}))
	close(hold)
	wantEqual(t, "status once it is let go", s.call("scope", nil).status, 200)
}

func TestParallelRequestsShow(t *testing.T) {
	s := serve(t, writableWorld(), simulator.Options{})
	hold := make(chan struct{})
	arrived := make(chan struct{}, 2)
	s.Inject(func(*simulator.Call) *simulator.Fault {
		arrived <- struct{}{}
		return &simulator.Fault{Hold: hold}
	})
	done := make(chan error)
	for range 2 {
		go func() {
			response, err := http.Get(s.WebhookURL(s.base) + "scope")
			if err == nil {
				err = response.Body.Close()
			}
			done <- err
		}()
		<-arrived
	}
	close(hold)
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	log := s.Log()
	wantEqual(t, "in flight", []int{log[0].InFlight, log[1].InFlight}, []int{1, 2})
}

package bitrix24_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"stagelag/bitrix24"
	"stagelag/simulator"
)

// newMessenger is a site whose webhook may send messages, with the chats 1, where its user is, and 2, where not.
func newMessenger(t *testing.T, o simulator.Options) *site {
	t.Helper()
	o.Scopes = []string{"crm", "user", "im"}
	w := someDeals(1, 1)
	w.AddChat(simulator.Chat{Title: "Leadership", Members: []simulator.UserID{1}})
	w.AddChat(simulator.Chat{Title: "Others"})
	w.AddChat(simulator.Chat{Title: "News", Members: []simulator.UserID{1}, IsReadOnly: true})
	return newSite(t, w, o)
}

func TestSendMessage(t *testing.T) {
	s := newMessenger(t, simulator.Options{Limits: simulator.Standard})
	client := s.connect()
	// More than a command of a batch would hold, with all that has to be escaped there.
	text := strings.Repeat("Сделка «Крыша» & +100 % [b]€[/b]\n", 500)
	for i := range 2 {
		if id, err := client.SendMessage(t.Context(), "chat1", text); err != nil || id != bitrix24.MessageID(i+1) {
			t.Fatalf("SendMessage = %d, %v, want %d", id, err, i+1)
		}
	}
	sent := s.world.Messages()
	if len(sent) != 2 || sent[0].Text != text || sent[0].Dialog != "chat1" || sent[0].From != 1 {
		t.Errorf("the portal has %d messages, want two with the text as it was given", len(sent))
	}
}

// A message is sent again only when the portal says that it has not taken it, and an error says whether it may be there.
func TestAMessageIsNotRepeatedBlindly(t *testing.T) {
	tests := []struct {
		name    string
		fault   simulator.Fault
		isKnown bool
		sent    int
	}{
		{"refused for now", simulator.Fault{Error: &simulator.QueryLimitExceeded}, true, 1},
		{"blocked for now", simulator.Fault{Error: &simulator.OperationTimeLimit}, true, 1},
		{"refused for good", simulator.Fault{Error: &simulator.Error{Status: 400, Code: "ACCESS_ERROR"}}, true, 0},
		{"without the right", simulator.Fault{Error: &simulator.InsufficientScope}, true, 0},
		{"the portal is closed", simulator.Fault{Error: &simulator.OverloadLimit}, true, 0},
		{"an internal error", simulator.Fault{Error: &simulator.InternalServerError}, false, 0},
		{"the answer is lost", simulator.Fault{RunsFirst: true, HTML: http.StatusGatewayTimeout}, false, 1},
		{"the connection is lost", simulator.Fault{Drops: true}, false, 0},
		{"the answer is cut", simulator.Fault{CutsBody: true}, false, 1},
		{"half the answer", simulator.Fault{CutsJSON: true}, false, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newMessenger(t, simulator.Options{})
			s.portal.Inject(simulator.Nth(1, test.fault))
			_, err := s.connect().SendMessage(t.Context(), "chat1", "text")
			if errors.Is(err, bitrix24.ErrOutcomeUnknown) == test.isKnown || (err == nil) != (test.isKnown && test.sent == 1) {
				t.Errorf("SendMessage: %v, want a known outcome: %v", err, test.isKnown)
			}
			if n := len(s.world.Messages()); n != test.sent {
				t.Errorf("%d messages, want %d", n, test.sent)
			}
			s.mustHide("an error", fmt.Sprintf("%v %+v %#v", err, err, err))
		})
	}
}

// A portal that nobody can connect to has surely not taken a message; one that the caller did not wait for may have.
func TestAMessageThatIsCutOff(t *testing.T) {
	s := newMessenger(t, simulator.Options{})
	ctx, cancel := context.WithCancelCause(t.Context())
	s.portal.Inject(func(*simulator.Call) *simulator.Fault {
		cancel(errors.New("stopped"))
		return &simulator.Fault{Hold: make(chan struct{})}
	})
	if _, err := s.connect().SendMessage(ctx, "chat1", "text"); !errors.Is(err, bitrix24.ErrOutcomeUnknown) {
		t.Errorf("cut off: %v, want that the outcome is unknown", err)
	}
	s.webhook = mustParse(t, "http://127.0.0.1:1/rest/1/"+secret+"/")
	if _, err := s.connect().SendMessage(t.Context(), "chat1", "text"); err == nil || errors.Is(err, bitrix24.ErrOutcomeUnknown) {
		t.Errorf("without a connection: %v, want that nothing was sent", err)
	}
}

func TestDialog(t *testing.T) {
	s := newMessenger(t, simulator.Options{})
	client := s.connect()
	for id, want := range map[string]bitrix24.Dialog{"chat1": {Name: "Leadership", CanSend: true}, "chat3": {Name: "News"}} {
		if d, err := client.Dialog(t.Context(), id); err != nil || d != want {
			t.Errorf("Dialog(%s) = %+v, %v, want %+v", id, d, err, want)
		}
	}
	for _, id := range []string{"chat2", "chat4"} {
		var refusal *bitrix24.APIError
		if _, err := client.Dialog(t.Context(), id); !errors.As(err, &refusal) {
			t.Errorf("Dialog(%s): %v, want a refusal", id, err)
		}
	}
}

func TestLanguage(t *testing.T) {
	for _, test := range []struct {
		language simulator.Language
		options  simulator.Options
		want     string
	}{
		{simulator.Russian, simulator.Options{Limits: simulator.Standard}, "ru"},
		{simulator.English, simulator.Options{Limits: simulator.Enterprise}, "en"},
		{simulator.Russian, simulator.Options{}, ""}, // self-hosted, which says no country
		{simulator.Russian, simulator.Options{Limits: simulator.Standard, Quirks: simulator.Quirks{HidesAppInfo: true}}, ""},
	} {
		w, _ := simulator.Generate(simulator.GenerateOptions{Deals: 1, Now: noon, Language: test.language})
		if got, err := newSite(t, w, test.options).connect().Language(t.Context()); got != test.want || err != nil {
			t.Errorf("the language of a portal in %s is %q (%v), want %q", test.language, got, err, test.want)
		}
	}
}

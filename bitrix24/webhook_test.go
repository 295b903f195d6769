package bitrix24

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"
)

func TestAddressesOfWebhooks(t *testing.T) {
	tests := []struct {
		name, address string
		host          string // "" if the address is refused
	}{
		{"as the portal shows it", "https://example.bitrix24.ru/rest/1/q7zt5wk2hidden93/", "example.bitrix24.ru"},
		{"without the last slash", "https://example.bitrix24.ru/rest/1/q7zt5wk2hidden93", "example.bitrix24.ru"},
		{"with a method", " https://example.bitrix24.ru/rest/1/q7zt5wk2hidden93/profile.json ", "example.bitrix24.ru"},
		{"self-hosted with a port", "https://crm.example.com:8443/rest/1/q7zt5wk2hidden93/", "crm.example.com:8443"},
		{"http to this machine", "http://127.0.0.1:8080/rest/1/q7zt5wk2hidden93/", "127.0.0.1:8080"},
		{"http to this machine by name", "http://localhost:8080/rest/1/q7zt5wk2hidden93/", "localhost:8080"},
		{"http to another machine", "http://example.bitrix24.ru/rest/1/q7zt5wk2hidden93/", ""},
		{"no address", "q7zt5wk2hidden93", ""},
		{"no host", "https:///rest/1/q7zt5wk2hidden93/", ""},
		{"no secret", "https://example.bitrix24.ru/rest/1/", ""},
		{"another path", "https://example.bitrix24.ru/crm/1/q7zt5wk2hidden93/", ""},
		{"another scheme", "ftp://example.bitrix24.ru/rest/1/q7zt5wk2hidden93/", ""},
		{"a broken escape", "https://example.bitrix24.ru/rest/1/q7zt5wk2hidden93%zz/", ""},
		{"empty", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			webhook, err := ParseWebhook(test.address)
			if (err == nil) != (test.host != "") || webhook.Host() != test.host {
				t.Errorf("ParseWebhook: %v, %v, want host %q", webhook, err, test.host)
			}
			if strings.Contains(fmt.Sprint(err), "q7zt5wk2hidden93") {
				t.Errorf("the error shows the secret: %v", err)
			}
		})
	}
}

func TestEqualWebhooks(t *testing.T) {
	parse := func(address string) Webhook {
		webhook, err := ParseWebhook(address)
		if err != nil {
			t.Fatal(err)
		}
		return webhook
	}
	one := parse("https://example.bitrix24.ru/rest/1/q7zt5wk2hidden93/")
	tests := []struct {
		name  string
		other Webhook
		want  bool
	}{
		{"the same address", parse("https://example.bitrix24.ru/rest/1/q7zt5wk2hidden93"), true},
		{"another secret", parse("https://example.bitrix24.ru/rest/1/q7zt5wk2hidden94/"), false},
		{"none", Webhook{}, false},
	}
	for _, test := range tests {
		if one.Equal(test.other) != test.want || test.other.Equal(one) != test.want {
			t.Errorf("Equal to %s is not %v", test.name, test.want)
		}
	}
	if !(Webhook{}).Equal(Webhook{}) {
		t.Error("none is not equal to none")
	}
}

func TestAWebhookCannotBeShown(t *testing.T) {
	webhook := someWebhook()
	var log bytes.Buffer
	plain := logrus.New()
	plain.SetOutput(&log)
	plain.WithField("webhook", webhook).Error(webhook)
	plain.SetFormatter(&logrus.JSONFormatter{})
	plain.WithField("webhook", webhook).Error(webhook)
	slog.New(slog.NewJSONHandler(&log, nil)).Error("x", "webhook", webhook, "options", struct{ W Webhook }{webhook})
	marshalled, err := json.Marshal(map[string]any{"webhook": webhook, "options": struct{ W Webhook }{webhook}})
	if err != nil {
		t.Fatal(err)
	}
	type nested struct {
		webhook Webhook
		options ClientOptions
		client  *Client
	}
	holder := nested{webhook, ClientOptions{Webhook: webhook}, NewClient(ClientOptions{Webhook: webhook})}
	shown := log.String() + string(marshalled)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range []any{webhook, &webhook, []Webhook{webhook}, holder, &holder, holder.client} {
			shown += fmt.Sprintf(verb, value)
		}
	}
	for _, secret := range []string{"q7zt5wk2hidden93", fmt.Sprintf("%x", "q7zt5wk2hidden93")} {
		if strings.Contains(shown, secret) {
			t.Errorf("the secret is shown: %s", shown)
		}
	}
	if !strings.Contains(shown, "example.bitrix24.ru") {
		t.Error("the host is not shown")
	}
}

func TestTheSecretIsTakenOutOfForeignTexts(t *testing.T) {
	webhook, err := ParseWebhook("https://example.bitrix24.ru/rest/1/q7zt5w%7Ehidden/")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"no /rest/1/q7zt5w%7Ehidden/batch", "no /rest/1/q7zt5w~hidden/batch"} {
		if got := webhook.redact(text); got != "no /rest/1/***/batch" {
			t.Errorf("redact(%s) = %s", text, got)
		}
	}
}

func TestWhereThePortalMayMove(t *testing.T) {
	tests := []struct {
		name, from, to string
		isTrusted      bool
	}{
		{"a neighbour", "https://old.bitrix24.ru", "https://new.bitrix24.ru", true},
		{"a neighbour in capitals", "https://old.bitrix24.ru", "https://New.Bitrix24.ru", true},
		{"a neighbour without encryption", "https://old.bitrix24.ru", "http://new.bitrix24.ru", false},
		{"another country", "https://old.bitrix24.ru", "https://old.bitrix24.com", false},
		{"a child", "https://old.bitrix24.ru", "https://evil.old.bitrix24.ru", false},
		{"a lookalike", "https://old.bitrix24.ru", "https://old.notbitrix24.ru", false},
		{"a neighbour of a bare domain", "https://portal.example", "https://evil.example", false},
		{"a neighbour in a domain of everybody", "https://portal.co.uk", "https://evil.co.uk", false},
		{"a neighbour of a self-hosted portal", "https://crm.company.co.uk", "https://bitrix.company.co.uk", true},
		{"a neighbour on a platform for everybody", "https://portal.github.io", "https://evil.github.io", false},
		{"another port", "https://old.bitrix24.ru", "https://old.bitrix24.ru:8443", true},
		{"a user in the address", "https://old.bitrix24.ru", "https://a:b@new.bitrix24.ru", false},
		{"this machine", "http://127.0.0.1:1", "http://127.0.0.1:2", true},
		{"from this machine to another", "http://127.0.0.1:1", "https://new.bitrix24.ru", false},
		{"from another to this machine", "https://old.bitrix24.ru", "http://127.0.0.1:2", false},
		{"the same place", "https://old.bitrix24.ru", "https://old.bitrix24.ru", false},
		{"a page of its own", "https://old.bitrix24.ru", "", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			webhook, err := ParseWebhook(test.from + "/rest/1/q7zt5wk2hidden93/")
			if err != nil {
				t.Fatal(err)
			}
			c := NewClient(ClientOptions{Webhook: webhook})
			err = c.follow(test.to + "/rest/1/q7zt5wk2hidden93/batch")
			var refused *RedirectError
			if errors.As(err, &refused) == test.isTrusted {
				t.Errorf("follow to %s: %v, want it trusted: %v", test.to, err, test.isTrusted)
			}
			if strings.Contains(fmt.Sprint(err), "q7zt5wk2hidden93") {
				t.Errorf("the error shows the secret: %v", err)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	c := NewClient(ClientOptions{Webhook: someWebhook()})
	for header, want := range map[string]float64{"": 0, "7": 7, "-7": 0, "100000": 600, "soon": 0} {
		response := &http.Response{Header: http.Header{"Retry-After": {header}}}
		if got := c.retryAfter(response).Seconds(); got != want {
			t.Errorf("Retry-After %q = %v s, want %v", header, got, want)
		}
	}
}

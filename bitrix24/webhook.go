package bitrix24

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strings"
)

// A Webhook is the address of an inbound webhook. The address is a password, so a Webhook
// prints, marshals and logs as its host alone, also as a field of something else.
type Webhook struct {
	// Behind two pointers, because fmt looks into the unexported fields of an enclosing struct
	// without asking for their methods, and with some verbs behind one pointer too. Nil in a
	// zero Webhook.
	address **webhookAddress
}

type webhookAddress struct {
	scheme, host string
	user, secret string
}

// ParseWebhook reads an address of the form https://HOST/rest/USER/SECRET/, with or without
// a method behind it. Plain http is accepted to a loopback address only. Its errors never
// repeat the text.
func ParseWebhook(text string) (Webhook, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil {
		return Webhook{}, errors.New("webhook: not an address; expected https://HOST/rest/USER/SECRET/")
	}
	switch {
	case u.Host == "":
		return Webhook{}, errors.New("webhook: the address names no host; expected https://HOST/rest/USER/SECRET/")
	case u.Scheme != "https" && u.Scheme != "http":
		return Webhook{}, fmt.Errorf("webhook of %s: the address must begin with https://", u.Host)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return Webhook{}, fmt.Errorf("webhook of %s: plain http would show the secret to the network; use https", u.Host)
	}
	parts := strings.Split(strings.Trim(u.EscapedPath(), "/"), "/")
	if len(parts) < 3 || len(parts) > 4 || parts[0] != "rest" || parts[1] == "" || parts[2] == "" {
		return Webhook{}, fmt.Errorf("webhook of %s: the path must be /rest/USER/SECRET/", u.Host)
	}
	address := &webhookAddress{scheme: u.Scheme, host: u.Host, user: parts[1], secret: parts[2]}
	return Webhook{&address}, nil
}

// Host is the portal's host, with a port if the address has one. It is not secret.
func (w Webhook) Host() string {
	if w.address == nil {
		return ""
	}
	return (*w.address).host
}

// Equal is whether both are the same webhook.
func (w Webhook) Equal(other Webhook) bool {
	if w.address == nil || other.address == nil {
		return w.address == other.address
	}
	return **w.address == **other.address
}

// String is the host.
func (w Webhook) String() string { return w.Host() }

// GoString is the host.
func (w Webhook) GoString() string { return w.Host() }

// Format writes the host, whatever the verb.
func (w Webhook) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, w.Host()) }

// MarshalText gives the host.
func (w Webhook) MarshalText() ([]byte, error) { return []byte(w.Host()), nil }

// LogValue is the host.
func (w Webhook) LogValue() slog.Value { return slog.StringValue(w.Host()) }

// url is the address of a method at a host that need no longer be the configured one. What it
// returns must not reach an error or a log.
func (w Webhook) url(scheme, host, method string) string {
	address := *w.address
	return scheme + "://" + host + "/rest/" + address.user + "/" + address.secret + "/" + method
}

// redact takes the secret out of a text that came from elsewhere: a portal or a proxy may
// repeat the address in what it answers.
func (w Webhook) redact(text string) string {
	secret := (*w.address).secret
	text = strings.ReplaceAll(text, secret, "***")
	if plain, err := url.PathUnescape(secret); err == nil {
		text = strings.ReplaceAll(text, plain, "***")
	}
	return text
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

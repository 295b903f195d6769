package config

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/mail"
	"net/url"
	"strconv"
	"strings"
)

// A MailURL is the address of a mail server, with user and password. However it is printed or encoded, it shows
// itself without them; only Reveal tells them.
type MailURL struct {
	// Behind two pointers, as in bitrix24.Webhook: fmt looks behind one.
	server **MailServer
	shown  string
}

// A MailServer is what a MailURL says.
type MailServer struct {
	Host string
	Port int
	// User and Password are empty for a server that asks for none.
	User, Password string
	// IsTLS is whether the connection is encrypted from its beginning, as with smtps.
	IsTLS bool
	// IsPlain is whether it may stay without encryption: where the address says so, and on this machine. Otherwise a
	// server that does not encrypt is refused.
	IsPlain bool
}

// Ports of mail servers where the address names none.
const (
	submissionPort = 587
	tlsPort        = 465
)

// ParseMailURL reads smtp://USER:PASSWORD@HOST:PORT, or smtps:// for a server that encrypts from the beginning. User,
// password and port may be left out. With ?tls=off the connection may stay without encryption. Its errors never hold
// the address.
func ParseMailURL(text string) (MailURL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return MailURL{}, errors.New("is no address, in a user or password write @ : / ? # and % as %40 %3A %2F %3F %23 and %25")
	case u.Scheme != "smtp" && u.Scheme != "smtps":
		return MailURL{}, errors.New("must begin with smtp:// (encrypted by STARTTLS) or smtps://")
	case u.Hostname() == "":
		return MailURL{}, errors.New("names no host")
	case u.Fragment != "":
		return MailURL{}, errors.New("has a # in it, in a user or password write it as %23")
	case strings.Trim(u.Path, "/") != "":
		return MailURL{}, errors.New("has something behind the host: write smtp://user:password@host:port")
	}
	s := MailServer{Host: u.Hostname(), Port: submissionPort, IsTLS: u.Scheme == "smtps"}
	if s.IsTLS {
		s.Port = tlsPort
	}
	if u.Port() != "" {
		port, err := strconv.ParseUint(u.Port(), 10, 16)
		if err != nil || port == 0 {
			return MailURL{}, errors.New("has a port that is no number from 1 to 65535")
		}
		s.Port = int(port)
	}
	s.User = u.User.Username()
	s.Password, _ = u.User.Password()
	query, err := url.ParseQuery(u.RawQuery)
	tls := query.Get("tls")
	isUnknown := err != nil || len(query) > 1 || len(query) == 1 && !query.Has("tls")
	isOff := tls == "off"
	switch {
	case isUnknown || query.Has("tls") && !isOff:
		return MailURL{}, errors.New("has something behind the ? that is not known: there is tls=off")
	case isOff && s.IsTLS:
		return MailURL{}, errors.New("has smtps:// and tls=off: leave one of them out")
	case isOff && s.Password != "" && !isLoopback(s.Host):
		return MailURL{}, errors.New("would show the password to the network: leave out tls=off, or user and password")
	case (s.User == "") != (s.Password == ""):
		return MailURL{}, errors.New("has a user or a password, and needs both or neither")
	}
	s.IsPlain = !s.IsTLS && (isOff || isLoopback(s.Host))
	server := &s
	return MailURL{&server, u.Scheme + "://" + net.JoinHostPort(s.Host, strconv.Itoa(s.Port))}, nil
}

// Reveal is what the address says, with the password; the zero MailServer where none is set.
func (m MailURL) Reveal() MailServer {
	if m.server == nil {
		return MailServer{}
	}
	return **m.server
}

// Equal is whether both are the same address.
func (m MailURL) Equal(other MailURL) bool { return m.Reveal() == other.Reveal() }

// String is the address without user and password.
func (m MailURL) String() string { return m.shown }

// GoString is the address without user and password.
func (m MailURL) GoString() string { return m.shown }

// Format writes the address without user and password, whatever the verb.
func (m MailURL) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, m.shown) }

// MarshalText gives the address without user and password.
func (m MailURL) MarshalText() ([]byte, error) { return []byte(m.shown), nil }

func (m MailURL) host() string { return m.Reveal().Host }

func (MailURL) isIn(text string) bool { return isPasswordIn(text) }

// parseMailAddress reads an address without a name before it.
func parseMailAddress(text string) (MailAddress, error) {
	address, err := mail.ParseAddress(text)
	if err != nil || address.Name != "" || address.Address != text {
		return "", errUnlike
	}
	at := strings.LastIndexByte(text, '@')
	return MailAddress(text[:at] + strings.ToLower(text[at:])), nil
}

// checkLetter looks for what mail can't be sent without.
func (r *reader) checkLetter(m LetterMail) {
	const to, from, server = "letter.mail.to", "letter.mail.from", "letter.mail.url"
	checkOnce(r, to, m.To, func(a MailAddress) string { return string(a) })
	isSet := func(path string) bool { return !r.isAbsent(path) }
	if len(m.To) == 0 && isSet(to) && !r.isWrong(to) {
		r.complain(r.places[to], to, "names nobody: give addresses, or leave letter.mail out")
		return
	}
	for _, path := range []string{to, from, server} {
		if !isSet(path) && (isSet(to) || isSet(from) || isSet(server)) {
			r.complainOfAbsence(path, " though letter.mail is")
		}
	}
}

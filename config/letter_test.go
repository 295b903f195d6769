package config

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseMailURL(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text, shown string
		want        MailServer
	}{
		{"smtp://mail.example.com", "smtp://mail.example.com:587", MailServer{Host: "mail.example.com", Port: 587}},
		{"smtps://mail.example.com/", "smtps://mail.example.com:465", MailServer{Host: "mail.example.com", Port: 465, IsTLS: true}},
		{"smtp://u%40example.com:p%3A%2F@mail.example.com:2525", "smtp://mail.example.com:2525", MailServer{Host: "mail.example.com", Port: 2525, User: "u@example.com", Password: "p:/"}},
		{"smtp://boss@example.com:pw@mail.example.com", "smtp://mail.example.com:587", MailServer{Host: "mail.example.com", Port: 587, User: "boss@example.com", Password: "pw"}},
		{"smtp://relay.local:25?tls=off", "smtp://relay.local:25", MailServer{Host: "relay.local", Port: 25, IsPlain: true}},
		{"smtp://u:p@127.0.0.1:1025", "smtp://127.0.0.1:1025", MailServer{Host: "127.0.0.1", Port: 1025, User: "u", Password: "p", IsPlain: true}},
		{"smtp://[::1]:25", "smtp://[::1]:25", MailServer{Host: "::1", Port: 25, IsPlain: true}},
	} {
		got, err := ParseMailURL(test.text)
		if err != nil || got.Reveal() != test.want || got.String() != test.shown {
			t.Errorf("ParseMailURL(%s) = %+v shown as %s, %v, want %+v shown as %s", test.text, got.Reveal(), got, err, test.want, test.shown)
		}
	}
}

func TestMailURLsThatCannotBe(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"mail.example.com:25":                         "must begin with smtp://",
		"https://u:hidden@mail.example.com":           "must begin with smtp://",
		"smtp://u:hidden@":                            "names no host",
		"smtp://u:hid/den@mail.example.com":           "write @ : / ? # and % as",
		"smtp://u:hidden@mail.example.com/inbox":      "has something behind the host",
		"smtp://u:hidden@mail.example.com#x":          "has a # in it",
		"smtp://u:hidden@mail.example.com:0":          "a port that is no number from 1 to 65535",
		"smtp://u:hidden@mail.example.com?tls=off":    "would show the password",
		"smtp://mail.example.com?tls=maybe":           "there is tls=off",
		"smtp://mail.example.com?starttls=off":        "there is tls=off",
		"smtps://mail.example.com?tls=off":            "leave one of them out",
		"smtp://u@mail.example.com":                   "needs both or neither",
		"smtp://:hidden@mail.example.com":             "needs both or neither",
		"smtp://u:hidden@mail.example.com:25?x=\x7fy": "no address",
	} {
		_, err := ParseMailURL(text)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hid") {
			t.Errorf("ParseMailURL(%q): %v, want %q and nothing of the password", text, err, says)
		}
	}
}

// However a configuration is printed, the password of the mail server is not.
func TestMailPasswordIsNotPrinted(t *testing.T) {
	t.Parallel()
	cfg := Config{Letter: Letter{Mail: LetterMail{URL: mustMail(t, "smtp://user:m4ilpass@mail.example.com")}}}
	text, err := cfg.Letter.Mail.URL.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	for _, printed := range []string{fmt.Sprintf("%v %+v %#v %+v %q %x", cfg, cfg, cfg, cfg.Letter, cfg.Letter.Mail.URL, cfg.Letter.Mail.URL), string(text)} {
		if strings.Contains(printed, "m4ilpass") || strings.Contains(printed, "6d34696c") {
			t.Errorf("the password is printed: %s", printed)
		}
	}
}

func TestLetterComplaints(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, text, want string }{
		{"a whole one", "letter: {chat: 12, mail: {to: [a@example.com], from: b@example.com, url: 'smtp://mail.example.com'}}", ""},
		{"a chat that is none", "letter: {chat: general}", `stagelag.yaml:1: letter.chat: expected a chat such as chat42, whose number stands in its address, found "general"`},
		{"mail without a server", "letter: {mail: {to: [a@example.com], from: b@example.com}}", "letter.mail.url: not set though letter.mail is, give it in stagelag.yaml or as STAGELAG_LETTER_MAIL_URL"},
		{"mail without a sender", "letter: {mail: {to: [a@example.com], url: 'smtp://mail.example.com'}}", "letter.mail.from: not set though letter.mail is"},
		{"a server without mail", "letter: {mail: {url: 'smtp://mail.example.com'}}", "letter.mail.to: not set though letter.mail is"},
		{"nobody to mail to", "letter: {mail: {to: [], from: b@example.com, url: 'smtp://mail.example.com'}}", "letter.mail.to: names nobody"},
		{"an address with a name", "letter: {mail: {to: ['Boss <a@example.com>']}}", "expected an address such as boss@example.com"},
		{"an address twice", "letter: {mail: {to: [a@example.com, a@EXAMPLE.com], from: b@example.com, url: 'smtp://mail.example.com'}}", "letter.mail.to[1]: a@example.com is given twice"},
		{"a language that there is none of", "letter: {language: de}", `letter.language: expected en or ru, found "de"`},
		{"a key that there is none of", "letter: {chats: chat1}", "letter.chats: unknown key, the nearest is letter.chat"},
	} {
		_, complaints := load(t, test.text, nil)
		if test.want == "" && complaints != "" || !strings.Contains(complaints, test.want) {
			t.Errorf("%s: %q, want %q", test.name, complaints, test.want)
		}
	}
}

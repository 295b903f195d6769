package letter_test

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"stagelag/config"
	"stagelag/letter"
)

const mailUser = "stagelag@example.com"

// A mailFault is something that goes wrong with one letter.
type mailFault int

// What can go wrong.
const (
	mailGoesWell       mailFault = iota
	mailIsRefused                // the recipient, for good
	mailIsPutOff                 // the letter, for now, when the server has all of it
	mailDropsEarly               // the connection ends before the server has the letter
	mailDropsInside              // it ends in the middle of the letter
	mailDropsKept                // it ends when the server has and keeps the letter, but has not said so
	mailDropsForgotten           // the same, and the server does not keep it
)

// A postOffice is a mail server on this machine.
type postOffice struct {
	t       testing.TB
	server  *smtp.Server
	address string

	mu       sync.Mutex
	fault    func(to string) mailFault // nil: everything goes well
	kept     []keptMail
	sessions int
}

// A keptMail is a letter that the server has taken.
type keptMail struct {
	to, text string
	isTLS    bool
}

// newPostOffice serves a mail server that wants mailUser and password.
func newPostOffice(t testing.TB, change func(*smtp.Server)) *postOffice {
	t.Helper()
	o := &postOffice{t: t}
	o.server = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.sessions++
		_, isTLS := c.TLSConnectionState()
		return &mailSession{office: o, conn: c, isTLS: isTLS}, nil
	}))
	o.server.AllowInsecureAuth = true
	o.server.ErrorLog = quietLog{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(o.server)
	}
	o.address = listener.Addr().String()
	if o.server.Network == "smtps" {
		listener, o.server.TLSConfig = tls.NewListener(listener, o.server.TLSConfig), nil
	}
	go func() { _ = o.server.Serve(listener) }()
	t.Cleanup(func() { _ = o.server.Close() })
	return o
}

type quietLog struct{}

func (quietLog) Printf(string, ...any) {}
func (quietLog) Println(...any)        {}

func (o *postOffice) setFault(fault func(to string) mailFault) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fault = fault
}

func (o *postOffice) mails() []keptMail {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]keptMail(nil), o.kept...)
}

// received is how many letters each address has got.
func (o *postOffice) received() map[string]int {
	all := map[string]int{}
	for _, m := range o.mails() {
		all[m.to]++
	}
	return all
}

// A mailSession is one connection.
type mailSession struct {
	office *postOffice
	conn   *smtp.Conn
	isTLS  bool
	isUser bool
	to     string
	fault  mailFault
}

func (s *mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, given string) error {
		if user != mailUser || given != password {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "no such user, or not with the password " + given}
		}
		s.isUser = true
		return nil
	}), nil
}

func (s *mailSession) Mail(string, *smtp.MailOptions) error {
	if !s.isUser {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "authentication required"}
	}
	return nil
}

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.office.mu.Lock()
	fault := s.office.fault
	s.office.mu.Unlock()
	s.to, s.fault = to, mailGoesWell
	if fault != nil {
		s.fault = fault(to)
	}
	if s.fault == mailIsRefused {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox"}
	}
	if s.fault == mailDropsEarly {
		return s.drop()
	}
	return nil
}

// drop ends the connection without an answer.
func (s *mailSession) drop() error {
	_ = s.conn.Conn().Close()
	return errors.New("gone")
}

func (s *mailSession) Data(r io.Reader) error {
	if s.fault == mailDropsInside {
		_, _ = io.ReadFull(r, make([]byte, 2000))
		return s.drop()
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.fault == mailIsPutOff {
		return &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 2, 2}, Message: "mailbox full"}
	}
	if s.fault == mailDropsForgotten {
		return s.drop()
	}
	s.office.mu.Lock()
	s.office.kept = append(s.office.kept, keptMail{s.to, string(text), s.isTLS})
	s.office.mu.Unlock()
	if s.fault == mailDropsKept {
		return s.drop()
	}
	return nil
}

func (s *mailSession) Reset()        {}
func (s *mailSession) Logout() error { return nil }

// The addresses that get mail in tests.
const boss, owner = "boss@example.com", "owner@example.com"

// mailURL is an address of a mail server as the configuration has it.
func mailURL(t testing.TB, format string, args ...any) config.MailURL {
	t.Helper()
	parsed, err := config.ParseMailURL(fmt.Sprintf(format, args...))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// mailTo has a site send mail through a server, and nothing else.
func (s *site) mailTo(o *postOffice) {
	s.cfg.Letter = config.Letter{Mail: config.LetterMail{
		To: []config.MailAddress{boss, owner}, From: "stagelag@example.com",
		URL: mailURL(s.t, "smtp://%s:%s@%s", url.QueryEscape(mailUser), url.PathEscape(password), o.address),
	}}
}

func TestMailHasTheSummaryAndTheReport(t *testing.T) {
	t.Parallel()
	s := awoken(t)
	office := newPostOffice(t, nil)
	s.mailTo(office)
	s.cfg.Letter.Language = config.Russian
	s.mustSend()
	s.mustSend()
	if got := office.received(); got[boss] != 1 || got[owner] != 1 || len(got) != 2 || office.sessions != 1 {
		t.Fatalf("the letters are %v over %d connections, want one for each of two over one", got, office.sessions)
	}
	message, err := mail.ReadMessage(strings.NewReader(office.mails()[0].text))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject"))
	if err != nil || !strings.HasPrefix(subject, "Сделки на 10.03.2026: просрочено ") {
		t.Errorf("the subject is %q (%v)", subject, err)
	}
	for header, want := range map[string]string{"To": "<boss@example.com>", "From": "<stagelag@example.com>", "Auto-Submitted": "auto-generated"} {
		if got := message.Header.Get(header); got != want {
			t.Errorf("%s is %q, want %q", header, got, want)
		}
	}
	parts := partsOf(t, message.Header.Get("Content-Type"), message.Body)
	text, page, report := parts["text/plain"], parts["text/html"], parts["stagelag-report-2026-02-01-2026-02-28.html"]
	for what, part := range map[string]string{"text": text, "page": page} {
		if !strings.Contains(part, "Просрочено") || !strings.Contains(part, "https://portal.example/crm/deal/details/") {
			t.Errorf("the %s is %q, want the summary with links", what, part)
		}
	}
	if strings.ContainsAny(text, "[]<>") {
		t.Errorf("the text has signs of another form: %s", text)
	}
	if !strings.Contains(report, "<!doctype html>") || !strings.Contains(report, "февраль 2026") {
		t.Errorf("the attached report begins with %.200q, want the page of the last full month", report)
	}
}

// partsOf are the parts of a message by their type, and attachments by their names.
func partsOf(t *testing.T, contentType string, body io.Reader) map[string]string {
	t.Helper()
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || !strings.HasPrefix(kind, "multipart/") {
		t.Fatalf("%q is no message of several parts: %v", contentType, err)
	}
	all := map[string]string{}
	reader := multipart.NewReader(body, params["boundary"])
	for {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if strings.HasPrefix(kind, "multipart/") {
			maps.Copy(all, partsOf(t, part.Header.Get("Content-Type"), part))
			continue
		}
		content := io.Reader(part)
		switch part.Header.Get("Content-Transfer-Encoding") {
		case "quoted-printable":
			content = quotedprintable.NewReader(part)
		case "base64":
			content = base64.NewDecoder(base64.StdEncoding, part)
		}
		text, err := io.ReadAll(content)
		if err != nil {
			t.Fatal(err)
		}
		all[cmp.Or(part.FileName(), kind)] = string(text)
	}
}

// Each thing that goes wrong is recorded as what it is: what was surely not delivered is sent by the next call, and what
// may have been is not.
func TestMailFaults(t *testing.T) {
	t.Parallel()
	s := awoken(t)
	office := newPostOffice(t, nil)
	s.mailTo(office)
	for _, test := range []struct {
		name  string
		fault mailFault
		says  string
	}{
		{"the recipient is refused", mailIsRefused, "no such mailbox"},
		{"the letter is put off", mailIsPutOff, "mailbox full"},
		{"the connection ends early", mailDropsEarly, "EOF"},
	} {
		office.setFault(func(to string) mailFault {
			if to == boss {
				return test.fault
			}
			return mailGoesWell
		})
		summary, err := s.send()
		state := s.recorded()["mail "+boss]
		if !isOf[*letter.NotDeliveredError](err) || summary.Count(letter.Failed) != 1 || !strings.HasPrefix(state, "failed: the mail server smtp://") || !strings.Contains(state, test.says) {
			t.Errorf("%s: %d failed (%v), recorded as %q", test.name, summary.Count(letter.Failed), err, state)
		}
	}
	if got := office.received(); got[boss] != 0 || got[owner] != 1 {
		t.Errorf("after the failures the letters are %v, want one to the other recipient", got)
	}
	office.setFault(func(string) mailFault { return mailDropsKept })
	if summary := s.mustSend(); summary.Count(letter.Uncertain) != 1 || !strings.HasPrefix(s.recorded()["mail "+boss], "uncertain: ") {
		t.Errorf("%d uncertain, recorded as %q, want one", summary.Count(letter.Uncertain), s.recorded()["mail "+boss])
	}
	office.setFault(nil)
	s.mustSend()
	if got := office.received(); got[boss] != 1 || got[owner] != 1 {
		t.Errorf("in the end the letters are %v, want one each", got)
	}

	// Cut off inside the letter, the program may have written all of it or not: either it knows that nothing was
	// delivered, or it counts as sent.
	if err := s.w.DB().Exec(t.Context(), "TRUNCATE TABLE letters"); err != nil {
		t.Fatal(err)
	}
	office.setFault(func(string) mailFault { return mailDropsInside })
	summary, _ := s.send()
	if state := s.recorded()["mail "+boss]; summary.Count(letter.Sent) != 0 || strings.HasPrefix(state, "sen") {
		t.Errorf("inside the letter: %d sent, recorded as %q", summary.Count(letter.Sent), state)
	}
	if got := office.received(); got[boss] != 1 {
		t.Errorf("half a letter was delivered")
	}
}

// A server that can't be used, and what is said about it.
func TestMailServersThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	s := awoken(t)
	office := newPostOffice(t, nil)
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := nobody.Addr().String()
	_ = nobody.Close()
	for _, test := range []struct {
		name string
		url  config.MailURL
		says string
	}{
		{"unreachable", mailURL(t, "smtp://%s", closed), "nothing listens at " + closed},
		{"no TLS from the beginning", mailURL(t, "smtps://%s", office.address), "write smtp://"},
		{"a wrong password", mailURL(t, "smtp://%s:%s@%s", url.QueryEscape(mailUser), "wr0ngs3cret", office.address), "check user and password in letter.mail.url"},
		{"no password", mailURL(t, "smtp://%s", office.address), "authentication required"},
	} {
		s.mailTo(office)
		s.cfg.Letter.Mail.URL = test.url
		summary, err := s.send()
		text := fmt.Sprint(err, s.recorded())
		if summary.Count(letter.Failed) != 2 || !strings.Contains(text, test.says) {
			t.Errorf("%s: %d failed, %s, want 2 and %q", test.name, summary.Count(letter.Failed), text, test.says)
		}
		if strings.Contains(text, "wr0ngs3cret") {
			t.Errorf("%s: the password is shown: %s", test.name, text)
		}
	}
	s.mailTo(office)
	s.mustSend()
	if got := office.received(); got[boss] != 1 || got[owner] != 1 {
		t.Errorf("in the end the letters are %v, want one each", got)
	}
}

// A password goes over an encrypted connection only: by STARTTLS, or encrypted from the beginning. A certificate that
// nobody vouches for is refused.
func TestMailIsEncrypted(t *testing.T) {
	t.Parallel()
	s := awoken(t)
	encrypted := func(certificate tls.Certificate, fromBeginning bool) *postOffice {
		return newPostOffice(t, func(server *smtp.Server) {
			server.AllowInsecureAuth = false
			server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
			if fromBeginning {
				server.Network = "smtps"
			}
		})
	}
	stranger := encrypted(selfSigned(t), false)
	s.mailTo(stranger)
	_, err := s.send()
	if err == nil || !strings.Contains(err.Error(), "certificate") || len(stranger.mails()) != 0 {
		t.Errorf("a certificate of nobody: %d letters, %v, want none and the certificate named", len(stranger.mails()), err)
	}
	if state := s.recorded()["mail "+boss]; !strings.Contains(state, "check the certificate of "+stranger.address) {
		t.Errorf("recorded as %s, want what to do", state)
	}
	for i, office := range []*postOffice{encrypted(trusted, false), encrypted(trusted, true)} {
		s.mailTo(office)
		s.cfg.Letter.Mail.To = s.cfg.Letter.Mail.To[i : i+1]
		if i == 1 {
			s.cfg.Letter.Mail.URL = mailURL(t, "smtps://%s:%s@%s", url.QueryEscape(mailUser), url.PathEscape(password), office.address)
		}
		s.mustSend()
		if mails := office.mails(); len(mails) != 1 || !mails[0].isTLS {
			t.Errorf("encrypted from the beginning: %v: %d letters, want one over TLS", i == 1, len(mails))
		}
	}
}

// selfSigned is a certificate of this machine that nobody vouches for.
func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour)}
	text, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{text}, PrivateKey: key}
}

// A mail server that says nothing does not hold up a program that is told to stop.
func TestAMailServerThatSaysNothing(t *testing.T) {
	t.Parallel()
	s := awoken(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, stop := context.WithCancelCause(t.Context())
	go func() {
		connection, err := silent.Accept()
		if err != nil {
			return
		}
		defer connection.Close()
		stop(errors.New("terminated"))
		_, _ = io.Copy(io.Discard, connection)
	}()
	s.mailTo(newPostOffice(t, nil))
	s.cfg.Letter.Mail.URL = mailURL(t, "smtp://%s", silent.Addr())
	summary, err := letter.RunOn(ctx, s.mailing(), s.content)
	if err == nil || !strings.Contains(err.Error(), "terminated") || summary.Count(letter.Left) != 2 {
		t.Errorf("%d letters are left (%v), want 2 and the signal", summary.Count(letter.Left), err)
	}
}
